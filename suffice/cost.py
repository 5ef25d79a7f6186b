"""Cost: what a stack costs per request, day and month, with intervals, from what was measured and what is assumed.

The formulas stand here once, as data (see formula.py): verdicts, the command line and the page reckon with the same.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from .consumption import HOSTED, MEASURED, Consumption, Draws
from .formula import Formula, Number, evaluate, least, name, whole
from .pricebook import Figure

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

DAYS = 30
"""Days of a month, as everywhere here."""
LEVEL = 0.95
CLOSE = 0.02
"""A request's cost that is known within this share is known well enough."""
REDRAWN = 300
"""Draws in which it is found again where one stack pays against another."""
METHOD = (
    "{draws} seeded draws: requests again in whole groups (bootstrap, widened for few groups), the share handed over "
    "to people from Jeffreys' posterior over groups, figures evenly between their ends; limits are the draws' 2.5 % "
    "and 97.5 %, the estimate has every figure in its middle; where one stack pays against another rests on "
    f"{REDRAWN} of them"
)

INPUTS: Mapping[str, tuple[int, str]] = {
    "requests_per_day": (1, "requests a day"),
    "months": (-1, "months over which building is paid back"),
    "tokens_in": (1, "tokens read a request"),
    "tokens_cached": (-1, "of these, tokens from a prefix cache"),
    "tokens_out": (1, "tokens written a request"),
    "usd_in": (1, "USD per million tokens read"),
    "usd_cached": (1, "USD per million tokens from a cache"),
    "usd_out": (1, "USD per million tokens written"),
    "price_factor": (1, "all three token prices, as a multiple"),
    "batch_share": (-1, "share of requests that may take a day"),
    "batch_discount": (-1, "share of the price that these are spared"),
    "paid": (1, "USD a request, as it was paid"),
    "own_seconds": (1, "seconds of the layers' own work a request"),
    "own_hour": (1, "USD an hour of the machine that does it"),
    "model_seconds": (1, "seconds of a rented machine a request"),
    "machine_hour": (1, "USD an hour of that machine"),
    "slots": (-1, "requests it answers at once"),
    "peak": (1, "the busiest minutes, as a multiple of the mean"),
    "busy_at_most": (-1, "share of a machine's time that may be taken at the peak"),
    "vector_store": (1, "USD a month, vector database"),
    "embedding": (1, "USD a month, embedding"),
    "reranking": (1, "USD a month, reranking"),
    "review_share": (1, "share of requests handed over to a person"),
    "review_minutes": (1, "minutes of that person a request"),
    "review_minute": (1, "USD a minute of that person"),
    "build": (1, "USD to build it, once"),
    "refreshes": (1, "times a year that what was trained is trained again"),
    "refresh_weeks": (1, "engineer weeks each time"),
    "refresh_compute": (1, "USD of compute each time"),
    "engineer_week": (1, "USD an engineer's week"),
}
"""Every input: +1 where more of it costs more, −1 where it costs less; and what it is, with its unit."""
ABSENT: Mapping[str, float] = {
    **dict.fromkeys(INPUTS, 0.0),
    "price_factor": 1.0,
    "slots": 1.0,
    "peak": 1.0,
    "busy_at_most": 1.0,
    "months": 1.0,
}
"""What an input is that a stack has no use for."""


PARTS: Mapping[str, str] = {
    "requests_month": "requests: tokens, layers' own work, people",
    "machines_month": "whole machines",
    "retrieval_month": "retrieval",
    "refresh_month": "training again",
    "build_month": "building, spread over the months",
}
"""What a month adds up from."""


BETWEEN = (
    "request",
    "request_tokens",
    "request_own",
    "request_review",
    "busy",
    "needed",
    "machines",
    "running_month",
    "month",
)


def _formulas() -> dict[str, Formula]:
    n = {of: name(of) for of in (*INPUTS, *PARTS, *BETWEEN)}
    fresh = (n["tokens_in"] - n["tokens_cached"]) * n["usd_in"]
    tokens = fresh + n["tokens_cached"] * n["usd_cached"] + n["tokens_out"] * n["usd_out"]
    weeks = least(n["refreshes"] * n["refresh_weeks"], 52)
    return {
        "request_tokens": (tokens / 1e6 * n["price_factor"] + n["paid"]) * (1 - n["batch_share"] * n["batch_discount"]),
        "request_own": n["own_seconds"] * n["own_hour"] / 3_600,
        "request_review": n["review_share"] * n["review_minutes"] * n["review_minute"],
        "request": n["request_tokens"] + n["request_own"] + n["request_review"],
        "busy": n["requests_per_day"] * n["model_seconds"] / (n["slots"] * 86_400),
        "needed": n["busy"] * n["peak"] / n["busy_at_most"],
        "machines": whole(n["needed"]),
        "machines_month": n["machines"] * n["machine_hour"] * 24 * DAYS,
        "idle": 1 - n["busy"] / n["machines"],
        "retrieval_month": n["vector_store"] + n["embedding"] + n["reranking"],
        "refresh_month": (weeks * n["engineer_week"] + n["refreshes"] * n["refresh_compute"]) / 12,
        "build_month": n["build"] / n["months"],
        "requests_month": n["request"] * n["requests_per_day"] * DAYS,
        "running_month": name("requests_month")
        + name("machines_month")
        + name("retrieval_month")
        + name("refresh_month"),
        "month": n["running_month"] + name("build_month"),
        "day": n["month"] / DAYS,
    }


FORMULAS: Mapping[str, Formula] = _formulas()
"""From the inputs to a month, in order. `needed` is how many machines keep up with the peak, and keep a
limit of P95 there where one is set (see sizing.py); `machines` are whole: rented for the peak, idle the rest of the
time; refreshing keeps at most one engineer busy; `idle` is the share of rented time in which no request is answered."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A number between limits; all three alike where nothing about it is uncertain."""

    low: float
    estimate: float
    high: float

    def times(self, factor: float) -> Interval:
        """The interval in another unit."""
        return Interval(self.low * factor, self.estimate * factor, self.high * factor)


@dataclass(frozen=True, slots=True)
class Quantity:
    """An input of one stack: a number, a figure's range, or a measured column."""

    estimate: float
    low: float
    high: float
    figure: str = ""
    """The figure that it is, where it is one: the same draw in every stack."""
    column: str = ""
    """What was measured, where it was."""
    assumed: bool = False
    """Whether nobody's text stands behind that figure."""

    @classmethod
    def exactly(cls, value: float) -> Quantity:
        """A number that somebody gave."""
        return cls(value, value, value)

    @classmethod
    def of(cls, figure: Figure, plus: float = 0.0) -> Quantity:
        """A figure, and so much more than it."""
        low, middle, high = (end + plus for end in (figure.low, figure.estimate, figure.high))
        return cls(middle, low, high, figure=figure.name, assumed=figure.assumed)


@dataclass(frozen=True)
class Bill:
    """All inputs of one stack's cost; those it lists none of are `ABSENT`."""

    title: str
    quantities: Mapping[str, Quantity]
    taken: Consumption | None = None
    basis: str = ""
    """What its model is priced by, in words."""
    notes: tuple[str, ...] = ()

    def having(self, changed: Mapping[str, Quantity], title: str = "", note: str = "") -> Bill:
        """The same stack with some inputs changed."""
        notes = (*self.notes, *([note] if note else []))
        return replace(self, title=title or self.title, quantities={**self.quantities, **changed}, notes=notes)

    def at(self, requests_per_day: float | None) -> Bill:
        """The same stack at a volume; without one, nothing a month is known of what requests cost."""
        return (
            self if requests_per_day is None else self.having({"requests_per_day": Quantity.exactly(requests_per_day)})
        )

    @property
    def volume(self) -> float | None:
        """Requests a day, where they are known."""
        found = self.quantities.get("requests_per_day")
        return found.estimate if found is not None else None

    @property
    def central(self) -> dict[str, float]:
        """Every input in its middle."""
        return {**ABSENT, **{n: q.estimate for n, q in self.quantities.items()}}

    def drawn(self, draws: Draws) -> dict[str, Number]:
        """Every input as it came out in each draw; what cannot differ is one number."""
        means = draws.means(self.taken) if self.taken is not None and self.taken.n else {}
        return {**ABSENT, **{n: _drawn(q, draws, means) for n, q in self.quantities.items()}}

    @property
    def extremes(self) -> dict[str, tuple[float, float, float]]:
        """Every input at its cheapest, in its middle and at its dearest end."""
        ends = {n: (q.low, q.estimate, q.high) for n, q in self.quantities.items()}
        ends = {n: ends.get(n, (value, value, value)) for n, value in ABSENT.items()}
        return {n: e if INPUTS[n][0] > 0 else (e[2], e[1], e[0]) for n, e in ends.items()}


def _drawn(quantity: Quantity, draws: Draws, means: Mapping[str, Floats]) -> Number:
    if quantity.column in means:
        return means[quantity.column]
    if quantity.figure and quantity.low < quantity.high:
        return draws.figure(quantity.figure, quantity.low, quantity.high)
    return quantity.estimate


@dataclass(frozen=True)
class Cost:
    """What a stack costs: every formula with its interval."""

    bill: Bill
    of: Mapping[str, Interval]
    stages: Mapping[str, Interval] = field(default_factory=dict)
    """US dollars a request, by layer and for the model."""

    @property
    def request(self) -> Interval:
        """US dollars for one request more: machines, retrieval and training are paid by the month."""
        return self.of["request"]

    @property
    def month(self) -> Interval | None:
        """US dollars for thirty days, building spread over the months; None where no volume is known."""
        return None if self.bill.volume is None else self.of["month"]

    @property
    def day(self) -> Interval | None:
        """A thirtieth of the month."""
        return None if self.bill.volume is None else self.of["day"]

    @property
    def all_in(self) -> Interval | None:
        """US dollars a request with its share of everything; None without requests."""
        return self.of["month"].times(1 / (self.bill.volume * DAYS)) if self.bill.volume else None


def cost_of(bill: Bill, draws: Draws | None = None) -> Cost:
    """Price one stack: estimates with every input in its middle, limits from the draws (95 %)."""
    draws = draws or Draws()
    middle, spread = evaluate(FORMULAS, bill.central), evaluate(FORMULAS, bill.drawn(draws))
    found = {n: _interval(middle[n], spread[n]) for n in FORMULAS}
    return Cost(bill, found, _stages(bill, found))


def known_within(bill: Bill, draws: Draws) -> tuple[float, int] | None:
    """How well the requests alone tell what one of them costs: half the width of its limits as a share of the estimate,
    and how many requests would narrow that to `CLOSE`. None where nothing was measured, or it costs nothing. What was
    not seen once is left out: it has a note of its own, and narrows otherwise."""
    taken = bill.taken
    if taken is None or not taken.n:
        return None
    seen = {n for n, q in bill.quantities.items() if q.column and q.estimate > 0}
    measured_alone = {n: q if n in seen else Quantity.exactly(q.estimate) for n, q in bill.quantities.items()}
    only = replace(bill, quantities=measured_alone)
    found = _interval(evaluate(FORMULAS, bill.central)["request"], evaluate(FORMULAS, only.drawn(draws))["request"])
    if found.estimate <= 0:
        return None
    half = (found.high - found.low) / 2 / found.estimate
    return half, math.ceil(taken.n * (half / CLOSE) ** 2)


def _interval(estimate: float, spread: Number) -> Interval:
    """The middle 95 % of the draws, and never without the estimate."""
    if isinstance(spread, int | float):
        return Interval(min(spread, estimate), estimate, max(spread, estimate))
    import numpy as np

    low, high = np.quantile(spread, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(min(float(low), estimate), estimate, max(float(high), estimate))


def _stages(bill: Bill, found: Mapping[str, Interval]) -> dict[str, Interval]:
    """What a request costs, by stage: the model's tokens, and each layer's share of the layers' own work."""
    taken = bill.taken
    spent = {n: s for n, s in (taken.stages if taken else {}).items() if n not in HOSTED}
    whole_own = sum(spent.values())
    told = {n: found["request_own"].times(s / whole_own) for n, s in spent.items() if whole_own}
    told |= {"model": found["request_tokens"]} if found["request_tokens"].high else {}
    return told | ({"people": found["request_review"]} if found["request_review"].high else {})


def measured(taken: Consumption, draws: Draws) -> dict[str, Quantity]:
    """The measured columns as quantities, each a mean with its bootstrap limits."""
    if not taken.n:
        return {}
    means = draws.means(taken)
    found = {column: _interval(taken.mean(column), means[column]) for column in MEASURED}
    return {c: Quantity(i.estimate, i.low, i.high, column=c) for c, i in found.items()}
