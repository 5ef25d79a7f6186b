"""What forgiving reading finds in a reply, and that no reply is too hostile to be read."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suffice.lenient import DEEPEST, calls_in, named_labels, record_in
from suffice.types import Json, Tool

SCHEMA = {"properties": {"people": {"type": "integer"}, "city": {"type": "string"}}}
TOOLS = (Tool("book", "Book a table.", SCHEMA),)
RECORD = {"people": 4, "city": "Rome"}


@pytest.mark.parametrize(
    ("reply", "found"),
    [
        ("It is refund.", ["refund"]),
        ("refund or shipping", ["refund", "shipping"]),
        ("late_shipping", ["late shipping"]),
        ("refundable", []),
        ("", []),
    ],
)
def test_labels_are_whole_words_and_the_longer_one_counts(reply: str, found: list[str]) -> None:
    assert named_labels(reply, ("refund", "shipping", "late shipping")) == found


@pytest.mark.parametrize(
    "reply",
    [
        'Sure!\n```json\n{"people": 4, "city": "Rome"}\n```',
        "{'people': 4, 'city': 'Rome',}",
        '{"people": "4 people", "city": "Rome"',
        json.dumps(json.dumps(RECORD)),
        '[{"people": 4, "city": "Rome"}]',
    ],
)
def test_a_record_is_found_whatever_it_is_wrapped_in(reply: str) -> None:
    assert record_in(reply, SCHEMA) == RECORD


@pytest.mark.parametrize("reply", ["", "no record", "[1, 2]", "{" * 5000, "[{" * 5000, '{"a":' * 20_000])
def test_where_there_is_none_none_is_made_up(reply: str) -> None:
    assert record_in(reply, SCHEMA) is None or record_in(reply, SCHEMA) == {}
    assert calls_in(reply, TOOLS) == []


def test_what_is_nested_no_deeper_than_it_may_be_is_read() -> None:
    reply = '{"a":' * (DEEPEST - 1) + "1" + "}" * (DEEPEST - 1)
    assert record_in(reply, {}) == json.loads(reply)
    assert record_in('{"a":' * (DEEPEST + 1) + "1" + "}" * (DEEPEST + 1), {}) is None


@pytest.mark.parametrize(
    ("reply", "calls"),
    [
        ('{"name": "book", "arguments": {"people": "4"}}', [{"name": "book", "arguments": {"people": 4}}]),
        ('```\n[{"name": "book", "arguments": {}}]\n```', [{"name": "book", "arguments": {}}]),
        ('{"name": "other", "arguments": {"people": "4"}}', [{"name": "other", "arguments": {"people": "4"}}]),
        ('{"name": 5, "arguments": {}}', []),
        ('{"name": "book"}', []),
    ],
)
def test_calls_are_found_and_typed_as_their_tool_says(reply: str, calls: list[Json]) -> None:
    assert calls_in(reply, TOOLS) == calls


@pytest.mark.parametrize("schema", [{}, {"properties": []}, {"properties": {"people": "integer"}}])
def test_a_schema_that_says_nothing_of_a_field_changes_nothing(schema: dict[str, Json]) -> None:
    assert record_in('{"people": "4"}', schema) == {"people": "4"}


@given(st.text('{}[]":,\\ ab1', max_size=60))
def test_no_reply_raises(reply: str) -> None:
    record_in(reply, SCHEMA)
    calls_in(reply, TOOLS)
