"""openai_batch: the output of a batch, joined by `custom_id` with the requests in an input file beside it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import orjson

from ..exchange import Exchange
from ..importer import Row, Unfit, Unusable, each
from ..types import Json
from ._fields import NOTHING, Object, fields, others, text
from ._openai import error, exchange

LONGEST = 64 * 1024 * 1024
"""Bytes of one request that is looked up."""
REQUESTS_AT_MOST = 1_000_000
"""Requests of input files that are remembered: where they stand, not what they say. A batch holds 50,000."""
ENDINGS = (".jsonl", ".ndjson", ".json", ".txt")
TOLD = frozenset({"id", "custom_id", "response", "error", "result", "body"})


@dataclass(frozen=True)
class OpenaiBatch:
    """Rows of {"custom_id", "response", "error"}; those of Anthropic's batches, {"custom_id", "result"}, too."""

    splits: ClassVar[tuple[str, ...]] = ()

    def recognises(self, value: dict[str, Json]) -> float:
        """Sure of a `custom_id` beside what was asked or what came."""
        near = not value.keys().isdisjoint(("response", "result", "body", "params"))
        return 1.0 if "custom_id" in value and near else 0.0

    def exchanges(self, rows: Iterable[Row]) -> Iterator[Exchange | Unusable]:
        """One exchange for each row of output; a row of input tells only of a request that got no reply."""
        folders: dict[str, _Beside] = {}

        def told(row: Row) -> Iterator[Exchange]:
            if row.file not in folders:
                folders[row.file] = _Beside.of(row.file)
            yield _told(row, folders[row.file])

        return each(rows, told)


def _told(row: Row, beside: _Beside) -> Exchange:
    value = row.value
    name = text(value.get("custom_id"))
    if not _is_output(value):
        if name in beside.answered:
            raise Unfit("a batch's request, which is told with its reply")
        return exchange(row, _request(value), NOTHING, {"id": name})
    response = fields(value.get("response"))
    result = fields(value.get("result"))
    body = fields(response.get("body")) or fields(result.get("message"))
    failed = error(value.get("error")) or error(body.get("error")) or error(result.get("error"))
    status = response.get("status_code")
    if not failed and isinstance(status, int) and status >= 400:
        failed = f"status {status}"
    known = {"id": name, "error": failed, "extra": others(value, TOLD) | others(response, frozenset({"body"}))}
    return exchange(row, beside.request(name), body, known)


def _is_output(value: Object) -> bool:
    return "response" in value or "result" in value


def _request(value: Object) -> Object:
    return fields(value.get("body")) or fields(value.get("params"))


@dataclass
class _Beside:
    """Where the requests stand in the files beside a batch's file, and what those files answer."""

    requests: dict[str, tuple[Path, int] | None] = field(default_factory=dict)
    """By custom_id: file and byte; None where several files have it, so that nobody knows which is meant."""
    answered: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, name: str) -> _Beside:
        """What lies beside the file called `name`; nothing beside a pipe."""
        found, here = cls(), Path(name)
        if not here.is_file():
            return found
        for path in sorted(here.parent.iterdir()):
            if path.suffix.lower() in ENDINGS and path.is_file() and not path.samefile(here):
                found._index(path)
        return found

    def request(self, name: str) -> Object:
        """What was asked under a custom_id."""
        place = self.requests.get(name)
        if place is None:
            return NOTHING
        with place[0].open("rb") as file:
            file.seek(place[1])
            return _request(_row(file.readline(LONGEST)))

    def _index(self, path: Path) -> None:
        """Remembers where the requests of a batch's input file begin; other files are left after their first line."""
        with path.open("rb") as file:
            at = 0
            while (line := file.readline(LONGEST)) and len(self.requests) < REQUESTS_AT_MOST:
                row = _row(line)
                name = text(row.get("custom_id"))
                if not name and not at:
                    return
                if name and _is_output(row):
                    self.answered.add(name)
                elif name:
                    self.requests[name] = None if name in self.requests else (path, at)
                at += len(line)


def _row(line: bytes) -> Object:
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        return NOTHING
    return value if isinstance(value, dict) else NOTHING
