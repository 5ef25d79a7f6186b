"""What is kept of a call: labels, searches, versions and sizes, whatever way a log tells them."""

from __future__ import annotations

import math

import pytest

from suffice.exchange import Exchange
from suffice.types import Json, Message, ToolCall, Usage
from suffice.watch.days import Day, Days
from suffice.watch.monitors import columns, usual, values
from suffice.watch.seen import index_version, label_of, question, searches, seen, version


def call(asked: str = "where is my parcel", said: str = "delivery", **more: Json) -> Exchange:
    return Exchange("1", (Message("user", asked),), Message("assistant", said), **more)


@pytest.mark.parametrize("said", ["refund", " Refund\n", '{"label": "refund"}', '{ "intent":"REFUND" }'])
def test_a_label_is_the_same_bare_or_as_the_one_value_of_an_object(said: str) -> None:
    assert label_of(said) == label_of("refund")


@pytest.mark.parametrize("said", ["", "   ", "x" * 81])
def test_what_is_no_label(said: str) -> None:
    assert label_of(said) is None


def test_labels_that_differ_are_told_apart_and_a_tools_call_is_none() -> None:
    assert label_of('{"label": "refund", "sure": 0.9}') != label_of("refund") != label_of("delivery")
    reply = Message("assistant", "", (ToolCall("find", {}),))
    assert seen(Exchange("1", (), reply)).label is None


@pytest.mark.parametrize(
    ("extra", "top", "found"),
    [
        ({"passages": [{"document": "a.md", "score": 0.7}, {"document": "b.md", "score": 0.9}]}, 0.9, 2),
        ({"retrieved": [{"id": "a", "similarity": 0.4}]}, 0.4, 1),
        ({"documents": ["a text", "another"]}, None, 2),
        ({"contexts": []}, None, 0),
        ({"passages": [{"document": "a", "score": True}, {"score": "0.9"}, None, 7]}, None, 2),
        ({"passages": [{"score": math.inf}, {"score": math.nan}]}, None, 2),
    ],
)
def test_searches_beside_a_call(extra: dict[str, Json], top: float | None, found: int) -> None:
    (sought,) = searches(call(extra=extra))
    assert (sought.top, sought.found) == (top, found)


def test_a_retrieval_step_of_a_trace_is_a_search_and_a_call_without_passages_is_none() -> None:
    step = Exchange("s", kind="retrieval", reply=Message("tool", "first passage\n\nsecond passage"))
    assert [s.found for s in searches(step)] == [2]
    assert [s.found for s in searches(Exchange("s", kind="retrieval"))] == [0]
    assert not list(searches(call()))


def test_versions_are_read_where_the_log_tells_them() -> None:
    assert version(call(model="m", extra={"system_fingerprint": "fp_1"})) == "m fp_1"
    assert version(call(model="m", extra={"system_fingerprint": {"odd": 1}})) == "m"
    assert version(call(model="m", extra={"response": {"system_fingerprint": "fp_2"}})) == "m fp_2"
    assert index_version(call(extra={"index_version": 7})) == "7" and index_version(call()) == ""


def test_the_question_is_the_last_thing_a_user_said() -> None:
    turns = tuple(Message(r, t) for r, t in (("user", "a"), ("assistant", "b"), ("user", "c"), ("tool", "d")))  # type: ignore[arg-type]
    assert question(Exchange("1", turns)) == "c" and question(Exchange("1")) == ""
    assert question(Exchange("1", (Message("system", "s"),))) == "s"


def test_sizes_come_from_text_or_from_tokens() -> None:
    assert seen(call("x" * 99)).length == pytest.approx(math.log(100), abs=1e-4)
    bare = seen(Exchange("1", usage=Usage(999, 49)))
    assert bare.length == pytest.approx(math.log(1000), abs=1e-4) and bare.out == pytest.approx(math.log(50), abs=1e-4)
    assert seen(Exchange("1")).length is None and seen(call(ms=-1.0)).ms is None


def made(n: int, *, new: int = 0) -> Day:
    """A day of so many calls of two kinds, of which `new` have words that no other day has."""
    days = Days()
    days.take(
        call(
            f"{'quantum vortex' if at < new else 'parcel' if at % 2 else 'refund'} number {at % 40}",
            "delivery" if at % 2 else "refund",
            time=float(at),
        )
        for at in range(n)
    )
    return days.kept[0]


def test_values_do_not_move_with_volume_and_scope_does_with_new_requests() -> None:
    known = usual([columns(made(200)), columns(made(199))])
    small, large, odd = (values(columns(day), known) for day in (made(60), made(240), made(200, new=60)))
    assert small["labels"] is not None and float(abs(small["labels"]).max()) < 0.1  # type: ignore[arg-type]
    assert large["scope"] is not None and float(large["scope"]) < 0.1  # type: ignore[arg-type]
    assert float(odd["scope"]) > 0.2  # type: ignore[arg-type]
    assert values(columns(Day()), known)["words"] is None
