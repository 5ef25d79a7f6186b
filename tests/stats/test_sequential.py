"""Looks at 0/1 pairs as they come: exact by enumeration, right at every discordance, nearly as strong as one test."""

from __future__ import annotations

import itertools
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from suffice.stats.power import mcnemar_power
from suffice.stats.sequential import Sequential, decide, decide_counts
from suffice.stats.spending import Plan, Spending, look_plan

DIFFERING = (3, 4, 4, 8, 11)
"""Discordant pairs at five looks."""


@cache
def _paths(spending: Spending, alpha: float) -> tuple[tuple[list[int], Sequential], ...]:
    # the wins at each look and what is found, on each of the 2,048 equally likely sequences of coins
    plan = replace(look_plan(20, alpha, spending=spending, sizes=[4, 8, 12, 16, 20]), futile_below=None)
    paths = []
    for coins in itertools.product((0, 1), repeat=DIFFERING[-1]):
        wins = [sum(coins[:d]) for d in DIFFERING]
        paths.append((wins, decide_counts(wins, [d - w for d, w in zip(DIFFERING, wins, strict=True)], plan)))
    return tuple(paths)


def _crossed(paths: tuple[tuple[list[int], Sequential], ...], by: int) -> float:
    return sum(found.decision == "better" and found.look <= by for _, found in paths) / len(paths)


@pytest.mark.parametrize("spending", ["pocock", "obrien_fleming"])
@pytest.mark.parametrize("alpha", [0.05, 0.15, 0.3])
def test_the_spent_error_is_the_share_of_all_coin_sequences_that_cross(spending: Spending, alpha: float) -> None:
    paths = _paths(spending, alpha)
    assert _crossed(paths, 5) > 0
    for _, found in paths:
        assert found.spent == pytest.approx(_crossed(paths, found.look))
        assert found.spent <= found.allowed <= alpha


@pytest.mark.parametrize("spending", ["pocock", "obrien_fleming"])
@pytest.mark.parametrize("alpha", [0.05, 0.3])
def test_each_boundary_is_the_lowest_that_may_be_afforded(spending: Spending, alpha: float) -> None:
    paths = _paths(spending, alpha)
    for look in range(1, 6):
        for boundary in {found.boundary for _, found in paths if found.look == look and found.boundary is not None}:
            walking = [wins for wins, found in paths if found.look >= look]
            one_less = sum(wins[look - 1] >= boundary - 1 for wins in walking) / len(paths)
            assert _crossed(paths, look - 1) + one_less > paths[0][1].plan.spent[look - 1]


def test_the_p_value_is_exactly_the_chance_of_one_as_small() -> None:
    values = [found.p_value for _, found in _paths("pocock", 0.15)]
    assert None not in values
    for p in set(values):
        assert sum(other <= p + 1e-12 for other in values) / len(values) == pytest.approx(p)
    assert sum(p <= 0.15 for p in values) == sum(f.decision == "better" for _, f in _paths("pocock", 0.15)) > 0


def _counts(rng: np.random.Generator, runs: int, plan: Plan, wins: object, losses: object) -> tuple[list, list]:
    # rates may be one number or one for each item
    u = rng.random((runs, plan.n))
    ends = np.array(plan.sizes) - 1
    won, lost = np.cumsum(u < wins, 1)[:, ends], np.cumsum(u > 1 - np.asarray(losses), 1)[:, ends]
    return won.tolist(), lost.tolist()


def _share_better(runs: int, plan: Plan, wins: object, losses: object) -> tuple[float, float]:
    won, lost = _counts(np.random.default_rng(11), runs, plan, wins, losses)
    found = [decide_counts(w, x, plan) for w, x in zip(won, lost, strict=True)]
    return float(np.mean([f.decision == "better" for f in found])), float(np.mean([f.items for f in found]))


@pytest.mark.parametrize("spending", ["pocock", "obrien_fleming"])
@pytest.mark.parametrize(
    ("runs", "rate"),
    [
        (2000, 0.05),
        (2000, np.linspace(0.0, 0.3, 120)),
        pytest.param(10_000, 0.02, marks=pytest.mark.slow),
        pytest.param(10_000, 0.2, marks=pytest.mark.slow),
    ],
    ids=["steady", "drifting", "many ties", "few ties"],
)
def test_no_true_lift_is_called_better_no_oftener_than_promised(spending: Spending, runs: int, rate: object) -> None:
    plan = replace(look_plan(120, 0.05, spending=spending), futile_below=None)
    false, _ = _share_better(runs, plan, rate, rate)
    assert 0.005 < false <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / runs)


@pytest.mark.parametrize(("lift", "rate"), [(0.05, 0.05), (0.1, 0.1)])
def test_the_full_power_mode_is_within_three_points_of_one_test_and_uses_fewer_items(lift: float, rate: float) -> None:
    plan = look_plan(200, spending="obrien_fleming")
    found, items = _share_better(2500, plan, rate + lift, rate)
    assert found >= mcnemar_power(200, lift, 2 * rate + lift, sided="greater") - 0.03
    assert items < 0.9 * 200


def test_the_usual_plan_needs_a_third_of_the_items_for_a_clear_lift_and_half_for_none() -> None:
    plan = look_plan(400)
    found, items = _share_better(400, plan, 0.3, 0.1)
    assert found > 0.98
    assert items < 400 / 3
    assert _share_better(400, plan, 0.1, 0.1)[1] < 400 / 2
    assert _share_better(400, plan, 0.05, 0.15)[1] < 400 / 5


def test_giving_up_costs_power_and_never_error() -> None:
    plan = look_plan(200)
    patient = replace(plan, futile_below=None)
    for won, lost in zip(*_counts(np.random.default_rng(4), 300, plan, 0.12, 0.08), strict=True):
        found, waited = decide_counts(won, lost, plan), decide_counts(won, lost, patient)
        assert found.decision != "better" or found == replace(waited, plan=plan)
        assert found.items <= waited.items
        assert found.spent <= waited.spent + 1e-15


def test_pairs_that_agree_are_neither_wins_nor_losses() -> None:
    before, after = [0.0] * 6 + [1.0] * 94, [1.0] * 6 + [1.0] * 94
    found = decide(before, after, look_plan(100, sizes=[100]))
    assert (found.wins, found.losses, found.ties, found.p_value) == (6, 0, 94, pytest.approx(0.5**6))
    none = decide([1.0] * 100, [1.0] * 100, look_plan(100, spending="obrien_fleming"))
    assert (none.decision, none.p_value, none.boundary) == ("undecided", 1.0, None)


def test_overwhelming_evidence_has_a_p_value_above_zero() -> None:
    found = decide([0.0] * 500, [1.0] * 500, look_plan(500, sizes=[500]))
    assert found.p_value == pytest.approx(0.5**500)


def test_the_reason_says_what_was_seen_and_what_it_takes() -> None:
    plan = look_plan(200)
    assert "first look is at 9 of 200" in decide([0.0] * 5, [1.0] * 5, plan).reason
    assert "9 wins and 0 losses in 9 of 200 pairs: 9 wins decide" in decide([0.0] * 9, [1.0] * 9, plan).reason
    assert "at best" in decide([1.0] * 60, [0.0] * 60, plan).reason
    assert "too few differ" in decide([0.0] * 60, [0.0] * 60, look_plan(60, spending="obrien_fleming")).reason


def test_what_comes_after_a_decision_changes_nothing() -> None:
    plan = look_plan(100)
    first = decide([0.0] * 40, [1.0] * 40, plan)
    assert (first.decision, first.items) == ("better", plan.sizes[0])
    assert decide([0.0] * 40 + [1.0] * 60, [1.0] * 40 + [0.0] * 60, plan) == first


def test_only_whole_looks_are_judged() -> None:
    plan = look_plan(100, sizes=[50, 100])
    assert decide([0.0] * 49, [1.0] * 49, plan).look == 0
    assert not decide([0.0] * 49, [1.0] * 49, plan).final
    assert decide([0.0] * 50, [1.0] * 50, plan).decision == "better"


def test_one_pair_decides_nothing() -> None:
    found = decide([0.0], [1.0], look_plan(1))
    assert (found.decision, found.p_value, found.final) == ("undecided", 0.5, True)


def test_ten_thousand_equal_pairs_are_looked_at_to_the_last() -> None:
    rng, plan = np.random.default_rng(0), look_plan(10_000, spending="obrien_fleming")
    before = (rng.random(10_000) < 0.5).astype(float)
    found = decide(before, 1 - before, plan)
    assert found.look == len(plan.sizes) and found.decision == "undecided"


@pytest.mark.parametrize(
    ("before", "after", "groups", "says"),
    [
        ([1], [1, 0], None, "pair them"),
        ([], [], None, "empty"),
        ([1], [2], None, "after"),
        ([1, 0], [-1, 0], None, "after"),
        ([1, 0], [1, float("nan")], None, "nan"),
        ([1, 0.5], [1, 0], None, "graded"),
        ([1, 0, 1], [1, 0, 1], ["a", "a", "b"], "whole groups"),
        ([1] * 30, [1] * 30, None, "30 pairs"),
    ],
)
def test_what_cannot_be_decided_is_refused_with_the_reason(
    before: list[float], after: list[float], groups: list[str] | None, says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        decide(before, after, look_plan(20), groups)


@pytest.mark.parametrize(
    ("wins", "losses", "says"),
    [
        ([3], [3], "cannot follow"),
        ([2, 1], [0, 0], "cannot follow"),
        ([1], [1, 1], "looks"),
        ([0] * 3, [0] * 3, "most 2"),
    ],
)
def test_counts_that_no_pairs_could_give_are_refused(wins: list[int], losses: list[int], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        decide_counts(wins, losses, look_plan(10, sizes=[5, 10]))
