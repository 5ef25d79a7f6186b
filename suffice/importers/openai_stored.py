"""openai_stored: chat completions that OpenAI or Azure stored, as their lists give them, and exports of these."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

from ..exchange import Exchange
from ..importer import Row, Unfit, Unusable, each
from ..types import Json
from ._fields import Object, first, objects, others
from ._openai import REQUEST, RESPONSE, exchange

MARKS = ("metadata", "request_id", "input_user", "tool_choice", "seed", "service_tier")
ASKED = ("messages", "input", "input_messages")


@dataclass(frozen=True)
class OpenaiStored:
    """{"object": "list", "data": [completions]}, or completions with the metadata they were stored under."""

    splits: ClassVar[tuple[str, ...]] = ("data",)

    def recognises(self, value: dict[str, Json]) -> float:
        """Sure of a list; of a completion where it has metadata."""
        if "data" in value and "object" in value:
            return 0.9 if not value.keys().isdisjoint(("has_more", "first_id", "last_id")) else 0.7
        return 0.9 if {"object", "choices", "metadata"} <= value.keys() else 0.0

    def exchanges(self, rows: Iterable[Row]) -> Iterator[Exchange | Unusable]:
        """One exchange for each stored completion."""
        return each(rows, _told)


def _told(row: Row) -> Iterator[Exchange]:
    stored = [row.value] if "choices" in row.value else objects(row.value.get("data"))
    if not stored:
        raise Unfit("a list of no completions")
    for completion in stored:
        if "choices" not in completion and "output" not in completion:
            raise Unfit("a list of something else than completions")
        yield _exchange(row, completion)


def _exchange(row: Row, completion: Object) -> Exchange:
    request = {name: completion[name] for name in REQUEST & completion.keys()}
    request["messages"] = first(completion, ASKED)
    extra = others(completion, REQUEST | RESPONSE | set(ASKED))
    here = Row(row.file, row.line, dict(completion))
    return exchange(here, request, here.value, {"extra": extra})
