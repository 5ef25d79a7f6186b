"""Economics: what every measured stack costs, which pays from when on, and what would turn that, for the verdict."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

from .afterwards import TRAINED, Afterwards
from .bills import Prices, bill_of
from .breakeven import Breakeven, by_month, by_volume, doubt, tornado
from .consumption import Draws
from .cost import CLOSE, DAYS, METHOD, PARTS, Bill, Cost, Interval, cost_of, known_within
from .digest import plain
from .frontier import Placed, Point, frontier
from .measures import Held, Quality
from .pricebook import Figure
from .types import Json

SWINGS = 8
"""Inputs of a tornado that a verdict shows, the largest first."""


@dataclass(frozen=True)
class Measured:
    """One stack that was measured on test."""

    title: str
    run: str
    quality: Quality
    kept: bool
    trained_down: bool = False
    """Whether it was trained on the way down, so that it is the heavier one beside the stack it stands in for."""
    down: bool = False


@dataclass(frozen=True)
class Economics:
    """The arithmetic of money, from stored evidence alone."""

    of: Afterwards
    prices: Prices
    frozen: Held
    """The stack that the climb stopped at, before the way down."""
    change: Callable[[Bill], Bill] = field(default=lambda bill: bill)
    """What somebody who asks "what if" changes about every bill."""

    @property
    def draws(self) -> Draws:
        """The draws of everything here."""
        return Draws(seed=self.of.plan["seed"])

    @cached_property
    def stacks(self) -> tuple[Measured, ...]:
        """Every stack that was judged on test, from the lightest rung on, then those of the way down."""
        final = self.of.down(self.frozen)[1].test
        lines = [x for x in self.of.reading.evidence.of("rung") if x["test"]]
        found = [Measured(x["title"], x["test"], self.of.quality_of(x), x["test"] == final) for x in lines]
        for line in self.of.reading.evidence.of("down"):
            if line["test"]:
                quality = self.of.looked(line["test"], line["items"], line["graded"], self.of.share(line))
                trains = line["change"] in TRAINED
                found.append(Measured(line["title"], line["test"], quality, line["test"] == final, trains, True))
        return tuple(_once(found))

    @cached_property
    def bills(self) -> Mapping[str, Bill]:
        """What goes into each stack's cost, by its title."""
        reading, draws = self.of.reading, self.draws
        bills = [bill_of(reading, s.run, self.prices, title=s.title, draws=draws) for s in self.stacks]
        return {bill.title: self.change(bill) for bill in bills}

    @cached_property
    def costs(self) -> Mapping[str, Cost]:
        """Each stack's cost, where it is known what its model costs."""
        return {title: cost_of(bill, self.draws) for title, bill in self.bills.items() if bill.basis}

    def pairs(self) -> list[tuple[str, str]]:
        """The heavier stack and the lighter one that it is reckoned against, neighbour by neighbour."""
        known = [s for s in self.stacks if s.title in self.costs]
        rungs, down = [s for s in known if not s.down], [s for s in known if s.down]
        found = [(heavy.title, light.title) for light, heavy in pairwise(rungs)]
        frozen = next((s.title for s in rungs if s.run == self.frozen.test), None)
        for one in down if frozen else ():
            found.append((one.title, str(frozen)) if one.trained_down else (str(frozen), one.title))
        return found

    def told(self) -> dict[str, Json]:
        """As the verdict holds it."""
        return {
            "stacks": [self._stack(s) for s in self.stacks],
            "break_even": [self._pair(heavy, light) for heavy, light in self.pairs()],
            "frontier": [_place(p) for p in self.frontier],
            "figures": [plain(f) for f in self.figures],
            "method": METHOD.format(draws=f"{self.draws.n:,}"),
        }

    @cached_property
    def frontier(self) -> tuple[Placed, ...]:
        """Quality, cost (a month where the volume is known, else a request) and P95 of every priced stack."""
        points = []
        for stack in self.stacks:
            if stack.title in self.costs:
                cost, q = self.costs[stack.title], stack.quality
                points.append(
                    Point(
                        stack.title, Interval(q.low, q.estimate, q.high), cost.month or cost.request, self._p95(stack)
                    )
                )
        return frontier(points)

    def _p95(self, stack: Measured) -> Interval | None:
        """Its P95 between its limits: anything up to it, or from it on, where the times are too few for one."""
        speed = self.of.speed(stack.run, None)
        if speed["p95_ms"] is None:
            return None
        low, high = speed["p95_low_ms"], speed["p95_high_ms"]
        return Interval(0.0 if low is None else low, speed["p95_ms"], math.inf if high is None else high)

    @property
    def figures(self) -> tuple[Figure, ...]:
        """The figures that went into any of it."""
        return figures_of(self.bills.values(), self.prices)

    def _stack(self, stack: Measured) -> dict[str, Json]:
        bill, cost = self.bills[stack.title], self.costs.get(stack.title)
        notes = [*bill.notes, *known_words(bill, self.draws)]
        known = {"title": stack.title, "run": stack.run, "kept": stack.kept, "notes": notes}
        return {**known, **stack_told(bill, cost)}

    def _pair(self, heavy: str, light: str) -> dict[str, Json]:
        one, other = self.bills[heavy], self.bills[light]
        found = pair_told(one, other, self.draws)
        return {"heavier": heavy, "lighter": light, **found}


def known_words(bill: Bill, draws: Draws) -> list[str]:
    """How many more requests would tell what one costs, where these do not tell it well."""
    found = known_within(bill, draws)
    if found is None or found[0] <= CLOSE:
        return []
    return [f"a request's cost is known within {found[0]:.1%}; some {found[1]:,} requests would give {CLOSE:.0%}"]


def _once(found: Sequence[Measured]) -> list[Measured]:
    """Each title once: a later one of the same name gets its place behind it."""
    told: dict[str, Measured] = {}
    for one in found:
        title = one.title if one.title not in told else f"{one.title} ({len(told) + 1})"
        told[title] = Measured(title, one.run, one.quality, one.kept, one.trained_down, one.down)
    return [*told.values()]


def economics(of: Afterwards, kept: Held | None, frozen: Held) -> dict[str, Json]:
    """The verdict's `economics`: the kept stack by what its replies cost, then all stacks where prices were stored."""
    price = of.speed(kept.test, None)["usd_per_1k"] if kept else None
    volume = of.task["profile"]["requests_per_day"]
    monthly = None if price is None or volume is None else price * volume * DAYS / 1000
    told: dict[str, Json] = {"usd_per_1k": price, "requests_per_day": volume, "usd_per_month": monthly}
    line = next(of.reading.evidence.of("figures"), None)
    return told if line is None else {**told, **Economics(of, Prices.read(line), frozen).told()}


def figures_of(bills: Iterable[Bill], prices: Prices) -> tuple[Figure, ...]:
    """The figures that these bills were made with, in the book's order."""
    used = {q.figure for bill in bills for q in bill.quantities.values()}
    return tuple(f for name, f in prices.book.figures.items() if name in used)


def stack_told(bill: Bill, cost: Cost | None) -> dict[str, Json]:
    """One stack's cost as data; None throughout where nobody knows what its model costs."""
    month = cost.month if cost else None
    at_work = cost is not None and month is not None and cost.of["machines"].high > 0
    return {
        "basis": bill.basis,
        "measured": bill.taken.n if bill.taken else 0,
        "usd_per_request": plain(cost.request) if cost else None,
        "usd_per_request_all_in": plain(cost.all_in) if cost else None,
        "usd_per_day": plain(cost.day) if cost else None,
        "usd_per_month": plain(month),
        "build_usd": plain(_build(bill)) if cost else None,
        "parts": {n: plain(cost.of[n]) for n in PARTS if cost.of[n].high > 0} if cost and month else {},
        "stages": {n: plain(i) for n, i in cost.stages.items()} if cost else {},
        "machines": {n: plain(cost.of[n]) for n in ("machines", "idle")} if cost and at_work else None,
        "inputs": {n: list(ends) for n, ends in bill.extremes.items() if n in bill.quantities} if cost else {},
    }


def _build(bill: Bill) -> Interval:
    low, estimate, high = bill.extremes["build"]
    return Interval(low, estimate, high)


def pair_told(heavy: Bill, light: Bill, draws: Draws) -> dict[str, Json]:
    """Where one stack pays against another, and what would turn that, as data."""
    by_day = by_volume(heavy, light, draws)
    month = by_month(heavy, light, draws) if heavy.volume is not None else None
    swings = tornado(heavy, light)[:SWINGS] if heavy.volume is not None else ()
    words = _words(heavy, light, by_day, month)
    return {
        "requests_per_day": _even(by_day),
        "month": _even(month) if month else None,
        "turns": [{**plain(s), "swing": s.swing} for s in swings],
        "words": words,
    }


def _even(found: Breakeven) -> dict[str, Json]:
    limits = {"low": found.low, "high": found.high, "shares": dict(found.shares), "words": found.words}
    return {"answer": found.even.answer, "at": list(found.even.at), **limits, "cut": found.even.cut}


def _words(heavy: Bill, light: Bill, by_day: Breakeven, month: Breakeven | None) -> str:
    """Both answers in a sentence."""
    told = f"{heavy.title} {_said(by_day, f'{{}}costs less than {light.title}', 'requests a day')}"
    if month is None:
        return told
    later = ", which is later than it is to be paid back" if month.even.at and month.even.at[0] > _kept(heavy) else ""
    return f"{told}; at {heavy.volume:,.0f} requests a day it {_said(month, 'has {}cost less in all', 'months')}{later}"


def _kept(bill: Bill) -> float:
    """The months over which building is paid back."""
    return bill.central["months"]


def _said(found: Breakeven, costs: str, unit: str) -> str:
    """One answer, with its limits and how many draws agree; `costs` has a place for "never"."""
    answer, at, limits = found.even.answer, found.even.at, ""
    if at and found.low is not None and found.high is not None and found.high > found.low:
        digits = ",.3g" if found.high < 1_000 else ",.0f"
        first = "the first " if len(at) > 1 else ""
        limits = f"{first}{found.low:{digits}} to {found.high:{digits}}"
    unsure = doubt(answer, found.shares, limits)
    said = costs.format(f"{answer} ") if answer in ("always", "never") else f"{costs.format('')} {found.words} {unit}"
    return f"{said} ({unsure})" if unsure else said


def _place(placed: Placed) -> dict[str, Json]:
    by = {"dominated_by": list(placed.dominated_by), "surely_by": list(placed.surely_by)}
    of = placed.point
    told = {"title": of.title, "quality": plain(of.quality), "cost": plain(of.cost), "p95_ms": _times(of.p95_ms)}
    return {**told, "on_frontier": placed.on_frontier, **by}


def _times(p95: Interval | None) -> dict[str, Json] | None:
    """P95 as data: null for a limit that the times are too few for."""
    if p95 is None:
        return None
    return {"low": p95.low or None, "estimate": p95.estimate, "high": p95.high if math.isfinite(p95.high) else None}
