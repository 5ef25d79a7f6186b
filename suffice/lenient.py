"""Lenient: what a reply says once it is read forgivingly: the label it names, the record it holds somewhere."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .data import likeness
from .types import Json


def named_labels(text: str, labels: tuple[str, ...]) -> list[str]:
    """The labels that stand in a text as whole words, those inside a longer named label left out."""
    padded = f" {_spaced(text)} "
    found = [label for label in labels if f" {_spaced(label)} " in padded]
    return [a for a in found if not any(a != b and f" {_spaced(a)} " in f" {_spaced(b)} " for b in found)]


def record_in(text: str, schema: Mapping[str, Json]) -> Json:
    """The object in a text, repaired, its fields turned into the types the schema names; None if there is none."""
    from json_repair import repair_json

    start = text.find("{")
    if start < 0:
        return None
    value = repair_json(text[start : start + 100_000], return_objects=True)
    value = value[0] if isinstance(value, list) and value else value
    if not isinstance(value, dict):
        return None
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
