"""full: all weights of the base, learned from demonstrations by their replies alone; the file holds them all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..demonstrations import Demonstration
from ..trainer import Base, Trained
from ._learner import Learner
from ._recipe import Imitation
from ._work import Work, device, precision


@dataclass(frozen=True)
class Full(Imitation):
    """The recipe. It takes sixteen bytes of memory for every weight, and every checkpoint twelve of disk."""

    learning_rate: float = 1e-4

    @property
    def kind(self) -> str:
        """What comes out."""
        return "full"

    def train(self, rows: Sequence[Demonstration], held: Sequence[Demonstration], base: Base, work: Path) -> Trained:
        """Learn the replies of `rows`; `held` says when to stop."""
        return self.imitate(Work(self, base, work, rows, held), rows, held, lambda: self._learner(base), {})

    def _learner(self, base: Base) -> Learner:
        import torch

        from ._plain import load, whole

        return whole(load(base.folder, torch.float32, device()), precision(self.dtype))
