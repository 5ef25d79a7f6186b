"""Losses on a small partition are proven, likely, ruled out or hidden, never overlooked."""

from __future__ import annotations

import pytest

from suffice.stats.regress import hidden_loss, not_worse, regression


def test_zero_losses_in_twenty_still_allow_fourteen_percent() -> None:
    assert round(hidden_loss(0, 20), 2) == 0.14


def test_no_loss_on_twenty_items_is_neither_proven_nor_ruled_out() -> None:
    found = regression([1] * 20, [1] * 20)
    assert (found.proven, found.likely, found.ruled_out) == (False, False, False)
    assert round(found.hidden_loss, 2) == 0.14


def test_one_loss_in_twenty_is_no_sign_two_are_likely_and_eight_are_proof() -> None:
    def after(losses: int) -> list[int]:
        return [0] * losses + [1] * (20 - losses)

    found = [regression([1] * 20, after(losses)) for losses in (1, 2, 8)]
    assert [f.likely for f in found] == [False, True, True]
    assert [f.proven for f in found] == [False, False, True]


def test_enough_items_without_loss_rule_a_regression_out() -> None:
    assert regression([1] * 300, [1] * 300).ruled_out
    assert not_worse([1] * 300, [1] * 300, margin=0.02).proven


def test_a_group_loses_once_however_many_of_its_items_do() -> None:
    groups = [i // 4 for i in range(160)]
    found = regression([1] * 160, [0] * 4 + [1] * 156, groups)
    assert found.hidden_loss == hidden_loss(1, 40)
    assert found.losses == 4


def test_few_groups_cannot_tell() -> None:
    found = regression([1] * 20, [0] * 20, [i % 5 for i in range(20)])
    assert (found.proven, found.likely, found.ruled_out) == (False, False, False)
    assert "cannot tell" in found.reason


def test_a_negative_margin_is_refused() -> None:
    with pytest.raises(ValueError, match="margin"):
        not_worse([1], [1], margin=-0.1)
