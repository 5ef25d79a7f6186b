"""Lenient: what a reply says once it is read forgivingly: the label it names, the record it holds somewhere."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

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


def _mended(text: str, begins: str) -> Json:
    """The first JSON value in a text that begins so, repaired; None if there is none."""
    from json_repair import repair_json

    unquoted = text.replace('\\"', '"') if text.strip()[:1] == '"' else text
    at = [where for begin in begins if (where := unquoted.find(begin)) >= 0]
    return repair_json(unquoted[min(at) : min(at) + 100_000], return_objects=True) if at else None


def _of_types(value: Mapping[str, Json], schema: Mapping[str, Json]) -> dict[str, Json]:
    kinds = schema.get("properties", {})
    return {key: _typed(item, kinds.get(key, {}).get("type")) for key, item in value.items()}


def _typed(item: Json, kind: str | None) -> Json:
    if not isinstance(item, str) or kind not in ("integer", "number"):
        return item
    number = re.search(r"-?\d+(?:\.\d+)?", item.replace(",", ""))
    if number is None:
        return item
    return int(float(number[0])) if kind == "integer" else float(number[0])


def _spaced(text: str) -> str:
    return likeness(text.replace("_", " ").replace("-", " "))
