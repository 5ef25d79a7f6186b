"""A template: text with `{{places}}` that the fields of an input fill, in one literal pass."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping

from .errors import InputError
from .types import Json

WHOLE = "{{input}}"
PLACE = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")


def fill(template: str, text: str, fields: Mapping[str, Json]) -> str:
    """The template with each `{{name}}` replaced, in one pass: what a value contains is never filled in again."""
    values = {"input": text, **fields}

    def value(place: re.Match[str]) -> str:
        if place[1] not in values:
            known = ", ".join(values)
            raise InputError(f"the prompt names `{{{{{place[1]}}}}}`, which the input lacks", hint=f"known: {known}")
        found = values[place[1]]
        return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)

    return PLACE.sub(value, template)


def unfilled(template: str, fields: Iterable[str]) -> Iterator[tuple[str, int]]:
    """The places that these fields leave open, each with its line."""
    known = {"input", *fields}
    for place in PLACE.finditer(template):
        if place[1] not in known:
            yield place[1], template.count("\n", 0, place.start()) + 1
