"""Deferring: the curve by hand, when a loss is proven small, what is taken without proof, and how often it is wrong."""

from __future__ import annotations

import math

import numpy as np
import pytest

from suffice.stats.defer import chosen, deferral
from suffice.stats.regress import not_worse


def test_the_curve_of_four_items_by_hand() -> None:
    steps = deferral([0.9, 0.8, 0.6, 0.2], [1, 1, 0, 0], [1, 0, 1, 1])
    assert [s.answered for s in steps] == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert [s.quality for s in steps] == [0.75, 0.75, 1.0, 0.75, 0.5]
    assert [s.lost for s in steps] == [0.0, 0.0, -0.25, 0.0, 0.25]
    assert steps[0].threshold > 1 and [s.threshold for s in steps[1:]] == [0.9, 0.8, 0.6, 0.2]


def test_on_any_items_the_curve_goes_from_the_teacher_to_the_student() -> None:
    draw = np.random.default_rng(0)
    for n in (1, 7, 300):
        sure, own, other = draw.random(n).round(1), draw.random(n), draw.random(n)
        steps = deferral(sure, own, other)
        answered, marks = [s.answered for s in steps], [s.threshold for s in steps]
        assert answered == sorted(answered) and marks == sorted(marks, reverse=True) and len(set(marks)) == len(marks)
        assert steps[0].quality == pytest.approx(other.mean()) and steps[-1].quality == pytest.approx(own.mean())
        assert all(s.quality + s.lost == pytest.approx(other.mean()) for s in steps)


def test_without_a_loss_so_many_items_prove_a_risk_as_a_coin_would_need() -> None:
    """If two in a hundred got worse, n items without one would be seen at 0.98^n."""
    least = math.ceil(math.log(0.1) / math.log(0.98))
    sure = np.linspace(0, 1, 200)

    def proven(n: int) -> bool:
        return chosen(sure[:n], [1] * n, [1] * n, risk=0.02, alpha=0.1).proven

    first = next(n for n in range(60, 200) if proven(n))
    assert first == pytest.approx(least, abs=1) and proven(199)


def test_a_proven_threshold_is_the_lowest_down_to_which_every_step_is_proven() -> None:
    draw = np.random.default_rng(1)
    sure = draw.random(600)
    own, other = (draw.random(600) < 0.6 + 0.4 * sure).astype(int), (draw.random(600) < 0.95).astype(int)
    found = chosen(sure, own, other, risk=0.03)
    assert found.proven and found.threshold is not None
    for step in found.steps[1:]:
        mixed = np.where(sure >= step.threshold, own, other)
        held = not_worse(other, mixed, margin=0.03, alpha=0.1).proven
        assert held or step.threshold < found.threshold
        if step.threshold < found.threshold:
            assert not held, "the first step below is the first that fails"
            break


def test_a_bolder_risk_lets_the_student_answer_more() -> None:
    draw = np.random.default_rng(2)
    sure = draw.random(500)
    own, other = (draw.random(500) < 0.5 + 0.5 * sure).astype(int), (draw.random(500) < 0.95).astype(int)
    marks = [chosen(sure, own, other, risk=risk).threshold for risk in (0.01, 0.03, 0.1, 0.3)]
    told = [2.0 if m is None else m for m in marks]
    assert told == sorted(told, reverse=True) and told[0] > told[-1]


def test_what_few_items_cannot_prove_is_taken_by_what_was_seen_and_said_to_be_so() -> None:
    sure = [1 - i / 40 for i in range(40)]
    own = [1] * 30 + [0] * 10
    found = chosen(sure, own, [1] * 40, risk=0.02)
    assert not found.proven and found.threshold is not None
    taken = next(s for s in found.steps if s.threshold == found.threshold)
    assert taken.lost <= 0.01 and taken.answered <= 0.75


def test_a_student_that_is_wrong_where_it_is_sure_answers_nothing() -> None:
    assert chosen([0.9] * 200, [0] * 200, [1] * 200).threshold is None
    found = chosen([1 - i / 200 for i in range(200)], [0] * 20 + [1] * 180, [1] * 200)
    assert found.threshold == 1.0, "one item of two hundred, whose loss is within the risk"
    assert chosen([1 - i / 60 for i in range(60)], [0] * 20 + [1] * 40, [1] * 60).threshold is None


def test_under_thirty_groups_nothing_is_proven() -> None:
    sure, right = [i / 200 for i in range(200)], [1] * 200
    assert chosen(sure, right, right).proven
    assert not chosen(sure, right, right, [i // 10 for i in range(200)]).proven


def test_what_does_not_fit_together_is_refused() -> None:
    with pytest.raises(ValueError, match="one number an item"):
        deferral([0.5, 0.6], [1], [1, 0])
    with pytest.raises(ValueError, match="sure"):
        deferral([float("nan")], [1], [1])
    with pytest.raises(ValueError, match="student"):
        deferral([0.5], [1.5], [1])
    with pytest.raises(ValueError, match="sure"):
        deferral([], [], [])


def test_what_is_called_proven_loses_more_than_the_risk_as_seldom_as_promised() -> None:
    """A student that is good only where it is sure, eighty samples: 10 % may be wrong, 20 % would be no chance."""
    draw, wrong = np.random.default_rng(3), 0
    rates, teacher = np.array([0.6, 0.99]), 0.95
    for seed in range(80):
        sure = draw.random(150)
        own = (draw.random(150) < rates[(sure > 0.5).astype(int)]).astype(int)
        found = chosen(sure, own, (draw.random(150) < teacher).astype(int), seed=seed)
        below = max(0.0, 0.5 - (found.threshold or 1.0))
        wrong += found.proven and below * (teacher - 0.6) - (0.5 * 0.04 if below else 0.0) > 0.02
    assert wrong <= 0.2 * 80
