"""Turns: messages as a chat template takes them, with text that cannot speak for another turn; calls in a reply."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from ..turnmarks import inert
from ..types import Answer, Json, Message, ToolCall


def turn(message: Message) -> dict[str, Json]:
    """A message as the OpenAI protocol has it."""
    body: dict[str, Json] = {"role": message.role, "content": inert(message.content)}
    if message.tool_calls:
        body["tool_calls"] = [
            {"id": c.id, "type": "function", "function": {"name": c.name, "arguments": json.dumps(dict(c.arguments))}}
            for c in message.tool_calls
        ]
    return body | ({"tool_call_id": message.tool_call_id} if message.tool_call_id else {})


def calling(answer: Answer) -> Answer:
    """A reply that is JSON calls, as `suffice.toolwords` asks for them, as tool calls; another one as it is."""
    try:
        said = json.loads(answer.text)
    except (ValueError, RecursionError):
        return answer
    calls = said if isinstance(said, list) else [said]
    if not calls or not all(isinstance(c, Mapping) and isinstance(c.get("name"), str) for c in calls):
        return answer
    made = tuple(ToolCall(c["name"], _arguments(c.get("arguments")), f"call_{at}") for at, c in enumerate(calls))
    return replace(answer, text="", tool_calls=made)


def _arguments(told: Json) -> Mapping[str, Json]:
    return told if isinstance(told, Mapping) else {}
