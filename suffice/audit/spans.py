"""Spans: the log by hour, day or week, so that what it was can be held against what it became."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field

HOUR = 3600
DAY = 24 * HOUR
WIDTHS = (HOUR, 2 * HOUR, 6 * HOUR, 24 * HOUR, 7 * 24 * HOUR, 28 * 24 * HOUR, 364 * 24 * HOUR)
MOST = 1_000
MODELS = 20


@dataclass(slots=True)
class Span:
    """What happened in one stretch of time: sums that can be added up."""

    calls: int = 0
    flags: dict[int, int] = field(default_factory=dict)
    inputs: float = 0.0
    outputs: float = 0.0
    replies: int = 0
    ms: float = 0.0
    timed: int = 0
    """Sums of logarithms: one long call in a thousand does not carry the mean."""
    models: Counter[str] = field(default_factory=Counter)

    def join(self, other: Span) -> None:
        """Add another stretch."""
        self.calls += other.calls
        self.inputs += other.inputs
        self.outputs += other.outputs
        self.replies += other.replies
        self.ms += other.ms
        self.timed += other.timed
        self.models += other.models
        for flag, n in other.flags.items():
            self.flags[flag] = self.flags.get(flag, 0) + n


class Spans:
    """Stretches of an hour at first, longer ones whenever there would be more than a thousand."""

    __slots__ = ("kept", "level")

    def __init__(self) -> None:
        self.level = 0
        self.kept: dict[int, Span] = {}

    @property
    def width(self) -> int:
        """Seconds of one stretch."""
        return WIDTHS[self.level]

    def add(self, time: float, flag: int, tokens: int, replied: int, ms: float | None, model: str) -> None:
        """Count a call in the stretch that it was made in."""
        at = int(time // WIDTHS[self.level])
        span = self.kept.get(at)
        if span is None:
            span = self.kept[at] = Span()
            if len(self.kept) > MOST and self.level < len(WIDTHS) - 1:
                self._coarser()
                self.add(time, flag, tokens, replied, ms, model)
                return
        span.calls += 1
        if flag:
            span.flags[flag] = span.flags.get(flag, 0) + 1
        if tokens > 0:
            span.inputs += math.log(tokens)
        if replied > 0:
            span.outputs += math.log(replied)
            span.replies += 1
        if ms is not None and ms > 0:
            span.ms += math.log(ms)
            span.timed += 1
        if model:
            models = span.models
            if model in models or len(models) < MODELS:
                models[model] += 1

    def by(self, width: int) -> dict[int, Span]:
        """The same in stretches of another width, which is a multiple of this one."""
        found: dict[int, Span] = {}
        for at, span in sorted(self.kept.items()):
            found.setdefault(at * self.width // width, Span()).join(span)
        return found

    def _coarser(self) -> None:
        self.kept = self.by(WIDTHS[self.level + 1])
        self.level += 1
