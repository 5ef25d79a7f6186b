"""Elements: the values of a JSON document of any size, one at a time, in memory that does not grow with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

CHUNK = 1024 * 1024
TO_BRACKET = re.compile(rb'(?>(?:[^"{}\[\]]+|"(?>[^"\\]*(?:\\.[^"\\]*)*)")*)[{}\[\]"]', re.DOTALL)
"""Everything up to the next bracket that stands in no string, or to the quote of a string that does not end here.
Atomic groups, since a possessive repeat of a group loses its place in Python 3.11.2 where its last turn fails."""
STRING_END = re.compile(rb'(?>[^"\\]*(?:\\.[^"\\]*)*)"', re.DOTALL)
KEY = re.compile(rb'"([^"\\]{1,100})"\s*:\s*$')
QUOTE, OBJECT, ARRAY, OBJECT_END, ARRAY_END = b'"{[}]'
BETWEEN = b" \t\r\n,"


class Broken(ValueError):
    """The document is no JSON from `line` on, or ends there in the middle."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True)
class Piece:
    """The JSON text of a top-level value, or of an element of an array that is read one element at a time."""

    line: int
    """Where it begins, from 1."""
    content: bytes
    """Empty where it was longer than allowed."""
    around: bytes = b""
    """Of an element: the document up to its array, closed again, the array left empty."""
    path: tuple[str, ...] = ()
    """Of an element: the keys that lead to its array; none for an array at the top."""


def pieces(read: Callable[[int], bytes], splits: frozenset[tuple[str, ...]], longest: int) -> Iterator[Piece]:
    """The top-level values that `read` gives, those with an array on one of the paths `splits` by its elements.

    An array at the top is always read so. What follows the last such array inside a document is not told.
    Raises Broken after what could be read. Holds one value, and at most `longest` bytes of it.
    """
    document = _Document(splits, longest)
    while chunk := read(CHUNK):
        while chunk.endswith(b"\\") and (more := read(1)):
            chunk += more
        yield from document.feed(chunk)
    document.end()


@dataclass
class _Document:
    """Where the reading is: which brackets are open, and the bytes since the last value was told."""

    splits: frozenset[tuple[str, ...]]
    longest: int
    keys: list[str] = field(default_factory=list)
    """The keys of the open objects that lead here; "" for the one at the top."""
    deep: int = 0
    """How many brackets are open below them."""
    split: bool = False
    """Whether the innermost open bracket is that of an array read by its elements."""
    quoted: bool = False
    taken: bytearray = field(default_factory=bytearray)
    prefix: bytes = b""
    """The document before `taken`, the elements of its arrays left out."""
    path: tuple[str, ...] = ()
    told: bool = False
    """Whether an element of the document at hand was told."""
    long: bool = False
    line: int = 1
    began: int = 1
    start: int = 0

    def feed(self, chunk: bytes) -> Iterator[Piece]:
        """The values that end in this chunk."""
        at = self.start = 0
        if self.quoted:
            found = STRING_END.match(chunk)
            if not found:
                return self._take(chunk, len(chunk))
            at, self.quoted = found.end(), False
        while not self.quoted:
            if self.deep:
                at = self._through(chunk, at)
                if self.deep:
                    break
                if self.split:
                    yield self._element(chunk, at)
            elif found := TO_BRACKET.match(chunk, at):
                at = found.end()
                yield from self._bracket(chunk, at, chunk[at - 1])
            else:
                break
        self._take(chunk, len(chunk))
        return None

    def _bracket(self, chunk: bytes, at: int, sign: int) -> Iterator[Piece]:
        """A bracket of the document itself, or the quote of a string that does not end here."""
        if sign == QUOTE:
            self.quoted = True
        elif sign in (OBJECT, ARRAY):
            yield from self._opened(chunk, at, sign)
        else:
            yield from self._closed(chunk, at, sign)

    def _through(self, chunk: bytes, at: int) -> int:
        """Reads on until as many brackets are closed as were opened, or to the end of the chunk; where that is."""
        deep, to_bracket = self.deep, TO_BRACKET.match
        while deep and (found := to_bracket(chunk, at)):
            at = found.end()
            sign = chunk[at - 1]
            if sign == QUOTE:
                self.quoted = True
                break
            deep += 1 if sign in (OBJECT, ARRAY) else -1
        self.deep = deep
        return at

    def end(self) -> None:
        """Raises Broken unless the last value is complete."""
        if self.keys or self.split or self.deep or self.quoted:
            raise Broken("the document ends in the middle", self.line + self.taken.count(b"\n"))
        self._nothing_but(b" \t\r\n")

    def _opened(self, chunk: bytes, at: int, sign: int) -> Iterator[Piece]:
        if self.split:
            self._take(chunk, at - 1)
            yield from self._stray()
            self.deep = 1
        elif not self.keys:
            self._take(chunk, at - 1)
            self._nothing_but(BETWEEN)
            self._begin(chunk, at, sign)
        else:
            self._below(chunk, at, sign)

    def _begin(self, chunk: bytes, at: int, sign: int) -> None:
        """A value at the top begins."""
        self.prefix, self.told, self.long, self.began = b"", False, False, self.line
        if sign == OBJECT:
            self.keys.append("")
        else:
            self._take(chunk, at)
            self._drop()
            self.split, self.path = True, ()

    def _below(self, chunk: bytes, at: int, sign: int) -> None:
        """A bracket opens right inside one of the objects that lead here."""
        self._take(chunk, at - 1)
        found = KEY.search(self.taken[-200:])
        path = (*self.keys[1:], found[1].decode("utf-8", "replace") if found else "")
        if sign == ARRAY and path in self.splits and not self.long:
            self.prefix += self._drop() + b"[]"
            self._take(chunk, at)
            self._drop()
            self.split, self.path = True, path
        elif sign == OBJECT and any(known[: len(path)] == path for known in self.splits):
            self.keys.append(path[-1])
        else:
            self.deep = 1

    def _closed(self, chunk: bytes, at: int, sign: int) -> Iterator[Piece]:
        if self.split and sign == ARRAY_END:
            self._take(chunk, at - 1)
            yield from self._stray()
            self._take(chunk, at)
            self._drop()
            self.split = False
        elif self.keys and not self.split and sign == OBJECT_END:
            self.keys.pop()
            if not self.keys:
                yield from self._whole(chunk, at)
        else:
            raise Broken("not JSON: a bracket closes that was not open", self.line)

    def _element(self, chunk: bytes, at: int) -> Piece:
        line, long = self.line, self.long
        self._take(chunk, at)
        content, long = self._drop(), self.long
        self.told, self.long = True, False
        around = self.prefix + b"}" * len(self.keys)
        return Piece(line, b"" if long else content, around, self.path)

    def _whole(self, chunk: bytes, at: int) -> Iterator[Piece]:
        """A document ends: it is told unless its elements were."""
        self._take(chunk, at)
        content = self.prefix + self._drop()
        if not self.told:
            yield Piece(self.began, b"" if self.long else content)
        self.long = False

    def _stray(self) -> Iterator[Piece]:
        """What stands between the elements and is no object."""
        line, content = self.line, self._drop().strip(BETWEEN)
        if content:
            yield Piece(line, content, self.prefix + b"}" * len(self.keys), self.path)

    def _nothing_but(self, blanks: bytes) -> None:
        if bytes(self.taken).strip(blanks):
            raise Broken("not JSON: something stands between the values", self.line)
        self._drop()

    def _take(self, chunk: bytes, upto: int) -> None:
        self.taken += chunk[self.start : upto]
        self.start = upto
        if len(self.taken) + len(self.prefix) > self.longest:
            self.long = True
            self._drop()

    def _drop(self) -> bytes:
        content = bytes(self.taken)
        self.line += content.count(b"\n")
        self.taken.clear()
        return content
