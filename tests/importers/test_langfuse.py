"""Langfuse: the traces of twenty frameworks import to the messages that a person would read in them.

Beside each trace lies what Langfuse's own normaliser made of it, by observation. Where it recorded a failure, or kept
a value as JSON, what a person would expect is written out here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from suffice.exchange import Exchange
from suffice.importers._messages import ROLES
from suffice.importers.langfuse import Langfuse
from suffice.logs import Logs
from suffice.testing import check_importer
from suffice.types import Message, Usage

FRAMEWORKS = (
    *("agno-2025-06-11", "autogen-2025-06-06", "beeai-2025-08-01", "claude-agent-2025-12-22", "crewai-2025-07-11"),
    *("csharp-agent-with-gemini-2026-03-09", "google-adk-2025-08-28", "google-gemini-2025-08-01", "koog-2025-08-26"),
    *("langgraph-js-2025-10-30", "langgraph-python-2025-08-22", "llamaindex-2025-06-05", "microsoft-agent-2025-12-17"),
    *("openai-agents-2025-09-30", "pydantic-ai-2025-06-06", "pydantic-ai-tools-2025-06-06"),
    *("pydantic-ai-tools-2025-12-04", "pydantic-ai-with-gemini-2025-12-24", "vercel-aisdk-2025-11-17"),
    "vertex-ai-2025-08-01",
)
Told = tuple[Any, tuple[tuple[str, Any], ...]]
"""A message's text and the names and arguments of its calls."""


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_frameworks_trace_imports_to_its_expected_messages(name: str, data: Path) -> None:
    """Every side that Langfuse could normalise says the same here; none of the observations is lost."""
    path = data / "langfuse_traces" / f"{name}.trace.json"
    logs = Logs([path])
    found = {exchange.id: exchange for exchange in logs}
    raw = {one["id"]: one for one in json.loads(path.read_text("utf-8"))["observations"]}
    assert found.keys() == raw.keys() and not logs.unusable
    compared = 0
    for key, sides in json.loads(path.with_suffix("").with_suffix(".chatml.json").read_text("utf-8")).items():
        for side, expected in sides.items():
            if expected["success"]:
                _agrees(found[key], side, expected["data"], raw[key])
            else:
                _says_the_raw(found[key], side, raw[key])
            compared += 1
    assert compared


def _agrees(exchange: Exchange, side: str, expected: list[Mapping[str, Any]], raw: Mapping[str, Any]) -> None:
    if all("role" not in message for message in expected):
        if side == "output" and isinstance(inner := expected[0].get("json", {}).get("message"), dict):
            assert exchange.reply is not None and exchange.reply.content == inner["content"]  # a whole choice
        elif any(message.keys() == {"tools"} for message in expected):
            assert {tool.name for tool in exchange.tools} == {tool["name"] for tool in expected[0]["tools"]}
        else:
            _says_the_raw(exchange, side, raw)
        return
    ours, theirs = exchange.messages, [_theirs(message) for message in expected]
    if side == "output":
        ours = (exchange.reply,) if exchange.reply else ()
        alone = all(message["role"] in ("assistant", "model") for message in expected)
        if not alone and raw["input"] is None:
            ours = (*exchange.messages, *ours)
        elif not alone and not ours:
            assert expected[-1]["role"] == "user"
            return
        else:
            theirs = [_merged(theirs)] if alone else theirs[-1:]
    assert [_loosely(_ours(message)) for message in ours] == [_loosely(message) for message in theirs]
    assert [m.role for m in ours] == [_role(m, o.role) for m, o in zip(expected[-len(ours) :], ours, strict=True)]


def _role(message: Mapping[str, Any], ours: str) -> str:
    """A tool's result stays a tool's, under whichever name a framework filed it."""
    known = ROLES.get(message.get("role", "assistant"), "tool")
    return "tool" if ours == "tool" and known == "user" else known


def _theirs(message: Mapping[str, Any]) -> Told:
    content = message.get("content", message.get("json", {}).get("text", ""))
    calls = [(call["name"], json.loads(call["arguments"])) for call in message.get("tool_calls", ())]
    if isinstance(content, list) and "type" in content[0]:
        calls += [(part["name"], part["input"]) for part in content if part["type"] == "tool_use"]
        content = "\n".join(part["text"] for part in content if part["type"] == "text")
    return content, tuple(calls)


def _ours(message: Message) -> Told:
    return message.content, tuple((call.name, dict(call.arguments)) for call in message.tool_calls)


def _merged(told: list[Told]) -> Told:
    return "\n".join(words for words, _ in told if words), tuple(call for _, calls in told for call in calls)


def _loosely(told: Told) -> Told:
    """JSON inside a text counts by its value: its spaces are no part of what is said."""
    try:
        return json.loads(told[0]) if isinstance(told[0], str) else told[0], told[1]
    except ValueError:
        return told


def _says_the_raw(exchange: Exchange, side: str, raw: Mapping[str, Any]) -> None:
    """No messages are in it: a tool's arguments, a result, a state. What a person reads is the value itself."""
    if (exchange.id, side) in BY_HAND:
        told = [(m.role, m.content[:40]) for m in (exchange.messages if side == "input" else (exchange.reply,)) if m]
        assert told == BY_HAND[exchange.id, side]
        return
    message = exchange.messages[0] if side == "input" else exchange.reply
    value = raw[side]
    if message is None:
        assert exchange.name == "prompt" and "HumanMessage" in value  # a template's outcome: nobody has replied yet
        return
    if isinstance(value, str) and value in (message.content, json.dumps(message.content)):
        return
    value = json.loads(value) if isinstance(value, str) else value
    said = json.loads(message.content) if message.content.startswith(("{", "[")) else message.content
    assert said == value or said in _inside(value), (exchange.name, side)


def _inside(value: Any) -> list[Any]:
    """Everything in a value, at any depth: the message that a framework wrapped lies somewhere in it."""
    below = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return [*below, *(deeper for one in below for deeper in _inside(one))]


TRENDS = [("system", "<additional_information>\n- Use markdown "), ("user", "What is currently trending on Twitter?")]
BY_HAND: dict[tuple[str, str], list[tuple[str, str]]] = {
    ("fc7f61b57ecebbaf", "input"): [
        *TRENDS,
        ("assistant", ""),
        ("tool", '[\n  {\n    "title": "Twitter. It\'s what\'s'),
    ],
    ("1f883bb9668167c0", "input"): TRENDS,
    ("1f883bb9668167c0", "output"): [],
    ("83517f9062f5ada4", "input"): [
        ("system", "You are a helpful AI assistant. Solve ta"),
        ("user", "Say 'Hello World!'"),
    ],
}
"""What the normaliser could not read: transcripts in one text, where Python's None is no word."""


def test_messages_that_python_wrote_are_read(data: Path) -> None:
    """Agno's spans hold messages as `role='system' content='…'`; Langfuse's normaliser sees the tools alone."""
    found = {e.id: e for e in Logs([data / "langfuse_traces" / "agno-2025-06-11.trace.json"])}
    exchange = found["b38a82eaa62b551e"]
    assert [m.role for m in exchange.messages] == ["system", "user", "assistant", "tool"]
    assert exchange.messages[1].content == "What is currently trending on Twitter?"
    assert [(call.name, call.id) for call in exchange.messages[2].tool_calls] == [
        ("duckduckgo_search", "call_VybxG748CQId8Xxo6wb2pWy1")
    ]
    assert exchange.messages[3].tool_call_id == "call_VybxG748CQId8Xxo6wb2pWy1"
    assert (exchange.ms, exchange.usage, exchange.cost) == (4799.0, Usage(1568, 423), 0.000489)
    assert exchange.parent == "1cffdfa6fe3412e6" and exchange.trace == "080130871f53145aecf7c29d5dfb6e4c"


def test_a_step_around_a_models_call_is_no_second_call(data: Path) -> None:
    found = {e.name: e for e in Logs([data / "langfuse_traces" / "vercel-aisdk-2025-11-17.trace.json"])}
    assert {name: e.kind for name, e in found.items()} == {
        "ai.generateText": "other",
        "ai.generateText.doGenerate": "model",
        "getWeather": "tool",
    }
    assert [tool.name for tool in found["ai.generateText.doGenerate"].tools] == ["getWeather"]


SEEN = {
    "id": "o1",
    "traceId": "t1",
    "type": "GENERATION",
    "name": "answer",
    "startTime": "2026-11-01T10:00:00.000Z",
    "endTime": "2026-11-01T10:00:02.500Z",
    "completionStartTime": "2026-11-01T10:00:00.400Z",
    "input": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
    "output": {"role": "assistant", "content": "Hello."},
    "model": "gpt-4.1-mini",
    "usageDetails": {"input": 20, "input_cached_tokens": 80, "output": 5, "total": 105},
    "totalCost": 0.01,
    "environment": "production",
}


def test_an_observation_a_line() -> None:
    (found,) = Langfuse().exchanges([_row(SEEN)])
    assert isinstance(found, Exchange)
    assert [(m.role, m.content) for m in found.messages] == [("system", "Be brief."), ("user", "Hi")]
    assert found.reply == Message("assistant", "Hello.")
    assert (found.ms, found.first_ms, found.time) == (2500.0, 400.0, 1793527200.0)
    assert found.usage == Usage(100, 5, 80)
    assert found.extra == {"type": "GENERATION", "environment": "production"}


def test_the_exports_snakes_are_the_apis_camels() -> None:
    snakes = {"traceId": "trace_id", "startTime": "start_time", "endTime": "end_time", "usageDetails": "usage_details"}
    snakes |= {"completionStartTime": "completion_start_time", "totalCost": "total_cost"}
    (found,) = Langfuse().exchanges([_row({snakes.get(key, key): value for key, value in SEEN.items()})])
    (camels,) = Langfuse().exchanges([_row(SEEN)])
    assert found == camels


@pytest.mark.parametrize(
    "output",
    ['{"message": "all is well"}', '{"role": "engineer", "content": "x"}', '{"text": "a"}', '[{"type": "a"}]', "None"],
)
def test_a_reply_that_is_json_stays_text(output: str) -> None:
    (found,) = Langfuse().exchanges([_row({**SEEN, "output": output})])
    assert isinstance(found, Exchange)
    assert found.reply == Message("assistant", output)


def test_scores_and_errors() -> None:
    scores = [{"name": "a", "value": 7, "observationId": "o1"}, {"name": "b", "value": 0.25, "observationId": "o1"}]
    failed = {**SEEN, "output": None, "level": "ERROR", "statusMessage": "429 too many"}
    trace = {"trace": {"id": "t1", "scores": scores}, "observations": [SEEN, {**failed, "id": "o2"}]}
    first, second = Langfuse().exchanges([_row(trace)])
    assert isinstance(first, Exchange) and isinstance(second, Exchange)
    assert (first.score, first.error) == (0.25, "")
    assert (second.score, second.error, second.reply) == (None, "429 too many", None)


def test_it_keeps_its_shelfs_promises() -> None:
    check_importer(Langfuse(), [SEEN, {"trace": {"id": "t"}, "observations": [SEEN]}])


def _row(value: dict[str, Any]) -> Any:
    from suffice.importer import Row

    return Row("log.jsonl", 1, value)
