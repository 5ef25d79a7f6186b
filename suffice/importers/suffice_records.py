"""suffice_records: what Suffice itself leaves behind, records.jsonl of a climb and recorded outputs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import ClassVar

from ..exchange import Exchange
from ..importer import Row, Unfit, Unusable, each
from ..types import Json, Message, Usage
from ._fields import Object, amount, count, fields, objects, others, share, text, worded
from ._messages import turns

TOLD = frozenset(
    {
        *("kind", "id", "run", "output", "ms", "usd", "value", "score", "reason", "usage"),
        *("input_tokens", "output_tokens", "cached_tokens", "error"),
    }
)
KINDS = ("task", "example", "run", "record", "rung", "plan", "floor", "trial", "diagnosis", "own_best")


@dataclass(frozen=True)
class SufficeRecords:
    """Every record is an exchange with the example's input as it was before any prompt: no more is kept."""

    splits: ClassVar[tuple[str, ...]] = ()

    def recognises(self, value: dict[str, Json]) -> float:
        """Sure of a record's own fields; of a recorded output where nothing else stands beside it."""
        if "kind" in value and ({"run", "stages"} <= value.keys() or not value.keys().isdisjoint(RECORDED)):
            return 0.9
        return 0.5 if {"id", "output"} <= value.keys() <= {"id", "output", "ms", "usage", "judge", "usd"} else 0.0

    def exchanges(self, rows: Iterable[Row]) -> Iterator[Exchange | Unusable]:
        """The records of every run; examples and the models of runs are remembered for those that follow."""
        seen = _Seen()
        return each(rows, seen.told)


RECORDED = ("part", "stack_digest", "told_by", "examples", "declared", "probe_runs", "failures", "unloaded")


@dataclass
class _Seen:
    inputs: dict[str, Object] = field(default_factory=dict)
    models: dict[str, str] = field(default_factory=dict)

    def told(self, row: Row) -> Iterator[Exchange]:
        """The exchange of a record; the other rows say what records refer to."""
        value = row.value
        kind = value.get("kind")
        if kind == "example":
            self.inputs[text(value.get("id"))] = value
        elif kind == "run":
            self.models[text(value.get("run"))] = text(fields(fields(value.get("stack")).get("model")).get("name"))
        elif kind == "record" or kind is None:
            yield self._record(row, value)
        elif kind not in KINDS:
            raise Unfit("a kind of line that is not known")

    def _record(self, row: Row, value: Object) -> Exchange:
        name, run = text(value.get("id")), text(value.get("run"))
        example = self.inputs.get(name, {})
        output, given = value.get("output"), example.get("input")
        asked = turns(given).messages if objects(given) else [Message("user", worded(given))]
        usage = fields(value.get("usage")) or value
        told = Usage(*(count(usage.get(f"{side}_tokens")) for side in ("input", "output", "cached")))
        return Exchange(
            id=f"{run[:12]}:{name}" if run else name or f"{row.file}:{row.line}",
            messages=tuple(asked) if given is not None else (),
            reply=Message("assistant", worded(output)) if output is not None else None,
            model=self.models.get(run, ""),
            trace=run,
            ms=amount(value.get("ms")),
            usage=told if told != Usage() else None,
            cost=amount(value.get("usd")),
            error=text(value.get("error")),
            expected=example.get("expected"),
            score=share(value.get("value", value.get("score"))),
            file=row.file,
            line=row.line,
            extra=others(value, TOLD),
        )
