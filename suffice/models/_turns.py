"""Turns: messages as a chat template takes them, with text that cannot speak for another turn."""

from __future__ import annotations

import json
import re

from ..types import Json, Message


def turn(message: Message) -> dict[str, Json]:
    """A message as the OpenAI protocol has it."""
    body: dict[str, Json] = {"role": message.role, "content": inert(message.content)}
    if message.tool_calls:
        body["tool_calls"] = [
            {"id": c.id, "type": "function", "function": {"name": c.name, "arguments": json.dumps(dict(c.arguments))}}
            for c in message.tool_calls
        ]
    return body | ({"tool_call_id": message.tool_call_id} if message.tool_call_id else {})


def inert(text: str) -> str:
    """Text whose turn marks are only text: the engine reads `<|im_end|>` inside a message as the end of the turn.

    Half a surrogate pair, which no JSON can carry, becomes a question mark.
    """
    sound = text.encode("utf-8", "replace").decode()
    return re.sub(r"<(?=\||/?s>|(?:start|end)_of_turn>)", "< ", sound)
