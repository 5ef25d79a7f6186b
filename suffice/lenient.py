"""Lenient: what a reply says once it is read forgivingly: the label it names, the record it holds somewhere."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import accumulate

from .data import likeness
from .types import Json, Tool


def named_labels(text: str, labels: tuple[str, ...]) -> list[str]:
    """The labels that stand in a text as whole words, those inside a longer named label left out."""
    padded = f" {_spaced(text)} "
    found = [label for label in labels if f" {_spaced(label)} " in padded]
    return [a for a in found if not any(a != b and f" {_spaced(a)} " in f" {_spaced(b)} " for b in found)]


def record_in(text: str, schema: Mapping[str, Json]) -> Json:
    """The object in a text, repaired, its fields turned into the types the schema names; None if there is none."""
    value = _mended(text, "{")
    value = value[0] if isinstance(value, list) and value else value
    return _of_types(value, schema) if isinstance(value, dict) else None


def calls_in(text: str, tools: Sequence[Tool]) -> list[dict[str, Json]]:
    """The tool calls in a text, repaired, their arguments turned into the types that the tools name; [] if none."""
    value = _mended(text, "{[")
    schemas = {tool.name: tool.parameters for tool in tools}
    found = []
    for call in value if isinstance(value, list) else [value]:
        told = _mended(call, "{") if isinstance(call, str) else call
        if isinstance(told, dict) and isinstance(told.get("name"), str) and isinstance(told.get("arguments"), dict):
            found.append(
                {"name": told["name"], "arguments": _of_types(told["arguments"], schemas.get(told["name"], {}))}
            )
    return found


LONGEST, DEEPEST = 100_000, 60
"""Letters of a reply that are looked at, and how deep a record in it may be nested: what is deeper is no record."""


def _mended(text: str, begins: str) -> Json:
    """The first JSON value in a text that begins so, repaired; None if there is none, or none that can be read."""
    from json_repair import repair_json

    unquoted = text.replace('\\"', '"') if text.strip()[:1] == '"' else text
    at = [where for begin in begins if (where := unquoted.find(begin)) >= 0]
    whole = unquoted[min(at) : min(at) + LONGEST] if at else ""
    if not whole or _depth(whole) > DEEPEST:
        return None
    try:
        return repair_json(whole, return_objects=True)
    except (ValueError, RecursionError):
        return None


def _depth(text: str) -> int:
    """How many brackets are open at once at most, those in strings counted too."""
    steps = (1 if bracket in "{[" else -1 for bracket in re.findall(r"[\[\]{}]", text))
    return max(accumulate(steps), default=0)


def _of_types(value: Mapping[str, Json], schema: Mapping[str, Json]) -> dict[str, Json]:
    kinds = schema.get("properties")
    told = kinds if isinstance(kinds, Mapping) else {}
    return {
        key: _typed(item, part.get("type") if isinstance(part := told.get(key), Mapping) else None)
        for key, item in value.items()
    }


def _typed(item: Json, kind: Json) -> Json:
    if not isinstance(item, str) or kind not in ("integer", "number"):
        return item
    number = re.search(r"-?\d+(?:\.\d+)?", item.replace(",", ""))
    if number is None:
        return item
    return int(float(number[0])) if kind == "integer" else float(number[0])


def _spaced(text: str) -> str:
    return likeness(text.replace("_", " ").replace("-", " "))
