"""Stronger: ask the task's strong model the same. What that fixes was beyond this model: capability."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..layer import Cause
from ..probe import Arms, Setting


@dataclass(frozen=True)
class Stronger:
    """The sham asks the stack itself once more."""

    order: ClassVar[int] = 60
    proves: ClassVar[tuple[Cause, ...]] = ("capability",)

    def arms(self, setting: Setting) -> Arms | None:
        if setting.strong is None or setting.strong == setting.stack.model:
            return None
        return Arms(setting.stack.over(setting.strong), (setting.stack,), open_only=True)
