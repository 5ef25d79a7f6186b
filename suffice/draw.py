"""Draw: a random sample of items whose outputs people label, blind: both arms' outputs, shuffled, no arm named."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from .data import Example, worded
from .labels import Arm, Key, Labels, sha256
from .split import seeded
from .types import Json

DRAW = 3_000_000
"""Added to the seed, so that the order in which items are labelled is not the one in which stacks are asked."""


def drawn(examples: Sequence[Example], seed: int) -> list[list[Example]]:
    """The order in which items are labelled, by the seed, their groups and ids alone; each group is one list."""
    order = seeded(examples, seed + DRAW)
    return [list(members) for _, members in groupby(order, key=lambda e: e.cluster)]


def to_label(
    before: Arm, after: Arm, examples: Sequence[Example], items: int, *, seed: int = 0, labels: Labels = Labels()
) -> list[dict[str, Json]]:
    """Rows for people to fill: both arms' outputs of the first items in the drawn order, an output once, shuffled.

    Groups are taken whole; outputs that are labelled already, and failed calls, are left out.
    """
    chosen: list[Example] = []
    for cluster in drawn(examples, seed):
        if len(chosen) >= items:
            break
        chosen += cluster
    rows: dict[Key, dict[str, Json]] = {}
    for e in chosen:
        for output in (before.outputs[e.id], after.outputs[e.id]):
            if output is not None and labels.of(e.id, output) is None:
                rows[e.id, sha256(output)] = {**_shown(e), "output": output, "score": None}
    return [rows[key] for key in sorted(rows, key=lambda key: sha256(f"{seed}:{worded(list(key))}"))]


def _shown(example: Example) -> dict[str, Json]:
    """What whoever labels sees of the example."""
    told = {"input": example.input or None, "expected": example.expected}
    return {"id": example.id, **{key: value for key, value in told.items() if value is not None}}
