"""Infer a contract from the answers that are there: what outputs look like, and which scorer fits them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from .data import Kind
from .digest import canonical
from .types import Json

MOST_LABELS = 200
LONGEST_LABEL = 60
ENUM_AT_MOST = 12
SEEN_PER_VALUE = 3
"""A string counts as one of a few when each of the few was seen about this often."""


@dataclass(frozen=True, slots=True)
class Guess:
    """A kind of output, what it holds, the scorer that fits, and why this was guessed."""

    kind: Kind
    score: str
    why: str
    labels: tuple[str, ...] = ()
    schema: Mapping[str, Json] | None = None


def guess(answers: Sequence[Json]) -> Guess:
    """The contract that these answers follow. A list in an answer is taken as acceptable alternatives."""
    flat = [one for answer in answers for one in (answer if isinstance(answer, list) else [answer])]
    if flat and all(isinstance(one, Mapping) for one in flat):
        why = f"all {len(flat)} answers are objects; the schema is what was seen, its ranges rounded outward"
        return Guess("schema", "json", why, schema=schema_of(flat))
    texts = [str(one) for one in flat]
    labels = tuple(sorted(set(texts)))
    if _few(texts, MOST_LABELS) and max(map(len, labels)) <= LONGEST_LABEL:
        why = f"{len(texts)} answers are {len(labels)} different short texts"
        return Guess("labels", "label", why, labels=labels)
    return _text(texts, len(labels))


def _text(texts: Sequence[str], distinct: int) -> Guess:
    words = sorted(len(text.split()) for text in texts)
    middle = words[len(words) // 2] if words else 0
    score = "contains" if middle <= 6 else "f1" if middle <= 40 else "similarity"
    said = {
        "contains": "short enough to be looked for inside the reply",
        "f1": "too long to be repeated word for word: the words in common count",
        "similarity": "paragraphs: the meaning counts",
    }
    why = f"{distinct} different answers, {middle} words in the middle; {said[score]}"
    return Guess("text", score, why)


def schema_of(values: Sequence[Json]) -> dict[str, Json]:
    """A JSON Schema that all the values fit: types, enums, dates and ranges as they were seen."""
    present = [value for value in values if value is not None]
    if not present:
        return {}
    made = _schema(present)
    if len(present) < len(values) and "type" in made:
        made["type"] = [*([made["type"]] if isinstance(made["type"], str) else made["type"]), "null"]
        if "enum" in made:
            made["enum"] = [*made["enum"], None]
    return made


def _schema(values: Sequence[Any]) -> dict[str, Json]:
    if all(isinstance(value, bool) for value in values):
        return {"type": "boolean"}
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return _number(values)
    if all(isinstance(value, str) for value in values):
        return _string(values)
    if all(isinstance(value, Mapping) for value in values):
        return _object(values)
    if all(isinstance(value, list) for value in values):
        return {"type": "array", "items": schema_of([item for value in values for item in value])}
    return {}


def _number(values: Sequence[float]) -> dict[str, Json]:
    whole = all(isinstance(value, int) for value in values)
    low, high = _outward(min(values), down=True), _outward(max(values), down=False)
    kind = "integer" if whole else "number"
    return {"type": kind, "minimum": int(low) if whole else low, "maximum": int(high) if whole else high}


def _outward(value: float, *, down: bool) -> float:
    """The next of …, 1, 2, 5, 10, 20, … away from what was seen; a range from zero up starts at zero."""
    if value == 0 or (down and value > 0):
        return 0.0
    size = abs(value)
    unit = 10.0 ** math.floor(math.log10(size))
    steps = [unit * step for step in (1, 2, 5, 10)]
    grow = max(s for s in steps if s <= size) if (value > 0) == down else min(s for s in steps if s >= size)
    return math.copysign(grow, value)


def _string(values: Sequence[str]) -> dict[str, Json]:
    for name, reads in (("date", date.fromisoformat), ("date-time", datetime.fromisoformat)):
        if all(_reads(value, reads) and "-" in value for value in values):
            return {"type": "string", "format": name}
    if _few(values, ENUM_AT_MOST):
        return {"type": "string", "enum": sorted(set(values))}
    return {"type": "string"}


def _reads(value: str, reads: Any) -> bool:
    try:
        reads(value)
    except ValueError:
        return False
    return True


def _object(values: Sequence[Mapping[str, Json]]) -> dict[str, Json]:
    names = list(dict.fromkeys(name for value in values for name in value))
    properties = {name: schema_of([value[name] for value in values if name in value]) for name in names}
    required = [name for name in names if all(name in value for value in values)]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _few(values: Sequence[Any], most: int) -> bool:
    distinct = len({canonical(value) for value in values})
    return 1 < distinct <= most and len(values) >= SEEN_PER_VALUE * distinct
