"""Holm's adjustment against another implementation, what it promises, and the sign test."""

from __future__ import annotations

import random

import pytest

from suffice.stats.multiple import holm, sign_p


def test_it_agrees_with_statsmodels() -> None:
    from statsmodels.stats.multitest import multipletests

    draw = random.Random(3)
    for n in (1, 2, 7, 40):
        p = [draw.random() ** 3 for _ in range(n)]
        assert holm(p) == pytest.approx(list(multipletests(p, method="holm")[1]))


def test_one_false_rejection_in_any_of_ten_true_nulls_is_as_rare_as_promised() -> None:
    draw = random.Random(0)
    wrong = sum(min(holm([draw.random() for _ in range(10)])) < 0.05 for _ in range(4000))
    assert 0.035 < wrong / 4000 < 0.065


def test_what_is_no_p_value_is_refused() -> None:
    assert holm([]) == ()
    with pytest.raises(ValueError, match="lie in"):
        holm([0.2, 1.2])


def test_the_sign_test_is_the_binomial_tail() -> None:
    assert sign_p(0, 0) == 1.0
    assert sign_p(5, 0) == pytest.approx(1 / 32)
    assert sign_p(4, 1) == pytest.approx(6 / 32)
    with pytest.raises(ValueError, match="not counts"):
        sign_p(-1, 2)
