"""openai_chat: requests and replies in the envelopes of gateways, and the chunks of streams."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from imported import found, said, told

from suffice.exchange import Exchange
from suffice.importer import RAW, Unusable
from suffice.importers.openai_chat import OpenaiChat
from suffice.logs import Logs
from suffice.testing import check_importer
from suffice.types import Message, Tool, ToolCall, Usage

ASKED = {
    "model": "gpt-4.1-mini",
    "temperature": 0,
    "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Where is Oslo?"}],
}
CAME = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1_793_527_200,
    "model": "gpt-4.1-mini-2025",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "In Norway."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 20, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 16}},
}
SAID = [("system", "Be brief."), ("user", "Where is Oslo?"), ("assistant", "In Norway.")]
ENVELOPES: list[dict[str, Any]] = [
    {"request": ASKED, "response": CAME},
    {"request_body": ASKED, "response_body": CAME},
    {"request": {"url": "/v1", "body": ASKED}, "response": {"status": 200, "body": CAME}},
    {"body": ASKED, "resp": CAME},
    {**ASKED, **CAME},
    {**ASKED, "response": CAME},
    {**ASKED, "response": "In Norway.", "usage": CAME["usage"]},
    {**ASKED, "completion": {"role": "assistant", "content": "In Norway."}, "usage": CAME["usage"]},
    {"messages": [*ASKED["messages"], CAME["choices"][0]["message"]], "model": "m", "usage": CAME["usage"]},
    {"request": str(ASKED).replace("'", '"'), "response": str(CAME).replace("'", '"')},
]


@pytest.mark.parametrize("row", ENVELOPES, ids=[str(at) for at in range(len(ENVELOPES))])
def test_an_envelope_is_opened(row: dict[str, Any]) -> None:
    (exchange,) = told(OpenaiChat(), row)
    assert said(exchange) == SAID
    assert exchange.usage == Usage(20, 4, 16) and exchange.model


def test_what_the_gateway_says_around_the_call_is_kept() -> None:
    row = {
        "request_id": "r1",
        "timestamp": "2026-11-01T10:00:00Z",
        "request": {**ASKED, "response_format": {"type": "json_object"}, "user": "anna"},
        "response": {**CAME, "system_fingerprint": "fp"},
        "latency_ms": 812,
        "ttft_ms": 90,
        "cost": 0.002,
        "trace_id": "t",
        "route": "faq",
        "feedback": 1,
        "region": "eu",
    }
    (exchange,) = told(OpenaiChat(), row)
    assert (exchange.id, exchange.time, exchange.ms, exchange.first_ms) == ("r1", 1_793_527_200.0, 812, 90)
    assert (exchange.cost, exchange.trace, exchange.name, exchange.score) == (0.002, "t", "faq", 1.0)
    assert (exchange.finish, exchange.schema, exchange.model) == ("stop", {}, "gpt-4.1-mini-2025")
    extra = {"temperature": 0, "user": "anna", "system_fingerprint": "fp", "region": "eu", "feedback": 1}
    assert exchange.extra == extra


def test_times_that_are_not_named_with_their_unit_are_not_guessed() -> None:
    (exchange,) = told(OpenaiChat(), {"request": ASKED, "response": CAME, "latency": 0.8, "duration": 812})
    assert exchange.ms is None and exchange.extra["latency"] == 0.8
    start, end = "2026-11-01T10:00:00.000Z", "2026-11-01T10:00:00.250Z"
    (timed,) = told(OpenaiChat(), {"request": ASKED, "response": CAME, "startTime": start, "endTime": end})
    assert timed.ms == 250


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"response": {"error": {"message": "overloaded", "code": 529}}}, "overloaded"),
        ({"response": {}, "status_code": 503}, "status 503"),
        ({"response": None, "error": "timeout"}, "timeout"),
    ],
)
def test_a_call_that_failed_has_no_reply_and_says_why(more: dict[str, Any], error: str) -> None:
    (exchange,) = told(OpenaiChat(), {"request": ASKED, **more})
    assert (exchange.reply, exchange.error) == (None, error)


def test_tools_and_calls() -> None:
    offered = {
        "type": "function",
        "function": {"name": "look", "description": "Look.", "parameters": {"type": "object"}},
    }
    good = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"for": "Oslo"}'}}
    bad = {"id": "c2", "type": "function", "function": {"name": "look", "arguments": '{"for": '}}
    history = [{"role": "assistant", "content": None, "tool_calls": [good]}]
    history.append({"role": "tool", "content": "Norway", "tool_call_id": "c1"})
    reply = {"role": "assistant", "content": None, "tool_calls": [bad]}
    row = {"messages": history, "tools": [offered], "choices": [{"message": reply, "finish_reason": "tool_calls"}]}
    (exchange,) = told(OpenaiChat(), row)
    assert exchange.tools == (Tool("look", "Look.", {"type": "object"}),)
    assert exchange.messages[0].tool_calls == (ToolCall("look", {"for": "Oslo"}, "c1"),)
    assert exchange.messages[1] == Message("tool", "Norway", tool_call_id="c1")
    assert exchange.reply == Message("assistant", "", (ToolCall("look", {RAW: '{"for": '}, "c2"),))


def test_parts_and_what_they_lose() -> None:
    parts = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": "data:"}}]
    (exchange,) = told(OpenaiChat(), {"messages": [{"role": "user", "content": parts}], "response": "a cat"})
    assert exchange.messages[0].content == "What is it?\n[image_url]"
    assert exchange.extra["messages"] == [{"role": "user", "content": parts}]


def test_responses_and_messages_of_other_endpoints() -> None:
    responses = {
        "request": {"model": "m", "instructions": "Be brief.", "input": "Where is Oslo?"},
        "response": {
            "object": "response",
            "status": "completed",
            "output": [
                {"type": "reasoning", "summary": []},
                {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "In Norway."}]},
                {"type": "function_call", "name": "look", "arguments": "{}", "call_id": "c"},
            ],
            "usage": {"input_tokens": 9, "output_tokens": 3, "input_tokens_details": {"cached_tokens": 4}},
        },
    }
    anthropic = {
        "request": {"model": "m", "system": "Be brief.", "messages": [{"role": "user", "content": "Where is Oslo?"}]},
        "response": {
            "type": "message",
            "role": "assistant",
            "content": [
                {"type": "text", "text": "In Norway."},
                {"type": "tool_use", "id": "c", "name": "look", "input": {}},
            ],
            "stop_reason": "tool_use",
            "usage": {"input_tokens": 5, "cache_read_input_tokens": 4, "output_tokens": 3},
        },
    }
    for exchange in told(OpenaiChat(), responses, anthropic):
        assert said(exchange) == SAID
        assert exchange.reply and exchange.reply.tool_calls == (ToolCall("look", {}, "c"),)
        assert exchange.usage == Usage(9, 3, 4)
    completion = {"prompt": "Once", "choices": [{"text": " upon", "finish_reason": "length"}], "model": "m"}
    embedding = {"request": {"model": "e", "input": "a"}, "response": {"data": [{"embedding": [0.1]}], "model": "e"}}
    first, second = told(OpenaiChat(), completion, embedding)
    assert said(first) == [("user", "Once"), ("assistant", " upon")] and first.finish == "length"
    assert (second.kind, second.reply) == ("embedding", None)


def chunk(name: str, content: str | None = None, **choice: Any) -> dict[str, Any]:
    delta = {} if content is None else {"content": content}
    return {"id": name, "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta, **choice}]}


def test_streams_that_run_side_by_side_are_told_apart() -> None:
    usage = {"id": "b", "object": "chat.completion.chunk", "choices": [], "usage": {"prompt_tokens": 7}}
    rows = [chunk("a", "Hel"), chunk("b", "Good"), chunk("a", "lo"), chunk("b", "bye", finish_reason="stop"), usage]
    first, second = told(OpenaiChat(), *rows)
    assert (first.id, first.reply, first.finish) == ("b", Message("assistant", "Goodbye"), "stop")
    assert first.usage == Usage(7, 0) and first.line == 2
    assert (second.id, second.reply, second.finish) == ("a", Message("assistant", "Hello"), "")


def test_streams_without_end_are_bounded() -> None:
    endless = (chunk("a", "x" * 1_000_000) for _ in range(20))
    assert any(isinstance(one, Unusable) and "longer" in one.reason for one in found(OpenaiChat(), *endless))
    assert len(told(OpenaiChat(), *(chunk(f"s{n}", "x") for n in range(1000)))) == 1000


STREAMS = {
    "chat_completions_streaming_example.jsonl": ("Santa Claus is a popular figure in Christmas", (), "length"),
    "chat_completions_streaming_json_example.jsonl": (
        '{"answer": "Santa Claus is a popular figure in Christmas."}',
        (),
        "length",
    ),
    "chat_completions_streaming_function_example.jsonl": ("", (("response", {"answer": "Boston"}),), "tool_calls"),
    "chat_completions_example.json": (
        "The 2020 World Series was played in Texas at Globe Life Field in Arlington.",
        (),
        "stop",
    ),
    "chat_completions_function_example.json": (
        "",
        (
            (
                "output",
                {"answer": "The 2020 World Series was played in Texas at Globe Life Field in Arlington."},
            ),
        ),
        "stop",
    ),
    "chat_completions_json_example.json": (
        '{"answer": "The 2020 World Series was played in Texas at Globe Life Field in Arlington."}',
        (),
        "stop",
    ),
}


@pytest.mark.parametrize("name", STREAMS)
def test_completions_as_a_gateway_recorded_them(name: str, data: Path) -> None:
    logs = Logs([data / "gateway_fixtures" / name])
    (exchange,) = list(logs)
    content, calls, finish = STREAMS[name]
    assert not logs.unusable and exchange.reply is not None
    assert (exchange.reply.content, exchange.finish) == (content, finish)
    assert tuple((call.name, call.arguments) for call in exchange.reply.tool_calls) == calls
    assert exchange.usage == Usage(57, 17, 2) and exchange.model == "gpt-4.1-mini"


def test_it_keeps_its_shelfs_promises() -> None:
    check_importer(OpenaiChat(), [*ENVELOPES, chunk("a", "x"), {"messages": ASKED["messages"]}])
    assert isinstance(told(OpenaiChat(), {"messages": ASKED["messages"]})[0], Exchange)
