"""A walk of coin tosses between looks: its masses, tails and boundaries are those of all its sequences."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.stats

from suffice.stats import walk as walks

LOOKS = (3, 5, 9, 12)
ALLOWED = (0.02, 0.05, 0.08, 0.1)


def _all(p: float) -> list[tuple[float, list[int]]]:
    # the chance of each of the 4,096 sequences of coins, and its successes at the looks
    coins = itertools.product((0, 1), repeat=LOOKS[-1])
    return [(p ** sum(c) * (1 - p) ** (len(c) - sum(c)), [sum(c[:n]) for n in LOOKS]) for c in coins]


@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
def test_tails_boundaries_and_what_is_spent_are_those_of_all_sequences(p: float) -> None:
    walking, walk, spent = _all(p), walks.start(), 0.0
    for number, (tosses, allowed) in enumerate(zip(LOOKS, ALLOWED, strict=True)):
        at = walks.look(walk, tosses, p, allowed)
        for successes in range(tosses + 1):
            here = sum(chance for chance, path in walking if path[number] >= successes)
            assert at.reaches(successes, p) == pytest.approx(spent + here, abs=1e-12)
            fits = at.boundary is not None and successes >= at.boundary
            assert fits == (spent + here <= allowed * (1 + 1e-9))
        crossed = [path for _, path in walking if at.boundary is not None and path[number] >= at.boundary]
        spent += sum(chance for chance, path in walking if path in crossed)
        walking = [(chance, path) for chance, path in walking if path not in crossed]
        walk = walks.stay(at)
        assert walk.spent == pytest.approx(spent) and walk.spent <= allowed
        assert walk.spent + walk.masses.sum() == pytest.approx(1)


def test_one_half_is_what_the_middle_of_a_median_is() -> None:
    at = walks.look(walks.start(), 11, 0.5, 0.0)
    assert at.middle(5, 0.5) > 0.5 > at.middle(6, 0.5)
    assert (at.middle(5, 0.5) + at.middle(6, 0.5)) / 2 == pytest.approx(0.5)


@pytest.mark.parametrize(("m", "p"), [(500, 1e-4), (10, 0.02), (3000, 0.8), (400, 0.999), (1, 0.3)])
def test_rare_counts_are_kept_however_small_the_chance(m: int, p: float) -> None:
    at = walks.look(walks.start(), m, p, 0.0)
    left_out = 1 - at.walk.masses.sum()
    assert abs(left_out) < 1e-12
    beyond = scipy.stats.binom.sf(at.walk.first + at.tails.size - 1, m, p)
    assert beyond < 1e-18 and scipy.stats.binom.cdf(at.walk.first - 1, m, p) < 1e-18


@pytest.mark.parametrize(("p", "reached"), [(0.0, [1.0, 0.0, 0.0]), (1.0, [1.0, 1.0, 1.0])])
def test_a_coin_that_always_shows_the_same_is_walked_too(p: float, reached: list[float]) -> None:
    at = walks.look(walks.start(), 2, p, 0.01)
    assert [at.reaches(k, p) for k in range(3)] == reached
    assert at.boundary == (1 if p == 0 else None)


def test_a_walk_that_has_surely_crossed_goes_on_with_nothing() -> None:
    gone = walks.stay(walks.look(walks.start(), 2, 0.5, 1.0))
    assert (gone.spent, gone.masses.sum()) == (1.0, 0.0)
    later = walks.look(gone, 5, 0.5, 1.0)
    assert later.reaches(5, 0.5) == pytest.approx(1)
    assert walks.stay(later).spent == 1.0


def test_ten_thousand_tosses_keep_a_few_hundred_counts() -> None:
    walk = walks.start()
    for tosses in range(500, 10_001, 500):
        walk = walks.stay(walks.look(walk, tosses, 0.8, 0.0))
    assert walk.masses.size < 2000
    assert float(np.sum(walk.masses)) == pytest.approx(1)
