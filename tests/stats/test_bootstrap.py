"""Limits over whole groups cover, also where the groups are few, alike or of unequal size."""

from __future__ import annotations

import numpy as np
import pytest

from suffice.stats.bootstrap import group_limits


def _clustered(rng: np.random.Generator, groups: int, quality: float) -> tuple[np.ndarray, np.ndarray]:
    sizes = rng.integers(1, 9, groups)
    truth = rng.beta(2 * quality, 2 * (1 - quality), groups)
    return (rng.random(sizes.sum()) < np.repeat(truth, sizes)).astype(float), np.repeat(np.arange(groups), sizes)


@pytest.mark.parametrize(("groups", "quality"), [(30, 0.9), (60, 0.5), (120, 0.95)])
def test_the_truth_lies_within_as_often_as_promised(groups: int, quality: float) -> None:
    rng, runs, alpha = np.random.default_rng(11), 200, 0.1
    missed = 0
    for seed in range(runs):
        limits = group_limits(*_clustered(rng, groups, quality), alpha, seed=seed)
        assert limits is not None
        missed += not limits.low <= quality <= limits.high
    assert missed / runs <= alpha + 3 * np.sqrt(alpha * (1 - alpha) / runs)


def test_groups_that_are_all_alike_still_leave_room_for_one_that_is_not() -> None:
    limits = group_limits(np.ones(200), np.repeat(np.arange(40), 5), 0.05)
    assert limits is not None
    assert limits.low == pytest.approx(0.025 ** (1 / 40))
    assert limits.high == 1.0


def test_under_thirty_groups_there_are_no_limits() -> None:
    assert group_limits(np.ones(58), np.repeat(np.arange(29), 2), 0.05) is None


def test_a_large_group_counts_by_its_items() -> None:
    values = np.concatenate([np.ones(300), np.zeros(60)])
    codes = np.concatenate([np.repeat(np.arange(30), 10), np.arange(30, 90)])
    limits = group_limits(values, codes, 0.05)
    assert limits is not None
    assert limits.low < 300 / 360 < limits.high
    assert limits.low > 0.5


def test_a_few_large_groups_that_differ_from_the_rest_are_not_worth_thirty() -> None:
    """One group in seven has fifteen items and does worse: at 0.0125 a side the truth lay outside in 4 % before."""
    rng, runs, alpha = np.random.default_rng(5), 400, 0.025
    truth, missed = (0.15 * 15 * 0.6 + 0.85 * 2 * 0.97) / (0.15 * 15 + 0.85 * 2), 0
    for seed in range(runs):
        large = rng.random(30) < 0.15
        sizes = np.where(large, 15, 2)
        values = (rng.random(sizes.sum()) < np.repeat(np.where(large, 0.6, 0.97), sizes)).astype(float)
        limits = group_limits(values, np.repeat(np.arange(30), sizes), alpha, seed=seed)
        assert limits is not None
        missed += limits.low > truth
    assert missed / runs <= alpha / 2 + 2 * np.sqrt(alpha / 2 / runs)
