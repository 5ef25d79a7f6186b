"""A target tested at looks: exact by enumeration, valid wherever one stops, and an estimate that is not too high."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from suffice.stats.interval import lower_bound, upper_bound
from suffice.stats.power import provable
from suffice.stats.spending import Plan, Spending, look_plan
from suffice.stats.target import Standing, boundaries, reachable, share_limits, standings, unbiased_share

SIZES = (4, 6, 9, 12)


def _plan(spending: Spending, alpha: float) -> Plan:
    return replace(look_plan(SIZES[-1], alpha, spending=spending, sizes=SIZES), futile_below=None)


@cache
def _paths() -> tuple[list[int], ...]:
    # the successes at each look of all 4,096 sequences
    return tuple([sum(coins[:n]) for n in SIZES] for coins in itertools.product((0, 1), repeat=SIZES[-1]))


def _chance(path: list[int], p: float) -> float:
    return p ** path[-1] * (1 - p) ** (SIZES[-1] - path[-1])


def _last(path: Sequence[int], bound: float, ceiling: float, plan: Plan) -> Standing:
    return list(standings(path, bound, ceiling, plan))[-1]


@pytest.mark.parametrize("spending", ["pocock", "obrien_fleming"])
@pytest.mark.parametrize(("bound", "alpha"), [(0.5, 0.05), (0.5, 0.2), (0.3, 0.1), (0.7, 0.3)])
def test_at_the_boundary_each_side_is_called_no_oftener_than_its_level(
    spending: Spending, bound: float, alpha: float
) -> None:
    plan = _plan(spending, alpha)
    called = {"above": 0.0, "below": 0.0}
    for path in _paths():
        found = _last(path, bound, bound, plan)
        if found.decision in called:
            called[found.decision] += _chance(path, bound)
    assert 0 < called["above"] <= alpha
    assert 0 < called["below"] <= alpha


@pytest.mark.parametrize("spending", ["pocock", "obrien_fleming"])
def test_each_boundary_is_the_lowest_that_may_be_afforded(spending: Spending) -> None:
    bound, plan = 0.6, _plan(spending, 0.2)
    walking, crossed = list(_paths()), 0.0
    for number, least in enumerate(boundaries(bound, plan)):
        chances = [sum(_chance(p, bound) for p in walking if p[number] >= k) for k in range(SIZES[number] + 2)]
        assert crossed + chances[(least or SIZES[number] + 1) - 1] > plan.spent[number]
        if least is not None:
            assert crossed + chances[least] <= plan.spent[number]
            crossed += chances[least]
            walking = [path for path in walking if path[number] < least]


@pytest.mark.parametrize(
    ("bound", "n", "alpha"), [(0.88, 300, 0.05), (0.8, 100, 0.004), (0.5, 1, 0.3), (0.9, 10_000, 0.01)]
)
def test_one_look_is_the_exact_test_of_clopper_and_pearson(bound: float, n: int, alpha: float) -> None:
    plan = look_plan(n, alpha, sizes=[n])
    assert boundaries(bound, plan) == (provable(bound, n, alpha),)
    for right in {0, n // 3, round(0.9 * n), n - 1, n}:
        low, high = share_limits([right], plan)
        assert low == pytest.approx(lower_bound(right, n, alpha), abs=2e-6)
        assert high == pytest.approx(upper_bound(right, n, alpha), abs=2e-6)
        assert low <= right / n <= high


@pytest.mark.parametrize("p", [0.5, 0.75, 0.9])
def test_the_limits_hold_at_all_looks_together(p: float) -> None:
    plan, runs = look_plan(40, 0.1, sizes=[5, 10, 20, 40]), 1500
    drawn = np.cumsum(np.random.default_rng(5).random((runs, 40)) < p, 1)[:, np.array(plan.sizes) - 1]
    kinds, often = np.unique(drawn, axis=0, return_counts=True)
    too_high = too_low = 0
    for path, times in zip(kinds.tolist(), often, strict=True):
        low, high = share_limits(path, plan)
        too_high, too_low = too_high + times * (low > p), too_low + times * (high < p)
    most = 0.1 + 3 * math.sqrt(0.09 / runs)
    assert 0 < too_high / runs <= most
    assert 0 < too_low / runs <= most


def test_limits_never_widen_as_looks_go_on() -> None:
    plan = look_plan(100, 0.05, sizes=[20, 40, 70, 100])
    path = [18, 33, 60, 84]
    found = [share_limits(path[:k], plan) for k in range(len(path) + 1)]
    assert found[0] == (0.0, 1.0)
    for (low, high), (later_low, later_high) in itertools.pairwise(found):
        assert low <= later_low + 1e-6 and later_high <= high + 1e-6


def test_the_estimate_after_stopping_is_as_often_too_high_as_too_low_where_the_mean_is_points_too_high() -> None:
    truth, bound, runs = 0.86, 0.8, 600
    plan = replace(look_plan(200, 0.02, sizes=range(20, 201, 20)), futile_below=None)
    drawn = np.cumsum(np.random.default_rng(8).random((runs, 200)) < truth, 1)[:, np.array(plan.sizes) - 1]
    found = [_stopped(path, bound, plan) for path in drawn.tolist()]
    estimates = np.array([unbiased_share(path, bound, plan) for path in found])
    means = np.array([path[-1] / plan.sizes[len(path) - 1] for path in found])
    stopped = np.array([len(path) < len(plan.sizes) for path in found])
    assert abs((estimates > truth).mean() - 0.5) < 3 * 0.5 / math.sqrt(runs)
    assert means[stopped].mean() - truth > 0.04
    assert abs(np.median(estimates) - truth) < 0.01


def _stopped(path: list[int], bound: float, plan: Plan) -> list[int]:
    crossed = (k + 1 for k, least in enumerate(boundaries(bound, plan)) if least is not None and path[k] >= least)
    return path[: next(crossed, len(path))]


def test_giving_up_is_never_binding() -> None:
    plan = look_plan(200, 0.02, sizes=[20, 60, 200])
    patient = replace(plan, futile_below=None)
    path = [12, 50, 185]
    found, waited = list(standings(path, 0.8, 0.85, plan)), list(standings(path, 0.8, 0.85, patient))
    assert [one.decision for one in found] == ["futile", "undecided", "above"]
    assert [one.decision for one in waited] == ["undecided", "undecided", "above"]
    assert [(one.least, one.most) for one in found] == [(one.least, one.most) for one in waited]


def test_nothing_is_said_after_a_proof() -> None:
    plan = look_plan(100, 0.05, sizes=[30, 60, 100])
    assert [one.look for one in standings([30, 30, 30], 0.8, 0.9, plan)] == [1]
    assert [one.decision for one in standings([3, 33, 73], 0.8, 0.9, plan)] == ["below"]


def test_what_could_not_be_judged_counts_against_either_claim() -> None:
    plan = look_plan(100, 0.05, sizes=[100])
    assert _last([95], 0.85, 0.9, plan).decision == "above"
    assert list(standings([90], 0.85, 0.9, plan, [5]))[-1].decision == "undecided"
    assert _last([75], 0.7, 0.9, plan).decision == "below"
    assert list(standings([75], 0.7, 0.9, plan, [5]))[-1].decision != "below"
    low, high = share_limits([90], plan, [5])
    assert low == pytest.approx(lower_bound(90, 100, 0.05), abs=2e-6)
    assert high == pytest.approx(upper_bound(95, 100, 0.05), abs=2e-6)


def test_a_ceiling_of_one_is_missed_by_one_failure() -> None:
    plan = look_plan(20, 0.05, sizes=[10, 20])
    assert _last([10, 20], 0.5, 1.0, plan).decision == "above"
    assert _last([6, 16], 0.98, 1.0, plan).decision == "below"
    assert _last([10, 19], 0.98, 1.0, plan).decision == "below"
    assert _last([10, 20], 0.98, 1.0, plan).decision == "undecided"


def test_one_item_can_prove_a_share_only_where_its_level_allows() -> None:
    plan = look_plan(1, 0.05)
    assert not reachable(0.5, plan)
    assert reachable(0.04, plan)
    assert _last([1], 0.04, 1.0, plan).decision == "above"
    assert _last([0], 0.04, 0.05, plan).decision == "undecided"
    assert unbiased_share([1], 0.5, plan) == pytest.approx(1, abs=1e-5)
    assert unbiased_share([0], 0.5, plan) == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("right", [0, 1])
def test_all_right_and_all_wrong_have_estimates_and_limits(right: int) -> None:
    plan = look_plan(300, 0.004)
    path = [right * size for size in plan.sizes]
    low, high = share_limits(path, plan)
    assert (low > 0.97, high < 0.03) == (right == 1, right == 0)
    stopped = _stopped(path, 0.8, plan)
    assert unbiased_share(stopped, 0.8, plan) == pytest.approx(right, abs=1e-5)


def test_ten_thousand_items_are_looked_at_to_the_last() -> None:
    plan = replace(look_plan(10_000, 0.004), futile_below=None)
    path = np.cumsum(np.random.default_rng(1).random(10_000) < 0.81)[np.array(plan.sizes) - 1].tolist()
    found = list(standings(path, 0.806, 0.815, plan))
    assert found[-1].look == len(plan.sizes)
    low, high = share_limits(path, plan)
    assert low < 0.81 < high and high - low < 0.04


@pytest.mark.parametrize(
    ("successes", "bound", "ceiling", "says"),
    [
        ([3], 0.9, 0.8, "not above the ceiling"),
        ([3], 0.0, 0.8, r"lie in \(0, 1\]"),
        ([3], 0.5, 1.1, r"lie in \(0, 1\]"),
        ([6], 0.5, 0.6, "cannot follow"),
        ([3, 2], 0.5, 0.6, "cannot follow"),
        ([-1], 0.5, 0.6, "cannot follow"),
        ([1, 2, 3], 0.5, 0.6, "the plan has 2"),
    ],
)
def test_what_no_looks_could_show_is_refused_with_the_reason(
    successes: list[int], bound: float, ceiling: float, says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        list(standings(successes, bound, ceiling, look_plan(10, sizes=[5, 10])))


def test_an_estimate_needs_a_look() -> None:
    with pytest.raises(ValueError, match="no look"):
        unbiased_share([], 0.5, look_plan(10))
