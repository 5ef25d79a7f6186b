"""Scores, and what gives them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self, runtime_checkable

if TYPE_CHECKING:
    from pathlib import Path

    from .data import Example, Output
    from .types import Answer, Ask


@dataclass(frozen=True, slots=True)
class Score:
    """A value in [0, 1], or None when the scorer could not judge; `reason` says why in either case."""

    value: float | None
    reason: str = ""


class Scorer(Protocol):
    """A frozen dataclass with one method; `misfit` says why it cannot judge such outputs, or None if it can."""

    def __call__(self, example: Example, answer: Answer) -> Score: ...

    def misfit(self, output: Output) -> str | None: ...


@runtime_checkable
class AskingScorer(Scorer, Protocol):
    """A scorer that asks a model. Its score may depend on the example, the answer and the texts it hears, alone."""

    @property
    def model(self) -> str:
        """The address of the model, as in suffice.yaml."""
        ...

    @property
    def folder(self) -> Path:
        """The folder that a relative address is taken from."""
        ...

    @property
    def ask(self) -> Ask | None:
        """Whom it asks; None until `over` says."""
        ...

    def over(self, ask: Ask) -> Self:
        """The same scorer asking this model: one that is paid for, or one that says again what was said."""
        ...


@dataclass(frozen=True, slots=True)
class Preference:
    """Which of two replies a judge prefers, asked in both orders: 1 is `after`, 0 is `before`, 0.5 neither."""

    value: float | None
    """0.5 where the orders disagree; None where one of them could not be judged."""
    shown_first: float | None = None
    """The verdict on `after` when it stood first; None where nobody was asked."""
    shown_second: float | None = None
    reason: str = ""
