"""What n items can prove, against figures worked out elsewhere and against simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from suffice.stats.interval import lower_bound
from suffice.stats.power import items_to_prove, mcnemar_power, needed, provable, smallest_visible_effect


@pytest.mark.parametrize(
    ("n", "alpha", "least"),
    [(50, 0.05, 49), (100, 0.05, 94), (300, 0.05, 274), (100, 0.025 / 6, 97), (300, 0.025 / 6, 279)],
)
def test_what_it_takes_to_prove_88_percent(n: int, alpha: float, least: int) -> None:
    assert provable(0.88, n, alpha) == least
    assert lower_bound(least, n, alpha) > 0.88 > lower_bound(least - 1, n, alpha)


def test_too_few_items_prove_nothing_even_when_all_succeed() -> None:
    assert provable(0.88, 20, 0.05) is None
    assert provable(0.88, 24, 0.05) == 24


def test_the_items_to_prove_a_share_give_the_power_they_promise() -> None:
    n = items_to_prove(0.93, 0.88, 0.05, 0.8)
    assert n is not None
    least = provable(0.88, n, 0.05)
    assert least is not None
    assert stats.binom.sf(least - 1, n, 0.93) >= 0.8
    assert n == pytest.approx(230, abs=25)  # normal approximation, by hand
    assert items_to_prove(0.88, 0.88) is None


def test_the_power_of_mcnemar_is_what_simulation_finds() -> None:
    rng, runs, n, lift, differing = np.random.default_rng(3), 4000, 150, 0.1, 0.2
    pairs = rng.binomial(n, differing, runs)
    wins = rng.binomial(pairs, (1 + lift / differing) / 2)
    found = (2 * stats.binom.sf(wins - 1, pairs, 0.5) <= 0.05).mean()
    assert mcnemar_power(n, lift, differing) == pytest.approx(float(found), abs=0.025)


def test_the_smallest_visible_effect_is_found_four_times_in_five() -> None:
    effect = smallest_visible_effect(300, 0.2)
    assert effect is not None
    assert mcnemar_power(300, effect, 0.2) == pytest.approx(0.8, abs=0.005)
    assert smallest_visible_effect(5, 0.2) is None


def test_where_nothing_differed_the_effect_is_one_of_wins_alone() -> None:
    effect = smallest_visible_effect(100, 0.0)
    assert effect is not None
    assert stats.binom.sf(5, 100, effect) == pytest.approx(0.8, abs=0.01)  # six wins of six: p = 0.031


def test_the_items_needed_see_the_lift_they_were_asked_for() -> None:
    n = needed(0.05, 0.2)
    assert n is not None
    effect = smallest_visible_effect(n, 0.2)
    assert effect == pytest.approx(0.05, abs=0.001)
    assert needed(0.0, 0.2) is None


def test_a_lift_beyond_its_discordance_is_refused() -> None:
    with pytest.raises(ValueError, match="discordance"):
        mcnemar_power(100, 0.3, 0.2)
    with pytest.raises(ValueError, match="bound"):
        provable(1.2, 10)
    with pytest.raises(ValueError, match="lift"):
        needed(1.5, 0.2)
