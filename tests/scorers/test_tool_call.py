"""Tool calls are right where name and arguments are, all of them and no others."""

from __future__ import annotations

import json

import pytest

from suffice.data import Example, Output
from suffice.scorers.tool_call import ToolCall
from suffice.types import Answer, Json
from suffice.types import ToolCall as Made

BOOK = {"name": "book", "arguments": {"people": 4, "at": "6 pm"}}
LOOK = {"name": "look", "arguments": {}}


def score(expected: Json, reply: Json) -> float | None:
    text = reply if isinstance(reply, str) else json.dumps(reply)
    return ToolCall()(Example("a", "q", expected), Answer(text)).value


@pytest.mark.parametrize(
    ("expected", "reply", "value"),
    [
        (BOOK, BOOK, 1.0),
        (BOOK, [BOOK], 1.0),
        ([BOOK, LOOK], [LOOK, BOOK], 1.0),
        ([BOOK, LOOK], BOOK, 0.0),
        (BOOK, [BOOK, LOOK], 0.0),
        (BOOK, [BOOK, BOOK], 0.0),
        (BOOK, {**BOOK, "name": "Book"}, 0.0),
        (BOOK, {"name": "book", "arguments": {"people": 4.0, "at": " 6  PM"}}, 1.0),
        (BOOK, {"name": "book", "arguments": {"people": "4", "at": "6 pm"}}, 0.0),
        (BOOK, {"name": "book", "arguments": {"people": 4}}, 0.0),
        (BOOK, {"name": "book", "arguments": {**BOOK["arguments"], "more": 1}}, 0.0),
        ({"any_of": [BOOK, LOOK]}, LOOK, 1.0),
        ({"any_of": [[BOOK, LOOK], [LOOK]]}, [LOOK], 1.0),
        (
            {"name": "book", "arguments": {"people": {"any_of": [4, 5]}}},
            {"name": "book", "arguments": {"people": 5}},
            1.0,
        ),
        ({"name": "book", "arguments": {"at": {"any_of": ["6 pm", None]}}}, {"name": "book", "arguments": {}}, 1.0),
        ({"name": "book", "arguments": {"now": True}}, {"name": "book", "arguments": {"now": 1}}, 0.0),
        ({"name": "book", "arguments": {"who": [{"a": 1}]}}, {"name": "book", "arguments": {"who": [{"a": 1}]}}, 1.0),
        ([], "I cannot do that.", 1.0),
        ([], LOOK, 0.0),
        (BOOK, "no JSON", 0.0),
        (BOOK, {"name": "book", "arguments": "people=4"}, 0.0),
        (BOOK, 7, 0.0),
        ("no call", BOOK, 0.0),
    ],
)
def test_a_call_is_right_or_wrong(expected: Json, reply: Json, value: float) -> None:
    assert score(expected, reply) == value


def test_calls_made_the_providers_way_come_before_the_text() -> None:
    made = Answer("booking …", tool_calls=(Made("book", BOOK["arguments"]),))  # type: ignore[arg-type]
    assert ToolCall()(Example("a", "q", BOOK), made).value == 1.0


def test_the_reason_names_the_first_difference() -> None:
    told = ToolCall()(Example("a", "q", BOOK), Answer(json.dumps({"name": "book", "arguments": {"people": 5}})))
    assert told.reason == "people: want 4, got 5"
    assert ToolCall()(Example("a", "q", BOOK), Answer(json.dumps(LOOK))).reason == "want a call of book, got look"


def test_it_judges_calls_only() -> None:
    assert ToolCall().misfit(Output("tools")) is None and "calls" in str(ToolCall().misfit(Output()))
    assert ToolCall()(Example("a", "q"), Answer("{}")).value is None
