"""Reasoning: let it work the answer out before it replies. What that fixes was thinking that had no room."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from ..layer import Cause, Layer
from ..probe import Arms, Setting
from ..types import Answer, Ask, Request

MARK = "Answer:"
THOUGHT = (
    f"First work the answer out step by step, in words. Then write `{MARK}` and after it the reply, and nothing else."
)
SHAM = f"First copy the message out, word by word. Then write `{MARK}` and after it the reply, and nothing else."
ROOM = 192
"""Tokens for it, beyond what the reply may have."""
ASKED = 10
"""Failures it is tried on: its replies are the longest of all."""


@dataclass(frozen=True)
class Reasoning:
    """The sham writes as much, and thinks nothing: it copies the message first."""

    order: ClassVar[int] = 58
    proves: ClassVar[tuple[Cause, ...]] = ("reasoning",)

    def arms(self, setting: Setting) -> Arms | None:
        stack = setting.stack
        return Arms(stack.under(ThinkFirst(THOUGHT)), (stack.under(ThinkFirst(SHAM)),), open_only=True, at_most=ASKED)


@dataclass(frozen=True)
class ThinkFirst(Layer):
    """Ask for something to be written before the answer, and pass on what stands behind the mark."""

    told: str = ""

    def __call__(self, request: Request, ask: Ask) -> Answer:
        roomy = replace(request.sampling, max_tokens=request.sampling.max_tokens + ROOM)
        answer = ask(replace(request, instructions=(*request.instructions, self.told), schema=None, sampling=roomy))
        _, found, said = answer.text.rpartition(MARK)
        return replace(answer, text=said.strip()) if found else answer
