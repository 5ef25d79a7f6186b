"""tensorzero: datapoints as the gateway's own fixtures have them, and inferences."""

from __future__ import annotations

import json
from pathlib import Path

from imported import said, told

from suffice.importers.tensorzero import Tensorzero
from suffice.logs import Logs
from suffice.testing import check_importer
from suffice.types import ToolCall

INFERENCE = {
    "id": "i1",
    "function_name": "answer",
    "variant_name": "v1",
    "episode_id": "e1",
    "input": {
        "system": "Be brief.",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Where is Oslo?"}]}],
    },
    "output": [
        {"type": "text", "text": "In Norway."},
        {"type": "tool_call", "id": "c", "name": "look", "arguments": {"a": 1}},
    ],
    "processing_time_ms": 812,
    "ttft_ms": 90,
    "timestamp": "2026-11-01T10:00:00Z",
    "tool_params": {"tools_available": [{"name": "look", "description": "Look.", "parameters": {}}]},
}


def test_an_inference_is_a_call() -> None:
    (call,) = told(Tensorzero(), INFERENCE)
    assert said(call) == [("system", "Be brief."), ("user", "Where is Oslo?"), ("assistant", "In Norway.")]
    assert call.reply and call.reply.tool_calls == (ToolCall("look", {"a": 1}, "c"),)
    assert (call.ms, call.first_ms, call.trace, call.name) == (812, 90, "e1", "answer")
    assert call.extra == {"variant_name": "v1", "tool_params": INFERENCE["tool_params"]}


def test_chat_datapoints_of_the_gateway(data: Path) -> None:
    logs = Logs([data / "gateway_fixtures" / "chat_datapoint_fixture.jsonl"])
    points = list(logs)
    assert (len(points), logs.unusable, logs.forms) == (41, {}, {"tensorzero": 41})
    text = (data / "gateway_fixtures" / "chat_datapoint_fixture.jsonl").read_text("utf-8")
    raw = [json.loads(line) for line in text.splitlines()]
    for point, row in zip(points, raw, strict=True):
        blocks = json.loads(row["output"] or "[]")
        said_of_it = "\n".join(block["text"] for block in blocks if block["type"] == "text")
        assert point.reply is None and (point.expected or "") == said_of_it and point.name == row["function_name"]
        assert len(point.messages) >= len(json.loads(row["input"])["messages"])
    assert json.loads(points[0].messages[0].content) == {"topic": "company"} and "input" in points[0].extra
    assert points[40].messages[0].content == "What kind of animal is in this image?\n[image]"


def test_json_datapoints_of_the_gateway(data: Path) -> None:
    points = list(Logs([data / "gateway_fixtures" / "json_datapoint_fixture.jsonl"]))
    assert len(points) == 28
    right = {"person": ["Lincoln"], "organization": [], "location": [], "miscellaneous": []}
    assert points[27].expected == right and points[27].messages[0].content.startswith("Lincoln 's notation")
    assert all(point.schema and set(point.schema["required"]) == set(right) for point in points)


def test_it_keeps_its_shelfs_promises() -> None:
    check_importer(Tensorzero(), [INFERENCE])
