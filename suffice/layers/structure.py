"""Structure: ask for a reply that satisfies a schema, and parse it strictly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, ClassVar, Self

from ..digest import canonical
from ..errors import InputError
from ..layer import Cause, Duty, Layer
from ..strict import parse
from ..task import Task
from ..types import Answer, Ask, Json, Request

SHOWN = 5
"""How many violations of a schema are noted."""


@dataclass(frozen=True)
class Structure(Layer):
    """The output contract as a schema that the model beneath enforces where it can; `value` holds the parsed reply."""

    treats: ClassVar[tuple[Cause, ...]] = ("format",)

    schema: Mapping[str, Json] | None = None
    """A JSON Schema, or `{"enum": [labels]}` for one of some labels as bare text."""

    @classmethod
    def for_task(cls, task: Task) -> Self | None:
        """The contract's schema; None for free text and tool calls."""
        if task.output.kind == "labels":
            return cls({"enum": list(task.output.labels)})
        if task.output.kind != "schema":
            return None
        schema = task.output.schema or {}
        check_schema(schema)
        return cls(schema)

    def __call__(self, request: Request, ask: Ask) -> Answer:
        if self.schema is None:
            return ask(request)
        answer = ask(replace(request, schema=self.schema))
        value, violations = self._parsed(answer.text)
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

    def _parsed(self, text: str) -> tuple[Json, list[str]]:
        """The reply's value (None when it cannot be read) and what is wrong with it."""
        if labels := labels_of(self.schema):
            said = text.strip()
            return (said, []) if said in labels else (None, [f"`{said[:80]}` is no label"])
        try:
            value = parse(text)
        except ValueError as wrong:
            return None, [str(wrong)]
        return value, _violations(canonical(self.schema), value)


def labels_of(schema: Mapping[str, Json] | None) -> tuple[str, ...]:
    """The labels of `{"enum": [strings]}`, which asks for bare text; empty for any other schema."""
    match schema:
        case {"enum": [*labels], **others} if not others and all(isinstance(x, str) for x in labels):
            return tuple(labels)
        case _:
            return ()


def check_schema(schema: Mapping[str, Json]) -> None:
    """Raise InputError when this is no JSON Schema, or one that would have to be fetched from somewhere."""
    _validator(canonical(schema))


def _violations(schema: bytes, value: Json) -> list[str]:
    found = []
    for error in _validator(schema).iter_errors(value):
        where = ".".join(str(part) for part in error.instance_path)
        found.append(f"{where}: {error.message[:160]}" if where else str(error.message)[:160])
        if len(found) == SHOWN:
            break
    return found


@lru_cache(maxsize=64)
def _validator(schema: bytes) -> Any:
    """Built once per schema. References outside the schema are refused, never fetched; patterns run in linear time."""
    import json

    import jsonschema_rs as engine

    body, linear = json.loads(schema), engine.RegexOptions()
    try:
        engine.meta.validate(body)
        return engine.validator_for(body, retriever=_refuse, pattern_options=linear, validate_formats=True)
    except (engine.ValidationError, engine.ReferencingError, ValueError, TypeError) as wrong:
        where = ".".join(str(part) for part in getattr(wrong, "instance_path", ()))
        said = " ".join(str(wrong).split("\n\n")[0].split())[:200]
        hint = (
            "patterns take no look-around and no back-references" if "regex" in said else "see https://json-schema.org"
        )
        raise InputError(f"not a JSON Schema: {where}{': ' if where else ''}{said}", hint=hint) from wrong


def _refuse(address: str) -> Json:
    raise ValueError(f"the schema refers to {address}, which is not fetched; use $defs inside the schema")
