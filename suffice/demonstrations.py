"""Demonstrations: prompts with the replies that were right, which is what training learns from, in a neutral form.

A file of them is chat JSONL that every trainer and provider reads: `messages` (the last one is the reply) and `tools`;
what Suffice adds stands under `suffice`: where a row comes from, its licence, its teacher.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Literal, Protocol

from .data import Dataset, Example, Output
from .digest import digest_of
from .types import Json, Message, Request, Tool, ToolCall

Origin = Literal["examples", "log", "review", "escalation", "teacher"]


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a row comes from and what may be done with it."""

    origin: Origin = "examples"
    source: str = ""
    """The file or log it was read from, and its line or id there."""
    licence: str = ""
    teacher: str = ""
    """The model or stack that wrote the reply, where a model did."""
    terms: str = ""
    """What the teacher's terms say of training on its replies."""
    time: str | None = None
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Demonstration:
    """A prompt as it would be sent, and the reply to learn: text or tool calls."""

    id: str
    messages: tuple[Message, ...]
    reply: Message
    tools: tuple[Tool, ...] = ()
    provenance: Provenance = Provenance()

    @property
    def digest(self) -> str:
        """A SHA-256 over what is learned from: prompt, reply and tools."""
        return digest_of(_chat(self))


@dataclass(frozen=True, slots=True)
class Choice:
    """A prompt with a reply that people preferred and one that they did not: what preference tuning learns from."""

    id: str
    messages: tuple[Message, ...]
    chosen: Message
    rejected: Message
    provenance: Provenance = Provenance()


class Words(Protocol):
    """What words a request as the messages that would reach the model: a stack."""

    def wording(self, request: Request) -> tuple[Message, ...]: ...


def demonstrations(below: Words, train: Dataset) -> tuple[Demonstration, ...]:
    """Each solved example as the stack beneath would ask it, with its first accepted answer as the reply.

    Examples that the stack answers without its model have nothing to teach, and are left out.
    """
    found = []
    for example in train:
        messages = below.wording(example.request) if solved(example) else ()
        if messages:
            known = Provenance(time=example.time, group=example.group)
            found.append(
                Demonstration(example.id, messages, reply_of(example, train.output), train.output.tools, known)
            )
    return tuple(found)


def solved(example: Example) -> bool:
    """Whether an example has an answer to learn."""
    return bool(example.accepted) and example.accepted[0] is not None


def reply_of(example: Example, output: Output) -> Message:
    """The first accepted answer as the message that a model would have written."""
    whole = isinstance(example.expected, list) and (output.schema or {}).get("type") == "array"
    answer = example.expected if whole else example.accepted[0]
    if output.kind != "tools":
        compact = json.dumps(answer, ensure_ascii=False, separators=(",", ":"))
        return Message("assistant", answer if isinstance(answer, str) else compact)
    calls = [answer] if isinstance(answer, Mapping) else list(answer)
    made = tuple(
        ToolCall(str(c["name"]), _settled(c.get("arguments") or {}), f"call_{at}") for at, c in enumerate(calls)
    )
    return Message("assistant", "", made)


def digest(rows: Iterable[Demonstration]) -> str:
    """A SHA-256 over all of them, whatever their order."""
    return digest_of(sorted(row.digest for row in rows))


# The neutral form


def write(rows: Sequence[Demonstration]) -> bytes:
    """Chat JSONL, one row a line."""
    return b"".join(json.dumps(_row(row), ensure_ascii=False).encode() + b"\n" for row in rows)


def _row(row: Demonstration) -> dict[str, Json]:
    plain = Provenance()
    told = {f.name: getattr(row.provenance, f.name) for f in fields(Provenance)}
    own = {key: value for key, value in told.items() if key == "origin" or value != getattr(plain, key)}
    return {**_chat(row), "suffice": {"id": row.id, **own}}


def _chat(row: Demonstration) -> dict[str, Json]:
    body: dict[str, Json] = {"messages": [_said(m) for m in (*row.messages, row.reply)]}
    return body | ({"tools": [_tool(t) for t in row.tools]} if row.tools else {})


def _said(message: Message) -> dict[str, Json]:
    body: dict[str, Json] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        body["tool_calls"] = [
            {"id": c.id, "type": "function", "function": {"name": c.name, "arguments": json.dumps(dict(c.arguments))}}
            for c in message.tool_calls
        ]
    return body | ({"tool_call_id": message.tool_call_id} if message.tool_call_id else {})


def _tool(tool: Tool) -> dict[str, Json]:
    told = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    return {"type": "function", "function": told}


def _settled(arguments: Mapping[str, Json]) -> dict[str, Json]:
    """Arguments with one value each: the first that is acceptable; what may be left out is."""
    return {key: _first(value) for key, value in arguments.items() if _first(value) is not None}


def _first(value: Json) -> Json:
    match value:
        case {"any_of": [*several], **others} if not others:
            return None if None in several else next(iter(several), None)
        case _:
            return value


def groups(rows: Sequence[Demonstration]) -> Iterator[tuple[str, list[Demonstration]]]:
    """Rows that belong together, by their group or alone, in the order of their first."""
    found: dict[str, list[Demonstration]] = {}
    for row in rows:
        key = f"id:{row.id}" if row.provenance.group is None else f"group:{row.provenance.group}"
        found.setdefault(key, []).append(row)
    yield from found.items()
