"""The frontier: nothing on it is beaten, everything off it is, and by whom."""

from __future__ import annotations

import math
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from suffice.cost import Interval
from suffice.frontier import Point, frontier

LEVELS = st.integers(0, 4).map(float)


def about(value: float, width: float = 0.0) -> Interval:
    return Interval(value - width, value, value + width)


def point(title: str, quality: float, cost: float, p95: float | None = 1.0, width: float = 0.0) -> Point:
    return Point(title, about(quality, width), about(cost, width), None if p95 is None else about(p95, width))


POINTS = st.lists(st.tuples(LEVELS, LEVELS, LEVELS), min_size=1, max_size=8).map(
    lambda rows: [point(str(i), *row) for i, row in enumerate(rows)]
)


@settings(max_examples=80, deadline=None)
@given(POINTS)
def test_something_is_on_it_and_what_is_off_is_beaten_by_something_on_it(points: list[Point]) -> None:
    placed = frontier(points)
    on = {p.point.title for p in placed if p.on_frontier}
    assert on and all(set(p.dominated_by) & on for p in placed if not p.on_frontier)
    assert all(set(p.surely_by) <= set(p.dominated_by) for p in placed)


@settings(max_examples=80, deadline=None)
@given(POINTS)
def test_no_two_stacks_beat_each_other(points: list[Point]) -> None:
    beaten = {p.point.title: set(p.dominated_by) for p in frontier(points)}
    assert not [(a, b) for a in beaten for b in beaten[a] if a in beaten[b]]


def test_dominated_stacks_are_named_with_who_beats_them() -> None:
    found = frontier(
        [point("prompt", 0.9, 1), point("tuned", 0.9, 5), point("long", 0.8, 9, 2), point("best", 0.95, 8)]
    )
    assert [p.dominated_by for p in found] == [(), ("prompt",), ("prompt", "tuned", "best"), ()]


def test_beyond_doubt_needs_limits_apart() -> None:
    near, far = (
        frontier([point("a", 0.9, 1, None, width=0.3), point("b", 0.8, 1.1, None, width=0.3)]),
        frontier([point("a", 0.9, 1, None, width=0.01), point("b", 0.8, 1.1, None, width=0.01)]),
    )
    assert (near[1].dominated_by, near[1].surely_by) == (("a",), ()) and far[1].surely_by == ("a",)


def test_beyond_doubt_needs_limits_where_estimates_are_alike() -> None:
    """Two stacks at 0.90 that may each be at 0.80 or 0.97: the cheaper one costs less, and may be the worse one."""
    alike = Interval(0.80, 0.90, 0.97)
    cheap, dear = (Point(title, alike, about(usd), None) for title, usd in (("cheap", 1.0), ("dear", 5.0)))
    (_, beaten) = frontier([cheap, dear])
    assert (beaten.dominated_by, beaten.surely_by) == (("cheap",), ())
    known = [replace(point, quality=about(0.90)) for point in (cheap, dear)]
    assert frontier(known)[1].surely_by == ("cheap",)


def test_what_nobody_timed_is_compared_by_the_rest() -> None:
    found = frontier([point("a", 0.9, 1, None), point("b", 0.8, 2, 0.1)])
    assert found[1].dominated_by == ("a",) and found[0].on_frontier


def test_a_limit_that_is_missing_leaves_doubt_whatever_the_estimates() -> None:
    sides = [point("a", 0.9, 1, 1.0), replace(point("b", 0.8, 2, 5.0), p95_ms=Interval(0.0, 5.0, math.inf))]
    open_above = [replace(sides[0], p95_ms=Interval(0.5, 1.0, math.inf)), point("b", 0.8, 2, 5.0)]
    for points in (sides, open_above):
        assert (frontier(points)[1].dominated_by, frontier(points)[1].surely_by) == (("a",), ())
