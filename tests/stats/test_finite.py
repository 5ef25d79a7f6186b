"""How many of a finite set are marked: limits that cover whatever the number is, and are whole where all is known."""

from __future__ import annotations

import pytest
from scipy.stats import hypergeom

from suffice.stats.finite import marked


@pytest.mark.parametrize(("population", "n"), [(12, 5), (40, 10), (90, 30)])
def test_the_limits_hold_for_every_number_there_can_be(population: int, n: int) -> None:
    limits = {k: marked(k, n, population, alpha=0.1) for k in range(n + 1)}
    for truth in range(population + 1):
        law = hypergeom(population, truth, n)
        held = sum(law.pmf(k) for k, x in limits.items() if x.low <= truth <= x.high)
        assert held >= 0.9 - 1e-9


def test_each_end_is_the_last_number_that_is_not_refuted() -> None:
    found = marked(2, 30, 200)
    assert (found.low, found.high) == (3, 41) and found.estimate == pytest.approx(13.33, abs=0.01)
    assert hypergeom(200, 41, 30).cdf(2) > 0.025 >= hypergeom(200, 42, 30).cdf(2)
    assert hypergeom(200, 3, 30).sf(1) > 0.025 >= hypergeom(200, 2, 30).sf(1)


def test_all_is_known_of_all_and_nothing_of_none() -> None:
    everything, nothing = marked(3, 20, 20), marked(0, 0, 20)
    assert (everything.low, everything.high, everything.estimate) == (3, 3, 3.0)
    assert (nothing.low, nothing.high, nothing.estimate) == (0, 20, None)


def test_drawing_much_of_the_set_narrows_the_limits() -> None:
    few, most = marked(5, 50, 10_000), marked(5, 50, 60)
    assert (few.high - few.low) / 10_000 > (most.high - most.low) / 60


@pytest.mark.parametrize(("found", "n", "population"), [(5, 4, 10), (-1, 4, 10), (0, 11, 10), (1, 0, 10)])
def test_what_cannot_have_been_drawn_is_refused(found: int, n: int, population: int) -> None:
    with pytest.raises(ValueError, match=r"successes|no such sample"):
        marked(found, n, population)
