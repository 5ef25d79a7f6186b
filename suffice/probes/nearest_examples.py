"""Nearest examples: show the solved examples most like it. What that fixes, beyond random ones, was behaviour."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import ClassVar

from ..data import Example, likeness, worded
from ..digest import digest_of
from ..layer import Cause, Layer
from ..probe import Arms, Setting
from ..split import seeded
from ..stack import Stack
from ..types import Answer, Ask, Request, Shot
from ..vectors import vectors


@dataclass(frozen=True)
class NearestExamples:
    """One sham shows as many examples drawn at random; where there are labels, another lists them and shows none."""

    order: ClassVar[int] = 40
    proves: ClassVar[tuple[Cause, ...]] = ("behaviour",)
    k: int = 3

    def arms(self, setting: Setting) -> Arms | None:
        if len(setting.pool) < self.k:
            return None
        bare = setting.stack.without("few_shot")
        nearest, random = _nearest(setting, self.k), _random(setting, self.k)
        shams = [bare.under(Shown("random", _worded(bare, setting, random)))]
        if setting.output.kind == "labels":
            shams.append(bare.under(Shown("none")).under(Listed(setting.output.wanted)))
        return Arms(bare.under(Shown("nearest", _worded(bare, setting, nearest))), tuple(shams))


@dataclass(frozen=True)
class Shown(Layer):
    """Show each example its own shots, and no others."""

    role: str = ""
    shots: Mapping[str, tuple[Shot, ...]] = field(default_factory=dict, repr=False)
    content: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "content", digest_of(self.shots))

    def __call__(self, request: Request, ask: Ask) -> Answer:
        return ask(replace(request, shots=self.shots.get(request.id or "", ())))


@dataclass(frozen=True)
class Listed(Layer):
    """Name the labels, and show nothing."""

    labels: str = ""

    def __call__(self, request: Request, ask: Ask) -> Answer:
        return ask(replace(request, instructions=(*request.instructions, self.labels)))


Shots = Mapping[str, tuple[Shot, ...]]


def _worded(stack: Stack, setting: Setting, shots: Shots) -> Shots:
    """The shots as the stack's prompt words its questions."""
    prompts = tuple(layer for layer, name in zip(stack.layers, stack.names, strict=True) if name == "prompt")
    if not prompts:
        return shots
    heard: list[Request] = []

    def listen(request: Request) -> Answer:
        heard.append(request)
        return Answer("")

    for id_, some in shots.items():
        Stack(listen, prompts)(replace(setting.failures.by_id[id_].request, shots=some))
    return {id_: request.shots for id_, request in zip(shots, heard, strict=True)}


def _nearest(setting: Setting, k: int) -> dict[str, tuple[Shot, ...]]:
    """The k most similar pool examples of each failure, the most similar last."""
    pool, failures = list(setting.pool), list(setting.failures)
    near = (
        vectors([e.text for e in failures], folder=setting.folder)
        @ vectors([e.text for e in pool], folder=setting.folder).T
    )
    ranked = (-near).argsort(axis=1, kind="stable")
    rows = zip(failures, ranked, strict=True)
    return {e.id: _shots(_first(k, e, (pool[j] for j in row))[::-1]) for e, row in rows}


def _random(setting: Setting, k: int) -> dict[str, tuple[Shot, ...]]:
    shown: dict[str, tuple[Shot, ...]] = {}
    for number, example in enumerate(setting.failures):
        drawn = seeded(setting.pool, setting.seed + 1000 + number)
        shown[example.id] = _shots(_first(k, example, drawn))
    return shown


def _first(k: int, example: Example, candidates: Iterable[Example]) -> list[Example]:
    """The first k of them that the example's answer cannot be copied from."""
    return [*islice((e for e in candidates if _apart(e, example)), k)]


def _apart(candidate: Example, example: Example) -> bool:
    return candidate.cluster != example.cluster and likeness(candidate.text) != likeness(example.text)


def _shots(examples: list[Example]) -> tuple[Shot, ...]:
    return tuple(Shot(e.text, worded(e.accepted[0]), e.request.fields) for e in examples)
