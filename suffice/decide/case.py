"""A case: what somebody knows of an LLM feature, each fact typed, every one of them allowed to be unknown."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

from ..errors import InputError
from ..task import Change
from ..types import Json
from .facts import FACTS, SIGNALS, Fact

Situation = Literal["nothing", "prompt", "retrieval", "tuned"]
Form = Literal["labels", "fields", "text", "tools"]


@dataclass(frozen=True, slots=True)
class Case:
    """What is known; None is "nobody has looked". What each fact means, and how to learn it, is in `facts.FACTS`."""

    signals: tuple[str, ...] = ()
    situation: Situation | None = None
    output: Form | None = None
    defined: bool | None = None
    failing: float | None = None
    accepted: float | None = None
    test_items: float | None = None
    plain: Literal["untried", "short", "enough"] | None = None
    prompts_tried: float | None = None
    examples_tried: bool | None = None
    structure_tried: bool | None = None
    format_failing: float | None = None
    checks_tried: bool | None = None
    sources: Literal["none", "documents", "database"] | None = None
    gold_helps: bool | None = None
    knowledge_changes: Change | None = None
    must_cite: bool | None = None
    corpus_tokens: float | None = None
    window_tokens: float | None = None
    latency_ms: float | None = None
    recall: float | None = None
    rerank_tried: bool | None = None
    question_pairs: float | None = None
    prompt_tokens: float | None = None
    prompt_stable: bool | None = None
    caching: bool | None = None
    smaller_tried: bool | None = None
    usd_per_month: float | None = None
    requests_per_day: float | None = None
    teacher: bool | None = None
    stable_months: float | None = None
    owner: bool | None = None
    metric: bool | None = None
    clean_pairs: float | None = None
    reviewed: bool | None = None
    teaches_facts: bool | None = None
    each_layer_measured: bool | None = None
    base_ahead: bool | None = None

    @property
    def facts(self) -> dict[str, Json]:
        """The facts by name, None for what is not known."""
        return {f.name: list(v) if isinstance(v := getattr(self, f.name), tuple) else v for f in fields(self)}


def case_of(given: Mapping[str, Json]) -> Case:
    """A case from names and values; an InputError says which name or value is wrong, and what would be right."""
    made: dict[str, Any] = {}
    for name, value in given.items():
        if name not in FACTS:
            raise InputError(f"no fact is called `{name[:60]}`", hint=_near(name, [*FACTS]))
        made[name] = checked(FACTS[name], value)
    return Case(**{name: value for name, value in made.items() if value is not None})


def checked(fact: Fact, value: Json) -> Any:
    """The value as the fact's type; None and `unknown` mean that nobody knows."""
    if value is None or (isinstance(value, str) and value.strip().lower() in ("unknown", "?", "")):
        return None
    match fact.kind:
        case "signals":
            return _signals(value)
        case "flag":
            return _flag(fact, value)
        case "number":
            return _number(fact, value)
    options = [option for option, _ in fact.options]
    if value not in options:
        raise InputError(f"`{fact.name}` cannot be {_shown(value)}", hint=f"one of {', '.join(options)}")
    return value


def _signals(value: Json) -> tuple[str, ...]:
    named = [one.strip() for one in value.split(",")] if isinstance(value, str) else value
    if not isinstance(named, Sequence) or not all(isinstance(one, str) for one in named):
        raise InputError(f"`signals` is a list of names, not {_shown(value)}", hint=", ".join(SIGNALS))
    for one in named:
        if one not in SIGNALS:
            raise InputError(f"no signal is called `{one[:60]}`", hint=_near(one, [*SIGNALS]))
    return tuple(name for name in SIGNALS if name in named)


WORDS: Mapping[str, bool] = {"yes": True, "true": True, "y": True, "no": False, "false": False, "n": False}


def _flag(fact: Fact, value: Json) -> bool:
    if isinstance(value, bool):
        return value
    word = value.strip().lower() if isinstance(value, str) else ""
    if fact.name == "owner" and word and word not in WORDS:
        return word != "nobody"
    if word not in WORDS:
        raise InputError(f"`{fact.name}` cannot be {_shown(value)}", hint="yes, no or unknown")
    return WORDS[word]


def _number(fact: Fact, value: Json) -> float:
    try:
        number = float(value.replace(",", "").replace("_", "").strip()) if isinstance(value, str) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if isinstance(value, bool) or not fact.least <= number <= fact.most:
        most = "" if fact.most == FARTHEST else f" to {fact.most:g}"
        hint = f"a number from {fact.least:g}{most}{f', {fact.unit}' if fact.unit else ''}, or unknown"
        raise InputError(f"`{fact.name}` cannot be {_shown(value)}", hint=hint)
    return number


def _near(name: str, of: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, of, 1, 0.5)
    return f"did you mean `{near[0]}`?" if near else f"known: {', '.join(of)}"


def _shown(value: Json) -> str:
    return f"`{str(value)[:40]}`"


FARTHEST = 1e15
"""The most that any number may be, unless its fact says less."""
