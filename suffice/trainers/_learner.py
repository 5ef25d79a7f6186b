"""What learns: weights with a way forward and back. The loop that steps it knows nothing of models."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ._batches import Batch

if TYPE_CHECKING:
    from torch import Tensor

Weigh = Callable[["Tensor"], "Tensor"]
"""From the negative log-likelihood of each target token to the gradient of the loss by it."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a batch came to; target tokens are those of the replies, row by row."""

    nll: Tensor
    """Negative log-likelihood of each target token, in nats, in 32 bits."""
    right: tuple[bool, ...] = ()
    """Of each row, whether greedy decoding would give its whole reply; not said where something was learned."""


class Learner(Protocol):
    """A model with the weights of it that are learned, by their names in the file that training leaves."""

    @property
    def by(self) -> str:
        """Whose way forward and back it is: `suffice` or `transformers`."""
        ...

    @property
    def dtype(self) -> str:
        """What numbers are multiplied in."""
        ...

    @property
    def weights(self) -> Mapping[str, Tensor]:
        """In 32 bits; their gradients are kept in `.grad`."""
        ...

    def refresh(self) -> None:
        """Take up weights that were changed."""
        ...

    def judge(self, batch: Batch) -> Reading:
        """Read a batch and learn nothing."""
        ...

    def learn(self, batch: Batch, weigh: Weigh) -> Reading:
        """Read a batch and add to the gradients."""
        ...


def flat_targets(batch: Batch) -> tuple[list[int], list[int]]:
    """Where the predicting tokens stand in the flat batch (prefix, then padded rows), and which tokens they predict."""
    at, wanted = list[int](), list[int]()
    for number, row in enumerate(batch.rows):
        offset = batch.prefix + number * batch.length - batch.prefix
        at += [offset + position - 1 for position in range(row.start, len(row.tokens))]
        wanted += row.tokens[row.start :]
    return at, wanted


def all_right(batch: Batch, hits: list[bool]) -> tuple[bool, ...]:
    """Row by row, whether all its target tokens were hit."""
    found, at = list[bool](), 0
    for row in batch.rows:
        size = len(row.tokens) - row.start
        found.append(all(hits[at : at + size]))
        at += size
    return tuple(found)


def by_row(batch: Batch, nll: Tensor) -> Tensor:
    """The sum over each row's target tokens."""
    import torch

    sizes = torch.tensor([len(row.tokens) - row.start for row in batch.rows], device=nll.device)
    rows = torch.arange(len(batch.rows), device=nll.device).repeat_interleave(sizes)
    return nll.new_zeros(len(batch.rows)).index_add_(0, rows, nll)
