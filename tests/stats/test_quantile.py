"""Percentiles carry limits that hold for any distribution, or say why they have none."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from suffice.stats.quantile import percentile, values_needed


def test_the_limits_of_p95_are_the_order_statistics_that_the_binomial_names() -> None:
    found = percentile(range(1, 101), 0.95)
    assert (found.low, found.estimate, found.high) == (90, 95, 100)
    assert stats.binom.cdf(89, 100, 0.95) <= 0.025 < stats.binom.cdf(90, 100, 0.95)


def test_the_interval_covers_a_skewed_latency_as_often_as_promised() -> None:
    rng, runs = np.random.default_rng(4), 1000
    truth = float(stats.lognorm.ppf(0.95, 1))
    missed = 0
    for _ in range(runs):
        found = percentile(rng.lognormal(0, 1, 120), 0.95, alpha=0.1)
        assert found.low is not None
        assert found.high is not None
        missed += not found.low <= truth <= found.high
    assert missed / runs <= 0.1 + 3 * np.sqrt(0.09 / runs)


def test_too_few_values_have_no_upper_limit_and_say_how_many_would() -> None:
    found = percentile([float(i) for i in range(71)], 0.95)
    assert found.high is None
    assert found.low is not None
    assert "72" in found.reason
    assert percentile([float(i) for i in range(72)], 0.95).high == 71.0
    assert values_needed(0.95) == 72


def test_one_value_is_an_estimate_without_limits() -> None:
    found = percentile([12.5], 0.5)
    assert (found.low, found.estimate, found.high) == (None, 12.5, None)
    assert "upper and lower" in found.reason


@pytest.mark.parametrize(("values", "q"), [([], 0.5), ([float("inf")], 0.5), ([1.0], 1.0), ([1.0], 95)])
def test_what_has_no_percentile_is_refused(values: list[float], q: float) -> None:
    with pytest.raises(ValueError, match=r"empty|inf|quantile"):
        percentile(values, q)
