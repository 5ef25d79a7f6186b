"""Batches: rows of about one length, in an order that follows from the seed alone."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from ._text import Row

Unit = tuple[Row, ...]
"""Rows that stay in one batch: one alone, or a preferred reply and the other."""
JITTER = 0.05
"""How far a length may be off when rows are sorted, as a share of it: batches differ from epoch to epoch."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of about one length, and the tokens that all of them begin with."""

    rows: tuple[Row, ...]
    prefix: int
    """How many tokens at the start are the same in all rows, and before all replies."""

    @property
    def length(self) -> int:
        """Tokens of the longest row after the prefix."""
        return max(len(row.tokens) for row in self.rows) - self.prefix

    @property
    def targets(self) -> int:
        """Tokens of all replies."""
        return sum(len(row.tokens) - row.start for row in self.rows)

    @property
    def tokens(self) -> int:
        """Real tokens of all rows: what a run without a shared prefix would go through, padding not counted."""
        return sum(len(row.tokens) for row in self.rows)


def steps(units: Sequence[Unit], epoch: int, *, seed: int, size: int, most: int) -> list[list[Batch]]:
    """An epoch's steps, each a few batches of at most `most` tokens, together about `size` real ones."""
    order = random.Random(f"{seed}:{epoch}")
    found = _cut(sorted(units, key=lambda unit: _long(unit) * (1 + JITTER * order.random())), most)
    order.shuffle(found)
    together: list[list[Batch]] = [[]]
    for batch in found:
        if together[-1] and sum(b.tokens for b in together[-1]) + batch.tokens / 2 > size:
            together.append([])
        together[-1].append(batch)
    return together


def in_order(units: Sequence[Unit], *, most: int) -> list[Batch]:
    """All of them, shortest first, for a pass that learns nothing."""
    return _cut(sorted(units, key=_long), most)


def _long(unit: Sequence[Row]) -> int:
    return max(len(row.tokens) for row in unit)


def _cut(units: Sequence[Unit], most: int) -> list[Batch]:
    """Neighbours together, as many as fit into `most` tokens with their padding; at least one unit each."""
    found: list[Batch] = []
    rows, alike = list[Row](), 0
    for unit in units:
        now = _alike((*rows[:1], *unit), alike if rows else None)
        if rows and now + (len(rows) + len(unit)) * (max(_long(unit), _long(rows[-1:])) - now) > most:
            found.append(_batch(rows, alike))
            rows, now = [], _alike(unit, None)
        rows, alike = [*rows, *unit], now
    return [*found, _batch(rows, alike)] if rows else found


def batch_of(rows: Unit) -> Batch:
    """These rows as one batch."""
    return _batch(rows, _alike(rows, None))


def _batch(rows: Sequence[Row], alike: int) -> Batch:
    return Batch(tuple(rows), alike if len(rows) > 1 else 0)


def _alike(rows: Sequence[Row], most: int | None) -> int:
    """How many tokens all rows begin with alike, `most` at most, leaving each at least one of its prompt."""
    first, bound = rows[0], min(row.start for row in rows) - 1
    bound = bound if most is None else min(bound, most)
    for row in rows[1:]:
        if first.tokens[:bound] != row.tokens[:bound]:
            pairs = zip(first.tokens, row.tokens, strict=False)
            bound = next(n for n, (a, b) in enumerate(pairs) if a != b)
    return bound
