"""Examples, what their answers must look like, and the immutable, fingerprinted datasets they come in."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal, overload

from .digest import digest_of
from .score import Scorer
from .types import Json, Message, Request, Tool

Partition = Literal["core", "edge"]
Split = Literal["dev", "test"]
Kind = Literal["text", "labels", "schema", "tools"]


@dataclass(frozen=True, slots=True)
class Output:
    """The output contract: free text, one of some labels, a record that fits a JSON Schema, or tool calls."""

    kind: Kind = "text"
    labels: tuple[str, ...] = ()
    schema: Mapping[str, Json] | None = None
    tools: tuple[Tool, ...] = ()

    @property
    def wanted(self) -> str:
        """The contract as a sentence that a model can follow."""
        match self.kind:
            case "labels":
                return f"Reply with exactly one of these labels and nothing else: {', '.join(self.labels)}."
            case "schema":
                return (
                    f"Reply with one JSON object and nothing else, as this JSON Schema says: {json.dumps(self.schema)}"
                )
            case "tools":
                return "Reply with the tool call that does this, and nothing else."
            case _:
                return "Reply with the answer alone, as short as it can be."


def worded(expected: Json) -> str:
    """An expected answer as the reply that would be right: text as it is, anything else as compact JSON."""
    return expected if isinstance(expected, str) else json.dumps(expected, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Context:
    """Where an example's answer stands: a document's name, the verbatim text, or both."""

    document: str | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Example:
    """One case: what is asked, what is right, and what is known about it."""

    id: str
    input: Json
    """Text, a list of messages, or an object whose fields the prompt template names."""
    expected: Json = None
    partition: Partition = "core"
    split: Split | None = None
    context: tuple[Context, ...] = ()
    time: str | None = None
    group: str | None = None
    line: int | None = field(default=None, compare=False, repr=False)

    @property
    def text(self) -> str:
        """The input as one text: of messages, the last; of an object, its fields a line each."""
        return self.request.input

    @property
    def request(self) -> Request:
        """The input as a form, before any layer has filled in a place."""
        if isinstance(self.input, str):
            return Request(self.input, id=self.id)
        if isinstance(self.input, Mapping):
            tools = tools_in(self.input)
            lines = [f"{key}: {value}" for key, value in self.input.items() if not tools or key != "tools"]
            return Request("\n".join(lines), fields=self.input, tools=tools, id=self.id)
        *earlier, last = [Message(m["role"], m["content"]) for m in self.input]
        told = tuple(m.content for m in earlier if m.role == "system")
        history = tuple(m for m in earlier if m.role != "system")
        return Request(last.content, instructions=told, history=history, id=self.id)

    def held_to(self, output: Output) -> Output:
        """The output contract of this example: a task's, with the tools that its input brings where it brings some."""
        own = self.request.tools if output.kind == "tools" else ()
        return replace(output, tools=own) if own else output

    @property
    def cluster(self) -> str:
        """What is drawn and bet on as one: the group, or the example alone."""
        return f"group:{self.group}" if self.group is not None else f"id:{self.id}"

    @property
    def accepted(self) -> tuple[Json, ...]:
        """The acceptable answers: `expected` itself, the items of its list, or of `{"any_of": […]}`.

        A list of tool calls is one answer, and so is the empty one: no call.
        """
        match self.expected:
            case {"any_of": list() as several}:
                return tuple(several)
            case list() as several if not all(_is_call(one) for one in several):
                return tuple(several)
            case one:
                return (one,)


def _is_call(value: Json) -> bool:
    return isinstance(value, Mapping) and set(value) == {"name", "arguments"}


@dataclass(frozen=True)
class Dataset(Sequence[Example]):
    """Examples in a fixed order, with the contract and the scorer they are judged by."""

    examples: tuple[Example, ...]
    output: Output = Output()
    scorer: Scorer | None = None
    name: str = "examples"

    def __len__(self) -> int:
        return len(self.examples)

    @overload
    def __getitem__(self, at: int) -> Example: ...
    @overload
    def __getitem__(self, at: slice) -> Dataset: ...
    def __getitem__(self, at: int | slice) -> Example | Dataset:
        return self.only(self.examples[at]) if isinstance(at, slice) else self.examples[at]

    def __iter__(self) -> Iterator[Example]:
        return iter(self.examples)

    @cached_property
    def by_id(self) -> Mapping[str, Example]:
        """The examples by their ids."""
        return {e.id: e for e in self.examples}

    @cached_property
    def fingerprint(self) -> str:
        """A SHA-256 over ids, inputs, expected answers, partitions and groups, whatever the order."""
        return digest_of(sorted(digest_of([e.id, e.input, e.expected, e.partition, e.group]) for e in self))

    def only(self, examples: Iterable[Example], name: str | None = None) -> Dataset:
        """The same contract and scorer over other examples."""
        return replace(self, examples=tuple(examples), name=name or self.name)

    def part(self, partition: Partition) -> Dataset:
        """The examples of one partition."""
        return self.only((e for e in self if e.partition == partition), f"{self.name}/{partition}")


def tools_in(fields: Mapping[str, Json]) -> tuple[Tool, ...]:
    """The tools that an input brings with it under `tools`: a list of objects with a name; otherwise none."""
    own = fields.get("tools")
    named = (
        [t for t in own if isinstance(t, Mapping) and isinstance(t.get("name"), str)] if isinstance(own, list) else []
    )
    return tuple(Tool(t["name"], str(t.get("description", "")), _mapping(t.get("parameters"))) for t in named)


def _mapping(told: Json) -> Mapping[str, Json]:
    return told if isinstance(told, Mapping) else {}


def likeness(text: str) -> str:
    """What two texts share when they are the same but for case, accents, punctuation and spacing."""
    folded = unicodedata.normalize("NFKD", text).casefold()
    return " ".join(re.findall(r"\w+", "".join(c for c in folded if not unicodedata.combining(c))))
