"""Repairs: what belongs to each planted cause, done by hand, to see whether the item can be told at all."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from _planters import Plant
from _readers import Strong, words
from _worlds import Described, World

from suffice.data import Example, worded
from suffice.layer import Layer
from suffice.ledger import Ledger
from suffice.record import Record
from suffice.run import run
from suffice.types import Answer, Ask, Json, Passage, Request, Shot

Repair = Callable[[World, World], World]
"""The broken world, and the one before: the world with the repair in it."""


@dataclass(frozen=True)
class Filled(Layer):
    """Puts what belongs there in each example's request."""

    passages: Mapping[str, Passage] = field(default_factory=dict)
    shots: Mapping[str, tuple[Shot, ...]] = field(default_factory=dict)
    told: str = ""

    def __call__(self, request: Request, ask: Ask) -> Answer:
        id_ = request.id or ""
        passages = (self.passages[id_],) if id_ in self.passages else request.passages
        told = (*request.instructions, self.told) if self.told else request.instructions
        return ask(replace(request, passages=passages, shots=self.shots.get(id_, request.shots), instructions=told))


@dataclass(frozen=True)
class Lenient(Layer):
    """Reads the reply as a patient person would."""

    labels: tuple[str, ...] = ()

    def __call__(self, request: Request, ask: Ask) -> Answer:
        answer = ask(request)
        if self.labels:
            text = answer.text.replace("-", "_").replace(" ", "_")
            bounded = ((x, rf"(?<![A-Za-z0-9]){re.escape(x)}(?![A-Za-z0-9])") for x in self.labels)
            named = [label for label, pattern in bounded if re.search(pattern, text, re.IGNORECASE)]
            best = max(named, key=len, default="")
            return replace(answer, text=best, value=best) if best else answer
        value = record_in(answer.text)
        return answer if value is None else replace(answer, text=json.dumps(value), value=value)


def record_in(text: str) -> Json:
    """The record in a reply, whatever stands around it and however it is written."""
    from json_repair import repair_json

    inner = text
    if text.startswith('"'):
        try:
            inner = str(json.loads(text))
        except ValueError:
            inner = text
    lines = re.match(r"\w+: ", inner) or "{" not in inner
    inner = _braced(inner) if lines else re.sub(r"//[^\n]*", "", inner[inner.find("{") :])
    value = repair_json(inner, return_objects=True)
    value = value[0] if isinstance(value, list) and value else value
    inside = [x for x in value.values() if isinstance(x, dict)] if isinstance(value, dict) else []
    value = inside[0] if len(inside) == 1 and "arguments" not in value else value
    return _numbers(value) if isinstance(value, dict) else None


def _braced(text: str) -> str:
    """Lines of `key: value` as a record."""
    lines = re.findall(r"^(\w+): (.+)$", text, re.MULTILINE)
    return "{" + ", ".join(f'"{key}": {value}' for key, value in lines) + "}" if lines else ""


def _numbers(value: Json) -> Json:
    """Numbers that are written as texts, as numbers, wherever they stand."""
    match value:
        case dict():
            return {key: _numbers(item) for key, item in value.items()}
        case str() if re.fullmatch(r"-?\d+", value):
            return int(value)
        case _:
            return value


def _gold(broken: World, before: World) -> World:
    shown = {e.id: Passage("gold", "gold", "\n\n".join(c.text or "" for c in e.context)) for e in before.items}
    return broken.under(Filled(passages=shown))


def _restated(broken: World, before: World) -> World:
    return broken.under(Filled(told=f"{before.task.goal} {before.items.output.wanted}"))


def _exemplified(broken: World, before: World) -> World:
    shots = {e.id: tuple(_shot(x) for x in _nearest(e, before.pool.examples)) for e in before.items}
    return broken.under(Filled(shots=shots))


def _nearest(example: Example, pool: Sequence[Example], k: int = 5) -> list[Example]:
    asked = words(example.text)
    return sorted(pool, key=lambda e: len(asked & words(e.text)) / (1 + len(words(e.text))))[-k:]


def _shot(example: Example) -> Shot:
    return Shot(example.text, worded(example.accepted[0]))


def _leniently(broken: World, before: World) -> World:
    return replace(broken, stack=broken.stack.push(Lenient(before.items.output.labels)))


def _cleaned(broken: World, before: World) -> World:
    return broken.having(replace(e, input=before.items.by_id[e.id].input) for e in broken.items)


def _described(broken: World, _: World) -> World:
    return broken.under(Described())


def _stronger(broken: World, _: World) -> World:
    return replace(broken, stack=broken.stack.over(Strong()))


def _relabelled(broken: World, before: World) -> World:
    return broken.having(replace(e, expected=before.items.by_id[e.id].expected) for e in broken.items)


REPAIRS: Mapping[str, Repair] = {
    **dict.fromkeys(("coverage", "retrieval", "knowledge", "context"), _gold),
    "instruction": _restated,
    "behaviour": _exemplified,
    "format": _leniently,
    "input": _cleaned,
    "tool use": _described,
    "capability": _stronger,
    "label suspect": _relabelled,
}


def repaired(broken: World, before: World, faulty: Mapping[str, Sequence[Plant]], ledger: Ledger) -> dict[str, bool]:
    """Whether each item passes once what belongs to its causes is repaired; controls are left out."""
    together: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for id_, plants in faulty.items():
        causes = tuple(sorted({p.cause for p in plants}))
        if all(cause in REPAIRS for cause in causes):
            together[causes].append(id_)
    found: dict[str, bool] = {}
    for causes, ids in together.items():
        mended = broken.only(ids)
        for cause in causes:
            mended = REPAIRS[cause](mended, before)
        done = run(mended.stack, mended.items, ledger=ledger, workers=1)
        found.update({r.id: r.passed for r in done.records})
    return found


def confirmed(world: World, id_: str, causes: frozenset[str], ledger: Ledger) -> frozenset[str]:
    """The causes whose repair makes a natural failure pass in most of five askings."""
    found = set()
    for cause in causes & REPAIRS.keys():
        mended = REPAIRS[cause](world, world).only([id_])
        runs = (run(mended.stack, mended.items, ledger=ledger, sample=n, workers=1) for n in range(5))
        if sum(done.records[0].passed for done in runs) >= 3:
            found.add(cause)
    if len(causes) > 1 and not found:
        both = world
        for cause in sorted(causes & REPAIRS.keys()):
            both = REPAIRS[cause](both, world)
        both = both.only([id_])
        done = run(both.stack, both.items, ledger=ledger, workers=1)
        return causes if done.records[0].passed else frozenset()
    return frozenset(found)


def static(record: Record, world: World) -> frozenset[str]:
    """What a reading of the reply and the input alone would say: rules, and no model asked."""
    text = record.answer.text if record.answer else ""
    asked = world.items.by_id[record.id].text
    odd = sum(not (c.isascii() and c.isprintable()) for c in asked) / max(1, len(asked))
    if odd > 0.1 or "%2" in asked or re.search(r"&#\d+;|<\w+[ />]", asked):
        return frozenset({"input"})
    output = world.items.output
    if output.kind == "labels" and text.strip() not in output.labels:
        return frozenset({"format"} if any(x in text for x in output.labels) else {"instruction"})
    if output.kind in ("schema", "tools"):
        try:
            parsed = isinstance(json.loads(text), dict)
        except ValueError:
            parsed = False
        if not parsed:
            return frozenset({"format"} if "{" in text else {"instruction"})
    if output.kind == "tools":
        return frozenset({"tool use"})
    if re.search(r"does not say|not sure|sorry|must not", text):
        return frozenset({"knowledge"})
    return frozenset({"retrieval"} if world.kind in ("searched", "quoted") else {"behaviour"})
