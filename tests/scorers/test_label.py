"""Label forgives case, white space and a full stop; a label inside a sentence is no label."""

from __future__ import annotations

import pytest

from suffice.data import Example, Output
from suffice.scorers.label import Label
from suffice.types import Answer

LABELS = ("refund", "Refund_not_showing_up", "reverted_card_payment?")


def score(expected: str, text: str) -> float | None:
    return Label(LABELS)(Example("a", "q", expected), Answer(text)).value


@pytest.mark.parametrize("text", ["refund", " Refund.\n", "REFUND!", "refund …", '"refund"'])
def test_a_label_is_known_through_case_and_trailing_punctuation(text: str) -> None:
    assert score("refund", text) == float(not text.startswith('"'))


@pytest.mark.parametrize("text", ["The label is refund", "refund, shipping", "refund_", "", "refun"])
def test_anything_around_the_label_is_wrong(text: str) -> None:
    assert score("refund", text) == 0.0


def test_a_label_that_ends_in_punctuation_can_be_answered() -> None:
    assert score("reverted_card_payment?", "reverted_card_payment?") == 1.0


def test_the_reason_tells_a_wrong_label_from_no_label() -> None:
    example = Example("a", "q", "refund")
    assert (
        Label(LABELS)(example, Answer("Refund_not_showing_up")).reason == "want `refund`, got `Refund_not_showing_up`"
    )
    assert Label(LABELS)(example, Answer("I think so")).reason == "want `refund`, got `I think so`, which is no label"


def test_several_labels_can_be_accepted() -> None:
    assert Label()(Example("a", "q", ["refund", "return"]), Answer("Return")).value == 1.0


def test_it_fits_label_tasks_only() -> None:
    assert Label().misfit(Output("labels", LABELS)) is None
    assert Label().misfit(Output()) == "`label` judges labels; the output contract is text"
