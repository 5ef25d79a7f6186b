"""Fields of logged JSON, read without trust: what is not of the wanted type is taken as absent."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import cast

import orjson

from ..types import Json

Object = Mapping[str, Json]

NOTHING: Object = {}
LATEST = 32_503_680_000.0
"""The year 3000 in seconds since 1970: a larger number counts smaller units."""


def first(value: Object, names: Iterable[str]) -> Json:
    """The first of the named fields that is there and not null."""
    for name in names:
        if (found := value.get(name)) is not None:
            return found
    return None


def text(value: Json) -> str:
    """A string, or a whole number as one; everything else is empty."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def fields(value: Json) -> Object:
    """An object, also where it stands as JSON inside a string; everything else is empty."""
    if type(value) is dict:
        return value
    if isinstance(value, str):
        value = parsed(value)
    return value if isinstance(value, dict) else NOTHING


def items(value: Json) -> list[Json]:
    """An array, also where it stands as JSON inside a string; everything else is empty."""
    if isinstance(value, str):
        value = parsed(value)
    return value if isinstance(value, list) else []


def number(value: Json) -> float | None:
    """A finite number, also where it is written as text."""
    if value is None:
        return None
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def amount(value: Json) -> float | None:
    """A number of zero or more."""
    found = number(value)
    return found if found is not None and found >= 0 else None


def count(value: Json) -> int:
    """A whole number of zero or more; everything else is 0."""
    if type(value) is int:
        return value if value > 0 else 0
    return int(amount(value) or 0)


def share(value: Json) -> float | None:
    """A number in [0, 1]; true is 1, false is 0."""
    if isinstance(value, bool):
        return float(value)
    found = number(value)
    return found if found is not None and 0 <= found <= 1 else None


def parsed(value: str) -> Json:
    """What a string holds as JSON, where it is an object or an array; otherwise the string itself."""
    start = value[:40].lstrip()[:1]
    if start not in ("{", "["):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(value, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return value


def worded(value: Json) -> str:
    """Any value as text: a string as it is, an absent one empty, the rest as JSON."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def seconds(value: Json) -> float | None:
    """Seconds since 1970 from ISO 8601 (UTC where no zone is given) or a number of s, ms, µs or ns since then."""
    if value is None:
        return None
    if isinstance(value, str) and (moment := _moment(value)) is not None:
        return moment
    found = amount(value)
    while found is not None and found > LATEST:
        found /= 1000
    return found or None


def _moment(value: str) -> float | None:
    try:
        moment = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def between(start: float | None, end: float | None) -> float | None:
    """Milliseconds from `start` to `end`, both in seconds; None where either is unknown or they are out of order."""
    return round((end - start) * 1000, 3) if start is not None and end is not None and end >= start else None


def others(value: Object, known: frozenset[str]) -> dict[str, Json]:
    """The fields that are not among the known ones, nulls left out."""
    return {name: item for name, item in value.items() if name not in known and item is not None}


def nested(flat: Object) -> dict[str, Json]:
    """Dotted keys as objects, their numbers as arrays: `{"a.0.b": 1}` as `{"a": [{"b": 1}]}`."""
    tree: dict[str, Json] = {}
    for key, value in flat.items():
        here = tree
        *path, last = key.split(".")
        for part in path:
            below = here.get(part)
            if not isinstance(below, _Branch):
                below = here[part] = _Branch({"": below} if below is not None else {})
            here = below
        if isinstance(here.get(last), _Branch):
            here[last][""] = value
        else:
            here[last] = value
    return {key: _listed(value) for key, value in tree.items()}


class _Branch(dict[str, Json]):
    """An object made from dotted keys, in contrast to one that was a value."""


def _listed(value: Json) -> Json:
    if not isinstance(value, _Branch):
        return value
    made = {key: _listed(item) for key, item in value.items()}
    if made and all(key.isdecimal() and len(key) < 6 for key in made):
        return [made[key] for key in sorted(made, key=int)]
    return made


def objects(value: Json) -> list[Object]:
    """The objects in an array."""
    return [cast(Object, item) for item in items(value) if isinstance(item, dict)]
