"""A hazard: against scipy, closed forms and simulated looks."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import chi2

from suffice.stats.hazard import hazard


def test_where_every_look_shows_a_change_changes_are_counted() -> None:
    found = hazard([10.0, 20.0, 30.0], [True] * 3)
    assert (found.rate, found.changes, found.exposure) == (pytest.approx(3 / 60), 3, 60)
    assert found.low == pytest.approx(chi2.ppf(0.025, 6) / 2 / 60)
    assert found.high == pytest.approx(chi2.ppf(0.975, 8) / 2 / 60)


def test_no_change_bounds_the_rate_from_above() -> None:
    found = hazard([30.0] * 10, [False] * 10)
    assert (found.rate, found.low) == (0, 0) and found.high == pytest.approx(-math.log(0.05) / 300)


def test_equal_gaps_have_a_closed_form() -> None:
    found = hazard([7.0] * 20, [True] * 8 + [False] * 12)
    assert found.rate == pytest.approx(-math.log(1 - 8 / 20) / 7, rel=1e-6)
    p = 1 - math.exp(-7 * found.low)
    drop = 8 * math.log(8 / 20 / p) + 12 * math.log((12 / 20) / (1 - p))
    assert 2 * drop == pytest.approx(chi2.ppf(0.95, 1), rel=1e-6)


def test_the_estimate_is_the_maximum_that_scipy_finds() -> None:
    gaps, changed = [1.0, 5.0, 9.0, 30.0, 2.0], [False, True, False, True, True]

    def loss(log_rate: float) -> float:
        rate = math.exp(log_rate)
        terms = (math.log(-math.expm1(-rate * g)) if c else -rate * g for g, c in zip(gaps, changed, strict=True))
        return -sum(terms)

    best = minimize_scalar(loss, bounds=(-15, 5), method="bounded", options={"xatol": 1e-10})
    assert hazard(gaps, changed).rate == pytest.approx(math.exp(best.x), rel=1e-5)


def test_limits_cover_as_promised() -> None:
    drawn, covered = random.Random(3), 0
    for _ in range(400):
        gaps = [drawn.uniform(5, 60) for _ in range(40)]
        found = hazard(gaps, [drawn.random() < -math.expm1(-g / 50) for g in gaps])
        covered += found.low <= 1 / 50 <= found.high
    assert 0.92 <= covered / 400 <= 0.98


@given(st.lists(st.tuples(st.floats(1e-3, 1e5), st.booleans()), min_size=1, max_size=30))
def test_the_limits_hold_the_estimate(looks: list[tuple[float, bool]]) -> None:
    found = hazard([gap for gap, _ in looks], [yes for _, yes in looks])
    assert 0 <= found.low <= found.rate <= found.high * (1 + 1e-9) and math.isfinite(found.high)


@pytest.mark.parametrize(("gaps", "changed"), [([], []), ([1.0], []), ([0.0], [True]), ([math.nan], [False])])
def test_what_is_no_look_is_refused(gaps: list[float], changed: list[bool]) -> None:
    with pytest.raises(ValueError, match="gap"):
        hazard(gaps, changed)
