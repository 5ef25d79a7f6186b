"""An importer tells the rows of one kind of log as exchanges, and says of each row it cannot use why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Protocol

from .exchange import Exchange
from .types import Json

RAW = ""
"""The key under which the arguments of a logged tool call stand as text, where they are no JSON object."""


class Row(NamedTuple):
    """One JSON object of a log (a line, an element of an array, a line of a table by its columns), and where it is."""

    file: str
    line: int
    value: dict[str, Json]


@dataclass(frozen=True, slots=True)
class Unusable:
    """A row that tells of no exchange. Equal causes have equal reasons, so that they can be counted."""

    file: str
    line: int
    reason: str


class Unfit(ValueError):
    """Raised while a row is read: why it tells of no exchange."""


class Importer(Protocol):
    """A frozen dataclass; the file's name is the importer's. It never raises over what a row holds."""

    splits: ClassVar[tuple[str, ...]]
    """The arrays of a large document that are read one element at a time, as dotted paths from its top:
    the importer then sees the same document once for each element, with that element alone in the array."""

    def recognises(self, value: dict[str, Json]) -> float:
        """How surely a row with these keys is of this kind of log, in [0, 1]; decided by the keys alone."""
        ...

    def exchanges(self, rows: Iterable[Row]) -> Iterator[Exchange | Unusable]:
        """The exchanges that neighbouring rows of one file tell of, in order, with memory that does not grow."""
        ...


def each(rows: Iterable[Row], told: Callable[[Row], Iterable[Exchange]]) -> Iterator[Exchange | Unusable]:
    """The exchanges of rows that stand alone; a row whose fields are not what their names promise is unusable."""
    for row in rows:
        try:
            yield from told(row)
        except Unfit as why:
            yield Unusable(row.file, row.line, str(why))
        except (TypeError, ValueError, LookupError, AttributeError, RecursionError, OverflowError):
            yield Unusable(row.file, row.line, "a field holds something else than its name says")
