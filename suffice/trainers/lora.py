"""lora: low-rank changes to all matrices of the base, learned from demonstrations by their replies alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..demonstrations import Demonstration
from ..trainer import Base, Trained
from ._loop import Likelihood, Pace
from ._lowrank import TARGETS, LowRank
from ._work import Work, learner_for


@dataclass(frozen=True)
class Lora:
    """The recipe, with the defaults that did best for SmolLM2-135M on BANKING77 (docs/training.md has the figures)."""

    rank: int = 16
    alpha: float = 32.0
    """How much the change counts: B · A is multiplied by alpha / rank."""
    dropout: float = 0.0
    targets: tuple[str, ...] = TARGETS
    """Names of the matrices that are changed."""
    learning_rate: float = 1e-3
    epochs: float = 2.0
    tokens_per_step: int = 2048
    """Real tokens that a step learns from, about."""
    warmup: float = 0.05
    """The share of steps over which the rate rises from zero; then it falls to zero in a line."""
    patience: int = 3
    """Evaluations without a better held loss after which training stops; the best weights are kept anyway."""
    seed: int = 0
    longest: int = 2048
    """Tokens of the longest demonstration; a longer one is refused by its id, never cut."""
    dtype: str = "auto"
    """`bfloat16`, `float32`, or `auto`: bfloat16 where the processor or GPU multiplies it faster."""

    @property
    def kind(self) -> str:
        """What comes out."""
        return "lora"

    def train(self, rows: Sequence[Demonstration], held: Sequence[Demonstration], base: Base, work: Path) -> Trained:
        """Learn the replies of `rows`; `held` says when to stop."""
        place = Work(self, base, work, rows, held)
        if done := place.finished():
            return done
        low = LowRank(self.rank, self.alpha, self.targets)
        chat = place.chat()
        learned, judged = (chat.rows(found, longest=self.longest) for found in (rows, held))
        learner = learner_for(base, low, seed=self.seed, dtype=self.dtype, dropout=self.dropout)
        pace = Pace(
            self.learning_rate, self.epochs, self.tokens_per_step, self.warmup, self.patience, self.seed, place.together
        )
        told = {"r": self.rank, "lora_alpha": self.alpha, "target_modules": sorted(self.targets)}
        return place.run(learner, Likelihood(), [(r,) for r in learned], [(r,) for r in judged], pace, told)
