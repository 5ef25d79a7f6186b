"""Restated: say the requirement again, from the contract alone. What that fixes was an instruction not understood."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from ..layer import Cause, Layer
from ..probe import Arms, Setting
from ..types import Answer, Ask, Request

SHAM = "Please read the message that follows with care, from the first word to the last, before you reply to it."


@dataclass(frozen=True)
class Restated:
    """The sham is a polite sentence that asks for nothing."""

    order: ClassVar[int] = 30
    proves: ClassVar[tuple[Cause, ...]] = ("instruction",)

    def arms(self, setting: Setting) -> Arms | None:
        told = f"{setting.goal} {setting.output.wanted}".strip()
        return Arms(setting.stack.under(Told(told)), (setting.stack.under(Told(SHAM)),), open_only=True)


@dataclass(frozen=True)
class Told(Layer):
    """Add a sentence to the instructions, after all others."""

    sentence: str = ""

    def __call__(self, request: Request, ask: Ask) -> Answer:
        return ask(replace(request, instructions=(*request.instructions, self.sentence)))
