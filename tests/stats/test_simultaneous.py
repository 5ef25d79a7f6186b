"""Limits for several columns hold all at once, also where something is rare, lopsided, graded or comes in groups."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from suffice.stats.simultaneous import simultaneous_limits

RUNS, ALPHA = 250, 0.1


def lopsided(rng: np.random.Generator, n: int) -> np.ndarray:
    """Three columns that are 0 but for a rare patch, in which they move together or against one another."""
    kind = rng.choice(3, n, p=(0.91, 0.06, 0.03))
    return np.stack([np.where(kind == 1, 1.0, np.where(kind == 2, -2.0, 0.0)), kind == 1, -1.0 * (kind == 2)], axis=1)


def alike(rng: np.random.Generator, n: int) -> np.ndarray:
    shared = rng.random(n)[:, None]
    return (np.abs(shared - rng.random((n, 6)) * 0.2) < 0.5) * 1.0 - 0.5


LOPSIDED = (lopsided, np.array([0.0, 0.06, -0.03]), np.array([-2.0, 0, -1]), np.array([1.0, 1, 0]))
ALIKE = (alike, np.full(6, np.nan), np.full(6, -0.5), np.full(6, 0.5))


@pytest.mark.parametrize("n", [50, 100, 200])
@pytest.mark.parametrize("case", [LOPSIDED, ALIKE], ids=["lopsided", "alike"])
def test_the_truths_lie_within_all_at_once_as_often_as_promised(case: tuple, n: int) -> None:
    sample, truth, lowest, highest = case
    rng, missed = np.random.default_rng(5), 0
    truth = sample(np.random.default_rng(0), 400_000).mean(axis=0) if np.isnan(truth).any() else truth
    for seed in range(RUNS):
        low, high = simultaneous_limits(sample(rng, n), lowest, highest, None, ALPHA, seed=seed)
        missed += not ((low <= truth + 2e-3) & (truth - 2e-3 <= high)).all()
    assert missed / RUNS <= ALPHA + 3 * np.sqrt(ALPHA * (1 - ALPHA) / RUNS)


def test_the_truths_lie_within_where_whole_groups_are_drawn() -> None:
    rng, missed, rates = np.random.default_rng(6), 0, np.array([0.2, 0.5, 0.9])
    for seed in range(RUNS):
        sizes = rng.integers(1, 8, 60)
        codes = np.repeat(np.arange(60), sizes)
        values = (rng.random((codes.size, 3)) < rng.beta(2 * rates, 2 * (1 - rates), (60, 3))[codes]).astype(float)
        low, high = simultaneous_limits(values, np.zeros(3), np.ones(3), codes, ALPHA, seed=seed)
        missed += not ((low <= rates) & (rates <= high)).all()
    assert missed / RUNS <= ALPHA + 3 * np.sqrt(ALPHA * (1 - ALPHA) / RUNS)


def test_columns_that_move_together_cost_no_more_than_one_and_independent_ones_less_than_bonferroni() -> None:
    rng = np.random.default_rng(1)
    one, many = rng.random((100, 1)), rng.random((100, 8))

    def width(values: np.ndarray, alpha: float) -> float:
        low, high = simultaneous_limits(values, np.zeros(values.shape[1]), np.ones(values.shape[1]), None, alpha)
        return float((high - low)[0])

    assert width(np.repeat(one, 8, axis=1), 0.05) == pytest.approx(width(one, 0.05), rel=0.02)
    first = many[:, :1]
    assert width(first, 0.05) < width(many, 0.05) < 1.05 * width(first, 0.05 / 8)


def test_a_column_that_never_moved_still_leaves_room_for_what_was_not_seen() -> None:
    low, high = simultaneous_limits(np.zeros((50, 2)), np.array([-1.0, 0]), np.ones(2), None, 0.05)
    assert low[0] < -0.05 and high[0] > 0.05
    assert low[1] == 0.0 and high[1] > 0.05


def test_the_same_seed_gives_the_same_limits() -> None:
    values = np.random.default_rng(2).random((60, 4))
    ends = np.zeros(4), np.ones(4)
    first, again = (simultaneous_limits(values, *ends, None, 0.05, seed=3) for _ in range(2))
    assert (first[0] == again[0]).all() and (first[1] == again[1]).all()


def test_the_table_of_coverage_can_be_printed() -> None:
    script = Path(__file__).parent.parent.parent / "benchmarks" / "ablation.py"
    done = subprocess.run([sys.executable, str(script), "--quick"], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stdout.endswith("holds\n"), done.stdout + done.stderr
    assert done.stdout.count("max-t, items added") == 6
