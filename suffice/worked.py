"""Worked: the cost of so many requests of so many tokens, as given; and the worked examples of docs/framework.md §6."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from .cost import DAYS, Bill, Cost, Interval, Quantity, cost_of
from .digest import plain
from .economics import stack_told
from .errors import InputError
from .pricebook import Book, ModelPrice
from .quote import Changes, changed
from .types import Json

CENT = 0.005
"""Less than this apart is the same to the cent."""


@dataclass(frozen=True)
class Plain:
    """A cost worked out from given numbers, and what a source prints of it."""

    cost: Cost
    price: ModelPrice
    printed: Mapping[str, Json] | None = None
    instead: Mapping[str, Json] | None = None
    words: str = ""

    def body(self) -> dict[str, Json]:
        """All of it as data."""
        told = stack_told(self.cost.bill, self.cost)
        shown = {k: told[k] for k in ("usd_per_request", "usd_per_day", "usd_per_month")}
        found = {
            **shown,
            "model": plain(self.price),
            "method": "arithmetic: every number was given",
            "words": self.words,
        }
        return {**found, **({"printed": self.printed, "instead": self.instead} if self.printed else {})}


def plainly(
    tokens: Mapping[str, float], requests_per_day: float, price: ModelPrice, changes: Changes | None = None
) -> Plain:
    """So many requests a day of so many tokens (`tokens_in`, `tokens_cached`, `tokens_out`) at a price."""
    if tokens.get("tokens_cached", 0) > tokens["tokens_in"]:
        raise InputError("more tokens come from the cache than are read", hint="--tokens-cached is part of --tokens-in")
    prices = {"usd_in": price.input, "usd_cached": price.cached, "usd_out": price.output, "price_factor": 1.0}
    given = {**tokens, **prices, "requests_per_day": requests_per_day}
    bill = Bill(
        "as given", {k: Quantity.exactly(float(v)) for k, v in given.items()}, basis=f"the price of {price.name}"
    )
    cost = cost_of(changed(bill, changes or {}))
    return Plain(cost, price, words=_arithmetic(cost))


def _arithmetic(cost: Cost) -> str:
    """The multiplication as one would write it by hand."""
    at = cost.bill.central
    parts = [(at["tokens_in"] - at["tokens_cached"], at["usd_in"]), (at["tokens_cached"], at["usd_cached"])]
    parts += [(at["tokens_out"], at["usd_out"])]
    terms = " + ".join(f"{n:,.0f} × ${usd:g}" for n, usd in parts if n) or "0"
    a_day = f"${cost.of['day'].estimate:,.2f} a day"
    return f"{at['requests_per_day']:,.0f} requests a day × ({terms}) per million tokens = {a_day}"


def worked(name: str, figures: Book) -> Plain:
    """A worked example of docs/framework.md §6, and where its source's own figure differs from its arithmetic."""
    said = figures.example(name).said
    tokens = {"tokens_in": float(said["tokens_in"]), "tokens_out": float(said["tokens_out"])}
    usd = float(said["usd_per_million"])
    price = ModelPrice("the example", usd, usd, usd, None, "docs/framework.md §6", "2026")
    found = plainly(tokens, float(said["requests_per_day"]), price)
    printed = {k: said[k] for k in ("printed_per_day", "printed_per_month") if k in said}
    slip = found.cost.of["day"].estimate - said["printed_per_day"]
    agree = "the source prints the same" if abs(slip) < CENT else _slip(said, found.cost.of["day"].estimate)
    instead = _instead(said.get("instead"), found.cost, figures)
    words = f"{found.words} (${found.cost.of['month'].estimate:,.2f} in {DAYS} days); {agree}"
    return replace(found, printed={**printed, "differs": abs(slip) >= CENT}, instead=instead, words=words)


def _slip(said: Mapping[str, Json], day: float) -> str:
    return f"the source prints ${said['printed_per_day']:,} a day, which is a slip: {said['slip']}; it is ${day:,.2f}"


def _instead(said: Json, cost: Cost, figures: Book) -> dict[str, Json] | None:
    """What the source sets against it, and after how many days that has paid back, from the corrected figure."""
    if said is None:
        return None
    project, daily = figures.figure(said["project"]), said["usd_per_day"]
    day = cost.of["day"].estimate
    middle = project.estimate / (day - (daily["low"] + daily["high"]) / 2)
    days = Interval(project.low / (day - daily["low"]), middle, project.high / (day - daily["high"]))
    months = said["pays_back_months"]
    costs = f"${daily['low']:,} to ${daily['high']:,} a day, ${project.low:,.0f} to ${project.high:,.0f} to build"
    back = f"pays back in {days.low:,.1f} to {days.high:,.1f} days"
    words = f"{said['title']} ({costs}) {back}; the source says {months['low']} to {months['high']} months"
    return {"title": said["title"], "usd_per_day": dict(daily), "pays_back_days": plain(days), "words": words}
