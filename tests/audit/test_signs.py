"""Signs of failure: each is found where it is, and not where it only looks like it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from suffice.audit.signs import Flag, error_class, flags_of, loops, refuses
from suffice.exchange import Exchange
from suffice.types import Message, ToolCall


def said(text: str, **more: object) -> Exchange:
    return Exchange("1", (Message("user", "Hello"),), Message("assistant", text), **more)  # type: ignore[arg-type]


def test_refusals_agree_with_people_on_real_replies(data: Path) -> None:
    """XSTest: 1,350 replies of three systems with people's labels; of full refusals and partial ones."""
    text = (data / "xstest" / "completions_labelled.jsonl").read_text("utf-8")
    rows = [json.loads(line) for line in text.splitlines()]
    rows = [row for row in rows if row["final_label"]]
    found = [row for row in rows if refuses(row["completion"])]
    right = [row for row in found if row["final_label"] != "1_full_compliance"]
    gpt4 = [row for row in rows if row["system"] == "gpt4" and row["final_label"] == "2_full_refusal"]
    assert len(found) > 200 and len(right) / len(found) > 0.97
    assert sum(refuses(row["completion"]) for row in gpt4) / len(gpt4) > 0.85


@pytest.mark.parametrize(
    "text",
    [
        "I can't believe how good this is! Here is the summary you asked for.",
        "Sorry for the delay. Your parcel arrives on Monday.",
        "Unfortunately, your parcel is late: it arrives on Monday.",
        "The agent said: I'm sorry, but I can't help with that.",
        "As an AI engineer, you will find that gradient descent converges.",
        "I will not bore you with details: the answer is 42.",
        "We cannot ship to Norway, so the order goes to Sweden.",
        "",
    ],
)
def test_what_only_sounds_like_a_refusal_is_none(text: str) -> None:
    assert not refuses(text)


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't assist with that request.",
        "I’m sorry, but I can’t help with that.",
        "I cannot provide instructions for that.",
        "As an AI language model, I am not able to give medical advice.",
        "Unfortunately, I am unable to process this image.",
        "I must decline.",
    ],
)
def test_refusals_are_found(text: str) -> None:
    assert refuses(text)


def test_a_reply_that_runs_in_circles_is_found() -> None:
    assert loops("The answer is in the manual. " + "Please see the section on pages and pages. " * 20)
    assert loops('{"a": 1' + "\n" * 500)


def test_a_long_list_or_table_is_no_circle() -> None:
    assert not loops("\n".join(f"{n}. item number {n} of the list, with some more words" for n in range(60)))
    assert not loops("| --- | --- |\n" * 2 + "\n".join(f"| row {n} | {n * n} |" for n in range(90)))
    assert not loops("ok " * 20)


def test_what_a_log_says_is_counted_under_its_sign() -> None:
    assert flags_of(said("Half a sen", finish="length"))[0] == Flag.TRUNCATED
    assert flags_of(said("", finish="content_filter"))[0] == Flag.FILTERED
    assert flags_of(said("No.", finish="refusal"))[0] == Flag.REFUSED
    assert flags_of(said("", finish="stop"))[0] == Flag.EMPTY
    assert flags_of(said("fine", finish="stop")) == (Flag.NONE, "")
    assert flags_of(Exchange("1", error="Error code: 429 - rate limit reached")) == (Flag.ERROR, "rate limited")
    assert Flag.FILTERED & flags_of(Exchange("1", error="blocked by the content management policy"))[0]


def test_a_refusal_that_the_provider_marks_is_found_whatever_its_words() -> None:
    choice = {"message": {"content": None, "refusal": "Das geht nicht."}, "logprobs": None}
    assert flags_of(said("", extra={"choices": [choice]})) == (Flag.REFUSED, "marked by the provider")
    for other in ({"choices": []}, {"choices": "x"}, {"choices": [{"message": {"refusal": None}}]}):
        assert flags_of(said("Fine.", extra=other))[0] == Flag.NONE


def test_a_call_of_a_tool_is_no_empty_reply() -> None:
    reply = Message("assistant", "", (ToolCall("search", {}),))
    assert flags_of(Exchange("1", (), reply, finish="tool_calls"))[0] == Flag.NONE


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("429 Too Many Requests", "rate limited"),
        ("This model's maximum context length is 8192 tokens", "context too long"),
        ("Request timed out.", "timeout"),
        ("502 Bad Gateway", "server error"),
        ("Connection reset by peer", "dropped connection"),
        ("401 Unauthorized", "not authorized"),
        ("something new", "other"),
    ],
)
def test_errors_are_sorted(message: str, kind: str) -> None:
    assert error_class(message) == kind
