"""A rung judged look by look: decisions, limits and estimates that hold wherever one stops, and when one may."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from suffice.stats import rung, sequential
from suffice.stats.interval import lower_bound
from suffice.stats.power import provable
from suffice.stats.rung import Asked, Scores
from suffice.stats.spending import look_plan


def _asked(n: int = 100, alpha: float = 0.05, sizes: Sequence[int] | None = None, **more: object) -> Asked:
    plan = look_plan(n, alpha, sizes=sizes or [n])
    return replace(Asked(plan, plan, 0.8, 0.85), **more)  # type: ignore[arg-type]


def _scores(*values: float | None, times: int = 1) -> Scores:
    found = values * times
    return Scores(*(np.array([x if v is None else v for v in found], float) for x in (0.0, 1.0)))


def _right(right: int, n: int) -> Scores:
    # so many right, spread as evenly as can be; more right are right where fewer are
    places = np.empty(n, int)
    places[np.argsort((np.arange(n) * 0.6180339887) % 1)] = np.arange(n)
    return Scores(*2 * [(places < right).astype(float)])


def _drawn(rng: np.random.Generator, n: int, p: float) -> Scores:
    return Scores(*2 * [(rng.random(n) < p).astype(float)])


# The target


def test_with_one_look_the_target_is_met_where_the_exact_test_says_so() -> None:
    least = provable(0.8, 100, 0.05) or 0
    assert rung.decided(_asked(), _right(least, 100)) == "above"
    assert rung.decided(_asked(), _right(least - 1, 100)) == "undecided"
    assert rung.decided(_asked(), _right(70, 100)) == "below"
    assert rung.quality(_asked(), _right(90, 100)).low == pytest.approx(lower_bound(90, 100, 0.05), abs=2e-6)


def test_a_score_between_right_and_wrong_counts_against_either_claim() -> None:
    asked = _asked(200, ceiling=0.8)
    rng = np.random.default_rng(2)
    for middling in (0.5, 0.9):
        # right or middling, the mean exactly on the target: neither side may be proven oftener than its level
        share = (0.8 - middling) / (1 - middling) if middling < 0.8 else 0.0
        values = np.where(rng.random((400, 200)) < share, 1.0, middling if share else 0.8)
        found = [rung.decided(asked, Scores(v, v)) for v in values]
        assert found.count("below") <= 400 * 0.05 + 3 * math.sqrt(400 * 0.05 * 0.95)
        assert found.count("above") <= 400 * 0.05 + 3 * math.sqrt(400 * 0.05 * 0.95)
    assert rung.decided(asked, _scores(0.5, times=200)) == "undecided"


def test_what_could_not_be_judged_counts_against_either_claim_and_not_in_the_estimate() -> None:
    asked = _asked(100)
    some = _scores(*[1.0] * 86, *[0.0] * 4, *[None] * 10)
    assert rung.decided(asked, _right(96, 100)) == "above"
    assert rung.decided(asked, some) == "undecided"
    found = rung.quality(asked, some)
    assert found.low < 0.86 and found.high > 0.96
    assert found.estimate == pytest.approx(86 / 90, abs=0.01)
    assert rung.quality(asked, _scores(None, times=100)).low == 0.0


@pytest.mark.parametrize("graded", [False, True])
def test_a_target_that_no_item_could_prove_is_no_question(graded: bool) -> None:
    few = _asked(5, 0.01, graded=graded)
    assert not rung.reachable(few)
    assert rung.judge(few, _right(0, 5), _right(5, 5)).target is None
    assert rung.reachable(_asked(300, 0.01, graded=graded))
    assert not rung.reachable(_asked(300, bound=None, ceiling=None))
    assert rung.decided(_asked(300, bound=None, ceiling=None), _right(5, 5)) is None


def test_a_bound_of_no_quality_at_all_is_met_by_one_success() -> None:
    asked = _asked(20, bound=-0.01, ceiling=0.01)
    assert rung.decided(asked, _right(0, 20)) == "undecided"
    assert rung.decided(asked, _right(1, 20)) == "above"
    assert rung.decided(replace(asked, graded=True), _right(20, 20)) == "above"


def test_a_perfect_target_is_missed_by_one_failure_and_never_proven() -> None:
    for graded in (False, True):
        asked = _asked(50, bound=1.0, ceiling=1.0, graded=graded)
        assert rung.judge(asked, _right(0, 50), _right(49, 50)).target == "below"
        assert rung.judge(asked, _right(0, 50), _right(50, 50)).target is None


def test_a_met_target_at_the_bound_is_rare_wherever_one_stops() -> None:
    rng, runs = np.random.default_rng(4), 1500
    asked = _asked(80, 0.05, [10, 20, 40, 60, 80])
    false = 0
    for _ in range(runs):
        drawn = _drawn(rng, 80, 0.8)
        false += any(rung.decided(asked, Scores(drawn.low[:s], drawn.high[:s])) == "above" for s in asked.target.sizes)
    assert 0.01 < false / runs <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / runs)


# The lift


def test_the_lift_of_right_or_wrong_items_is_exact_mcnemar() -> None:
    asked = _asked(100, 0.025)
    before, won, lost = _right(50, 100), _right(62, 100), _right(38, 100)
    assert rung.judge(asked, before, won).lift == "better"
    assert rung.judge(asked, before, lost).lift == "worse"
    assert rung.judge(asked, before, _right(54, 100)).lift == "undecided"
    found, mirrored = rung.lift(asked, before, won), rung.lift(asked, before, lost)
    assert found.low > 0 > mirrored.high
    assert (found.estimate, found.low, found.high) == pytest.approx(
        (-mirrored.estimate, -mirrored.high, -mirrored.low), abs=1e-4
    )
    assert found.estimate == pytest.approx(0.12, abs=0.01)


def test_an_unjudged_answer_is_a_loss_where_a_gain_is_claimed_and_a_gain_where_a_loss_is() -> None:
    asked = _asked(40, 0.05)
    nothing, six = _right(0, 40), [1.0] * 6
    assert rung.judge(asked, nothing, _scores(*six, *[0.0] * 34)).lift == "better"
    before = _scores(*[0.0] * 38, None, None)
    assert rung.judge(asked, before, _scores(*six, *[0.0] * 34)).lift == "undecided"
    assert rung.judge(asked, _scores(*six, *[0.0] * 34), _scores(*[0.0] * 38, None, None)).lift == "undecided"
    shown = rung.lift(asked, before, _scores(*six, *[0.0] * 34))
    assert shown.low <= 0 and shown.estimate == pytest.approx((6 - 1) / 40, abs=0.02)


def test_limits_of_a_lift_hold_at_all_looks_together() -> None:
    rng, runs, truth = np.random.default_rng(3), 120, 0.1
    asked = _asked(120, 0.05, [20, 40, 80, 120])
    missed = 0
    for _ in range(runs):
        u = rng.random(120)
        before, after = (u > 0.8).astype(float), ((u > 0.8) & (u < 0.95) | (u < 0.15)).astype(float)
        found = rung.lift(asked, Scores(before, before), Scores(after, after))
        assert found.low <= found.estimate <= found.high
        missed += not found.low <= truth <= found.high
    assert missed / runs <= 0.1 + 3 * math.sqrt(0.09 / runs)


def test_an_early_lift_is_not_told_points_too_high() -> None:
    rng, runs, truth = np.random.default_rng(6), 500, 0.1
    plan = replace(look_plan(240, 0.02, sizes=range(24, 241, 24)), futile_below=None)
    u = rng.random((runs, 240))
    wins, losses = (np.cumsum(x, 1)[:, np.array(plan.sizes) - 1].tolist() for x in (u < 0.2, u > 0.9))
    stopped = [len(list(sequential.looks(w, x, plan))) for w, x in zip(wins, losses, strict=True)]
    paths = [(w[:k], x[:k]) for w, x, k in zip(wins, losses, stopped, strict=True)]
    estimates = np.array([sequential.unbiased_lift(w, x, plan) for w, x in paths])
    means = np.array([(w[-1] - x[-1]) / plan.sizes[len(w) - 1] for w, x in paths])
    assert abs((estimates > truth).mean() - 0.5) < 3 * 0.5 / math.sqrt(runs) + 0.03  # the discordance is estimated too
    assert abs(np.median(estimates) - truth) < 0.012
    assert means[np.array(stopped) < len(plan.sizes)].mean() > truth + 0.03


# When to stop


@pytest.mark.parametrize(
    ("found", "lift", "likely", "items", "stops"),
    [
        ("above", "undecided", 1.0, 20, True),
        ("undecided", "better", 1.0, 20, False),
        ("undecided", "futile", 0.0, 100, True),
        ("futile", "better", 1.0, 20, True),
        ("below", "worse", 0.0, 20, True),
        ("below", "futile", 0.0, 20, True),
        ("below", "undecided", 0.95, 50, False),
        ("below", "undecided", 0.5, 50, True),
        ("below", "undecided", 0.5, 19, False),
        (None, "undecided", 0.5, 50, False),
        (None, "better", 1.0, 50, True),
    ],
)
def test_asking_stops_once_enough_is_known(
    found: rung.target.Decision | None, lift: rung.Lift, likely: float, items: int, stops: bool
) -> None:
    assert rung.settled(found, lift, likely, items, 100) is stops


def test_until_the_lift_is_wanted_it_does_not_matter_what_is_held() -> None:
    rng, asked = np.random.default_rng(9), _asked(120, 0.02, [15, 30, 60, 90, 120])
    wanted = unwanted = 0
    for truth in (0.3, 0.75, 0.8, 0.84, 0.95):
        for _ in range(20):
            after = _drawn(rng, 120, truth)
            for size in asked.target.sizes:
                now = Scores(after.low[:size], after.high[:size])
                if rung.wants_lift(asked, now):
                    wanted += 1
                    continue
                unwanted += 1
                others = [_right(0, size), _right(size, size), now]
                assert len({rung.judge(asked, before, now).settled for before in others}) == 1
    assert wanted > 50 < unwanted


def test_a_hopeless_rung_is_left_at_once_and_a_good_one_when_it_has_proven_itself() -> None:
    plan = look_plan(500, 0.004)
    asked = Asked(plan, plan, 0.8, 0.85)
    rng = np.random.default_rng(12)

    def used(truth: float) -> float:
        stops = []
        for _ in range(40):
            before, after = _drawn(rng, 500, truth - 0.02), _drawn(rng, 500, truth)
            for size in plan.sizes:
                if rung.judge(asked, *(Scores(s.low[:size], s.high[:size]) for s in (before, after))).settled:
                    break
            stops.append(size)
        return float(np.mean(stops))

    assert used(0.4) < 50
    assert used(0.95) < 120
    assert used(0.82) > 150


# Graded scores and groups


def test_graded_scores_are_bet_on() -> None:
    rng, asked = np.random.default_rng(7), _asked(300, 0.02, graded=True)
    low, high = 0.5 + 0.3 * rng.random(300), 0.9 + 0.1 * rng.random(300)
    assert rung.decided(asked, Scores(high, high)) == "above"
    assert rung.decided(asked, Scores(low, low)) == "below"
    assert rung.judge(asked, Scores(low, low), Scores(high, high)).lift == "better"
    assert rung.judge(asked, Scores(high, high), Scores(low, low)).lift == "worse"
    found = rung.quality(asked, Scores(high, high))
    assert (found.method, found.low < 0.95 < found.high) == ("betting, with looks", True)
    assert found.estimate == pytest.approx(high.mean())
    moved = rung.lift(asked, Scores(low, low), Scores(high, high))
    assert moved.low < 0.3 < moved.high and moved.estimate == pytest.approx((high - low).mean())


def test_groups_are_bet_on_whole() -> None:
    # one answer a group, repeated: forty facts, not two hundred
    groups = tuple(np.repeat(np.arange(40), 5).tolist())
    alone, asked = _asked(200, 0.01), _asked(200, 0.01, groups=groups)
    passing = np.repeat(_right(36, 40).low, 5)
    assert rung.decided(alone, Scores(passing, passing)) == "above"
    assert rung.decided(asked, Scores(passing, passing)) != "above"
    few = _asked(100, 0.05, groups=tuple(np.repeat(np.arange(20), 5).tolist()), bound=0.1, ceiling=0.2)
    assert rung.decided(few, _right(100, 100)) == "undecided"
    assert rung.quality(few, _right(100, 100)).low == 0.0


def test_correlated_groups_at_the_bound_are_rarely_called_above() -> None:
    rng, runs, groups = np.random.default_rng(8), 400, tuple(np.repeat(np.arange(40), 5).tolist())
    asked, alone = _asked(200, 0.05, groups=groups), _asked(200, 0.05)
    drawn = np.repeat(rng.random((runs, 40)) < 0.8, 5, axis=1).astype(float)
    whole = sum(rung.decided(asked, Scores(d, d)) == "above" for d in drawn)
    items = sum(rung.decided(alone, Scores(d, d)) == "above" for d in drawn)
    assert whole / runs <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / runs)
    assert items / runs > 0.15  # what counting items would do


# The way down


@pytest.mark.parametrize("kind", ["losses only", "many ties", "wins and losses", "graded"])
def test_a_loss_of_exactly_the_margin_is_rarely_called_not_worse(kind: str) -> None:
    rng, runs, alpha = np.random.default_rng(10), 400, 0.05
    asked = _asked(200, alpha, graded=kind == "graded")
    false = 0
    won, lost = {"losses only": (0.0, 0.05), "many ties": (0.01, 0.06), "graded": (0.3, 0.4)}.get(kind, (0.15, 0.2))
    for _ in range(runs):
        u, by = rng.random(200), rng.random(200) if kind == "graded" else np.ones(200)
        before, after = np.where(u < lost, by, 0.0), np.where(u > 1 - won, by, 0.0)
        false += rung.not_worse(asked, Scores(before, before), Scores(after, after), 0.05) == "not worse"
    assert false / runs <= alpha + 3 * math.sqrt(alpha * (1 - alpha) / runs)


def test_equal_stacks_are_proven_not_worse_where_that_can_be_told() -> None:
    asked = _asked(400, 0.005)
    assert rung.tellable(asked, 0.05)
    assert rung.not_worse(asked, _right(350, 400), _right(350, 400), 0.05) == "not worse"
    assert rung.not_worse(asked, _right(350, 400), _right(250, 400), 0.05) == "worse"
    assert not rung.tellable(_asked(100, 0.005), 0.05)
    assert not rung.tellable(_asked(400, 0.005, groups=tuple(np.repeat(np.arange(20), 20).tolist())), 0.05)


def test_a_lighter_stack_is_enough_only_where_both_hold() -> None:
    asked = _asked(400, 0.005)
    held, weak = _right(380, 400), _right(300, 400)
    assert rung.lighter(asked, held, _right(378, 400), 0.05, aimed=True) == "enough"
    assert rung.lighter(asked, weak, weak, 0.05, aimed=True) == "not enough"
    assert rung.lighter(asked, weak, weak, 0.05, aimed=False) == "enough"
    assert rung.lighter(asked, held, weak, 0.05, aimed=False) == "not enough"
    first = Scores(held.low[:40], held.high[:40])
    assert rung.lighter(_asked(400, 0.005, [40, 400]), first, first, 0.05, aimed=False) == "undecided"


def test_a_rung_is_opened_for_a_gain_on_dev_or_for_a_chance_to_meet_the_target() -> None:
    assert rung.worth_opening(0.5, 0.55, 0.8)
    assert not rung.worth_opening(0.55, 0.55, 0.8)
    assert rung.worth_opening(0.9, 0.825, 0.8)
    assert not rung.worth_opening(0.9, 0.9, None)


def test_only_what_loses_little_on_dev_is_tried_on_test() -> None:
    held = _right(36, 40).low
    assert rung.promising(held, held, 0.05)
    assert rung.promising(held, _right(35, 40).low, 0.05)
    assert not rung.promising(held, _right(34, 40).low, 0.05)


# Ends of the scale


@pytest.mark.parametrize("graded", [False, True])
@pytest.mark.parametrize(("before", "after"), [(0, 0), (0, 1), (1, 0), (1, 1)])
@pytest.mark.parametrize("n", [1, 2, 40])
def test_all_right_and_all_wrong_are_judged_without_a_hitch(n: int, before: int, after: int, graded: bool) -> None:
    asked = _asked(n, 0.05, graded=graded)
    old, new = _right(before * n, n), _right(after * n, n)
    stood = rung.judge(asked, old, new)
    assert stood.settled and stood.lift == (
        {1: "better", -1: "worse"}.get(after - before, "undecided") if n == 40 else stood.lift
    )
    assert not (n == 1 and stood.lift in ("better", "worse"))
    of, by = rung.quality(asked, new), rung.lift(asked, old, new)
    assert 0 <= of.low <= of.estimate <= of.high <= 1
    assert -1 <= by.low <= by.estimate <= by.high <= 1
    assert rung.not_worse(asked, old, new, 0.05) in ("not worse", "worse", "futile", "undecided")


def test_before_the_first_look_nothing_is_known() -> None:
    asked = _asked(100, 0.05, [50, 100])
    stood = rung.judge(asked, _right(2, 5), _right(4, 5))
    assert (stood.target, stood.lift, stood.settled) == ("undecided", "undecided", False)
    assert (rung.quality(asked, _right(4, 5)).low, rung.lift(asked, _right(2, 5), _right(4, 5)).high) == (0.0, 1.0)


def test_limits_and_the_count_never_disagree() -> None:
    plan = look_plan(60, 0.05, sizes=[20, 40, 60])
    asked = Asked(plan, plan, 0.7, 0.7)
    for right in range(61):
        found, of = rung.decided(asked, _right(right, 60)), rung.quality(asked, _right(right, 60))
        assert (found == "above") <= (of.low >= 0.7)
        assert (found == "below") <= (of.high <= 0.7)


def test_ten_thousand_items_are_judged_at_every_look() -> None:
    plan = look_plan(10_000, 0.004)
    asked = Asked(plan, replace(plan, futile_below=None), 0.8, 0.82)
    rng = np.random.default_rng(0)
    before, after = _drawn(rng, 10_000, 0.81), _drawn(rng, 10_000, 0.81)
    for size in plan.sizes:
        stood = rung.judge(asked, *(Scores(s.low[:size], s.high[:size]) for s in (before, after)))
    assert (stood.items, stood.settled) == (10_000, True)
    moved = rung.lift(asked, before, after)
    assert moved.low < 0 < moved.high and moved.high - moved.low < 0.06
