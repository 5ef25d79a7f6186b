"""Similarity judges by meaning, and says so in numbers."""

from __future__ import annotations

from pathlib import Path

import pytest

from suffice.data import Example, Output
from suffice.scorers.similarity import Similarity
from suffice.types import Answer

REFUND = Example("a", "q", "You get your money back within two weeks.")


def test_the_same_meaning_scores_more_than_another(minilm: Path) -> None:
    near = Similarity()(REFUND, Answer("Your money is returned to you in two weeks.")).value
    far = Similarity()(REFUND, Answer("The cat sleeps on the sofa.")).value
    assert near is not None and far is not None and near > 0.7 > 0.1 > far


def test_the_same_words_are_fully_right_and_no_words_fully_wrong(minilm: Path) -> None:
    assert Similarity()(REFUND, Answer("You get your money back within two weeks.")).value == 1.0
    assert Similarity()(REFUND, Answer("  ")).value == 0.0


def test_the_limits_set_what_counts_as_the_same(minilm: Path) -> None:
    text = Answer("Your money is returned to you in two weeks.")
    strict, lenient = Similarity(same=0.99)(REFUND, text).value, Similarity(same=0.6)(REFUND, text).value
    assert strict is not None and strict < 1.0 == lenient


def test_the_nearest_of_several_answers_counts(minilm: Path) -> None:
    said = Similarity()(Example("a", "q", ["We are closed on Sundays.", "Nobody knows."]), Answer("Closed on Sunday."))
    assert "closed on Sundays" in said.reason and said.reason.startswith("cosine 0.")


@pytest.mark.parametrize("output", [Output("labels", ("a",)), Output("schema"), Output("tools")])
def test_only_free_text_has_a_meaning_to_compare(output: Output) -> None:
    assert Similarity().misfit(output) is not None
