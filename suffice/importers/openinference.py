"""openinference: spans one a line, as Phoenix and other tools export them, with their attributes flat or nested."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

from ..exchange import Exchange
from ..importer import Row, Unfit, Unusable, each
from ..types import Json
from ._fields import NOTHING, others
from ._spans import ROOTS, exchange_of, otlp_spans, span_of

TOLD = frozenset(
    {
        *("id", "span_id", "spanId", "trace_id", "traceId", "context", "context.span_id", "context.trace_id", "name"),
        *("parent_id", "parent_span_id", "parentSpanId", "start_time", "startTime", "end_time", "endTime"),
        *("attributes", "events", "status", "status_code", "status_message", "span_kind", "spanKind"),
    }
)


@dataclass(frozen=True)
class Openinference:
    """Spans with `llm.input_messages.0.message.role` and its kin; OTLP documents with them are read, too."""

    splits: ClassVar[tuple[str, ...]] = ("resourceSpans", "spans")

    def recognises(self, value: dict[str, Json]) -> float:
        """Sure of a span's keys beside attributes of any LLM convention."""
        attributes = value.get("attributes")
        inside = attributes.keys() if isinstance(attributes, dict) else ()
        near = any(f"{key}.".startswith(ROOTS) for key in inside)
        near = near or any(key.startswith("attributes.") for key in value)
        span = not value.keys().isdisjoint(("span_id", "spanId", "context", "context.span_id", "trace_id", "traceId"))
        if span and (near or "span_kind" in value):
            return 0.7
        if span and isinstance(attributes, dict) and "name" in value:
            return 0.4
        return 0.6 if any(key.startswith("llm.input_messages.") for key in value) else 0.0

    def exchanges(self, rows: Iterable[Row]) -> Iterator[Exchange | Unusable]:
        """One exchange for each span."""
        return each(rows, _told)


def _told(row: Row) -> Iterator[Exchange]:
    value = row.value
    if "resourceSpans" in value:
        yield from (exchange_of(row, span) for span in otlp_spans(value))
        return
    if "attributes" not in value and not any(key.startswith("attributes.") for key in value):
        value = {"attributes": value, **{key: item for key, item in value.items() if "." not in key}}
    if not value.get("attributes") and not any(key.startswith("attributes.") for key in value):
        raise Unfit("a span without attributes")
    rest = {key: item for key, item in others(value, TOLD).items() if not key.startswith("attributes.")}
    yield exchange_of(row, span_of(value, rest or NOTHING))
