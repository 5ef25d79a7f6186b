"""Label agreement: ask the strong model several times. Where it agrees with the failing reply, the label is suspect."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from ..contract import fits
from ..data import Example, Output, likeness, worded
from ..layer import Cause
from ..probe import Arms, Setting
from ..stack import Stack
from ..strict import parse
from ..types import Answer, Json
from ._gold import Given, gold_passages


@dataclass(frozen=True)
class LabelAgreement:
    """The sham is the agreement of the strong model's answers with what was replied to other failures.

    The strong model is shown the passage that holds the answer, where one is known. A label is not doubted where the
    reply breaks the output contract, nor where the stack would not pass on the label if a model said it: then the fault
    lies in the stack.
    """

    order: ClassVar[int] = 70
    proves: ClassVar[tuple[Cause, ...]] = ("label suspect",)
    repeats: int = 3
    temperature: float = 0.7

    def arms(self, setting: Setting) -> Arms | None:
        if setting.strong is None or setting.strong == setting.stack.model:
            return None
        stack, replies = setting.stack, setting.replies
        doubted = [e for e in setting.failures if e.id in replies and _valid(replies[e.id], setting.output)]
        applies = frozenset(e.id for e in doubted if _passes_on(stack, e))
        if not applies:
            return None
        gold = gold_passages(setting, doubted)
        told = stack.under(Given("gold", {id_: (passage,) for id_, passage in gold.items()})) if gold else stack
        warm = replace(told, sampling=replace(stack.sampling, temperature=self.temperature)).over(setting.strong)
        return Arms(warm, (), applies=applies, repeats=self.repeats, open_only=True, reads="agreement")


def _valid(answer: Answer, output: Output) -> bool:
    """Whether the reply meets the output contract."""
    try:
        value: Json = answer.text.strip() if output.kind in ("text", "labels") else answer.value or parse(answer.text)
    except ValueError:
        return False
    return bool(value) and fits(value, output) is None


def _passes_on(stack: Stack, example: Example) -> bool:
    """Whether the label comes out of the stack where the model beneath says it."""
    right = worded(example.accepted[0])
    return likeness(stack.over(lambda _: Answer(right))(example.request).text) == likeness(right)
