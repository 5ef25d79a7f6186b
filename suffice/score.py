"""Scores, and what gives them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from .data import Example, Output
    from .types import Answer


@dataclass(frozen=True, slots=True)
class Score:
    """A value in [0, 1], or None when the scorer could not judge; `reason` says why in either case."""

    value: float | None
    reason: str = ""


class Scorer(Protocol):
    """A frozen dataclass with one method; `misfit` says why it cannot judge such outputs, or None if it can."""

    def __call__(self, example: Example, answer: Answer) -> Score: ...

    def misfit(self, output: Output) -> str | None: ...
