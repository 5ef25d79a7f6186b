"""langsmith: runs, one a line or in an array, as the API and the bulk export write them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from ..exchange import Exchange, Kind
from ..importer import Row, Unfit, Unusable, each
from ..types import Json, Usage
from ._fields import Object, amount, between, count, fields, first, items, others, seconds, share, text
from ._messages import schema_of, tools
from ._said import told

KINDS: Mapping[str, Kind] = {
    "llm": "model",
    "retriever": "retrieval",
    "tool": "tool",
    "embedding": "embedding",
}
TOLD = frozenset(
    {
        *("id", "run_id", "name", "run_type", "inputs", "outputs", "start_time", "end_time", "trace_id", "error"),
        *("parent_run_id", "first_token_time", "prompt_tokens", "completion_tokens", "total_cost", "child_runs"),
    }
)
UNWRAPPED = ("output", "answer", "result", "response", "content", "text", "documents")


@dataclass(frozen=True)
class Langsmith:
    """Every run is an exchange, child runs too; chains are of the kind `other`."""

    splits: ClassVar[tuple[str, ...]] = ("runs",)

    def recognises(self, value: dict[str, Json]) -> float:
        """Sure of `run_type`, and of `runs`."""
        if "run_type" in value:
            return 1.0
        return 0.7 if "runs" in value else 0.0

    def exchanges(self, rows: Iterable[Row]) -> Iterator[Exchange | Unusable]:
        """One exchange for each run."""
        return each(rows, _told)


def _told(row: Row) -> Iterator[Exchange]:
    runs = items(row.value.get("runs")) if "run_type" not in row.value else [row.value]
    if not runs:
        raise Unfit("no runs")
    waiting = [run for run in runs if isinstance(run, dict)]
    while waiting:
        run = waiting.pop(0)
        yield _exchange(row, run)
        waiting = [child for child in items(run.get("child_runs")) if isinstance(child, dict)] + waiting


def _exchange(row: Row, run: Object) -> Exchange:
    kind = KINDS.get(text(run.get("run_type")), "other")
    given, came = fields(run.get("inputs")), fields(run.get("outputs"))
    asked, answered = told(kind, given or run.get("inputs"), _unwrapped(came) if came else run.get("outputs"))
    more = fields(run.get("extra"))
    called = fields(more.get("invocation_params"))
    metadata = fields(more.get("metadata"))
    start, end = seconds(run.get("start_time")), seconds(run.get("end_time"))
    model = text(first(metadata, ("ls_model_name",))) or text(first(called, ("model", "model_name")))
    return Exchange(
        id=text(first(run, ("id", "run_id"))) or f"{row.file}:{row.line}",
        messages=tuple(asked.messages) or answered.before,
        reply=answered.reply,
        kind=kind,
        model=answered.model or model or text(given.get("model")) if kind in ("model", "embedding") else "",
        name=text(run.get("name")),
        trace=text(run.get("trace_id")),
        parent=text(run.get("parent_run_id")),
        time=start,
        ms=between(start, end),
        first_ms=between(start, seconds(run.get("first_token_time"))),
        usage=_usage(run, came, kind) or (answered.usage if kind == "model" else None),
        cost=amount(run.get("total_cost")) or None,
        finish=answered.finish,
        error=text(run.get("error")),
        tools=tuple(asked.tools) or tools(called.get("tools")),
        schema=schema_of(called) or schema_of(given),
        score=_score(run),
        file=row.file,
        line=row.line,
        extra=others(run, TOLD if asked.whole and answered.whole else TOLD - {"inputs", "outputs"}),
    )


def _unwrapped(came: Object) -> Json:
    """An output that is one value under a name says that value."""
    named = [name for name in UNWRAPPED if name in came]
    return came[named[0]] if len(came) == 1 and named else came


def _usage(run: Object, came: Object, kind: Kind) -> Usage | None:
    """Runs around a model's call hold the sum of those inside: theirs is not counted again."""
    if kind not in ("model", "embedding"):
        return None
    entered, left = count(run.get("prompt_tokens")), count(run.get("completion_tokens"))
    if entered or left:
        detail = fields(run.get("prompt_token_details"))
        return Usage(entered, left, count(detail.get("cache_read")))
    told_usage = fields(came.get("usage_metadata"))
    if not told_usage:
        return None
    cached = count(fields(told_usage.get("input_token_details")).get("cache_read"))
    return Usage(count(told_usage.get("input_tokens")), count(told_usage.get("output_tokens")), cached)


def _score(run: Object) -> float | None:
    """The first kind of feedback that is a share."""
    for stats in fields(run.get("feedback_stats")).values():
        if (value := share(fields(stats).get("avg"))) is not None:
            return value
    return None
