"""Paired comparisons: exact where items are independent, by groups where not, and consistent with themselves."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import mcnemar

from suffice.stats.paired import Sided, paired


def _pairs(wins: int, losses: int, ties: int) -> tuple[list[float], list[float]]:
    before = [0.0] * wins + [1.0] * losses + [1.0] * ties
    return before, [1.0] * wins + [0.0] * losses + [1.0] * ties


@pytest.mark.parametrize(("wins", "losses"), [(16, 13), (12, 2), (0, 9), (5, 0), (0, 0)])
def test_binary_items_get_the_p_value_of_exact_mcnemar(wins: int, losses: int) -> None:
    found = paired(*_pairs(wins, losses, 100))
    expected = mcnemar([[0, wins], [losses, 0]], exact=True).pvalue if wins + losses else 1.0
    assert found.method == "exact McNemar"
    assert found.p_value == pytest.approx(expected)
    assert (found.wins, found.losses, found.ties) == (wins, losses, 100)


@given(st.integers(0, 40), st.integers(0, 40), st.integers(1, 60), st.sampled_from(["two", "greater"]))
@settings(max_examples=25, deadline=None)
def test_the_interval_and_the_p_value_never_disagree(wins: int, losses: int, ties: int, sided: Sided) -> None:
    found = paired(*_pairs(wins, losses, ties), sided=sided)
    assert found.low <= found.lift <= found.high
    assert found.p_value is not None
    excluded = found.low > 0 or found.high < 0
    assert excluded == (found.p_value <= 0.05)
    assert found.proven == (found.p_value <= 0.05 and found.lift > 0)


@pytest.mark.parametrize("rate", [0.03, 0.2])
def test_no_true_lift_is_proven_no_oftener_than_promised(rate: float) -> None:
    rng, runs, n = np.random.default_rng(5), 5000, 60
    differing = rng.binomial(n, rate, runs)
    won = rng.binomial(differing, 0.5)
    outcomes = Counter(zip(won.tolist(), differing.tolist(), strict=True))
    false = sum(k * paired(*_pairs(w, d - w, n - d), sided="greater").proven for (w, d), k in outcomes.items())
    assert false / runs <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / runs)


def test_graded_items_get_betting_limits_that_find_a_clear_lift() -> None:
    rng = np.random.default_rng(1)
    before = rng.beta(4, 4, 300)
    found = paired(before, np.clip(before + rng.normal(0.05, 0.1, 300), 0, 1))
    assert found.method == "betting"
    assert found.proven
    assert found.p_value is None
    assert found.low < found.lift < found.high


def test_a_margin_is_tested_as_a_margin_not_by_mcnemar() -> None:
    before, after = _pairs(3, 1, 296)
    assert not paired(before, after, sided="greater").proven
    held = paired(before, after, margin=-0.02, sided="greater")
    assert (held.method, held.proven, held.high) == ("exact score test", True, 1.0)
    assert held.low > -0.02


def test_groups_are_drawn_whole_and_mcnemar_is_refused() -> None:
    before, after = [0.0] * 400, [1.0] * 20 + [0.0] * 380
    groups = [i // 10 for i in range(400)]  # all wins come from two groups
    assert paired(before, after).proven
    found = paired(before, after, groups)
    assert (found.method, found.groups, found.proven) == ("group bootstrap", 40, False)


def test_under_thirty_groups_nothing_is_told() -> None:
    found = paired([0.0] * 100, [1.0] * 100, [i % 10 for i in range(100)])
    assert (found.tells, found.proven, found.low, found.high) == (False, False, -1.0, 1.0)
    assert "10 groups" in found.reason


def test_more_items_make_smaller_effects_visible() -> None:
    small, large = paired(*_pairs(5, 5, 90)), paired(*_pairs(50, 50, 900))
    assert small.smallest_visible_effect is not None
    assert large.smallest_visible_effect is not None
    assert small.smallest_visible_effect > 2 * large.smallest_visible_effect


def test_one_pair_proves_nothing() -> None:
    for after in ([1.0], [0.6]):
        found = paired([0.0], after)
        assert not found.proven
        assert found.low <= 0 <= found.high


def test_equal_scores_show_no_lift_and_leave_room() -> None:
    found = paired([0.5] * 50, [0.5] * 50)
    assert found.lift == 0
    assert found.low < 0 < found.high


@pytest.mark.parametrize(
    ("before", "after", "more", "says"),
    [
        ([1], [1, 0], {}, "pair them"),
        ([], [], {}, "empty"),
        ([1], [2], {}, "after"),
        ([1, 0], [1, float("nan")], {}, "nan"),
        ([1, 0], [1, 0], {"groups": ["a"]}, "one per item"),
        ([1, 0], [1, 0], {"margin": 1.5}, "margin"),
        ([1, 0], [1, 0], {"alpha": 1.0}, "alpha"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_the_reason(
    before: list[float], after: list[float], more: dict[str, object], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        paired(before, after, **more)  # type: ignore[arg-type]
