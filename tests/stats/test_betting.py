"""Betting limits hold for any distribution of scores, and come near the t-test on many items."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from suffice.stats.betting import betting_lower, betting_upper

Draw = Callable[[np.random.Generator, int], np.ndarray]


def _rare_failures(rng: np.random.Generator, n: int) -> np.ndarray:
    return np.where(rng.random(n) < 0.04, 0.1, 0.5 + 0.4 / 24)


def _smooth(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.beta(2, 2, n)


@pytest.mark.parametrize("draw", [_rare_failures, _smooth])
@pytest.mark.parametrize("n", [30, 120])
def test_the_truth_is_below_the_lower_limit_no_oftener_than_promised(draw: Draw, n: int) -> None:
    rng, runs, alpha, truth = np.random.default_rng(7), 150, 0.1, 0.5
    missed = sum(betting_lower(draw(rng, n), alpha) > truth for _ in range(runs))
    assert missed / runs <= alpha + 3 * np.sqrt(alpha * (1 - alpha) / runs)


def test_student_t_misses_rare_failures_where_the_bet_does_not() -> None:
    rng, runs = np.random.default_rng(8), 150
    missed = [0, 0]
    for _ in range(runs):
        x = _rare_failures(rng, 30)
        students = x.mean() - stats.t.ppf(0.95, 29) * x.std(ddof=1) / np.sqrt(30)
        missed[0] += students > 0.5
        missed[1] += betting_lower(x, 0.05) > 0.5
    assert missed[0] / runs > 0.2
    assert missed[1] / runs <= 0.05


def test_the_limit_is_within_a_third_of_students_on_three_hundred_items() -> None:
    rng, ratios = np.random.default_rng(9), []
    for seed in range(20):
        x = _smooth(rng, 300)
        students = stats.t.ppf(0.975, 299) * x.std(ddof=1) / np.sqrt(300)
        ratios.append((x.mean() - betting_lower(x, 0.025, seed=seed)) / students)
    assert 1.0 < np.mean(ratios) < 1.33


def test_the_upper_limit_mirrors_the_lower_one() -> None:
    x = _smooth(np.random.default_rng(2), 60)
    assert betting_upper(x, 0.05, seed=4) == pytest.approx(1 - betting_lower(1 - x, 0.05, seed=4))


def test_another_order_of_the_same_items_changes_the_limit_little() -> None:
    x = _smooth(np.random.default_rng(3), 200)
    limits = [betting_lower(x, 0.05, seed=seed) for seed in range(10)]
    assert np.std(limits) < 0.25 * (x.mean() - np.mean(limits))


def test_all_equal_scores_leave_room_for_what_was_not_seen() -> None:
    assert betting_lower(np.ones(20), 0.05) < 0.95
    assert betting_lower(np.zeros(20), 0.05) == 0.0
