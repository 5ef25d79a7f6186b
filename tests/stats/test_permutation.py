"""The paired permutation test: enumeration, McNemar, scipy, whole groups, and how often it is wrong."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.stats import permutation_test

from suffice.stats.paired import paired
from suffice.stats.permutation import flip_p


def enumerated(totals: list[float]) -> float:
    seen = abs(sum(totals))
    sums = [
        abs(sum(s * t for s, t in zip(signs, totals, strict=True)))
        for signs in itertools.product((-1, 1), repeat=len(totals))
    ]
    return sum(x >= seen - 1e-9 for x in sums) / len(sums)


@pytest.mark.parametrize(
    "d", [[1, 0.5, 0.5, -0.5, 1, 0], [0.25, -0.75, 1, 1, 0.5], [1 / 3, 2 / 3, -1 / 3, 1], [0.2, 0.4, -0.6]]
)
def test_on_a_grid_it_is_the_enumeration(d: list[float]) -> None:
    assert flip_p(d) == pytest.approx(enumerated([x for x in d if x]))


def test_of_right_and_wrong_it_is_exact_mcnemar() -> None:
    for wins, losses in ((8, 1), (5, 5), (12, 3), (60, 31)):
        d = np.array([1.0] * wins + [-1.0] * losses + [0.0] * 9)
        assert flip_p(d) == pytest.approx(paired((d < 0) * 1.0, (d > 0) * 1.0).p_value)


def test_off_the_grid_it_is_drawn_and_agrees_with_scipy() -> None:
    d = np.random.default_rng(3).normal(0.08, 0.3, 60).clip(-1, 1)
    theirs = permutation_test(
        (d, np.zeros_like(d)),
        lambda x, y, axis: np.mean(x - y, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=20_000,
        rng=np.random.default_rng(1),
    ).pvalue
    assert flip_p(d, seed=2) == pytest.approx(theirs, abs=0.012)
    assert flip_p(d, seed=2) == flip_p(d, seed=2)


def test_groups_are_flipped_whole() -> None:
    d = [0.5, 0.5, 1, -1, 0.25, 0.25]
    assert flip_p(d, ["a", "a", "b", "b", "c", "c"]) == pytest.approx(enumerated([1.0, 0.5]))


def test_without_a_difference_nothing_is_surprising() -> None:
    assert flip_p([0.0, 0.0]) == flip_p([1.0, -1.0]) == 1.0


@pytest.mark.parametrize("bad", [[], [float("nan")], [[1.0]]])
def test_bad_input_is_named(bad: list[float]) -> None:
    with pytest.raises(ValueError, match="differences"):
        flip_p(bad)


def test_arms_that_may_be_exchanged_are_told_apart_at_most_at_the_level() -> None:
    rng = np.random.default_rng(0)
    wrong = [flip_p(rng.choice([-1, -0.5, 0, 0.5, 1], 40, p=[0.1, 0.2, 0.4, 0.2, 0.1])) <= 0.05 for _ in range(1000)]
    assert 0.005 < np.mean(wrong) < 0.05 + 3 * (0.05 * 0.95 / 1000) ** 0.5
