"""Context: of what the stack had found, show only what holds the answer, whole. What that fixes was buried or cut."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

from ..data import Example
from ..digest import digest_of
from ..layer import Cause, Layer
from ..probe import Arms, Setting
from ..types import Answer, Ask, Json, Passage, Request
from ._gold import Given, gold_passages, held, holds, searched, shown, without_knowledge

CROWDED = 1.5
"""What is this many times longer than the passage in it holds other things too."""


@dataclass(frozen=True)
class Context:
    """One sham shows as many of the other passages found; another the same passages, all of them, in reverse order.

    Where the answer's passage stands in a part of the input, that part is cut to the passage, and in the sham to as
    much of the rest.
    """

    order: ClassVar[int] = 15
    proves: ClassVar[tuple[Cause, ...]] = ("context",)

    def arms(self, setting: Setting) -> Arms | None:
        gold = gold_passages(setting, setting.failures)
        mine = [e for e in setting.failures if e.id in gold]
        kept, left, turned = _sorted_out(setting, mine, gold)
        focus, rest = _focused(mine, gold)
        if not kept and not focus:
            return None
        bare = without_knowledge(setting.stack)
        shams = (Given("rest", left), Given("turned", turned))
        return Arms(
            bare.under(Given("kept", kept)).push(Focused("kept", focus)),
            tuple(bare.under(sham).push(Focused("rest", rest)) for sham in (shams if kept else shams[:1])),
            applies=frozenset(kept) | frozenset(focus),
        )


@dataclass(frozen=True)
class Focused(Layer):
    """Put other texts in the place of some parts of each example's input."""

    role: str = ""
    parts: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    """Example id to part's name to its text."""
    content: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "content", digest_of({k: dict(v) for k, v in self.parts.items()}))

    def __call__(self, request: Request, ask: Ask) -> Answer:
        parts = self.parts.get(request.id or "")
        if not parts:
            return ask(request)
        whole: dict[str, Json] = {**request.fields, **parts}
        worded = "\n".join(f"{key}: {value}" for key, value in whole.items())
        return ask(replace(request, fields=whole, input=worded))


Shown = dict[str, tuple[Passage, ...]]


def _sorted_out(setting: Setting, examples: list[Example], gold: Mapping[str, Passage]) -> tuple[Shown, Shown, Shown]:
    """Of each example's passages those that hold its answer, as many others, and all of them the other way round.

    Examples are left out whose search did not find the answer, or that saw it whole and alone.
    """
    kept, left, turned = {}, {}, {}
    for example in examples:
        told, request = gold[example.id], example.request
        seen = shown(setting.stack, request)
        found = searched(setting.stack, request) or seen
        holding = tuple(p for p in found if holds(p, example, told))
        alone = _words(seen) <= CROWDED * _words(holding) and len(seen) == len(holding)
        alone = alone and held(seen, example, told) >= held(holding, example, told)
        if not holding or alone:
            continue
        others = tuple(p for p in found if p not in holding)
        kept[example.id] = holding
        left[example.id] = others[: len(holding)]
        turned[example.id] = tuple(reversed(seen))
    return kept, left, turned


def _words(passages: tuple[Passage, ...]) -> int:
    return sum(len(p.text.split()) for p in passages)


def _focused(examples: list[Example], gold: Mapping[str, Passage]) -> tuple[dict[str, dict[str, str]], ...]:
    """The parts of inputs that hold the passage and more, cut to it; and cut to as much of what is not it."""
    focus: dict[str, dict[str, str]] = {}
    rest: dict[str, dict[str, str]] = {}
    for example in examples:
        text = gold[example.id].text
        for name, value in example.input.items() if isinstance(example.input, Mapping) else ():
            at = value.find(text) if isinstance(value, str) else -1
            if at >= 0 and len(value) > CROWDED * len(text):
                focus.setdefault(example.id, {})[name] = text
                rest.setdefault(example.id, {})[name] = (value[:at] + value[at + len(text) :])[: len(text)]
    return focus, rest
