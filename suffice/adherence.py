"""Adherence: how often replies keep each rule of rules.yaml, and how often all of the first one, two, three of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from .evidence import Reading, answer_of
from .plugins import build
from .types import Json


@dataclass(frozen=True, slots=True)
class Adherence:
    """Replies held against rules, in the order of the rules file."""

    n: int
    """Replies looked at."""
    rules: tuple[str, ...]
    kept: tuple[int, ...]
    """Replies that keep each rule."""
    together: tuple[int, ...]
    """Replies that keep the first rule, the first two, and so on: what is left as rules grow."""
    whole: Mapping[str, bool]
    """By example, whether its reply keeps all rules."""
    asked_again: bool
    """Whether the stack has a rules layer, so that a reply was asked for again before it was looked at."""

    @property
    def expected(self) -> float:
        """The share that would keep all rules if keeping one said nothing about keeping another."""
        share = 1.0
        for kept in self.kept:
            share *= kept / self.n if self.n else 0.0
        return share


def adherence_of(reading: Reading, run: str) -> Adherence | None:
    """How a run's replies keep the task's rules; None where the task has none, or nothing was replied.

    The stack's own rules count where it has some, otherwise those the task declared (a line of the kind `rules`).
    """
    own = [x for x in reading.runs[run]["stack"].get("layers", ()) if x.get("use") == "rules"]
    declared = next((line["layer"] for line in reading.evidence.of("rules")), None)
    spec = own[0] if own else declared
    answers = {id_: a for id_, line in reading.records[run].items() if (a := answer_of(line)) is not None}
    if spec is None or not answers:
        return None
    layer = build("layers", {"use": "rules", "rules": spec["rules"]})
    single = [replace(layer, rules=(rule,)) for rule in layer.rules]
    held = [[not one.violations(answer) for one in single] for answer in answers.values()]
    return Adherence(
        n=len(answers),
        rules=tuple(map(_named, spec["rules"])),
        kept=tuple(sum(row[k] for row in held) for k in range(len(single))),
        together=_together(held, len(single)),
        whole={id_: all(row) for id_, row in zip(answers, held, strict=True)},
        asked_again=bool(own),
    )


def _together(held: Sequence[Sequence[bool]], rules: int) -> tuple[int, ...]:
    return tuple(sum(all(row[: k + 1]) for row in held) for k in range(rules))


def _named(rule: Mapping[str, Json]) -> str:
    text = json.dumps(rule, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= 80 else f"{text[:79]}…"
