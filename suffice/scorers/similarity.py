"""Similarity: how near the reply's meaning is to an accepted answer's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, cast

from ..data import Example, Output
from ..plugins import find
from ..score import Score
from ..types import Answer

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Similarity:
    """The embeddings' cosine, mapped so that `nothing` and below is 0 and `same` and above is 1.

    Nearness is not truth: "opens at 9" and "opens at 10" are near. Prefer `contains` or `f1` where facts matter.
    """

    same: float = 0.85
    nothing: float = 0.30
    embedder: str = "minilm"

    def __call__(self, example: Example, answer: Answer) -> Score:
        if example.expected is None:
            return Score(None, "no expected answer")
        if not answer.text.strip():
            return Score(0.0, "the reply is empty")
        wanted = [str(one) for one in example.accepted]
        vectors = _embedder(self.embedder)([answer.text, *wanted])
        cosines = [float(one) for one in vectors[1:] @ vectors[0]]
        best = max(cosines)
        value = min(1.0, max(0.0, (best - self.nothing) / (self.same - self.nothing)))
        return Score(value, f"cosine {best:.2f} to `{wanted[cosines.index(best)][:80]}`")

    def misfit(self, output: Output) -> str | None:
        """It compares free texts."""
        return None if output.kind == "text" else f"`similarity` compares free texts; the contract is {output.kind}"


@cache
def _embedder(name: str) -> Callable[[Sequence[str]], np.ndarray]:
    return cast("Callable[[Sequence[str]], np.ndarray]", find("embedders", name)())
