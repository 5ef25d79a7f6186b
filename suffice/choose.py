"""Choose: the best of several stacks on select, after a first look at some of its items."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .data import Dataset
from .plan import FINALISTS, FIRST_LOOK
from .record import Run
from .stack import Stack
from .types import Json

CLEAR_LEAD = 3
"""Items by which a variant must lead after the first look to be taken without a second one."""
Runner = Callable[[Stack, Dataset, str], Run]
"""Runs a stack over examples, at a stage in words."""


@dataclass(frozen=True)
class Chosen:
    """The stack that did best on all of select, its run there, and how far each was looked at."""

    stack: Stack
    run: Run
    looks: tuple[tuple[Stack, Run], ...]
    """The last run of each stack, in the order given."""

    def told(self, name: Callable[[Stack], str]) -> list[dict[str, Json]]:
        """The variants as a line of evidence holds them."""
        return [{"name": name(stack), "n": len(run.records), "run": run.id} for stack, run in self.looks]


def choose(stacks: Sequence[Stack], select: Dataset, run: Runner, title: str, kind: str = "variant") -> Chosen:
    """All on the first items, then the better ones on all of them; the first among equals."""
    first = select[:FIRST_LOOK]
    looks = [(s, run(s, first, f"{title}: {kind} {i} of {len(stacks)}")) for i, s in enumerate(stacks, 1)]
    ranked = sorted(looks, key=lambda x: -(x[1].quality or 0.0))
    finalists = [s for s, _ in ranked[: FINALISTS if _close(ranked) else 1]]
    full = [(s, run(s, select, f"{title}: choosing")) for s in finalists]
    best, selected = max(full, key=lambda x: x[1].quality or 0.0)
    last = tuple(next((x for x in full if x[0] == s), (s, r)) for s, r in looks)
    return Chosen(best, selected, last)


def _close(ranked: Sequence[tuple[Stack, Run]]) -> bool:
    """Whether the first look leaves it open which of the best two is better."""
    if len(ranked) < 2:
        return False
    first, second = ((run.quality or 0.0) * len(run.records) for _, run in ranked[:2])
    return first - second < CLEAR_LEAD
