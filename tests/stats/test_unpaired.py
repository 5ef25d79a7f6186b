"""Newcombe's interval has the published values, and covers about as often as it says."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from suffice.stats.unpaired import newcombe, smallest_visible_difference, wilson


@pytest.mark.parametrize(
    ("first", "second", "limits"),
    [
        ((56, 70), (48, 80), (0.0524, 0.3339)),
        ((9, 10), (3, 10), (0.1705, 0.8090)),
        ((6, 7), (2, 7), (0.0582, 0.8062)),
        ((5, 56), (0, 29), (-0.0381, 0.1926)),
        ((0, 10), (0, 20), (-0.1611, 0.2775)),
        ((10, 10), (0, 20), (0.6791, 1.0)),
    ],
)
def test_it_is_method_10_of_the_paper(
    first: tuple[int, int], second: tuple[int, int], limits: tuple[float, float]
) -> None:
    found = newcombe(second[0] / second[1], second[1], first[0] / first[1], first[1])
    assert found == pytest.approx(limits, abs=6e-5)


@pytest.mark.parametrize(("x", "n", "y", "m", "alpha"), [(40, 50, 160, 180, 0.05), (3, 90, 12, 40, 0.0125)])
def test_it_agrees_with_statsmodels(x: int, n: int, y: int, m: int, alpha: float) -> None:
    theirs = confint_proportions_2indep(y, m, x, n, method="newcomb", alpha=alpha)
    assert newcombe(x / n, n, y / m, m, alpha) == pytest.approx(theirs, abs=1e-9)
    assert wilson(x / n, n, alpha) == pytest.approx(proportion_confint(x, n, alpha, method="wilson"), abs=1e-9)


def test_it_covers_its_level_on_average_and_never_much_less() -> None:
    n, m = 60, 90
    limits = np.array([[newcombe(i / n, n, j / m, m) for j in range(m + 1)] for i in range(n + 1)])
    covered = []
    for p in (0.3, 0.5, 0.7, 0.85, 0.95):
        for q in (0.3, 0.5, 0.7, 0.85, 0.95):
            masses = np.outer(stats.binom.pmf(range(n + 1), n, p), stats.binom.pmf(range(m + 1), m, q))
            inside = (limits[..., 0] <= q - p) & (q - p <= limits[..., 1])
            covered.append(float(masses[inside].sum()))
    assert np.mean(covered) > 0.947 and min(covered) > 0.93


def test_a_difference_of_the_smallest_visible_size_is_seen_four_times_in_five() -> None:
    p, n = 0.7, 400
    seen = smallest_visible_difference(p, n, p, n)
    rng = np.random.default_rng(3)
    first, second = rng.binomial(n, p - seen / 2, 800) / n, rng.binomial(n, p + seen / 2, 800) / n
    found = np.mean([newcombe(a, n, b, n)[0] > 0 for a, b in zip(first, second, strict=True)])
    assert 0.74 < found < 0.86


def test_what_is_no_share_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one item"):
        newcombe(0.5, 0, 0.5, 10)
    with pytest.raises(ValueError, match="lies in"):
        wilson(87.0, 100)
