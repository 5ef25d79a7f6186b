"""Exact is strict about everything but the white space around."""

from __future__ import annotations

import pytest

from suffice.data import Example, Output
from suffice.scorers.exact import Exact
from suffice.types import Answer, Json


def score(expected: Json, text: str) -> float | None:
    return Exact()(Example("a", "q", expected), Answer(text)).value


@pytest.mark.parametrize(
    ("expected", "text", "value"),
    [
        ("Paris", " Paris\n", 1.0),
        ("Paris", "paris", 0.0),
        ("Paris", "Paris.", 0.0),
        (["yes", "sure"], "sure", 1.0),
        ({"any_of": ["yes", "sure"]}, "yes", 1.0),
        (12, "12", 1.0),
        (True, "true", 1.0),
        ("", "", 1.0),
    ],
)
def test_a_reply_equals_an_accepted_answer_or_not(expected: Json, text: str, value: float) -> None:
    assert score(expected, text) == value


def test_the_reason_names_what_was_wanted_and_what_came() -> None:
    said = Exact()(Example("a", "q", ["refund", "money back"]), Answer("shipping"))
    assert said.reason == "want `refund` or `money back`, got `shipping`"


def test_long_replies_are_cut_in_the_reason_alone() -> None:
    text = "word " * 1000
    assert score(text, text) == 1.0
    assert len(Exact()(Example("a", "q", "no"), Answer(text)).reason) < 120


def test_without_an_expected_answer_it_could_not_judge() -> None:
    assert score(None, "anything") is None


def test_records_and_tool_calls_are_pointed_to_their_own_scorers() -> None:
    assert Exact().misfit(Output("text")) is None
    assert "json" in str(Exact().misfit(Output("schema")))
    assert "tool_call" in str(Exact().misfit(Output("tools")))
