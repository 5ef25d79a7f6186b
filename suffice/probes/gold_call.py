"""Gold call: hand the right call over. A fix shows that the call is all that is missing; it proves no cause."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

from ..data import Example, worded
from ..digest import digest_of
from ..layer import Cause, Layer
from ..probe import Arms, Setting
from ..split import seeded
from ..types import Answer, Ask, Request


@dataclass(frozen=True)
class GoldCall:
    """The sham hands over another example's call. What still fails cannot even say a call that it is told."""

    order: ClassVar[int] = 55
    proves: ClassVar[tuple[Cause, ...]] = ()

    def arms(self, setting: Setting) -> Arms | None:
        if setting.output.kind != "tools" or len(setting.pool) < 1:
            return None
        calls = {e.id: _call(e) for e in setting.failures if e.expected is not None}
        others = [_call(e) for e in seeded(setting.pool, setting.seed) if e.expected is not None]
        if not calls or not others:
            return None
        shams = {id_: next((c for c in others[at:] if c != calls[id_]), others[0]) for at, id_ in enumerate(calls)}
        stack = setting.stack
        arms = stack.under(Handed("gold", calls)), (stack.under(Handed("sham", shams)),)
        return Arms(*arms, applies=frozenset(calls), open_only=True)


@dataclass(frozen=True)
class Handed(Layer):
    """Name a call in the instructions."""

    role: str = ""
    calls: Mapping[str, str] = field(default_factory=dict, repr=False)
    content: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "content", digest_of(dict(self.calls)))

    def __call__(self, request: Request, ask: Ask) -> Answer:
        told = f"The call to make is this: {self.calls.get(request.id or '', '')}"
        return ask(replace(request, instructions=(*request.instructions, told)))


def _call(example: Example) -> str:
    """The first acceptable call, with the first acceptable value of each argument."""
    return worded(_first(example.expected)) if not isinstance(example.expected, str) else example.expected


def _first(value: object) -> object:
    match value:
        case {"any_of": [one, *_], **rest} if not rest:
            return _first(one)
        case Mapping():
            return {key: _first(item) for key, item in value.items()}
        case list():
            return [_first(item) for item in value]
        case _:
            return json.loads(json.dumps(value))
