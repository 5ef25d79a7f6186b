"""embedding: an embedder tuned on questions with the texts that answer them; other texts of a batch are the wrong ones.

The loss is that of sentence-transformers' MultipleNegativesRankingLoss; the loop is this package's, because theirs
keeps its optimizer in a pickle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..pairs import Pair
from ..trainer import Base, Trained
from ._batches import Batch
from ._encoder import Encoder, minilm_folder
from ._learner import Reading, Weigh
from ._loop import Pace
from ._recipe import check_sound
from ._work import Work, device


@dataclass(frozen=True)
class Embedding:
    """The recipe. `held_right` is the share of held-out queries nearest to their own text of their batch's."""

    learning_rate: float = 5e-5
    epochs: float = 1.0
    tokens_per_step: int = 8192
    """Tokens of queries and texts that are held against each other in a step."""
    warmup: float = 0.1
    patience: int = 3
    seed: int = 0
    longest: int = 256
    """Tokens read of a text: the embedder reads no more either."""

    def __post_init__(self) -> None:
        check_sound(self)

    @property
    def kind(self) -> str:
        """What comes out."""
        return "embedding"

    def train(self, rows: Sequence[Pair], held: Sequence[Pair], base: Base, work: Path) -> Trained:
        """Bring questions nearer to their texts; `held` says when to stop."""
        place = Work(self, base, work, rows, held)
        if done := place.finished():
            return done
        learner = Encoder(base.folder, device(), self.longest)
        size = self.tokens_per_step
        pace = Pace(self.learning_rate, self.epochs, size, self.warmup, self.patience, self.seed, together=size)
        return place.run(learner, Nearest(), learner.rows(rows), learner.rows(held), pace, {})


def minilm(folder: Path) -> Base:
    """The embedded embedder as a base, its files copied into `folder`."""
    from ..weights import checked_digest, fetch

    weights = fetch("minilm")
    return Base("minilm", checked_digest(weights), minilm_folder(weights, folder))


class Nearest:
    """The mean over queries of −log of the share that their own text has among a batch's."""

    def weigh(self, step: Sequence[Batch], batch: Batch) -> Weigh:
        total = sum(len(b.rows) for b in step) / 2
        return lambda nll: nll.new_full(nll.shape, 1 / total)

    def loss(self, batches: Sequence[tuple[Batch, Reading]]) -> tuple[float, float]:
        return sum(float(r.nll.sum()) for _, r in batches), sum(len(b.rows) for b, _ in batches) / 2

    def right(self, batch: Batch, reading: Reading) -> Sequence[bool]:
        return reading.right
