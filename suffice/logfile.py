"""A log file's rows, whatever holds them: lines, one document, a table, an archive; plain or gzipped.

A row is a JSON object. What is none is Unusable with a reason; only a file that cannot be a log raises InputError.
Where a key stands twice in an object, the later value holds, as in most readers.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import orjson

from .elements import Broken, Piece, pieces
from .errors import InputError
from .importer import Row, Unusable
from .types import Json

HEAD = 256 * 1024
"""Bytes looked at to tell what a file is."""
SPLIT_ABOVE = 4 * 1024 * 1024
"""Bytes of a line that is parsed whole; a longer one is read as a document, by its elements where it has any."""
BUFFER = 1024 * 1024
CHUNK = 64 * 1024
LONGEST = 64 * 1024 * 1024
"""Bytes of one line or element, unless said otherwise."""
BOM = b"\xef\xbb\xbf"
EVENT = (b"event:", b"id:", b"retry:", b":")
PACKED = {
    b"\x28\xb5\x2f\xfd": ("zstd", "zstd -dc"),
    b"BZh": ("bzip2", "bzip2 -dc"),
    b"\xfd7zXZ": ("xz", "xz -dc"),
    b"PAR1": ("parquet", ""),
    b"SQLite format 3": ("SQLite", ""),
}
DAMAGED = "the file ends early or is damaged"
READ_ERRORS = (EOFError, zlib.error, OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError)
SURROGATE = re.compile("[\ud800-\udfff]")
SEPARATORS = ",\t;|"


class Bytes(Protocol):
    """A file open for reading."""

    def read(self, size: int = -1, /) -> bytes: ...

    def seekable(self) -> bool: ...

    def seek(self, offset: int, whence: int = 0, /) -> int: ...


@dataclass
class LogFile:
    """One file of a log; `name` is what its rows are reported under."""

    name: str
    splits: frozenset[tuple[str, ...]] = frozenset()
    """The arrays of a document that are read one element at a time."""
    longest: int = LONGEST
    read: int = 0
    """Bytes read so far, as they stand in the file."""
    _around: tuple[bytes, Json] = field(default=(b"", None), repr=False)

    def rows(self, file: Bytes) -> Iterator[Row | Unusable]:
        """The rows of an open file, in order."""
        source = _Counted(file, self)
        head = source.peeked
        if head.startswith(b"PK\x03\x04"):
            return self._archive(file, head)
        if head.startswith(b"\x1f\x8b"):
            return self._unpacked(source)
        return self._plain(source, head)

    def _unpacked(self, source: _Counted) -> Iterator[Row | Unusable]:
        packed = _Gunzipped(source)
        head, ended = _start(packed)
        if not head and ended:
            yield Unusable(self.name, 1, DAMAGED)
            return
        yield from self._plain(_Rejoined(head, packed), head)

    def _plain(self, source: io.RawIOBase, head: bytes) -> Iterator[Row | Unusable]:
        self._check(head)
        file = io.BufferedReader(source, BUFFER)
        if _is_document(head):
            if head.startswith(BOM):
                file.read(len(BOM))
            return self._document(file)
        if separator := _separator(head):
            return self._table(file, separator)
        return self._lines(file)

    def _check(self, head: bytes) -> None:
        """Raises InputError where the file cannot be read as text."""
        for sign, (kind, command) in PACKED.items():
            if head.startswith(sign):
                hint = f"unpack it: {command} FILE | suffice audit -" if command else "export it as JSONL"
                raise InputError(f"{kind} files are not read", file=self.name, hint=hint)
        if head.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise InputError("the file is UTF-16 text", file=self.name, hint="save it as UTF-8")
        if b"\x00" in head[:8192]:
            raise InputError("a binary file is no log", file=self.name, hint="export the log as JSONL, JSON or CSV")

    def _lines(self, file: io.BufferedReader[io.RawIOBase]) -> Iterator[Row | Unusable]:
        """One row a line; server-sent events are taken out of their frames."""
        name, line, whole = self.name, 0, min(self.longest, SPLIT_ABOVE)
        while True:
            try:
                raw = file.readline(whole + 1)
            except READ_ERRORS:
                yield Unusable(name, line + 1, DAMAGED)
                return
            if not raw:
                return
            line += 1
            if len(raw) > whole:
                yield from self._document(_Line(raw, file), line)
                continue
            try:
                value = orjson.loads(raw)
            except orjson.JSONDecodeError:
                if line == 1:
                    raw = raw.removeprefix(BOM)
                if not raw.strip() or raw.startswith(EVENT):
                    continue
                value = _read(raw)
                if value is None:
                    continue
            yield Row(name, line, value) if type(value) is dict else self._unfit(line, value)

    def _unfit(self, line: int, value: Json) -> Unusable:
        return Unusable(self.name, line, value.reason if isinstance(value, _No) else "not a JSON object")

    def _document(self, file: _Line | io.BufferedReader[io.RawIOBase], line: int = 0) -> Iterator[Row | Unusable]:
        """The values of JSON that is written over several lines, as one array, or in the one long `line`."""
        at = max(line, 1)
        try:
            for piece in pieces(file.read, self.splits, self.longest):
                at = line or piece.line
                yield self._piece(piece, at)
        except Broken as broken:
            yield Unusable(self.name, line or broken.line, str(broken))
        except READ_ERRORS:
            yield Unusable(self.name, at, DAMAGED)
        if isinstance(file, _Line):
            file.leave()

    def _piece(self, piece: Piece, line: int) -> Row | Unusable:
        if not piece.content:
            return Unusable(self.name, line, f"longer than {self.longest / 2**20:g} MB")
        value = _read(piece.content)
        if type(value) is not dict:
            return self._unfit(line, value)
        if not piece.path:
            return Row(self.name, line, value)
        if self._around[0] != piece.around:
            self._around = piece.around, _read(piece.around)
        around = self._around[1]
        if not isinstance(around, dict):
            return self._unfit(line, around)
        return Row(self.name, line, _within(around, piece.path, value))

    def _table(self, file: io.BufferedReader[io.RawIOBase], separator: str) -> Iterator[Row | Unusable]:
        """The lines of a table by its columns; cells are text."""
        csv.field_size_limit(self.longest)
        reader = csv.reader(self._texts(file), delimiter=separator)
        columns: list[str] = []
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader, None)
            except csv.Error:
                yield Unusable(self.name, line, "not CSV, or a cell is too long")
                continue
            except READ_ERRORS:
                yield Unusable(self.name, line, DAMAGED)
                return
            if cells is None:
                return
            if not columns:
                columns = [cell.strip() for cell in cells]
            elif len(cells) == len(columns):
                yield Row(self.name, line, dict(zip(columns, cells, strict=True)))
            elif cells:
                yield Unusable(self.name, line, "the line has more or fewer cells than there are columns")

    def _texts(self, file: io.BufferedReader[io.RawIOBase]) -> Iterator[str]:
        """Lines as text, what is no UTF-8 as U+FFFD; a line that is too long is given in parts."""
        first = True
        while raw := file.readline(self.longest):
            yield (raw.removeprefix(BOM) if first else raw).decode("utf-8", "replace")
            first = False

    def _archive(self, file: Bytes, head: bytes) -> Iterator[Row | Unusable]:
        """The rows of every JSON file in a zip archive, those at its top first; all under the archive's name."""
        if not file.seekable():
            raise InputError("a zip archive cannot be read from a pipe", file=self.name, hint="name the file")
        file.seek(0)
        try:
            archive = zipfile.ZipFile(file)
        except READ_ERRORS as wrong:
            raise InputError(f"not a zip archive: {wrong}", file=self.name) from wrong
        members = [m for m in archive.infolist() if m.filename.endswith((".json", ".jsonl", ".ndjson"))]
        if not members:
            raise InputError("the archive holds no JSON", file=self.name)
        for member in sorted(members, key=lambda m: (m.filename.count("/"), m.filename)):
            try:
                with archive.open(member) as opened:
                    head, _ = _start(opened)
                    yield from self._plain(_Rejoined(head, opened), head)
            except InputError as wrong:
                yield Unusable(self.name, 1, f"in the archive: {wrong.message}")
            except READ_ERRORS:
                yield Unusable(self.name, 1, "a file in the archive is damaged, locked or packed in an unknown way")


class _Counted(io.RawIOBase):
    """A file whose bytes are counted as they are read."""

    def __init__(self, file: Bytes, log: LogFile) -> None:
        self.file, self.log = file, log
        self.peeked = self.head = _start(file)[0]

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]  # a writable buffer, by the contract of RawIOBase
        found = self.head[: len(view)] or self.file.read(len(view))
        self.head = self.head[len(view) :]
        view[: len(found)] = found
        self.log.read += len(found)
        return len(found)


class _Rejoined(io.RawIOBase):
    """A file whose first bytes have been looked at."""

    def __init__(self, head: bytes, rest: Bytes) -> None:
        self.head, self.rest = head, rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]  # a writable buffer, by the contract of RawIOBase
        found = self.head[: len(view)] or self.rest.read(min(len(view), HEAD))
        self.head = self.head[len(view) :]
        view[: len(found)] = found
        return len(found)


class _Gunzipped(io.RawIOBase):
    """What a gzip file holds; where it is cut, everything up to there comes before the error."""

    def __init__(self, file: Bytes) -> None:
        self.file, self.rest, self.inflate = file, b"", zlib.decompressobj(31)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        while True:
            raw = self.rest or self.file.read(CHUNK)
            if self.inflate.eof:
                raw = raw.lstrip(b"\x00")
                if not raw:
                    return b""
                self.inflate = zlib.decompressobj(31)
            if not raw:
                raise EOFError
            found = self.inflate.decompress(raw, size if size > 0 else BUFFER)
            self.rest = self.inflate.unconsumed_tail or self.inflate.unused_data
            if found:
                return found


@dataclass
class _Line:
    """One long line of a file, as a file that ends with it; `head` is its beginning."""

    head: bytes
    file: io.BufferedReader[io.RawIOBase]
    ended: bool = False

    def read(self, size: int) -> bytes:
        """At most `size` bytes of the line."""
        if self.head:
            found, self.head = self.head[:size], self.head[size:]
            self.ended = found.endswith(b"\n")
            return found
        if self.ended:
            return b""
        found = self.file.readline(size)
        self.ended = not found or found.endswith(b"\n")
        return found

    def leave(self) -> None:
        """Goes to the next line."""
        with contextlib.suppress(*READ_ERRORS):
            while self.read(BUFFER):
                pass


def _start(file: Bytes) -> tuple[bytes, bool]:
    """The first bytes of a file, and whether it broke off meanwhile."""
    found = bytearray()
    try:
        while len(found) < HEAD and (more := file.read(min(HEAD - len(found), CHUNK))):
            found += more
    except READ_ERRORS:
        return bytes(found), True
    return bytes(found), False


@dataclass(frozen=True)
class _No:
    """Why a text is no row."""

    reason: str


def _read(raw: bytes) -> Json:
    """A value that may be written as Python and JavaScript write it (NaN, half a surrogate pair); None is no row."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        pass
    if raw.startswith(b"data:"):
        raw = raw.removeprefix(b"data:").strip()
        if raw in (b"[DONE]", b""):
            return None
    try:
        value = json.loads(raw.decode("utf-8"), parse_constant=lambda _: None)
    except UnicodeDecodeError:
        return _No("not UTF-8 text")
    except RecursionError:
        return _No("nested too deeply")
    except json.JSONDecodeError as wrong:
        return _No(
            "not JSON" if wrong.pos < len(wrong.doc.rstrip()) or raw.endswith(b"\n") else "cut off in the middle"
        )
    except ValueError:
        return _No("not JSON")
    return _sound(value) if b"\\u" in raw else value


def _sound(value: Json) -> Json:
    """The same value with U+FFFD for halves of surrogate pairs, which cannot be written as UTF-8."""
    return json.loads(SURROGATE.sub("\ufffd", json.dumps(value, ensure_ascii=False)))


def _within(around: dict[str, Json], path: tuple[str, ...], value: Json) -> dict[str, Json]:
    """The document with that one value in its array; nothing is shared that could be changed."""
    key, *rest = path
    inner = around.get(key)
    below = _within(inner, tuple(rest), value) if rest and isinstance(inner, dict) else [value]
    return {**around, key: below}


def _is_document(head: bytes) -> bool:
    """Whether JSON begins that is written over several lines, or an array."""
    text = head.removeprefix(BOM).lstrip()
    first, ended, _ = text.partition(b"\n")
    if text[:1] == b"[":
        return True
    if text[:1] != b"{" or not ended or _alone(first) is not None:
        return False
    return first.rstrip()[-1:] in (b"{", b"[", b",", b":") or not _lined(text)


def _lined(text: bytes) -> bool:
    """Whether one of the first lines is an object on its own."""
    return any(isinstance(_alone(line), dict) for line in text.split(b"\n", 3)[:3] if len(line) > 8)


def _alone(line: bytes) -> Json:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return None


def _separator(head: bytes) -> str:
    """What separates the columns of a table; "" where the file is none."""
    text = head.removeprefix(BOM).lstrip()
    first = text.split(b"\n", 1)[0].decode("utf-8", "replace")
    if first.startswith(("{", "[", "data:", "event:", ":")) or _lined(text):
        return ""
    counts = {mark: first.count(mark) for mark in SEPARATORS}
    best = max(counts, key=lambda mark: counts[mark])
    return best if counts[best] else ""
