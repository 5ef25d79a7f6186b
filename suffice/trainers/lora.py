"""lora: low-rank changes to all matrices of the base, learned from demonstrations by their replies alone.

The file has PEFT's names and numbers, and PEFT reads it. The loop and, for plain Llamas, the way forward and back are
this package's own: TRL's trainer pads to the longest row, computes logits of prompts too, keeps its optimizer in a
pickle, and a run that was killed does not end with the bytes of one that was not. docs/training.md has the figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..demonstrations import Demonstration
from ..trainer import Base, Trained
from ._learner import Learner
from ._recipe import LowRankImitation
from ._work import Work, learner_for


@dataclass(frozen=True)
class Lora(LowRankImitation):
    """The recipe, with the defaults that did well for SmolLM2-135M on BANKING77."""

    def train(self, rows: Sequence[Demonstration], held: Sequence[Demonstration], base: Base, work: Path) -> Trained:
        """Learn the replies of `rows`; `held` says when to stop."""

        def learner() -> Learner:
            return learner_for(base, self.low, seed=self.seed, dtype=self.dtype, dropout=self.dropout)

        return self.imitate(Work(self, base, work, rows, held), rows, held, learner, self.told)
