"""Answers and records as JSON text, and back: the form they are kept, exported and verified in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .digest import plain
from .record import Record
from .score import Score
from .types import Answer, Json, Step, ToolCall, Usage

_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True, allow_nan=False, default=plain)


def text_of(body: Json) -> str:
    """JSON in ASCII without spaces: safe in any database and file, lone surrogates included."""
    return _ENCODER.encode(body)


def answer_json(answer: Answer) -> dict[str, Json]:
    """An answer as a JSON object; what has its default value is left out."""
    body: dict[str, Json] = {"text": answer.text}
    if answer.value is not None:
        body["value"] = answer.value
    if answer.tool_calls:
        body["tool_calls"] = [{"name": c.name, "arguments": c.arguments, "id": c.id} for c in answer.tool_calls]
    if answer.usage != Usage():
        body["usage"] = [answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.cached_tokens]
    for name in ("citations", "logprobs", "notes"):
        if got := getattr(answer, name):
            body[name] = got
    if answer.cost != 0.0:
        body["cost"] = answer.cost
    if answer.status != "ok":
        body["status"] = answer.status
    if answer.confidence is not None:
        body["confidence"] = answer.confidence
    body["trace"] = [[s.name, s.ms, s.asked, s.notes] if s.notes else [s.name, s.ms, s.asked] for s in answer.trace]
    return body


def answer_of(body: Mapping[str, Any]) -> Answer:
    """The answer that `answer_json` wrote."""
    return Answer(
        text=body["text"],
        value=body.get("value"),
        tool_calls=tuple(ToolCall(c["name"], c["arguments"], c["id"]) for c in body.get("tool_calls", ())),
        citations=tuple(body.get("citations", ())),
        usage=Usage(*body.get("usage", ())),
        cost=body.get("cost", 0.0),
        status=body.get("status", "ok"),
        confidence=body.get("confidence"),
        logprobs=tuple(body.get("logprobs", ())),
        trace=tuple(Step(*step) for step in body["trace"]),
        notes=body.get("notes", {}),
    )


def record_json(record: Record) -> dict[str, Json]:
    """A record as a JSON object: id, score and reason, the answer, and what went wrong where something did."""
    body: dict[str, Json] = {"id": record.id, "score": record.score.value}
    if record.score.reason:
        body["reason"] = record.score.reason
    body["answer"] = None if record.answer is None else answer_json(record.answer)
    if record.error:
        body["error"] = record.error
    if record.fault:
        body["fault"] = record.fault
    if record.cached:
        body["cached"] = True
    if record.judged:
        body["judged"] = [answer_json(answer) for answer in record.judged]
    return body


def record_of(body: Mapping[str, Any]) -> Record:
    """The record that `record_json` wrote."""
    return Record(
        id=body["id"],
        answer=None if body["answer"] is None else answer_of(body["answer"]),
        score=Score(body["score"], body.get("reason", "")),
        error=body.get("error", ""),
        fault=body.get("fault", ""),
        cached=body.get("cached", False),
        judged=tuple(map(answer_of, body.get("judged", ()))),
    )
