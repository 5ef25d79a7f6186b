"""A hazard: against scipy, closed forms and simulated looks."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import chi2, t

from suffice.stats.hazard import hazard


def test_where_everything_changed_each_time_looks_are_counted() -> None:
    found = hazard([10.0, 20.0, 30.0], [1, 4, 2], [1, 4, 2])
    assert (found.rate, found.looks, found.exposure) == (pytest.approx(3 / 60), 3, 60)
    assert found.low == pytest.approx(chi2.ppf(0.025, 6) / 2 / 60)
    assert found.high == pytest.approx(chi2.ppf(0.975, 8) / 2 / 60)


def test_no_change_bounds_the_rate_from_above_however_many_things_there_are() -> None:
    found = hazard([30.0] * 10, [0] * 10, [50] * 10)
    assert (found.rate, found.low) == (0, 0) and found.high == pytest.approx(-math.log(0.05) / 300)


def test_equal_gaps_have_a_closed_form() -> None:
    found = hazard([7.0] * 20, [1] * 8 + [0] * 12, [1] * 20)
    assert found.rate == pytest.approx(-math.log(1 - 8 / 20) / 7, rel=1e-6)
    p = 1 - math.exp(-7 * found.low)
    drop = 8 * math.log(8 / 20 / p) + 12 * math.log((12 / 20) / (1 - p))
    assert 2 * drop == pytest.approx(t.ppf(0.975, 19) ** 2 * 20 / 19, rel=1e-6)


def test_the_estimate_is_the_maximum_that_scipy_finds() -> None:
    gaps, gone, of = [1.0, 5.0, 9.0, 30.0, 2.0], [0, 3, 0, 9, 1], [4, 10, 1, 12, 1]

    def loss(log_rate: float) -> float:
        rate, rows = math.exp(log_rate), zip(gaps, gone, of, strict=True)
        return -sum(k * math.log(-math.expm1(-rate * g)) - rate * g * (n - k) for g, k, n in rows)

    best = minimize_scalar(loss, bounds=(-15, 5), method="bounded", options={"xatol": 1e-10})
    assert hazard(gaps, gone, of).rate == pytest.approx(math.exp(best.x), rel=1e-5)


def test_things_that_change_together_widen_the_limits() -> None:
    apart, together = (hazard([30.0] * 10, gone, [8] * 10) for gone in ([2] * 10, [8, 8, 4, *[0] * 7]))
    assert apart.rate == pytest.approx(together.rate) and together.high > apart.high and together.low < apart.low


@pytest.mark.parametrize("together", [1, 5])
def test_limits_cover_as_promised(together: int) -> None:
    """Each look sees ten sentences of one document, of which `together` change as one."""
    drawn, covered = random.Random(3), 0
    for _ in range(400):
        gaps = [drawn.uniform(5, 60) for _ in range(30)]
        gone = [together * sum(drawn.random() < -math.expm1(-g / 50) for _ in range(10 // together)) for g in gaps]
        found = hazard(gaps, gone, [10] * 30)
        covered += found.low <= 1 / 50 <= found.high
    assert 0.92 <= covered / 400 <= 0.985


LOOK = st.tuples(st.floats(1e-3, 1e5), st.integers(0, 20), st.integers(1, 20))


@given(st.lists(LOOK, min_size=1, max_size=30))
def test_the_limits_hold_the_estimate(looks: list[tuple[float, int, int]]) -> None:
    found = hazard([g for g, _, _ in looks], [min(k, n) for _, k, n in looks], [n for _, _, n in looks])
    assert 0 <= found.low <= found.rate * (1 + 1e-9) <= found.high * (1 + 1e-6) and math.isfinite(found.high)


@pytest.mark.parametrize(
    ("gaps", "gone", "of"),
    [([], [], []), ([1.0], [], [1]), ([0.0], [1], [1]), ([math.nan], [0], [1]), ([1.0], [2], [1]), ([1.0], [0], [0])],
)
def test_what_is_no_look_is_refused(gaps: list[float], gone: list[int], of: list[int]) -> None:
    with pytest.raises(ValueError, match="gap"):
        hazard(gaps, gone, of)
