"""Sketches: what is kept of a stream that is too long to keep. Each says what is exact in it and what is estimated."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np

from ..stats.power import provable
from .found import Limits, Spread

T = TypeVar("T")

GAMMA = 1.02
"""Neighbouring buckets of a histogram differ by 2 %, so a quantile is within 1 % of the value seen."""
_LOG = math.log(GAMMA)
_MIDDLE = 2 / (1 + GAMMA)
SMALLEST, NOTHING = 1e-9, -10_000
"""Values up to here have no logarithm worth having: they share this bucket."""
TOGETHER = 1_024


class Histogram:
    """Counts of positive numbers in buckets that grow by 2 % (Masson, Rim & Lee 2019, "DDSketch", VLDB 12:2195).

    Counts, total and largest are exact; a quantile is within 1 % of the exact one. About 2,400 buckets hold everything
    from a billionth to a trillion.
    """

    __slots__ = ("_counts", "_largest", "_n", "_total", "_waiting")

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self._n = 0
        self._total = self._largest = 0.0
        self._waiting: list[float] = []

    def add(self, value: float) -> None:
        """Count a value; all that is not positive shares one bucket."""
        self._waiting.append(value)
        if len(self._waiting) >= TOGETHER:
            self._count()

    def _count(self) -> None:
        """Values are counted some at a time: in numpy that takes a fifth of the time."""
        values = np.array(self._waiting, float)
        self._waiting.clear()
        if not values.size:
            return
        small = values <= SMALLEST
        keys = np.where(small, NOTHING, np.ceil(np.log(np.where(small, 1.0, values)) / _LOG)).astype(int)
        for key, n in zip(*(found.tolist() for found in np.unique(keys, return_counts=True)), strict=True):
            self._counts[key] = self._counts.get(key, 0) + n
        self._n += values.size
        self._total += float(values.sum())
        self._largest = max(self._largest, float(values.max()))

    @property
    def counts(self) -> dict[int, int]:
        """Values by bucket."""
        self._count()
        return self._counts

    @property
    def n(self) -> int:
        self._count()
        return self._n

    @property
    def total(self) -> float:
        self._count()
        return self._total

    @property
    def largest(self) -> float:
        self._count()
        return self._largest

    def join(self, other: Histogram) -> None:
        """Take in all that another one counted."""
        self._count()
        for key, n in other.counts.items():
            self._counts[key] = self._counts.get(key, 0) + n
        self._n += other.n
        self._total += other.total
        self._largest = max(self._largest, other.largest)

    def total_over(self, least: float) -> float:
        """The sum of all values from `least` on, within 1 %."""
        return sum(_value(key) * n for key, n in self.counts.items() if _value(key) >= least)

    def spread(self, alpha: float = 0.05) -> Spread | None:
        """The middle and the tail, with the order-statistic limits of `stats.quantile`; None of nothing."""
        if not self.n:
            return None
        p50, p95, p99 = (self._limits(q, alpha) for q in (0.5, 0.95, 0.99))
        return Spread(self.n, self.total / self.n, self.total, self.largest, p50, p95, p99)

    def bars(self, most: int = 24) -> list[tuple[float, float, int]]:
        """The distribution as (from, to, count), powers of two or their halves apart, at most `most` bars."""
        kept = {key: n for key, n in self.counts.items() if key > NOTHING}
        if not kept:
            return []
        step = 0.5 if math.log2(GAMMA) * (max(kept) - min(kept)) < most / 2 else 1.0
        found: dict[int, int] = {}
        for key, n in kept.items():
            at = math.floor(math.log2(_value(key)) / step)
            found[at] = found.get(at, 0) + n
        low, high = min(found), max(found)
        return [(2 ** (at * step), 2 ** ((at + 1) * step), found.get(at, 0)) for at in range(low, high + 1)][-most:]

    def _limits(self, q: float, alpha: float) -> Limits:
        above, below = provable(q, self.n, alpha / 2), provable(1 - q, self.n, alpha / 2)
        rank = max(math.ceil(self.n * q - 1e-9), 1)
        return Limits(
            self.at(rank),
            None if below is None else self.at(self.n - below + 1),
            None if above is None else self.at(above),
        )

    def at(self, rank: int) -> float:
        """The value of this rank, the smallest being 1."""
        seen, counts = 0, self.counts
        for key in sorted(counts):
            seen += counts[key]
            if seen >= rank:
                return min(_value(key), self._largest)
        return self._largest


def _value(key: int) -> float:
    return 0.0 if key == NOTHING else _MIDDLE * GAMMA**key


class Reservoir(Generic[T]):
    """A uniform sample of a stream (Vitter 1985, algorithm R), and how long the stream was."""

    __slots__ = ("_draw", "items", "most", "seen")

    def __init__(self, most: int, seed: int) -> None:
        self.most = most
        self.seen = 0
        self.items: list[T] = []
        self._draw = random.Random(seed).random

    def place(self) -> int:
        """Where the next of the stream goes, or -1 where it is not kept; ask once for each."""
        self.seen += 1
        if self.seen <= self.most:
            return self.seen - 1
        at = int(self._draw() * self.seen)
        return at if at < self.most else -1

    def put(self, at: int, item: T) -> T | None:
        """Keep an item at the place that was drawn; what stood there before."""
        if at == len(self.items):
            self.items.append(item)
            return None
        old, self.items[at] = self.items[at], item
        return old


@dataclass(slots=True)
class Entry:
    """How often one request was made, and whether its replies differed."""

    count: int = 1
    reply: int = 0
    differing: int = 0
    """Replies that were not what the first one was."""
    weight: int = 0
    """How many requests it stands for, once that is settled; 0 while the sample's own rate says so."""
    shown: str = ""


@dataclass(slots=True)
class Repeats:
    """Identical requests, counted on a sample of the requests by their hash (Flajolet 1990, adaptive sampling).

    Exact up to `most` different requests. From there on every second, fourth … different request is followed, and
    counts are scaled; those that were frequent when the sample was thinned are kept, which leaves the estimate
    unbiased: what is kept was seen from its first time on.
    """

    most: int = 65_536
    frequent: int = 16
    level: int = 0
    entries: dict[int, Entry] = field(default_factory=dict)
    settled: int = 0

    def add(self, key: int, reply: int) -> Entry | None:
        """Count a request by its 64-bit hash and that of its reply (0: none); None where it is not followed."""
        entry = self.entries.get(key)
        if entry is not None:
            entry.count += 1
            if reply:
                if not entry.reply:
                    entry.reply = reply
                elif reply != entry.reply:
                    entry.differing += 1
            return entry
        if key & ((1 << self.level) - 1):
            return None
        self.entries[key] = entry = Entry(reply=reply)
        if len(self.entries) > self.most + self.settled:
            self._thin()
        return entry

    @property
    def exact(self) -> bool:
        return self.level == 0

    def weighted(self) -> Iterator[tuple[Entry, int]]:
        """Every followed request with the number of requests that it stands for."""
        rate = 1 << self.level
        return ((entry, entry.weight or rate) for entry in self.entries.values())

    def _thin(self) -> None:
        rate, self.level = 1 << self.level, self.level + 1
        mask, kept = (1 << self.level) - 1, {}
        for key, entry in self.entries.items():
            if not entry.weight and entry.count >= self.frequent and self.settled < self.most // 4:
                entry.weight, self.settled = rate, self.settled + 1
            if entry.weight or not key & mask:
                kept[key] = entry
        self.entries = kept
