"""The gates before tuning as conditions on a case, with the numbers that readiness holds a task to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

from ..minimum import MINIMA, MONTHS, MOVING, USD_A_REQUEST, Approach
from ..readiness import TESTED
from ..task import Change
from .condition import Condition, among, at_least, every, no, repaid, some, yes
from .facts import SECTION

SLOW = tuple(word for word in get_args(Change) if word not in MOVING)
SERIOUS = 1
"""Serious prompts that must have been measured; examples, and structure where replies have a form, are asked beside."""


@dataclass(frozen=True, slots=True)
class Door:
    """One gate: what must hold, and what is needed where it does not. Named as readiness names it, where it does."""

    name: str
    when: Condition
    needed: str
    source: str


def _door(name: str, when: Condition, needed: str, section: str) -> Door:
    return Door(name, when, needed, f"{SECTION}{section}")


def _pairs(approach: Approach) -> Door:
    need = MINIMA[approach]
    fact = "question_pairs" if approach == "embedding" else "clean_pairs"
    return Door("clean pairs", at_least(fact, need.rows), f"{need.rows:,} or more {need.unit}", need.source)


def _volume(approach: Approach) -> Door:
    need = MINIMA[approach]
    if need.requests is not None:
        when, needed = at_least("requests_per_day", need.requests), f"{need.requests:,.0f} requests a day or more"
    else:
        when = repaid(need.project_usd, USD_A_REQUEST)
        needed = f"as many as repay {need.project_usd:,.0f} USD at {USD_A_REQUEST:g} USD a request in the stable months"
    return _door("volume", when, needed, "6")


DEFINED = _door("a defined case", yes("defined"), "two colleagues agree on what a right answer is", "10")
PLAIN = _door(
    "no model is too little",
    some(among("output", "text", "tools"), among("plain", "short")),
    "a rule, a lookup or counted words were measured, and fall short",
    "3",
)
OWNER = _door("owner", yes("owner"), "a named person who owns re-training", "2")
METRIC = _door("metric", yes("metric"), "the metric that pays for the upkeep", "2")
STABLE = _door("stable requirements", at_least("stable_months", MONTHS), f"{MONTHS} months or more", "3")
SLOWLY = _door("slow knowledge", among("knowledge_changes", *SLOW), "slower than weekly", "3")
NO_FACTS = _door("no frozen facts", no(yes("teaches_facts")), "outputs that cannot be looked up", "3")
REVIEWED = _door("no contradictions", yes("reviewed"), "pairs that people reviewed and that agree", "10")
GOLDEN = _door("golden set", at_least("test_items", TESTED), f"{TESTED} test items that nothing is trained on", "5")
TEACHER = _door("teacher", yes("teacher"), "a strong model to learn from", "3")
EXHAUSTED = _door(
    "prompting exhausted",
    every(
        at_least("prompts_tried", SERIOUS),
        yes("examples_tried"),
        some(among("output", "text", "tools"), yes("structure_tried")),
    ),
    "a serious prompt, examples and, where replies have a form, structure, each measured",
    "3",
)

DOORS: Mapping[Approach, tuple[Door, ...]] = {
    **{
        approach: (
            *(DEFINED, PLAIN, _pairs(approach), REVIEWED, OWNER, METRIC, STABLE, NO_FACTS, SLOWLY, GOLDEN),
            *(EXHAUSTED, _volume(approach)),
        )
        for approach in ("narrow", "lora", "full")
    },
    "embedding": (
        DEFINED,
        PLAIN,
        _pairs("embedding"),
        REVIEWED,
        OWNER,
        METRIC,
        STABLE,
        SLOWLY,
        GOLDEN,
        _volume("embedding"),
    ),
    "distillation": (
        *(DEFINED, PLAIN, TEACHER, _pairs("distillation"), REVIEWED, OWNER, METRIC, STABLE, NO_FACTS, SLOWLY),
        *(GOLDEN, EXHAUSTED, _volume("distillation")),
    ),
}
"""The gates of each approach, in the order of readiness; three more that only a person can answer."""

CONDITIONS: Mapping[str, Condition] = {name: every(*(d.when for d in doors)) for name, doors in DOORS.items()}
"""For each approach, all of its gates at once."""
