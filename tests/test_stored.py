"""Answers and records come back from JSON as they went."""

from __future__ import annotations

import json

import pytest

from suffice.record import Record
from suffice.score import Score
from suffice.stored import answer_json, answer_of, record_json, record_of, text_of
from suffice.types import Answer, Step, ToolCall, Usage

FULL = Answer(
    text="a \ud800 b",
    value={"n": 1},
    tool_calls=(ToolCall("find", {"q": "x"}, "c1"),),
    citations=("p1",),
    usage=Usage(3, 2, 1),
    cost=None,
    status="truncated",
    confidence=0.5,
    logprobs=(-0.1,),
    trace=(Step("rules", 1.0, 2, {"retried": True}), Step("model", 3.0)),
    notes={"a": 1},
)


@pytest.mark.parametrize("answer", [Answer(""), Answer("x", cost=0.25), FULL], ids=["empty", "priced", "full"])
def test_an_answer_comes_back_as_it_went(answer: Answer) -> None:
    assert answer_of(json.loads(text_of(answer_json(answer)))) == answer


@pytest.mark.parametrize(
    "record",
    [
        Record("1", FULL, Score(1.0, "equal")),
        Record("2", None, Score(0.0, "the call failed"), "no answer", "timeout"),
        Record("3", Answer("x"), Score(None, "cannot judge"), cached=True),
    ],
    ids=["good", "failed", "unjudged"],
)
def test_a_record_comes_back_as_it_went(record: Record) -> None:
    assert record_of(json.loads(text_of(record_json(record)))) == record


def test_kept_text_is_ascii_and_never_holds_nan() -> None:
    assert text_of({"é": "\ud800"}).isascii()
    with pytest.raises(ValueError, match=r"NaN|nan|Out of range"):
        text_of({"n": float("nan")})
