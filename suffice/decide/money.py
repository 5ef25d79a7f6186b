"""Money: what a lever costs to build and to keep, and from when on a student pays, as ranges from the price book."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .condition import DAYS, Facts
from .levers import LEVERS

Span = tuple[float, float]
Spans = Mapping[str, Span]
"""Figures in US dollars, or in the unit that the price book gives them: low and high, by name."""

STUDENT = (0.05, 0.10)
"""What a student's reply costs of its teacher's: a twentieth to a tenth (docs/framework.md §3)."""
YEAR = 12.0


@dataclass(frozen=True, slots=True)
class Money:
    """What one lever costs, in US dollars; None where it has no such cost, or facts are missing."""

    lever: str
    build: Span | None
    """Once, the whole project."""
    month: Span | None
    """Each month: what it runs on, or for what is trained the refreshes that better bases ask for."""
    payback_months: Span | None
    """Of a student, months until what it saves has paid for it, upkeep taken off; infinite ends are None below."""
    pays_from: Span | None
    """Of a student, requests a day from which it pays within the stable months."""


def money_of(facts: Facts, levers: Sequence[str], spans: Spans) -> tuple[Money, ...]:
    """The levers that cost something beyond tokens."""
    found = [_money(facts, name, spans) for name in levers]
    return tuple(one for one in found if one.build or one.month)


def _money(facts: Facts, name: str, spans: Spans) -> Money:
    lever = LEVERS[name]
    build = _sum(lever.build, spans)
    month = upkeep(spans) if lever.trained else _sum(lever.month, spans)
    if name != "distillation" or build is None or month is None:
        return Money(name, build, month, None, None)
    return Money(name, build, month, _payback(facts, build, month), _pays_from(facts, build, month))


def _sum(names: Sequence[str], spans: Spans) -> Span | None:
    if not names:
        return None
    return sum(spans[n][0] for n in names), sum(spans[n][1] for n in names)


def upkeep(spans: Spans) -> Span:
    """US dollars a month of refreshing what was trained, each time that a better base is adopted."""
    weeks, week, times = spans["lora_refresh_weeks"], spans["engineer_week"], spans["base_changes"]
    return weeks[0] * week[0] * times[0] / YEAR, weeks[1] * week[1] * times[1] / YEAR


def _payback(facts: Facts, build: Span, month: Span) -> Span | None:
    """Months, from the most favourable end to the least; None where it never pays, or the bill is not known."""
    bill = facts.get("usd_per_month")
    if bill is None:
        return None
    least, most = bill * (1 - STUDENT[1]) - month[1], bill * (1 - STUDENT[0]) - month[0]
    return (build[0] / most, build[1] / least) if least > 0 else None


def _pays_from(facts: Facts, build: Span, month: Span) -> Span | None:
    """Requests a day: linear in volume, at the price of today's request; None where that is not known."""
    bill, requests, months = (facts.get(n) for n in ("usd_per_month", "requests_per_day", "stable_months"))
    if not bill or not requests or not months:
        return None
    request = bill / (DAYS * requests)
    ends = ((build[0], month[0], STUDENT[0]), (build[1], month[1], STUDENT[1]))
    low, high = ((once / months + each) / (DAYS * request * (1 - share)) for once, each, share in ends)
    return low, high


def shipped(folder: Path | None = None) -> Spans:
    """The price book's figures, a task's own prices.yaml before ours."""
    from ..pricebook import book

    figures = book(folder).figures
    names = {n for lever in LEVERS.values() for n in (*lever.build, *lever.month)}
    used = (*names, "lora_refresh_weeks", "engineer_week", "base_changes")
    return {name: (figures[name].low, figures[name].high) for name in sorted(used)}


@dataclass(frozen=True, slots=True)
class Price:
    """What a stack costs in a month: fixed, by the request, and by whole machines where it is hosted."""

    fixed: float
    a_request: float
    machine: float = 0.0
    a_machine: float = 1.0
    """Requests a day that one machine answers."""

    def at(self, requests_per_day: float) -> float:
        """US dollars a month; machines are counted whole, the first from the first request on."""
        machines = -(-requests_per_day // self.a_machine) if self.machine else 0
        return self.fixed + DAYS * requests_per_day * self.a_request + machines * self.machine


def cheapest(prices: Mapping[str, Price], requests_per_day: float) -> str:
    """The name of the stack that costs least at a volume; the first named of several."""
    return min(prices, key=lambda name: prices[name].at(requests_per_day))
