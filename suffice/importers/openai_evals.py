"""openai_evals: samples of OpenAI Evals ({"input", "ideal"}) and the event logs of its runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import ClassVar

from ..exchange import Exchange
from ..importer import Row, Unfit, Unusable, each
from ..types import Json, Message
from ._fields import Object, fields, items, others, seconds, share, text, worded
from ._said import asked

WAITING_AT_MOST = 4096
"""Samples whose verdict is waited for at the same time."""
SILENT = ("spec", "final_report")
"""Rows about the run as a whole."""


@dataclass(frozen=True)
class OpenaiEvals:
    """A sample is an exchange without a reply; in a log, every sampling is one, with the verdict that follows it."""

    splits: ClassVar[tuple[str, ...]] = ()

    def recognises(self, value: dict[str, Json]) -> float:
        """Sure of `input` beside `ideal`, and of a run's events."""
        if {"input", "ideal"} <= value.keys() or {"run_id", "event_id", "type", "data"} <= value.keys():
            return 1.0
        return 0.9 if not value.keys().isdisjoint(SILENT) and len(value) == 1 else 0.0

    def exchanges(self, rows: Iterable[Row]) -> Iterator[Exchange | Unusable]:
        """In a log an exchange is told when its verdict is there, or its sample asks again."""
        run = _RunLog()
        yield from each(rows, run.told)
        yield from run.waiting.values()


@dataclass
class _RunLog:
    """What a run's log has told so far."""

    model: str = ""
    waiting: dict[str, Exchange] = field(default_factory=dict)
    """Samplings whose verdict may follow, by sample."""

    def told(self, row: Row) -> Iterator[Exchange]:
        """The exchanges that a row completes."""
        value = row.value
        if "ideal" in value:
            yield _sample(row)
        elif "spec" in value:
            spec = fields(value["spec"])
            self.model = text(spec.get("model_name")) or text((items(spec.get("completion_fns")) or [""])[0])
        elif value.get("type") == "sampling":
            yield from self._sampling(row)
        elif value.get("type") in ("match", "metrics"):
            yield from self._verdict(row)
        elif "final_report" not in value and "event_id" not in value:
            raise Unfit("neither a sample nor an event of a run")

    def _sampling(self, row: Row) -> Iterator[Exchange]:
        data = fields(row.value.get("data"))
        sample = text(row.value.get("sample_id"))
        if sample in self.waiting:
            yield self.waiting.pop(sample)
        said = data.get("sampled")
        reply = said[0] if isinstance(said, list) and said else said
        messages = asked(data.get("prompt"))
        self.waiting[sample] = Exchange(
            id=f"{sample or row.line}",
            messages=tuple(messages.messages),
            reply=Message("assistant", worded(reply)) if reply is not None else None,
            model=text(data.get("model")) or self.model,
            trace=text(row.value.get("run_id")),
            time=seconds(row.value.get("created_at")),
            file=row.file,
            line=row.line,
            extra=others(data, frozenset({"prompt", "sampled", "model"})),
        )
        if len(self.waiting) > WAITING_AT_MOST:
            yield self.waiting.pop(next(iter(self.waiting)))

    def _verdict(self, row: Row) -> Iterator[Exchange]:
        """The verdict on the last sampling of its sample."""
        sample, data = text(row.value.get("sample_id")), fields(row.value.get("data"))
        exchange = self.waiting.get(sample)
        if exchange is None:
            return
        verdict = data.get("correct", data.get("score", data.get("accuracy")))
        score = share(verdict) if verdict is not None else None
        judged = replace(exchange, score=score if score is not None else exchange.score)
        judged = replace(judged, expected=data["expected"]) if data.get("expected") is not None else judged
        if row.value.get("type") == "match":
            del self.waiting[sample]
            yield judged
        else:
            self.waiting[sample] = judged


def _sample(row: Row) -> Exchange:
    messages = asked(row.value.get("input"))
    if not messages.messages:
        raise Unfit("a sample without an input")
    return Exchange(
        id=text(row.value.get("id")) or f"{row.file}:{row.line}",
        messages=tuple(messages.messages),
        expected=row.value["ideal"],
        file=row.file,
        line=row.line,
        extra=_rest(row.value),
    )


def _rest(value: Object) -> dict[str, Json]:
    return others(value, frozenset({"id", "input", "ideal"}))
