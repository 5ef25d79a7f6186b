"""Bets that hold at every prefix: a fair game by enumeration, right by simulation, at one with their own limits."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from suffice.stats.eprocess import above, confidence_sequence, log_wealth, lower_limit, units, upper_limit


@pytest.mark.parametrize("horizon", [None, 4, 9])
@pytest.mark.parametrize("win", [0.1, 0.35])
def test_the_bet_is_a_fair_game_at_the_bound(win: float, horizon: int | None) -> None:
    # all sequences of nine values that are 0.6 or -0.4, at their own mean and at a bound above it
    mean, fair, below = 0.6 * win - 0.4 * (1 - win), 0.0, 0.0
    for wins in itertools.product((0, 1), repeat=9):
        values = units([0.6 if w else -0.4 for w in wins])
        chance = win ** sum(wins) * (1 - win) ** (9 - sum(wins))
        fair += chance * math.exp(log_wealth(values, mean, horizon=horizon)[-1])
        below += chance * math.exp(log_wealth(values, mean + 0.05, horizon=horizon)[-1])
    assert fair == pytest.approx(1)
    assert below < 0.999


def _differences(rng: np.random.Generator, runs: int, n: int, wins: object, losses: object) -> np.ndarray:
    # rates may be one number or one for each item
    u = rng.random((runs, n))
    return (u < wins).astype(float) - (u > 1 - np.asarray(losses))


@pytest.mark.parametrize("horizon", [None, 80])
@pytest.mark.parametrize(
    ("runs", "rate"),
    [
        (2000, 0.05),
        (2000, np.linspace(0.0, 0.4, 80)),
        pytest.param(10_000, 0.02, marks=pytest.mark.slow),
        pytest.param(10_000, 0.3, marks=pytest.mark.slow),
    ],
    ids=["steady", "drifting", "many ties", "few ties"],
)
def test_what_is_not_above_the_bound_is_proven_no_oftener_than_promised(
    runs: int, rate: object, horizon: int | None
) -> None:
    drawn = _differences(np.random.default_rng(3), runs, 80, np.asarray(rate) + 0.02, rate)
    false = np.mean([above(units(d), 0.02, 0.1, horizon=horizon).decision == "above" for d in drawn])
    assert false <= 0.1 + 3 * np.sqrt(0.1 * 0.9 / runs)


@pytest.mark.parametrize("runs", [400, pytest.param(10_000, marks=pytest.mark.slow)])
def test_the_limits_hold_the_mean_at_every_prefix_together(runs: int) -> None:
    # the running limits only tighten, so those at the end fail if any prefix did
    rng, held = np.random.default_rng(5), 0
    for _ in range(runs):
        found = confidence_sequence(units(np.clip(rng.normal(0.1, 0.4, 60), -0.8, 1.0)), 0.1, horizon=60)
        held += found.low <= 0.1 <= found.high
    assert held / runs >= 0.9 - 3 * np.sqrt(0.1 * 0.9 / runs)


def test_the_limits_are_narrow_enough_to_use() -> None:
    rng, widths = np.random.default_rng(6), []
    for _ in range(30):
        values = rng.choice([-1.0, 0.0, 1.0], 300, p=[0.1, 0.7, 0.2])
        found = confidence_sequence(units(values), horizon=300)
        widths.append((found.high - found.low) / (2 * 1.96 * values.std() / math.sqrt(300)))
    assert 1.0 < np.mean(widths) < 1.45


def test_the_limit_is_the_bound_at_which_the_proof_ends() -> None:
    values = np.random.default_rng(1).choice([-1.0, -0.2, 0.5, 1.0], 200)
    for horizon in (None, 200):
        low = lower_limit(units(values), 0.05, horizon=horizon)
        assert above(units(values), low, 0.05, horizon=horizon).decision == "above"
        assert above(units(values), low + 1e-4, 0.05, horizon=horizon).decision == "undecided"
        assert upper_limit(units(-values), 0.05, horizon=horizon) == pytest.approx(-low)


def test_what_was_proven_once_stays_proven_and_limits_only_tighten() -> None:
    values = np.concatenate([np.full(60, 0.4), np.full(200, -0.6)])
    first, later = above(units(values[:60]), 0.0, horizon=300), above(units(values), 0.0, horizon=300)
    assert first == later
    assert (first.decision, first.p_value <= 0.05 < math.exp(first.log_wealth)) == ("above", True)
    lows = [lower_limit(units(values[:n]), horizon=300) for n in (20, 60, 150, 260)]
    assert min(np.diff(lows)) > -1e-5


def test_a_known_number_of_items_proves_more() -> None:
    drawn = _differences(np.random.default_rng(2), 300, 300, 0.2, 0.1)
    known, unknown = (
        np.mean([above(units(d), 0.0, horizon=h).decision == "above" for d in drawn]) for h in (300, None)
    )
    assert known > unknown + 0.05


def test_not_worse_by_a_margin_takes_fewer_items_than_better() -> None:
    values = units(np.random.default_rng(8).choice([-1.0, 0.0, 1.0], 400, p=[0.02, 0.92, 0.06]))
    margin, better = above(values, -0.05, horizon=400), above(values, 0.0, horizon=400)
    assert margin.decision == "above"
    assert margin.items < better.items


def _grouped(rng: np.random.Generator, groups: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    # items of a group mostly share their outcome; the mean is 0
    shared = np.repeat(rng.choice([-1.0, 0.0, 1.0], groups, p=[0.2, 0.6, 0.2]), size)
    return np.where(rng.random(groups * size) < 0.8, shared, 0.0), np.repeat(np.arange(groups), size)


def test_groups_are_bet_on_whole_where_items_alone_would_lie() -> None:
    rng, runs, wrong = np.random.default_rng(9), 400, [0, 0]
    for _ in range(runs):
        values, groups = _grouped(rng, 60, 5)
        wrong[0] += above(units(values), 0.0, horizon=300).decision == "above"
        wrong[1] += above(units(values, groups), 0.0, horizon=60).decision == "above"
    assert wrong[0] / runs > 0.08
    assert wrong[1] / runs <= 0.05


def test_groups_of_different_sizes_are_weighed_by_their_items() -> None:
    # large groups are worse, small ones better: the mean of the items is below 0, that of the groups above
    sizes = [10 if i % 3 == 0 else 1 for i in range(300)]
    values = np.concatenate([np.full(s, -0.5 if s == 10 else 0.5) for s in sizes])
    groups = np.repeat(np.arange(300), sizes)
    found = confidence_sequence(units(values, groups), horizon=300)
    assert (found.groups, found.n) == (300, sum(sizes))
    assert found.low < values.mean() < found.high < 0


def test_under_thirty_groups_nothing_is_told() -> None:
    values, groups = np.ones(100), np.repeat(np.arange(25), 4)
    found, limits = above(units(values, groups), 0.0), confidence_sequence(units(values, groups))
    assert (found.decision, found.p_value, found.groups) == ("undecided", 1.0, 25)
    assert (limits.low, limits.high) == (-1.0, 1.0)
    assert "25 groups, at least 30" in found.reason
    more = above(units(np.ones(160), np.repeat(np.arange(40), 4)), 0.0)
    assert (more.decision, more.groups, more.items) == ("above", 30, 120)


def test_groups_that_happen_to_be_single_so_far_are_groups_where_larger_ones_may_come() -> None:
    assert above(units(np.ones(25), list(range(25)), largest=3), 0.0).decision == "undecided"
    assert above(units(np.ones(25), list(range(25))), 0.0).decision == "above"


def test_scores_are_bet_on_in_their_own_range() -> None:
    found = above(units([1.0] * 60, lowest=0.0), 0.88, 0.05, horizon=60)
    assert found.decision == "above"
    assert above(units([1.0] * 10, lowest=0.0), 0.88, 0.05, horizon=60).decision == "undecided"


def test_one_value_or_equal_values_leave_room_for_what_was_not_seen() -> None:
    assert confidence_sequence(units([1.0])).low < 0
    found = confidence_sequence(units([0.0] * 50), horizon=50)
    assert found.low < 0 < found.high


def test_ten_thousand_values_leave_narrow_limits_around_their_mean() -> None:
    values = np.random.default_rng(0).choice([-1.0, 0.0, 1.0], 10_000, p=[0.1, 0.8, 0.1])
    found = confidence_sequence(units(values), horizon=10_000)
    assert found.low < values.mean() < found.high < found.low + 0.05


@pytest.mark.parametrize(
    ("values", "more", "says"),
    [
        ([], {}, "empty"),
        ([0.5, 1.2], {}, r"\[-1, 1\]"),
        ([-1.5], {}, r"\[-1, 1\]"),
        ([-0.5], {"lowest": 0.0}, r"\[0, 1\]"),
        ([float("nan")], {}, "nan"),
        ([0.1], {"lowest": 1.0}, "lies between"),
        ([0.1, 0.2], {"groups": ["a"]}, "one per item"),
        ([0.1, 0.2, 0.1], {"groups": ["a", "b", "a"]}, "whole before the next"),
        ([0.1, 0.2, 0.1], {"groups": ["a", "a", "b"], "largest": 1}, "no group may be larger"),
    ],
)
def test_what_cannot_be_bet_on_is_refused_with_the_reason(
    values: list[float], more: dict[str, object], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        units(values, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("bound", "alpha", "horizon", "says"),
    [
        (1.0, 0.05, None, "bound"),
        (-1.0, 0.05, None, "bound"),
        (0.0, 0.0, None, "alpha"),
        (0.0, 1.0, 9, "alpha"),
        (0.0, 0.05, 0, "horizon"),
    ],
)
def test_bets_without_sense_are_refused(bound: float, alpha: float, horizon: int | None, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        above(units([0.1, 0.2]), bound, alpha, horizon=horizon)
