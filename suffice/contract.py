"""The output contract: whether a value meets it, and in words why not."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from .data import Output
from .digest import canonical
from .strict import parse
from .types import Json


def fits(value: Json, output: Output) -> str | None:
    """Why the value does not meet the contract, or None where it does."""
    match output.kind:
        case "labels":
            return _label(value, output.labels)
        case "schema":
            return against(value, output.schema or {})
        case "tools":
            return _calls(value, output)
        case _:
            fine = isinstance(value, str) or (isinstance(value, int | float) and not isinstance(value, bool))
            return None if fine else f"must be text, not {_shown(value)}"


MOST_PARTS = 100_000
"""Parts of a schema, those behind references counted each time they are named."""


def against(value: Json, schema: Mapping[str, Json]) -> str | None:
    """The first way in which the value breaks the JSON Schema, with its place, or None."""
    error = next(iter(validator(schema).iter_errors(value)), None)
    if error is None:
        return None
    place = "/".join(str(part) for part in error.instance_path)
    return f"{'at `' + place + '`: ' if place else ''}{' '.join(error.message.split())[:300]}"


def validator(schema: Mapping[str, Json]) -> Any:
    """The validator of a JSON Schema, formats checked; a ValueError says why it is not a schema.

    References to other files or addresses are refused: a schema from a stranger may not make us fetch anything.
    """
    try:
        _bounded(schema)
        return _validator(canonical(schema))
    except RecursionError as deep:
        raise ValueError("nested too deeply") from deep


@lru_cache(maxsize=64)
def _validator(schema: bytes) -> Any:
    import jsonschema_rs

    try:
        return jsonschema_rs.validator_for(parse(schema.decode()), validate_formats=True, retriever=_refuse)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError) as wrong:
        raise ValueError(str(wrong).split("\n\n")[0]) from wrong


def _bounded(schema: Mapping[str, Json]) -> None:
    """Refuse a schema whose references multiply without end: thirty parts that each name the next one twice."""
    weights: dict[str, int] = {}

    def weight(part: Json) -> int:
        if isinstance(part, list):
            return sum(map(weight, part))
        if not isinstance(part, Mapping):
            return 1
        own = 1 + sum(weight(item) for key, item in part.items() if key not in ("$ref", "$defs", "definitions"))
        return own + referred(str(part["$ref"])) if "$ref" in part else own

    def referred(pointer: str) -> int:
        if pointer not in weights:
            weights[pointer] = 0  # a part that names itself is bounded by the value it is held against
            weights[pointer] = weight(_part(schema, pointer))
        return weights[pointer]

    if weight(schema) > MOST_PARTS:
        raise ValueError("its references multiply without end")


def _part(schema: Json, pointer: str) -> Json:
    """What a local reference points at; None where it points at nothing, which the validator will say."""
    for step in pointer.removeprefix("#").split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        schema = schema.get(name) if isinstance(schema, Mapping) else None
    return schema


def _refuse(_address: str) -> Json:
    raise ValueError("a schema may refer to its own parts only (#/…)")


def _label(value: Json, labels: tuple[str, ...]) -> str | None:
    if value in labels:
        return None
    near = difflib.get_close_matches(str(value), labels, 1)
    guess = f"; did you mean `{near[0]}`?" if near else f" (labels: {', '.join(labels)[:200]})"
    return f"{_shown(value)} is not one of the {len(labels)} labels{guess}"


def _calls(value: Json, output: Output) -> str | None:
    if not isinstance(value, list):
        return "must be a list of calls"
    for number, call in enumerate(value, 1):
        if wrong := _call(call, output):
            return f"call {number}: {wrong}"
    return None


def _call(call: Json, output: Output) -> str | None:
    match call:
        case {"name": str(name), "arguments": Mapping() as arguments}:
            tool = {t.name: t for t in output.tools}.get(name)
            if tool is None:
                return f"no tool called `{name[:60]}` (known: {', '.join(t.name for t in output.tools)[:200]})"
            return against(settled(arguments), tool.parameters)
        case _:
            return 'must be {"name", "arguments"}'


def settled(arguments: Mapping[str, Json]) -> dict[str, Json]:
    """Expected arguments with one value each: the first acceptable one; what may be left out is left out."""
    return {key: _first(value) for key, value in arguments.items() if not _may_lack(value)}


def _first(value: Json) -> Json:
    match value:
        case {"any_of": [first, *_], **others} if not others:
            return first
        case _:
            return value


def _may_lack(value: Json) -> bool:
    match value:
        case {"any_of": [*several], **others} if not others:
            return None in several
        case _:
            return False


def _shown(value: Json) -> str:
    return f"`{value[:60]}`" if isinstance(value, str) else f"{value!s}"[:60]
