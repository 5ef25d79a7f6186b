"""Agreement has the published values, its limits cover what they say, and each bias is found where it was put."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from suffice.stats.agreement import agreement, length_bias, position_bias, self_preference

ROOM = 3 * math.sqrt(0.05 * 0.95 / 1000)


def table(sensitive: float, specific: float, positive: float) -> np.ndarray:
    """Shares of (judge, human) labels."""
    wrong, missed = (1 - positive) * (1 - specific), positive * (1 - sensitive)
    return np.array([[(1 - positive) * specific, missed], [wrong, positive * sensitive]])


def beyond_chance(p: np.ndarray) -> tuple[float, float]:
    """Cohen's kappa and Gwet's AC1 of a 2 × 2 table, written out."""
    agreed, judge, human = np.trace(p), p[1].sum(), p[:, 1].sum()
    chance = judge * human + (1 - judge) * (1 - human)
    used = (judge + human) / 2
    gwet = 2 * used * (1 - used)
    return (agreed - chance) / (1 - chance), (agreed - gwet) / (1 - gwet)


@pytest.mark.parametrize("labels", [2, 3, 7])
def test_kappa_is_sklearns(labels: int) -> None:
    rng = np.random.default_rng(labels)
    human = rng.integers(0, labels, 90)
    judge = np.where(rng.random(90) < 0.7, human, rng.integers(0, labels, 90))
    found = agreement(judge.tolist(), human.tolist())
    assert found.kappa is not None and found.kappa.estimate == pytest.approx(cohen_kappa_score(judge, human))
    assert found.accuracy.estimate == pytest.approx((judge == human).mean())
    assert found.kappa.low < found.kappa.estimate < found.kappa.high


def test_ac1_stays_high_where_one_label_is_rare() -> None:
    # 118 agreements of 125, all on one label: kappa is below zero, agreement is not low
    judge = ["+"] * 118 + ["+"] * 5 + ["-"] * 2
    human = ["+"] * 118 + ["-"] * 5 + ["+"] * 2
    found = agreement(judge, human)
    assert found.kappa is not None and found.ac1 is not None
    assert found.kappa.estimate == pytest.approx(-0.0234, abs=1e-3)
    assert found.ac1.estimate == pytest.approx(0.9408, abs=1e-3)


@pytest.mark.parametrize("n", [50, 100])
@pytest.mark.parametrize("rates", [(0.85, 0.85, 0.5), (0.95, 0.7, 0.9), (0.97, 0.5, 0.95), (0.99, 0.9, 0.95)])
def test_accuracy_kappa_and_ac1_cover(rates: tuple[float, float, float], n: int) -> None:
    p, rng = table(*rates), np.random.default_rng(7)
    kappa, ac1 = beyond_chance(p)
    covered = np.zeros(3)
    for _ in range(1000):
        cells = rng.choice(4, n, p=p.ravel())
        found = agreement((cells // 2).tolist(), (cells % 2).tolist())
        covered[0] += found.accuracy.low <= np.trace(p) <= found.accuracy.high
        covered[1] += found.kappa is None or found.kappa.low <= kappa <= found.kappa.high
        covered[2] += found.ac1 is None or found.ac1.low <= ac1 <= found.ac1.high
    assert (covered / 1000 > 0.945 - ROOM).all(), covered


def test_whole_groups_widen_the_limits_of_agreement() -> None:
    rng = np.random.default_rng(8)
    human = np.repeat(rng.integers(0, 2, 40), 5).tolist()
    judge = np.where(np.repeat(rng.random(40) < 0.8, 5), human, 1 - np.array(human)).tolist()
    single, whole = agreement(judge, human), agreement(judge, human, np.repeat(np.arange(40), 5).tolist())
    for name in ("accuracy", "kappa", "ac1"):
        a, b = getattr(single, name), getattr(whole, name)
        assert a.estimate == b.estimate and b.high - b.low > 1.5 * (a.high - a.low)


def test_one_label_alone_leaves_kappa_unsaid_and_few_items_leave_it_open() -> None:
    same = agreement(["yes"] * 50, ["yes"] * 50)
    assert same.kappa is None and same.ac1 is None and same.accuracy.low > 0.9
    few = agreement(["yes", "no"] * 5, ["yes", "no"] * 5)
    assert few.kappa is not None and (few.kappa.low, few.kappa.high) == (-1, 1) and "10 independent" in few.kappa.reason
    one = agreement(["yes"], ["no"])
    assert one.n == 1 and one.accuracy.high > 0.97


def test_position_bias_counts_flips_and_which_way_they_go() -> None:
    # 12 of 100 pairs flip, 11 of them to whichever output is shown first
    first = [1.0] * 11 + [0.0] + [1.0] * 44 + [0.0] * 44
    second = [0.0] * 11 + [1.0] + [1.0] * 44 + [0.0] * 44
    found = position_bias(first, second)
    assert found.flips.estimate == 0.12 and found.flips.method == "Clopper-Pearson"
    assert (found.first.wins, found.first.losses) == (11, 1) and found.first.lift == pytest.approx(0.1)
    assert found.first.p_value == pytest.approx(2 * 13 / 2**12) and found.first.low > 0
    even = position_bias([1.0, 0.0] * 50, [1.0, 0.0] * 50)
    assert even.flips.estimate == 0 and even.first.low < 0 < even.first.high


def test_ties_in_verdicts_are_allowed_and_unpaired_ones_are_not() -> None:
    assert position_bias([0.5, 1.0] * 30, [0.5, 0.5] * 30).first.method == "betting"
    with pytest.raises(ValueError, match="before has 2 scores and after 3"):
        position_bias([1.0, 0.0, 1.0], [1.0, 0.0])


def test_length_bias_is_what_goes_beyond_peoples_own_taste_for_length() -> None:
    rng = np.random.default_rng(9)
    lengths, others = rng.integers(10, 99, 400), rng.integers(10, 99, 400)
    longer = lengths > others
    people = np.where(rng.random(400) < 0.7, longer, ~longer).astype(float)  # they like long answers too
    swayed = np.where(rng.random(400) < 0.5, longer, people).astype(float)
    assert length_bias(swayed, people, lengths, others).low > 0.05
    fair = length_bias(people, people, lengths, others)
    assert fair.lift == 0 and fair.n == (lengths != others).sum()
    with pytest.raises(ValueError, match="equal length"):
        length_bias([1.0], [1.0], [5], [5])
    with pytest.raises(ValueError, match="for each pair"):
        length_bias([1.0], [1.0, 0.0], [5], [6])


@pytest.mark.parametrize(
    ("own", "others", "rates"), [(50, 50, (0.02, 0.3)), (50, 200, (0.1, 0.0)), (100, 100, (0.2, 0.05))]
)
def test_self_preference_covers(own: int, others: int, rates: tuple[float, float]) -> None:
    rng, mine = np.random.default_rng(10), np.arange(own + others) < own
    truth, covered = 0.5 * (rates[0] - rates[1]), 0
    for _ in range(1000):
        human = (rng.random(mine.size) < 0.5).astype(float)
        judge = np.where(rng.random(mine.size) < np.where(mine, *rates), 1.0, human)
        found = self_preference(judge, human, mine)
        covered += found.low <= truth <= found.high
    assert covered / 1000 > 0.95 - ROOM


def test_self_preference_is_found_and_a_judge_lenient_to_all_is_not_accused() -> None:
    rng, mine = np.random.default_rng(11), np.arange(300) % 2 == 0
    human = rng.random(300) * 0.7
    flattered = self_preference(human + np.where(mine, 0.25, 0.0), human, mine)
    assert flattered.low > 0.1 and flattered.own_gap == pytest.approx(0.25) and flattered.others_gap == pytest.approx(0)
    lenient = self_preference(human + 0.25, human, mine, [i // 2 for i in range(300)])
    assert lenient.low < 0 < lenient.high and lenient.difference == pytest.approx(0)


def test_self_preference_refuses_what_it_cannot_compare() -> None:
    few = self_preference([1.0, 0.0], [1.0, 0.0], [True, False])
    assert not few.tells and (few.low, few.high) == (-2, 2) and "at least 30" in few.reason
    with pytest.raises(ValueError, match="one kind"):
        self_preference([1.0, 0.0], [1.0, 0.0], [True, True])
    with pytest.raises(ValueError, match=r"judge\[0\] is 3"):
        self_preference([3.0, 0.0], [1.0, 0.0], [True, False])
    with pytest.raises(ValueError, match="own has 1"):
        self_preference([1.0, 0.0], [1.0, 0.0], [True])
    with pytest.raises(ValueError, match="judge has 1 labels and human 2"):
        agreement(["a"], ["a", "b"])
