"""Constant: always the most common answer. The floor that every rung must beat."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Self

from ..data import Dataset, worded
from ..layer import Layer
from ..types import Answer, Ask, Request


@dataclass(frozen=True)
class Constant(Layer):
    """Answers without looking at the question."""

    text: str = ""

    def fit(self, below: Ask, train: Dataset) -> Self:
        """Remember the most common first accepted answer, the alphabetically first among equals."""
        counts = Counter(worded(e.accepted[0]) for e in train)
        return replace(self, text=min(counts, key=lambda text: (-counts[text], text))) if counts else self

    def __call__(self, request: Request, ask: Ask) -> Answer:
        return Answer(self.text)
