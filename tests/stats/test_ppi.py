"""Limits from few human labels and many judge scores cover what they say, and are short where the judge is good."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from suffice.stats.ppi import Powered, powered_lift, powered_mean

Pair = tuple[np.ndarray, np.ndarray]
Draw = Callable[[np.random.Generator, int], Pair]


def binary(share: float, right: float) -> Draw:
    """0/1 human scores, and a judge that is right that often."""

    def draw(rng: np.random.Generator, n: int) -> Pair:
        human = (rng.random(n) < share).astype(float)
        return human, np.where(rng.random(n) < right, human, 1 - human)

    return draw


def lenient(share: float, missed: float) -> Draw:
    """A judge that lets that share of the failures pass and never faults a success."""

    def draw(rng: np.random.Generator, n: int) -> Pair:
        human = (rng.random(n) < share).astype(float)
        return human, np.where(rng.random(n) < missed, 1.0, human)

    return draw


def partial(wins: float, losses: float, hidden: float) -> Draw:
    """Differences of two arms, and a judge that takes that share of the losses for wins."""

    def draw(rng: np.random.Generator, n: int) -> Pair:
        u = rng.random(n)
        human = (u < wins).astype(float) - (u > 1 - losses)
        return human, np.where((human == -1) & (rng.random(n) < hidden), 1.0, human)

    return draw


MEANS = {
    "half": (binary(0.5, 0.85), 0.5),
    "easy": (binary(0.9, 0.95), 0.9),
    "rare errors": (lenient(0.95, 0.3), 0.95),
    "useless judge": (binary(0.9, 0.5), 0.9),
}
LIFTS = {"partial": (partial(0.2, 0.1, 0.5), 0.1), "harsh": (partial(0.1, 0.07, 0.99), 0.03)}


def misses(measure: Callable[..., Powered], draw: Draw, truth: float, n: int, runs: int) -> tuple[float, float]:
    """How often the truth lies below and above the limits."""
    rng, below, above = np.random.default_rng(11), 0, 0
    for _ in range(runs):
        human, judge = draw(rng, n)
        found = measure(human, judge, draw(rng, 10 * n)[1])
        below += found.low > truth
        above += found.high < truth
    return below / runs, above / runs


@pytest.mark.parametrize("n", [50, 200])
@pytest.mark.parametrize("name", [*MEANS, *LIFTS])
def test_the_limits_cover_at_their_level_and_each_end_at_half_of_it(name: str, n: int) -> None:
    draw, truth = (MEANS | LIFTS)[name]
    below, above = misses(powered_lift if name in LIFTS else powered_mean, draw, truth, n, 1000)
    assert below + above < 0.05 + 3 * math.sqrt(0.05 * 0.95 / 1000)
    assert max(below, above) < 1.3 * 0.025 + 3 * math.sqrt(0.0325 / 1000)


@pytest.mark.slow
@pytest.mark.parametrize("n", [50, 200])
@pytest.mark.parametrize("name", [*MEANS, *LIFTS])
def test_the_limits_cover_over_four_thousand_samples(name: str, n: int) -> None:
    draw, truth = (MEANS | LIFTS)[name]
    below, above = misses(powered_lift if name in LIFTS else powered_mean, draw, truth, n, 4_000)
    assert below + above < 0.055 + 3 * math.sqrt(0.05 * 0.95 / 4_000)  # shares are lattices: up to half a point
    assert max(below, above) < 1.3 * 0.025 + 3 * math.sqrt(0.0325 / 4_000)


def test_normal_limits_would_fall_short_on_rare_errors() -> None:
    draw, truth = MEANS["rare errors"]
    rng, covered = np.random.default_rng(12), 0
    for _ in range(500):
        (human, judge), elsewhere = draw(rng, 50), draw(rng, 500)[1]
        rest = human - judge
        error = math.sqrt(rest.var(ddof=1) / 50 + elsewhere.var(ddof=1) / 500)
        covered += abs(rest.mean() + elsewhere.mean() - truth) <= 1.96 * error
    assert covered / 500 < 0.85


def test_weight_zero_is_the_classical_interval_of_the_human_labels() -> None:
    human, judge = binary(0.8, 0.9)(np.random.default_rng(1), 60)
    found = powered_mean(human, judge, judge, weight=0.0)
    more = 0.4 * stats.norm.ppf(0.975) ** 2
    n, mean = 60 + 2 * more, (human.sum() + more) / (60 + 2 * more)
    width = stats.t.ppf(0.975, 61) * math.sqrt(mean * (1 - mean) / (n - 1))
    assert (found.low, found.high) == pytest.approx((mean - width, mean + width))
    assert found.estimate == pytest.approx(human.mean()) and found.worth == pytest.approx(60)
    wilson = stats.binomtest(int(human.sum()), 60).proportion_ci(method="wilson")
    assert (found.low, found.high) == pytest.approx((wilson.low, wilson.high), abs=0.01)


def test_weight_one_is_the_first_papers_estimate() -> None:
    rng = np.random.default_rng(2)
    human, judge = binary(0.8, 0.9)(rng, 60)
    elsewhere = binary(0.8, 0.9)(rng, 500)[1]
    found = powered_mean(human, judge, elsewhere, weight=1.0)
    assert found.estimate == pytest.approx(elsewhere.mean() + (human - judge).mean())
    assert found.bias == pytest.approx((judge - human).mean())


def test_a_perfect_judge_makes_limits_far_shorter_and_a_useless_one_no_longer() -> None:
    rng = np.random.default_rng(3)
    for right, least, most in ((1.0, 700, 10_000), (0.5, 180, 215)):
        human, judge = binary(0.7, right)(rng, 200)
        found = powered_mean(human, judge, binary(0.7, right)(rng, 4000)[1])
        alone = powered_mean(human, judge, judge, weight=0.0)
        assert least < found.worth < most
        assert found.worth == pytest.approx(200 * ((alone.high - alone.low) / (found.high - found.low)) ** 2)


def test_a_lift_the_judge_invents_is_not_proven() -> None:
    rng = np.random.default_rng(4)
    human = np.zeros(100)
    judge, elsewhere = (rng.random(100) < 0.3).astype(float), (rng.random(2000) < 0.3).astype(float)
    found = powered_lift(human, judge, elsewhere)
    assert found.low <= 0 <= found.high and found.high < 0.1 and found.bias > 0.2


def test_whole_groups_cover_where_items_taken_for_independent_do_not() -> None:
    rng, whole, single = np.random.default_rng(5), 0, 0

    def draw(groups: int) -> tuple[np.ndarray, np.ndarray, list[int]]:
        human = np.repeat(rng.random(groups) < 0.8, 5).astype(float)
        return human, np.where(rng.random(groups * 5) < 0.7, human, 1 - human), np.repeat(np.arange(groups), 5).tolist()

    for _ in range(300):
        (human, judge, groups), (_, elsewhere, others) = draw(40), draw(400)
        found = powered_mean(human, judge, elsewhere, groups, [f"o{g}" for g in others])
        assert found.groups == 40
        whole += found.low <= 0.8 <= found.high
        naive = powered_mean(human, judge, elsewhere)
        single += naive.low <= 0.8 <= naive.high
    assert whole / 300 > 0.91 > 0.85 > single / 300


def test_groups_of_one_item_each_change_nothing() -> None:
    human, judge = binary(0.8, 0.9)(np.random.default_rng(6), 60)
    alike = powered_mean(human, judge, judge, list(range(60)), list(range(60, 120)))
    assert alike == powered_mean(human, judge, judge)


def test_too_few_labels_say_so() -> None:
    one = powered_lift([0.0], [0.0], [0.0, 1.0])
    assert not one.tells and (one.low, one.high) == (-1, 1) and "1 labelled items, at least 30" in one.reason
    few = powered_mean([1.0] * 40, [1.0] * 40, [1.0] * 40, [i // 2 for i in range(40)], [99 + i for i in range(40)])
    assert not few.tells and (few.low, few.high) == (0, 1) and "20 labelled groups" in few.reason


def test_all_equal_scores_leave_room_for_what_was_not_seen() -> None:
    found = powered_mean([1.0] * 50, [1.0] * 50, [1.0] * 500)
    assert found.estimate == 1 and found.low < 0.95 and found.high == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1.0, 0.0], [1.0], [1.0, 0.0]), "human has 2 scores and judge 1"),
        (([1.0, 2.0], [1.0, 0.0], [1.0, 0.0]), r"human\[1\] is 2"),
        (([1.0, 0.0], [1.0, -0.5], [1.0, 0.0]), r"judge\[1\] is -0.5"),
        (([1.0, 0.0], [1.0, 0.0], [1.0]), "at least two"),
        (([1.0, 0.0], [1.0, 0.0], [1.0, math.nan]), r"unlabelled\[1\] is nan"),
        (([], [], [1.0]), "human is empty"),
        (([1.0, 0.0], [1.0, 0.0], [1.0, 0.0], ["a", "b"]), "together or neither"),
        (([1.0, 0.0], [1.0, 0.0], [1.0, 0.0], ["a", "b"], ["b", "b"]), "'b' is labelled and unlabelled"),
    ],
)
def test_bad_input_is_refused(arguments: tuple[list[float], ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        powered_mean(*arguments)
    with pytest.raises(ValueError, match="weight is 2"):
        powered_mean([1.0], [1.0], [1.0, 0.0], weight=2)
    with pytest.raises(ValueError, match=r"difference of scores lies in \[-1, 1\]"):
        powered_lift([-1.5], [0.0], [0.0, 0.0])
