"""Formats: how a reply fails to be the JSON that was asked for, and whether it was asked for at all."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from audit.made import SCHEMA, call

from suffice.audit.formats import Formats
from suffice.types import Message, ToolCall


@pytest.mark.parametrize(
    ("reply", "how"),
    [
        ('{"a": 1}', ""),
        (' \n{"a": 1, "b": 2}\n', ""),
        ('{"a": "1"}', "breaks its schema"),
        ("[1]", "breaks its schema"),
        ('```json\n{"a": 1}\n```', "in a code fence"),
        ('Here it is: {"a": 1}', "text around it"),
        ('{"a": 1,}', "does not parse"),
        ("{'a': 1}", "does not parse"),
        ("It is one.", "no JSON at all"),
        ("", "empty"),
        ('{"a": NaN}', "does not parse"),
    ],
)
def test_each_way_of_breaking_has_its_name(reply: str, how: str) -> None:
    assert Formats().broken(reply, SCHEMA) == how


def test_what_was_cut_off_is_called_so_and_any_json_has_no_schema_to_break() -> None:
    assert Formats().broken('{"a": 1', SCHEMA, cut=True) == "cut off"
    assert Formats().broken('{"b": []}', {}) == "" and Formats().broken("[1]", None) == ""


def test_a_schema_that_is_none_blames_no_reply() -> None:
    made = Formats()
    for schema in ({"type": "nonsense"}, {"$ref": "http://elsewhere/x"}, {"pattern": "("}):
        assert made.broken('{"a": 1}', schema) == ""


@pytest.mark.parametrize(
    ("prompt", "asked"),
    [
        ("Reply with a JSON object.", "words"),
        ("Return only valid JSON.", "words"),
        ("Answer in one word.", ""),
        ("The user's settings are stored as json. Explain them to the user.", ""),
        ("You turn JSON into poems.", ""),
    ],
)
def test_that_json_was_asked_for_is_read_from_the_words(prompt: str, asked: str) -> None:
    assert Formats().asked(call(system=prompt)) == asked


def test_structured_output_is_known_by_its_schema_and_tool_calls_are_no_text() -> None:
    made = Formats()
    assert made.asked(call(schema={})) == "structured" and made.asked(call(schema={}, said=None)) == ""
    called = Message("assistant", "", (ToolCall("t", {}),))
    assert made.asked(replace(call(schema={}), reply=called)) == ""


@pytest.mark.parametrize(
    "text", ["```\n" + " " * 200_000, "[" * 200_000, "return " * 30_000 + "json", "{" + "a" * 500_000]
)
def test_a_hostile_reply_takes_no_longer_than_its_length(text: str) -> None:
    made, began = Formats(), time.process_time()
    made.broken(text, SCHEMA)
    made.asked(call(system=text))
    assert time.process_time() - began < 2.0
