"""Demonstrations: prompts with the replies that were right, which is what training learns from, in a neutral form.

A file of them is chat JSONL that every trainer and provider reads: `messages` (the last one is the reply) and `tools`;
what Suffice adds stands under `suffice`: where a row comes from, its licence, its teacher.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal, Protocol, TypeVar, get_args

from .contract import settled
from .data import Dataset, Example, Output
from .digest import digest_of
from .errors import InputError
from .rows import jsonl, listed
from .strict import Malformed, parse
from .types import Json, Message, Request, Role, Tool, ToolCall

T = TypeVar("T", "Demonstration", "Choice")

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

    @property
    def digest(self) -> str:
        """A SHA-256 over what is learned from: prompt and both replies."""
        return digest_of(_pair(self))


class Words(Protocol):
    """What words a request as the messages that would reach the model: a stack."""

    def wording(self, request: Request) -> tuple[Message, ...]: ...


def demonstrations(
    below: Words, train: Dataset, known: Mapping[str, Provenance] | None = None
) -> tuple[Demonstration, ...]:
    """Each solved example as the stack beneath would ask it, with its first accepted answer as the reply.

    Examples that the stack answers without its model have nothing to teach, and are left out. `known` says where
    examples come from, by their ids.
    """
    found = []
    for example in train:
        messages = below.wording(example.request) if solved(example) else ()
        if messages:
            told = (known or {}).get(example.id) or Provenance(time=example.time, group=example.group)
            tools = example.request.tools or train.output.tools
            found.append(Demonstration(example.id, messages, reply_of(example, train.output), tools, told))
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
        ToolCall(str(c["name"]), settled(c.get("arguments") or {}), f"call_{at}") for at, c in enumerate(calls)
    )
    return Message("assistant", "", made)


def digest(rows: Iterable[Demonstration]) -> str:
    """A SHA-256 over all of them, whatever their order."""
    return digest_of(sorted(row.digest for row in rows))


# The neutral form


def write(rows: Sequence[Demonstration]) -> bytes:
    """Chat JSONL, one row a line."""
    return b"".join(json.dumps(_row(row), ensure_ascii=False).encode() + b"\n" for row in rows)


def write_choices(rows: Sequence[Choice]) -> bytes:
    """Preference JSONL, one row a line: `prompt`, `chosen` and `rejected` are messages."""
    told = ({**_pair(row), "suffice": _own(row)} for row in rows)
    return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in told)


def _row(row: Demonstration) -> dict[str, Json]:
    return {**_chat(row), "suffice": _own(row)}


def _own(row: Demonstration | Choice) -> dict[str, Json]:
    plain = Provenance()
    told = {f.name: getattr(row.provenance, f.name) for f in fields(Provenance)}
    return {"id": row.id} | {key: v for key, v in told.items() if key == "origin" or v != getattr(plain, key)}


def _chat(row: Demonstration) -> dict[str, Json]:
    body: dict[str, Json] = {"messages": [_said(m) for m in (*row.messages, row.reply)]}
    return body | ({"tools": [_tool(t) for t in row.tools]} if row.tools else {})


def _pair(row: Choice) -> dict[str, Json]:
    said = {"prompt": row.messages, "chosen": [row.chosen], "rejected": [row.rejected]}
    return {key: [_said(m) for m in messages] for key, messages in said.items()}


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


def groups(rows: Sequence[Demonstration]) -> Iterator[tuple[str, list[Demonstration]]]:
    """Rows that belong together, by their group or alone, in the order of their first."""
    found: dict[str, list[Demonstration]] = {}
    for row in rows:
        key = f"id:{row.id}" if row.provenance.group is None else f"group:{row.provenance.group}"
        found.setdefault(key, []).append(row)
    yield from found.items()


# Reading it again


def read(path: Path) -> tuple[Demonstration, ...]:
    """The demonstrations in chat JSONL, ours or anybody's; one InputError lists the rows that are wrong, by line."""
    return _read(path, _demonstration)


def read_choices(path: Path) -> tuple[Choice, ...]:
    """The pairs in preference JSONL (`prompt`, `chosen`, `rejected`); one InputError lists what is wrong, by line."""
    return _read(path, _choice)


def examples_of(rows: Iterable[Demonstration], output: Output = Output()) -> tuple[Example, ...]:
    """The examples that demonstrations show, so that another stack can word them: the inverse of `demonstrations`.

    A single user's turn is the input; more turns stay messages. A reply that the contract wants as JSON is parsed.
    """
    found = []
    for row in rows:
        turns: Json = [{"role": m.role, "content": m.content} for m in row.messages]
        alone = len(turns) == 1 and turns[0]["role"] == "user"
        known = row.provenance
        expected = _expected(row.reply, output)
        found.append(
            Example(row.id, turns[0]["content"] if alone else turns, expected, time=known.time, group=known.group)
        )
    return tuple(found)


def _expected(reply: Message, output: Output) -> Json:
    if output.kind == "tools":
        return [{"name": c.name, "arguments": dict(c.arguments)} for c in reply.tool_calls]
    return parse(reply.content) if output.kind == "schema" else reply.content


def _read(path: Path, made: Callable[[int, Mapping[str, Json]], T]) -> tuple[T, ...]:
    if not path.is_file():
        raise InputError("no such file of training rows", file=str(path), hint="`suffice data curate TASK` makes one")
    found: list[T] = []
    problems: list[tuple[int, str]] = []
    seen: dict[str, int] = {}
    for line, row in jsonl(path):
        try:
            one = made(line, _object(row))
        except Malformed as wrong:
            problems.append((line, str(wrong)))
            continue
        if (first := seen.setdefault(one.id, line)) != line:
            problems.append((line, f"the id `{one.id[:60]}` was used before, on line {first}"))
        found.append(one)
    if problems:
        raise listed(path, problems)
    if not found:
        raise InputError(
            "no training rows in the file", file=str(path), hint='a row is {"messages": [{"role", "content"}, …]}'
        )
    return tuple(found)


def _object(row: Json) -> Mapping[str, Json]:
    if isinstance(row, Malformed):
        raise row
    if not isinstance(row, Mapping):
        raise Malformed("a row must be an object")
    return row


def _demonstration(line: int, row: Mapping[str, Json]) -> Demonstration:
    if unknown := [key for key in row if key not in ("messages", "tools", "suffice")]:
        raise Malformed(f"unknown key `{unknown[0][:60]}` (known: messages, tools, suffice)")
    *asked, reply = _messages(row.get("messages"), "messages")
    if not asked or reply.role != "assistant" or not (reply.content or reply.tool_calls):
        raise Malformed("`messages` must end with the assistant's reply to what stands before it")
    id_, provenance = _told(line, row.get("suffice"))
    return Demonstration(id_, tuple(asked), reply, _listed_tools(row.get("tools")), provenance)


def _choice(line: int, row: Mapping[str, Json]) -> Choice:
    asked = _messages(row.get("prompt"), "prompt")
    chosen, rejected = (_messages(row.get(key), key) for key in ("chosen", "rejected"))
    for key, said in (("chosen", chosen), ("rejected", rejected)):
        if len(said) != 1 or said[0].role != "assistant":
            raise Malformed(f"`{key}` must be one message, the assistant's")
    id_, provenance = _told(line, row.get("suffice"))
    return Choice(id_, tuple(asked), chosen[0], rejected[0], provenance)


def _messages(given: Json, key: str) -> list[Message]:
    if not isinstance(given, list) or not given:
        raise Malformed(f"`{key}` must be a list of messages")
    return [_message(number, item) for number, item in enumerate(given, 1)]


def _message(number: int, given: Json) -> Message:
    if not isinstance(given, Mapping) or given.get("role") not in get_args(Role):
        raise Malformed(f"message {number} needs a `role`: {', '.join(get_args(Role))}")
    content = given.get("content")
    if not isinstance(content, str) and not (content is None and given.get("tool_calls")):
        raise Malformed(f"message {number}: `content` must be text")
    calls = given.get("tool_calls") or []
    if not isinstance(calls, list):
        raise Malformed(f"message {number}: `tool_calls` must be a list")
    answered = given.get("tool_call_id")
    if answered is not None and not isinstance(answered, str):
        raise Malformed(f"message {number}: `tool_call_id` must be text")
    return Message(given["role"], content or "", tuple(_call(number, c) for c in calls), answered)


def _call(number: int, given: Json) -> ToolCall:
    match given:
        case {"function": {"name": str(name), "arguments": str(arguments)}}:
            value = parse(arguments)
            if not isinstance(value, dict):
                raise Malformed(f"message {number}: the arguments of `{name[:60]}` must be a JSON object")
            return ToolCall(name, value, str(given.get("id") or ""))
        case _:
            raise Malformed(f'message {number}: a tool call is {{"function": {{"name", "arguments": JSON as text}}}}')


def _listed_tools(given: Json) -> tuple[Tool, ...]:
    if given is None:
        return ()
    if not isinstance(given, list):
        raise Malformed("`tools` must be a list")
    return tuple(map(_tool_of, given))


def _tool_of(given: Json) -> Tool:
    match given:
        case {"function": {"name": str(name), **rest}} if name and isinstance(rest.get("parameters", {}), dict):
            parameters = rest.get("parameters", {})
            return Tool(name, str(rest.get("description") or ""), parameters if isinstance(parameters, dict) else {})
        case _:
            raise Malformed('a tool is {"type": "function", "function": {"name", "description", "parameters"}}')


def _told(line: int, given: Json) -> tuple[str, Provenance]:
    """The id and the provenance; a row that is not ours is known by its line."""
    if given is None:
        return f"line:{line}", Provenance()
    known = ("id", *(f.name for f in fields(Provenance)))
    if not isinstance(given, Mapping) or any(key not in known for key in given):
        raise Malformed(f"`suffice` is an object of {', '.join(known)}")
    if wrong := [key for key, value in given.items() if value is not None and not isinstance(value, str)]:
        raise Malformed(f"`suffice`: `{wrong[0]}` must be text")
    if given.get("origin", "examples") not in get_args(Origin):
        raise Malformed(f"`suffice`: `origin` must be one of {', '.join(get_args(Origin))}")
    own = {key: value for key, value in given.items() if key != "id"}
    return str(given.get("id") or f"line:{line}"), Provenance(**own)
