"""preference: a LoRA that prefers what people preferred, by direct preference optimisation (Rafailov et al. 2023).

The reference is the base itself: what it makes of every reply is worked out once, before anything is learned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..demonstrations import Choice, Demonstration
from ..trainer import Base, Trained
from ._batches import Batch, Unit, in_order
from ._learner import Learner, Reading, Weigh, by_row
from ._recipe import LowRankImitation
from ._text import Chat
from ._work import Work, learner_for

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Preference(LowRankImitation):
    """The recipe. `held_right` is the share of held-out choices where the preferred reply gained more."""

    learning_rate: float = 2e-4
    beta: float = 0.1
    """How strongly the tuned model is held to the base: lower lets it go further."""

    @property
    def kind(self) -> str:
        """What comes out."""
        return "preference"

    def train(self, rows: Sequence[Choice], held: Sequence[Choice], base: Base, work: Path) -> Trained:
        """Learn to prefer; `held` says when to stop."""
        place = Work(self, base, work, rows, held)
        if done := place.finished():
            return done
        chat = place.chat()
        learned, judged = (_pairs(chat, found, self.longest) for found in (rows, held))
        learner = learner_for(base, self.low, seed=self.seed, dtype=self.dtype, dropout=self.dropout)
        objective = Preferred(self.beta, reference(learner, [*learned, *judged], place.together))
        return place.run(learner, objective, learned, judged, self.pace(place.together), self.told)


def _pairs(chat: Chat, choices: Sequence[Choice], longest: int) -> list[Unit]:
    """Each choice as two rows, the preferred one first; their ids tell them apart."""
    told = [
        Demonstration(f"{kind} reply of {c.id}", c.messages, reply)
        for c in choices
        for kind, reply in (("preferred", c.chosen), ("other", c.rejected))
    ]
    rows = chat.rows(told, longest=longest)
    return list(zip(rows[::2], rows[1::2], strict=True))


def reference(learner: Learner, pairs: Sequence[Unit], together: int) -> dict[str, float]:
    """The log-likelihood of every reply under the base, by the row's id; asked before anything was learned."""
    found: dict[str, float] = {}
    for batch in in_order(pairs, most=together):
        sums = by_row(batch, learner.judge(batch).nll)
        found |= {row.id: -float(total) for row, total in zip(batch.rows, sums, strict=True)}
    return found


@dataclass(frozen=True)
class Preferred:
    """The loss −log σ(β · margin): by how much more the preferred reply gained over the reference than the other."""

    beta: float
    known: Mapping[str, float] = field(repr=False)

    def weigh(self, step: Sequence[Batch], batch: Batch) -> Weigh:
        """Up for the tokens of the preferred reply, down for the other's; the more, the less it is preferred."""
        pairs = sum(len(b.rows) for b in step) / 2

        def weighed(nll: Tensor) -> Tensor:
            import torch

            pull = torch.sigmoid(-self.beta * self._margins(batch, nll)) * self.beta / pairs
            signed = torch.stack((pull, -pull), 1).flatten()
            sizes = torch.tensor([len(row.tokens) - row.start for row in batch.rows], device=nll.device)
            return signed.repeat_interleave(sizes)

        return weighed

    def loss(self, batches: Sequence[tuple[Batch, Reading]]) -> tuple[float, float]:
        """The sum over pairs, and how many there are."""
        import torch

        lost = [torch.nn.functional.softplus(-self.beta * self._margins(b, r.nll)).sum() for b, r in batches]
        return float(sum(lost)), sum(len(b.rows) for b, _ in batches) / 2

    def right(self, batch: Batch, reading: Reading) -> tuple[bool, ...]:
        """Of each pair, whether the preferred reply gained more."""
        return tuple((self._margins(batch, reading.nll) > 0).tolist())

    def _margins(self, batch: Batch, nll: Tensor) -> Tensor:
        gained = -by_row(batch, nll) - nll.new_tensor([self.known[row.id] for row in batch.rows])
        return gained[::2] - gained[1::2]
