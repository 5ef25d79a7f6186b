"""Label agreement: ask the strong model several times. Where it agrees with the failing reply, the label is suspect."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from ..layer import Cause
from ..probe import Arms, Setting


@dataclass(frozen=True)
class LabelAgreement:
    """The sham is the agreement of the strong model's answers with what was replied to other failures."""

    order: ClassVar[int] = 70
    proves: ClassVar[tuple[Cause, ...]] = ("label suspect",)
    repeats: int = 3
    temperature: float = 0.7

    def arms(self, setting: Setting) -> Arms | None:
        if setting.strong is None or setting.strong == setting.stack.model:
            return None
        stack = setting.stack
        warm = replace(stack, sampling=replace(stack.sampling, temperature=self.temperature)).over(setting.strong)
        return Arms(warm, (), repeats=self.repeats, open_only=True, reads="agreement")
