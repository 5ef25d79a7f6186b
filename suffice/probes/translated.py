"""Translated: have the input put into the examples' language first. What that fixes was the language of the input."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar

from ..data import Example, likeness
from ..layer import Cause, Layer
from ..probe import Arms, Setting
from ..types import Answer, Ask, Request, Sampling

ENOUGH_WORDS = 4
"""Words an input needs before anything is said of its language."""
STRANGE = 0.34
"""An input is in another language when fewer of its words than this are known from the solved examples."""


@dataclass(frozen=True)
class Translated:
    """The sham has the input written out again as it is. Inputs whose words the pool knows are left out."""

    order: ClassVar[int] = 13
    proves: ClassVar[tuple[Cause, ...]] = ("input",)

    def arms(self, setting: Setting) -> Arms | None:
        known = {word for e in setting.pool for word in likeness(e.text).split()}
        strange = frozenset(e.id for e in setting.failures if _strange(e, known)) if len(known) >= 100 else frozenset()
        if not strange:
            return None
        sample = " / ".join(e.text.strip().splitlines()[0][:120] for e in list(setting.pool)[:3] if e.text.strip())
        told = f"Translate the message into the language of these: {sample}. Write the translation and nothing else."
        same = "Write the message out again, word by word. Write that and nothing else."
        stack = setting.stack
        return Arms(stack.push(Rewritten(told)), (stack.push(Rewritten(same)),), applies=strange, open_only=True)


@dataclass(frozen=True)
class Rewritten(Layer):
    """Ask for the input in other words first, then ask with those."""

    told: str = ""

    def __call__(self, request: Request, ask: Ask) -> Answer:
        drawn = request.sampling if request.sampling != Sampling() else Sampling(max_tokens=512)
        first = ask(Request(request.input, instructions=(self.told,), sampling=drawn, id=request.id))
        return ask(replace(request, input=first.text.strip() or request.input))


def _strange(example: Example, known: Iterable[str]) -> bool:
    words = re.findall(r"[^\W\d_]+", likeness(example.text))
    return len(words) >= ENOUGH_WORDS and sum(word in known for word in words) < STRANGE * len(words)
