"""otlp: OpenTelemetry traces in OTLP JSON, as collectors write them to files, with whichever LLM convention inside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

from ..exchange import Exchange
from ..importer import Row, Unfit, Unusable, each
from ..types import Json
from ._spans import exchange_of, otlp_spans, span_of


@dataclass(frozen=True)
class Otlp:
    """One document a line or a whole file of {"resourceSpans"}; and single spans in OTLP's own keys."""

    splits: ClassVar[tuple[str, ...]] = ("resourceSpans", "resource_spans")

    def recognises(self, value: dict[str, Json]) -> float:
        """Sure of resourceSpans; of single spans where they count nanoseconds."""
        if not value.keys().isdisjoint(("resourceSpans", "resource_spans", "resourceLogs")):
            return 1.0
        return 0.8 if "attributes" in value and "startTimeUnixNano" in value else 0.0

    def exchanges(self, rows: Iterable[Row]) -> Iterator[Exchange | Unusable]:
        """One exchange for each span."""
        return each(rows, _told)


def _told(row: Row) -> Iterator[Exchange]:
    if "resourceLogs" in row.value:
        raise Unfit("OpenTelemetry's log records, which are not read: export the spans")
    if "startTimeUnixNano" in row.value:
        yield exchange_of(row, span_of(row.value))
        return
    found = 0
    for span in otlp_spans(row.value):
        found += 1
        yield exchange_of(row, span)
    if not found:
        raise Unfit("no spans")
