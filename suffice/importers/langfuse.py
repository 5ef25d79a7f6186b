"""langfuse: exported traces with their observations, and observations one a line, as the API or the export writes them.

Every observation is an exchange; spans, agents and chains are of the kind `other`. Langfuse's counts of input and
output tokens already hold the cached and the reasoning ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from ..exchange import Exchange, Kind
from ..importer import Row, Unfit, Unusable, each
from ..types import Json, Usage
from ._attributes import tools_in
from ._fields import Object, amount, between, count, fields, first, objects, others, seconds, share, text
from ._messages import tools
from ._said import told

KINDS: Mapping[str, Kind] = {
    "GENERATION": "model",
    "EMBEDDING": "embedding",
    "RETRIEVER": "retrieval",
    "TOOL": "tool",
}
"""All other types are steps around these."""
AROUND = re.compile(r"ai\.(generate|stream)(Text|Object)")
"""Steps that the Vercel AI SDK puts around a model's call and that are filed as generations, too."""
CAMELS = (
    *("traceId", "startTime", "endTime", "parentObservationId", "completionStartTime", "statusMessage"),
    *("usageDetails", "costDetails", "totalCost", "timeToFirstToken", "modelParameters", "toolDefinitions"),
)
SNAKES = {re.sub("[A-Z]", lambda found: f"_{found[0].lower()}", name): name for name in CAMELS}
SNAKES["provided_model_name"] = "model"
TOLD = frozenset(
    {
        *("id", "traceId", "startTime", "endTime", "parentObservationId", "name", "input", "output", "model"),
        *("completionStartTime", "timeToFirstToken", "usageDetails", "totalCost", "inputUsage", "outputUsage"),
    }
)


@dataclass(frozen=True)
class Langfuse:
    """Traces as {"trace", "observations"} or as the API gives them, and rows that are observations."""

    splits: ClassVar[tuple[str, ...]] = ("observations", "data")

    def recognises(self, value: dict[str, Json]) -> float:
        """Sure of observations, alone or with their trace."""
        if "observations" in value:
            return 1.0 if "trace" in value else 0.8
        return 0.9 if {"type", "input", "output"} <= value.keys() and _has(value, "traceId", "startTime") else 0.0

    def exchanges(self, rows: Iterable[Row]) -> Iterator[Exchange | Unusable]:
        """One exchange for each observation."""
        return each(rows, _told)


def _has(value: Object, *names: str) -> bool:
    """Whether fields are there, in camels or in snakes."""
    return set(names) <= {SNAKES.get(key, key) for key in value}


def _told(row: Row) -> Iterator[Exchange]:
    value = row.value
    if "observations" not in value:
        yield _observed(row, value, {})
        return
    trace = fields(value.get("trace")) or {key: item for key, item in value.items() if key != "observations"}
    observations = objects(value["observations"])
    if not observations:
        raise Unfit("a trace without its observations")
    for observation in observations:
        yield _observed(row, observation, trace)


def _observed(row: Row, given: Object, trace: Object) -> Exchange:
    seen = {SNAKES.get(key, key): item for key, item in given.items()}
    if not isinstance(seen.get("type"), str):
        raise Unfit("an observation without a type")
    kind = KINDS.get(seen["type"].upper(), "other")
    name = text(seen.get("name"))
    if kind == "model" and AROUND.fullmatch(name):
        kind = "other"
    asked, came = told(kind, seen.get("input"), seen.get("output"))
    start, end = seconds(seen.get("startTime")), seconds(seen.get("endTime"))
    begun = seconds(seen.get("completionStartTime"))
    more = fields(fields(seen.get("metadata")).get("attributes"))
    offered = (*asked.tools, *came.tools) or tools(fields(seen.get("metadata")).get("tools")) or tools_in(more)
    whole = asked.whole and came.whole
    known = TOLD - {"input", "output"} if not whole else TOLD
    return Exchange(
        id=text(seen.get("id")) or f"{row.file}:{row.line}",
        messages=tuple(asked.messages) or came.before,
        reply=came.reply,
        kind=kind,
        model=text(seen.get("model")) or came.model,
        name=name,
        trace=text(seen.get("traceId")) or text(trace.get("id")),
        parent=text(seen.get("parentObservationId")),
        time=start,
        ms=between(start, end),
        first_ms=between(start, begun),
        usage=_usage(seen) or (came.usage if kind == "model" else None),
        cost=_cost(seen),
        finish=came.finish or text(fields(seen.get("modelParameters")).get("finishReason")),
        error=text(seen.get("statusMessage")) or "error" if seen.get("level") == "ERROR" else "",
        tools=tuple(offered),
        score=_score(seen, trace),
        file=row.file,
        line=row.line,
        extra=others(seen, known),
    )


def _usage(seen: Object) -> Usage | None:
    details = fields(seen.get("usageDetails")) or fields(seen.get("usage"))
    entered, left = _side(seen, details, "input"), _side(seen, details, "output")
    cached = sum(count(item) for key, item in details.items() if "cache_read" in key or "cached" in key)
    return Usage(entered, left, cached) if entered or left else None


def _side(seen: Object, details: Object, side: str) -> int:
    total = count(seen.get(f"{side}Usage"))
    parts = sum(count(item) for key, item in details.items() if key.startswith(side))
    older = count(details.get({"input": "promptTokens", "output": "completionTokens"}[side]))
    return total or parts or older


def _cost(seen: Object) -> float | None:
    """Langfuse writes 0 where it knows no price."""
    found = amount(first(seen, ("totalCost", "calculatedTotalCost")))
    return found or amount(fields(seen.get("costDetails")).get("total"))


def _score(seen: Object, trace: Object) -> float | None:
    """The first score of this observation, or of the whole trace where this is what the trace begins with."""
    top = seen.get("parentObservationId") is None
    for score in (*objects(seen.get("scores")), *objects(trace.get("scores"))):
        of = score.get("observationId")
        if (of == seen.get("id") or (of is None and top)) and (value := share(score.get("value"))) is not None:
            return value
    return None
