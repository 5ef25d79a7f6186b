"""The frontier: the measured stacks that nothing beats in quality, cost and latency at once; who beats the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .cost import Interval

SAME = 1e-12


@dataclass(frozen=True, slots=True)
class Point:
    """A stack by what it reaches, costs and takes."""

    title: str
    quality: Interval
    cost: Interval
    """US dollars, in one unit for all points."""
    p95_ms: Interval | None
    """None where nobody timed it: then only quality and cost are compared."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A stack and its place: on the frontier, or dominated."""

    point: Point
    dominated_by: tuple[str, ...]
    """The stacks that are as good in everything by their estimates, and better in something."""
    surely_by: tuple[str, ...]
    """Of these, the ones whose limits leave no doubt: apart where they are better, and no worse in the rest."""

    @property
    def on_frontier(self) -> bool:
        """Whether nothing dominates it."""
        return not self.dominated_by


def frontier(points: Sequence[Point]) -> tuple[Placed, ...]:
    """Every stack with those that dominate it (Pareto), in the given order."""
    return tuple(_placed(point, points) for point in points)


def _placed(point: Point, points: Sequence[Point]) -> Placed:
    over = [other for other in points if other is not point and _dominates(other, point)]
    sure = tuple(other.title for other in over if _surely(other, point))
    return Placed(point, tuple(other.title for other in over), sure)


def _dominates(one: Point, other: Point) -> bool:
    gains = [better.estimate - worse.estimate for better, worse in _sides(one, other)]
    return all(gain >= -SAME for gain in gains) and any(gain > SAME for gain in gains)


def _surely(one: Point, other: Point) -> bool:
    """Its worst end above the other's best wherever it is better, and not below it where both are estimated alike."""
    return all(
        b.low > w.high if b.estimate - w.estimate > SAME else b.low >= w.high - SAME for b, w in _sides(one, other)
    )


def _sides(one: Point, other: Point) -> list[tuple[Interval, Interval]]:
    """What both have, turned so that more is better."""
    sides = [(one.quality, other.quality), (_less(one.cost), _less(other.cost))]
    if one.p95_ms is not None and other.p95_ms is not None:
        sides.append((_less(one.p95_ms), _less(other.p95_ms)))
    return sides


def _less(of: Interval) -> Interval:
    return Interval(-of.high, -of.estimate, -of.low)
