"""Structure: ask for a reply that satisfies a schema, and parse it strictly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import ClassVar, Self

from ..contract import validator
from ..errors import InputError
from ..layer import Cause, Duty, Layer
from ..strict import parse
from ..task import Task
from ..toolwords import calls_schema
from ..types import Answer, Ask, Json, Request

SHOWN = 5
"""How many violations of a schema are noted."""


@dataclass(frozen=True)
class Structure(Layer):
    """The output contract as a schema that the model beneath enforces where it can; `value` holds the parsed reply."""

    treats: ClassVar[tuple[Cause, ...]] = ("format",)

    schema: Mapping[str, Json] | None = None
    """A JSON Schema, or `{"enum": [labels]}` for one of some labels as bare text."""
    calls: bool = False
    """Whether the reply is a list of tool calls: of the request's own tools, where it brings some."""

    @classmethod
    def for_task(cls, task: Task) -> Self | None:
        """The contract's schema; of tool calls, a list of them. None for free text."""
        if task.output.kind == "labels":
            return cls({"enum": list(task.output.labels)})
        if task.output.kind == "tools":
            return cls(calls_schema(task.output.tools), calls=True)
        if task.output.kind != "schema":
            return None
        try:
            validator(task.output.schema or {})
        except ValueError as wrong:
            raise InputError(f"the output's schema is not a JSON Schema: {wrong}") from wrong
        return cls(task.output.schema)

    def __call__(self, request: Request, ask: Ask) -> Answer:
        if self.schema is None:
            return ask(request)
        schema = calls_schema(request.tools) if self.calls and request.tools else self.schema
        answer = ask(replace(request, schema=schema))
        if answer.tool_calls:
            return answer.noting(valid=True)
        value, violations = self._parsed(answer.text, schema)
        if not violations:
            return replace(answer, value=value).noting(valid=True)
        return replace(answer, value=value).noting(valid=False, violations=violations)

    def duties(self, task: Task) -> Sequence[Duty]:
        """The schema has a copy in the stack."""
        return (
            Duty(
                what="freeze the stack again with the new output contract",
                why="replies are held to the labels or the schema that the stack was frozen with",
                when="a label or a field of the output changes",
                owner=task.profile.owner,
                command="suffice climb",
            ),
        )

    def _parsed(self, text: str, schema: Mapping[str, Json]) -> tuple[Json, list[str]]:
        """The reply's value (None when it cannot be read) and what is wrong with it."""
        if labels := labels_of(schema):
            said = text.strip()
            return (said, []) if said in labels else (None, [f"`{said[:80]}` is no label"])
        try:
            value = parse(text)
        except ValueError as wrong:
            return None, [str(wrong)]
        return value, _violations(schema, value)


def labels_of(schema: Mapping[str, Json] | None) -> tuple[str, ...]:
    """The labels of `{"enum": [strings]}`, which asks for bare text; empty for any other schema."""
    match schema:
        case {"enum": [*labels], **others} if not others and all(isinstance(x, str) for x in labels):
            return tuple(labels)
        case _:
            return ()


def _violations(schema: Mapping[str, Json], value: Json) -> list[str]:
    found = []
    for error in islice(validator(schema).iter_errors(value), SHOWN):
        where = ".".join(str(part) for part in error.instance_path)
        found.append(f"{where}: {error.message[:160]}" if where else str(error.message)[:160])
    return found
