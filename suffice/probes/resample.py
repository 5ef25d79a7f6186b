"""Resample: ask again, with chance let in. What passes most of the time after all was a failure of consistency."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from ..layer import Cause
from ..probe import Arms, Setting


@dataclass(frozen=True)
class Resample:
    """Comes last. The sham asks as often, drawn as the stack always draws."""

    order: ClassVar[int] = 90
    proves: ClassVar[tuple[Cause, ...]] = ("consistency",)
    repeats: int = 3
    temperature: float = 0.7

    def arms(self, setting: Setting) -> Arms | None:
        warm = replace(setting.stack, sampling=replace(setting.stack.sampling, temperature=self.temperature))
        return Arms(warm, (setting.stack,), repeats=self.repeats, open_only=True)
