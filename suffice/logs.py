"""Read logs: the exchanges in files, folders or a pipe, each row by the importer that knows its kind."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from .errors import InputError
from .exchange import Exchange
from .importer import Importer, Row, Unusable
from .logfile import LONGEST, LogFile
from .plugins import find, names

STDIN = "-"
SUFFIXES = (".jsonl", ".ndjson", ".json", ".log", ".txt", ".csv", ".tsv", ".gz", ".eval", ".zip")
"""Files of a folder that are read as logs."""
SURE = 0.3
"""How sure an importer must be of a row that nobody named it for."""
SHAPES_AT_MOST = 4096
SHOWN = 5
"""First lines that are remembered of every reason."""


@dataclass
class Reason:
    """Rows that could not be used for the same reason."""

    count: int = 0
    first: list[tuple[str, int]] = field(default_factory=list)
    """The first of them: file and line."""

    def add(self, row: Unusable) -> None:
        """One more."""
        self.count += 1
        if len(self.first) < SHOWN:
            self.first.append((row.file, row.line))


@dataclass
class Logs:
    """Logs to be read, once: iterate for the exchanges; what was seen is counted meanwhile.

    logs = Logs(["traffic.jsonl.gz"])
    for exchange in logs: ...
    logs.unusable          {"not JSON": Reason(count=2, first=[("traffic.jsonl.gz", 17), …])}
    """

    places: Sequence[str | Path]
    """Files, folders, or "-" for standard input."""
    form: str = ""
    """The importer that reads every row; "" lets each row be recognised."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """For tables: an exchange's field → the column it stands in."""
    longest: int = LONGEST
    """Bytes of one line or one element of a document; what is longer is counted and skipped."""
    files: int = 0
    rows: int = 0
    exchanges: int = 0
    size: int = 0
    """Bytes of all files found, as they stand on the disk; 0 for a pipe."""
    read: int = 0
    """Bytes of them read so far."""
    forms: Counter[str] = field(default_factory=Counter)
    """Rows by the importer that told them."""
    unusable: dict[str, Reason] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Exchange]:
        for found in self.all():
            if isinstance(found, Exchange):
                self.exchanges += 1
                yield found
            else:
                self.unusable.setdefault(found.reason, Reason()).add(found)

    def all(self) -> Iterator[Exchange | Unusable]:
        """Exchanges and unusable rows in the order in which they stand, uncounted."""
        chosen = _Chosen(self.form, self.columns)
        paths = [_files(place) for place in self.places]
        self.size = sum(path.stat().st_size for found in paths for path, _ in found if path != Path(STDIN))
        for found in paths:
            for path, named in found:
                yield from self._file(path, named, chosen)

    def _file(self, path: Path, named: bool, chosen: _Chosen) -> Iterator[Exchange | Unusable]:
        if not named and not path.name.lower().endswith(SUFFIXES):
            yield Unusable(str(path), 1, f"a file ending in {path.suffix or 'nothing'} is not taken for a log")
            return
        log, before = LogFile(str(path), chosen.splits, self.longest), self.read
        self.files += 1
        try:
            with nullcontext(sys.stdin.buffer) if path == Path(STDIN) else path.open("rb") as file:
                for name, rows in groupby(self._counted(log.rows(file), log, before), chosen.name):
                    yield from _told(chosen.named.get(name), _by(name, rows, self.forms))
        except InputError as wrong:
            if named:
                raise
            yield Unusable(str(path), 1, wrong.message)
        except OSError as wrong:
            raise InputError(f"cannot read the log: {wrong.strerror}", file=str(path)) from wrong

    def _counted(self, rows: Iterable[Row | Unusable], log: LogFile, before: int) -> Iterator[Row | Unusable]:
        for row in rows:
            self.rows += 1
            self.read = before + log.read
            yield row


def _told(importer: Importer | None, rows: Iterator[Row | Unusable]) -> Iterator[Exchange | Unusable]:
    """What neighbouring rows say that one importer reads, or none."""
    if importer is not None:
        yield from importer.exchanges(row for row in rows if isinstance(row, Row))
        return
    for row in rows:
        yield row if isinstance(row, Unusable) else Unusable(row.file, row.line, "no importer knows such a row")


def _by(name: str, rows: Iterable[Row | Unusable], forms: Counter[str]) -> Iterator[Row | Unusable]:
    """The same rows, counted by their importer's name."""
    for row in rows:
        forms[name] += 1
        yield row


def _files(place: str | Path) -> list[tuple[Path, bool]]:
    """The files at a place, each with whether it was named; of a folder all, hidden ones and links left out."""
    path = Path(place)
    if str(place) == STDIN or path.is_file():
        return [(path, True)]
    if not path.is_dir():
        raise InputError("no such log", file=str(place), hint="name files, folders, or - for standard input")
    found = (below for below in sorted(path.rglob("*")) if below.is_file() and not below.is_symlink())
    return [
        (below, False) for below in found if not any(part.startswith(".") for part in below.relative_to(path).parts)
    ]


class _Chosen:
    """The importers to choose from, and which was chosen for each shape of row."""

    def __init__(self, form: str, columns: Mapping[str, str]) -> None:
        made = {name: find("importers", name) for name in ([form] if form else names("importers"))}
        self.only = form
        self.named: dict[str, Importer] = {
            name: kind(columns=dict(columns)) if name == "csv" else kind() for name, kind in made.items()
        }
        self.splits = frozenset(tuple(path.split(".")) for importer in self.named.values() for path in importer.splits)
        self.shapes: dict[object, str] = {}

    def name(self, row: Row | Unusable) -> str:
        """Who reads a row, "" for nobody; rows of the same keys are read by the same importer."""
        if isinstance(row, Unusable):
            return ""
        if self.only:
            return self.only
        inner = row.value.get("attributes")
        shape = (tuple(row.value), tuple(inner)) if type(inner) is dict else tuple(row.value)
        found = self.shapes.get(shape)
        if found is None:
            if len(self.shapes) >= SHAPES_AT_MOST:
                self.shapes.clear()
            found = self.shapes[shape] = self._surest(row)
        return found

    def _surest(self, row: Row) -> str:
        sure = {name: importer.recognises(row.value) for name, importer in self.named.items()}
        best = max(sure, key=lambda name: sure[name])
        return best if sure[best] >= SURE else ""
