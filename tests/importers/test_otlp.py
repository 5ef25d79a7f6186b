"""otlp: spans under every convention that is in use tell the same call."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from imported import found, said, told

from suffice.importer import Unusable
from suffice.importers.otlp import Otlp
from suffice.logs import Logs
from suffice.testing import check_importer
from suffice.types import Tool, ToolCall, Usage

START = 1_793_527_200_000_000_000


def wrapped(value: Any) -> dict[str, Any]:
    """A value as OTLP writes it."""
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, str):
        return {"stringValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [wrapped(item) for item in value]}}
    return {"kvlistValue": {"values": pairs(value)}}


def pairs(attributes: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": wrapped(value)} for key, value in attributes.items()]


def span(
    attributes: dict[str, Any], events: tuple[tuple[str, dict[str, Any]], ...] = (), **more: Any
) -> dict[str, Any]:
    return {
        "traceId": "t1",
        "spanId": "s1",
        "parentSpanId": "p1",
        "name": "chat gpt-4.1-mini",
        "startTimeUnixNano": str(START),
        "endTimeUnixNano": str(START + 1_500_000_000),
        "attributes": pairs(attributes),
        "events": [{"name": name, "timeUnixNano": str(START), "attributes": pairs(a)} for name, a in events],
        "status": {},
        **more,
    }


def document(*spans: dict[str, Any]) -> dict[str, Any]:
    resource = {"attributes": pairs({"service.name": "shop"})}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": {"name": "x"}, "spans": list(spans)}]}]}


BASE = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4.1-mini", "gen_ai.usage.input_tokens": 20}
BASE |= {"gen_ai.usage.output_tokens": 4, "gen_ai.response.finish_reasons": ["stop"]}
TODAY = {
    "gen_ai.system_instructions": json.dumps([{"type": "text", "content": "Be brief."}]),
    "gen_ai.input.messages": json.dumps([{"role": "user", "parts": [{"type": "text", "content": "Where is Oslo?"}]}]),
    "gen_ai.output.messages": json.dumps(
        [
            {
                "role": "assistant",
                "parts": [
                    {"type": "text", "content": "In Norway."},
                    {"type": "tool_call", "id": "c", "name": "look", "arguments": {"a": 1}},
                ],
                "finish_reason": "stop",
            }
        ]
    ),
    "gen_ai.tool.definitions": json.dumps([{"type": "function", "name": "look", "parameters": {"type": "object"}}]),
}
CALL = {"id": "c", "type": "function", "function": {"name": "look", "arguments": '{"a": 1}'}}
EVENTS = (
    ("gen_ai.system.message", {"content": "Be brief."}),
    ("gen_ai.user.message", {"content": "Where is Oslo?", "role": "user"}),
    (
        "gen_ai.choice",
        {"index": 0, "finish_reason": "stop", "message": {"content": "In Norway.", "tool_calls": json.dumps([CALL])}},
    ),
)
OPENLLMETRY = {
    "llm.request.type": "chat",
    "gen_ai.request.model": "gpt-4.1-mini",
    "gen_ai.usage.prompt_tokens": 20,
    "gen_ai.usage.completion_tokens": 4,
    "gen_ai.prompt.0.role": "system",
    "gen_ai.prompt.0.content": "Be brief.",
    "gen_ai.prompt.1.role": "user",
    "gen_ai.prompt.1.content": "Where is Oslo?",
    "gen_ai.completion.0.role": "assistant",
    "gen_ai.completion.0.content": "In Norway.",
    "gen_ai.completion.0.finish_reason": "stop",
    "gen_ai.completion.0.tool_calls.0.id": "c",
    "gen_ai.completion.0.tool_calls.0.name": "look",
    "gen_ai.completion.0.tool_calls.0.arguments": '{"a": 1}',
    "llm.request.functions.0.name": "look",
    "llm.request.functions.0.parameters": '{"type": "object"}',
}
OPENINFERENCE = {
    "openinference.span.kind": "LLM",
    "llm.model_name": "gpt-4.1-mini",
    "llm.token_count.prompt": 20,
    "llm.token_count.completion": 4,
    "llm.input_messages.0.message.role": "system",
    "llm.input_messages.0.message.content": "Be brief.",
    "llm.input_messages.1.message.role": "user",
    "llm.input_messages.1.message.contents.0.message_content.type": "text",
    "llm.input_messages.1.message.contents.0.message_content.text": "Where is Oslo?",
    "llm.output_messages.0.message.role": "assistant",
    "llm.output_messages.0.message.content": "In Norway.",
    "llm.output_messages.0.message.tool_calls.0.tool_call.id": "c",
    "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "look",
    "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": '{"a": 1}',
    "llm.tools.0.tool.json_schema": json.dumps({"function": {"name": "look", "parameters": {"type": "object"}}}),
    "input.value": "not this",
    "output.value": "nor this",
}
VERCEL = {
    "ai.operationId": "ai.generateText.doGenerate",
    "ai.model.id": "gpt-4.1-mini",
    "ai.usage.promptTokens": 20,
    "ai.usage.completionTokens": 4,
    "ai.prompt.messages": json.dumps(
        [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "Where is Oslo?"}]},
        ]
    ),
    "ai.response.text": "In Norway.",
    "ai.response.toolCalls": json.dumps([{"toolCallId": "c", "toolName": "look", "input": {"a": 1}}]),
    "ai.response.finishReason": "stop",
    "ai.prompt.tools": [json.dumps({"type": "function", "name": "look", "inputSchema": {"type": "object"}})],
}
CONVENTIONS = {
    "2025": span({**BASE, **TODAY}),
    "on an event": span(
        {**BASE, "gen_ai.tool.definitions": TODAY["gen_ai.tool.definitions"]},
        (
            (
                "gen_ai.client.inference.operation.details",
                {k: TODAY[k] for k in TODAY if k != "gen_ai.tool.definitions"},
            ),
        ),
    ),
    "an event a message": span({**BASE, "gen_ai.tool.definitions": TODAY["gen_ai.tool.definitions"]}, EVENTS),
    "openllmetry": span(OPENLLMETRY),
    "openinference": span({**OPENINFERENCE, "gen_ai.response.finish_reasons": ["stop"]}),
    "vercel": span(VERCEL),
}
SAID = [("system", "Be brief."), ("user", "Where is Oslo?"), ("assistant", "In Norway.")]


@pytest.mark.parametrize("name", CONVENTIONS)
def test_every_convention_tells_the_same_call(name: str) -> None:
    (call,) = told(Otlp(), document(CONVENTIONS[name]))
    assert said(call) == SAID and call.kind == "model"
    assert call.reply and call.reply.tool_calls == (ToolCall("look", {"a": 1}, "c"),)
    assert call.tools == (Tool("look", "", {"type": "object"}),)
    assert (call.model, call.usage, call.finish) == ("gpt-4.1-mini", Usage(20, 4), "stop")
    assert (call.id, call.trace, call.parent, call.time, call.ms) == ("s1", "t1", "p1", START / 1e9, 1500.0)
    assert call.extra["resource"] == {"service.name": "shop"}


def test_steps_around_a_call_and_failures() -> None:
    failed = span({**BASE, "error.type": "RateLimit"}, status={"code": 2, "message": "429"}, spanId="s2")
    spans = [
        span({"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "a"}),
        span(
            {
                "gen_ai.operation.name": "execute_tool",
                "gen_ai.tool.call.arguments": "{}",
                "gen_ai.tool.call.result": "4",
            }
        ),
        span({"gen_ai.operation.name": "embeddings", "gen_ai.request.model": "e", "gen_ai.usage.input_tokens": 5}),
        span({"http.method": "GET"}),
        failed,
    ]
    around, tool, embedding, http, call = told(Otlp(), document(*spans))
    assert [e.kind for e in (around, tool, embedding, http, call)] == ["other", "tool", "embedding", "other", "model"]
    assert tool.reply and tool.reply.content == "4"
    assert embedding.usage == Usage(5, 0) and http.extra["attributes"] == {"http.method": "GET"}
    assert (call.error, call.reply) == ("429", None)


def test_unknown_attributes_are_kept_and_evaluations_are_scores() -> None:
    evaluated = ("gen_ai.evaluation.result", {"gen_ai.evaluation.score.value": 0.75})
    (call,) = told(Otlp(), document(span({**BASE, **TODAY, "shop.tenant": 7}, (evaluated,))))
    assert call.extra["attributes"]["shop.tenant"] == 7 and call.score == 0.75
    assert "gen_ai.input.messages" not in call.extra["attributes"]


def test_a_file_of_many_documents_and_a_pretty_one(tmp_path: Path) -> None:
    many = [document(span({**BASE, **TODAY}, spanId=f"s{n}")) for n in range(3)]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(one) + "\n" for one in many))
    (tmp_path / "b.json").write_text(json.dumps({"resourceSpans": [one["resourceSpans"][0] for one in many]}, indent=2))
    for name in ("a.jsonl", "b.json"):
        logs = Logs([tmp_path / name])
        assert [call.id for call in logs] == ["s0", "s1", "s2"] and logs.forms == {"otlp": 3}


def test_log_records_are_said_not_to_be_read() -> None:
    (one,) = found(Otlp(), {"resourceLogs": []})
    assert isinstance(one, Unusable) and "export the spans" in one.reason


def test_it_keeps_its_shelfs_promises() -> None:
    check_importer(Otlp(), [document(one) for one in CONVENTIONS.values()])
    for key in ("attributes", "events", "status", "startTimeUnixNano"):
        for value in (None, 5, "x", [], {}, [5], [{"key": 5, "value": 5}], [{"key": "a", "value": {"intValue": "x"}}]):
            found(Otlp(), document({**CONVENTIONS["2025"], key: value}))
