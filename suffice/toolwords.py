"""Tools in words, for a model whose chat template has no place for them: told in the system message, called in JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from .types import Json, Message, Tool, ToolCall

TOLD = """You can call these functions:
{tools}
To call some, reply with a JSON list and nothing else: [{{"name": "...", "arguments": {{...}}}}]"""


def words_of(tools: Sequence[Tool]) -> str:
    """What tools there are and how to call them, as an instruction."""
    return TOLD.format(tools="\n".join(_compact(_signature(tool)) for tool in tools))


def told(messages: Sequence[Message], tools: Sequence[Tool]) -> tuple[Message, ...]:
    """The same conversation with the tools at the end of its system message, and calls and results as text."""
    worded = tuple(_worded(message) for message in messages)
    if not tools:
        return worded
    words = words_of(tools)
    if worded and worded[0].role == "system":
        first = replace(worded[0], content=f"{worded[0].content}\n\n{words}".lstrip())
        return (first, *worded[1:])
    return (Message("system", words), *worded)


def written(calls: Sequence[ToolCall]) -> str:
    """Calls as the reply that is learned, and looked for in what comes back: `suffice.lenient.calls_in` reads it."""
    return _compact([{"name": call.name, "arguments": dict(call.arguments)} for call in calls])


def calls_schema(tools: Sequence[Tool]) -> dict[str, Json]:
    """A JSON Schema of lists of calls: of these tools with their parameters, or of any where there are none."""
    if not tools:
        return {"type": "array", "items": _call_schema({"type": "string"}, {"type": "object"})}
    known = [_call_schema({"const": t.name}, dict(t.parameters) or {"type": "object"}) for t in tools]
    return {"type": "array", "items": known[0] if len(known) == 1 else {"anyOf": known}}


def _call_schema(name: Json, arguments: Json) -> dict[str, Json]:
    parts = {"name": name, "arguments": arguments}
    return {"type": "object", "properties": parts, "required": ["name", "arguments"], "additionalProperties": False}


def _worded(message: Message) -> Message:
    if not message.tool_calls:
        return replace(message, tool_call_id=None)
    return Message(message.role, "\n".join(filter(None, (message.content, written(message.tool_calls)))))


def _signature(tool: Tool) -> dict[str, Json]:
    described = {"description": tool.description} if tool.description else {}
    return {"name": tool.name, **described, "parameters": dict(tool.parameters)}


def _compact(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
