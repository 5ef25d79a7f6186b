"""garak: reports of a vulnerability scan; every output of an attempt is an exchange.

An attempt stands in a report twice, as generated and as evaluated: it is told once, with its verdict if there is one.
The score is 1 where no detector was hit at all and 0 where one was hit fully.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import ClassVar

from ..exchange import Exchange
from ..importer import Row, Unfit, Unusable, each
from ..types import Json, Message
from ._fields import Object, fields, items, objects, others, share, text, worded
from ._messages import Turns

WAITING_AT_MOST = 4096
"""Attempts whose evaluation is waited for at the same time."""
EVALUATED = 2
TOLD = frozenset({"entry_type", "uuid", "seq", "status", "probe_classname", "prompt", "outputs", "conversations"})
MODEL = ("plugins.target_name", "plugins.model_name", "target_name", "model_name")


@dataclass(frozen=True)
class Garak:
    """Rows of the kind `attempt`; the others say how the scan was set up and what came of it."""

    splits: ClassVar[tuple[str, ...]] = ()

    def recognises(self, value: dict[str, Json]) -> float:
        """Sure of an `entry_type`."""
        return 1.0 if "entry_type" in value else 0.0

    def exchanges(self, rows: Iterable[Row]) -> Iterator[Exchange | Unusable]:
        """An attempt is told when it is evaluated, or where the report ends without that."""
        report = _Report()
        yield from each(rows, report.told)
        for exchanges in report.waiting.values():
            yield from exchanges


@dataclass
class _Report:
    model: str = ""
    waiting: dict[str, list[Exchange]] = field(default_factory=dict)
    """Attempts that were generated and not evaluated yet, by their id."""

    def told(self, row: Row) -> Iterator[Exchange]:
        """The exchanges that a row completes."""
        value = row.value
        if value.get("entry_type") != "attempt":
            named = (text(value.get(name)) for name in MODEL)
            self.model = next(filter(None, named), self.model)
            return
        made = _attempt(row, self.model)
        name = text(value.get("uuid"))
        self.waiting.pop(name, None)
        if value.get("status") == EVALUATED or not name:
            yield from made
            return
        self.waiting[name] = made
        if len(self.waiting) > WAITING_AT_MOST:
            yield from self.waiting.pop(next(iter(self.waiting)))


def _attempt(row: Row, model: str) -> list[Exchange]:
    value = row.value
    asked, outputs = _asked(value.get("prompt")), items(value.get("outputs"))
    if not asked.messages and not outputs:
        raise Unfit("an attempt without a prompt and outputs")
    return [_exchange(row, asked, number, output, model) for number, output in enumerate(outputs or [None])]


def _exchange(row: Row, asked: Turns, number: int, output: Json, model: str) -> Exchange:
    value = row.value
    said = output if isinstance(output, str) else fields(output).get("text")
    name = text(value.get("uuid")) or f"{row.file}:{row.line}"
    return Exchange(
        id=name if len(items(value.get("outputs"))) < 2 else f"{name}:{number}",
        messages=tuple(asked.messages),
        reply=Message("assistant", worded(said)) if said is not None else None,
        model=model,
        name=text(value.get("probe_classname")),
        error="" if said is not None else "no output",
        score=_score(fields(value.get("detector_results")), number),
        file=row.file,
        line=row.line,
        extra=others(value, TOLD),
    )


def _asked(prompt: Json) -> Turns:
    """A prompt's turns; in older reports a text."""
    made = Turns()
    if isinstance(prompt, str):
        made.messages.append(Message("user", prompt))
    for turn in objects(fields(prompt).get("turns")):
        content = turn.get("content")
        made.add({"role": turn.get("role"), "content": worded(_spoken(content))})
    if not made.messages and isinstance(fields(prompt).get("text"), str):
        made.messages.append(Message("user", fields(prompt)["text"]))
    return made


def _spoken(content: Json) -> Json:
    return content.get("text") if isinstance(content, dict) else content


def _score(results: Object, number: int) -> float | None:
    """1 less the hardest hit of any detector on that output; None before there is a verdict."""
    hits = [share(found[number]) for found in results.values() if isinstance(found, list) and len(found) > number]
    known = [hit for hit in hits if hit is not None]
    return 1.0 - max(known) if known else None
