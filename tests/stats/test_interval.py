"""Intervals cover what they say, agree with known values and say when they cannot tell."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from suffice.stats.interval import lower_bound, mean_interval, proportion, upper_bound


@pytest.mark.parametrize(("successes", "n"), [(0, 20), (1, 7), (49, 50), (94, 100), (7000, 10_000), (5, 5)])
def test_a_proportion_has_the_limits_of_clopper_and_pearson(successes: int, n: int) -> None:
    low, high = proportion_confint(successes, n, alpha=0.1, method="beta")
    found = proportion(successes, n, level=0.9)
    assert (found.low, found.high) == pytest.approx((np.nan_to_num(low), high), abs=1e-9)
    assert found.estimate == successes / n


@given(st.integers(1, 300), st.data())
@settings(max_examples=60, deadline=None)
def test_one_sided_bounds_enclose_the_share_and_mirror_each_other(n: int, data: st.DataObject) -> None:
    successes = data.draw(st.integers(0, n))
    low, high = lower_bound(successes, n, 0.05), upper_bound(successes, n, 0.05)
    assert 0 <= low <= successes / n <= high <= 1
    assert high == pytest.approx(1 - lower_bound(n - successes, n, 0.05), abs=1e-9)


def test_binary_scores_get_the_exact_interval_and_graded_ones_a_bet() -> None:
    exact = mean_interval([1, 1, 0, 1] * 20)
    assert (exact.method, exact.low, exact.high) == ("Clopper-Pearson", *_limits(proportion(60, 80)))
    graded = mean_interval([0.5, 1, 0, 0.75] * 20)
    assert graded.method == "betting"
    assert graded.low < graded.estimate < graded.high


def test_groups_widen_the_interval_of_the_same_scores() -> None:
    scores = [float(g % 3 == 0) for g in range(60) for _ in range(10)]
    groups = [g for g in range(60) for _ in range(10)]
    alone, together = mean_interval(scores), mean_interval(scores, groups)
    assert together.method == "group bootstrap"
    assert together.high - together.low > 2 * (alone.high - alone.low)


def test_a_group_for_each_item_is_no_grouping() -> None:
    assert mean_interval([1, 0] * 20, groups=list(range(40))) == mean_interval([1, 0] * 20)


def test_under_thirty_groups_the_answer_is_cannot_tell() -> None:
    found = mean_interval([1, 0] * 29, groups=[g for g in range(29) for _ in range(2)])
    assert (found.low, found.high, found.tells) == (0.0, 1.0, False)
    assert "29 groups" in found.reason


def test_the_same_seed_gives_the_same_interval() -> None:
    scores = np.random.default_rng(1).random(80)
    assert mean_interval(scores, seed=3) == mean_interval(scores, seed=3)


@pytest.mark.parametrize(
    ("scores", "says"),
    [([], "empty"), ([0.5, 1.2], "1.2"), ([0.1, float("nan")], "nan"), ([[0.1]], "2-dimensional"), (["a"], "numbers")],
)
def test_scores_that_are_none_are_refused_with_the_reason(scores: list[float], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        mean_interval(scores)


@pytest.mark.parametrize(("successes", "n"), [(-1, 3), (4, 3), (0, 0), (1.5, 3)])
def test_counts_that_cannot_be_are_refused(successes: int, n: int) -> None:
    with pytest.raises(ValueError, match=r"successes|n is"):
        lower_bound(successes, n)


def test_a_level_outside_zero_and_one_is_refused() -> None:
    with pytest.raises(ValueError, match="alpha"):
        mean_interval([0.5, 0.6], alpha=0)


def test_one_score_tells_next_to_nothing() -> None:
    found = mean_interval([0.7])
    assert found.high - found.low > 0.9


def _limits(found: object) -> tuple[float, float]:
    return found.low, found.high  # type: ignore[attr-defined]
