"""Provable: what so many test items can prove of a target, and how many more would, in words."""

from __future__ import annotations

import math
from collections.abc import Mapping

from .looks import plan_of
from .measures import Quality
from .stats.power import items_to_prove, provable
from .stats.target import boundaries
from .types import Json


def can_prove(n: int, target: Mapping[str, Json], plan: Mapping[str, Json]) -> str:
    """What n items can prove, said before they are spent."""
    if target["quality"] is None:
        return "no target was set: rungs are kept while a lift is proven"
    bound = target["quality"] - target["tolerance"]
    least = provable(bound, n, plan["alpha_target"]) if n else None
    share = f"at an error of {plan['alpha_target']:.2%} for each of {plan['candidates']} candidate rungs"
    if least is None:
        return f"{n} items cannot prove ≥ {exactly(bound)}, {share}, even if all are right"
    looked = _with_looks(n, bound, plan)
    return f"to prove ≥ {exactly(bound)} on {n} items, at least {least} must be right{looked}, {share}"


def _with_looks(n: int, bound: float, plan: Mapping[str, Json]) -> str:
    """What looks at the items while they come in make of that."""
    if plan.get("looks", "none") == "none":
        return ""
    crossing = zip(plan["sizes"], boundaries(bound, plan_of(plan, n, plan["alpha_target"])), strict=True)
    enough = [f"{b} of {size}" for size, b in crossing if b is not None]
    return f" (with looks {enough[0]} can be enough, {enough[-1]} at last)" if enough else ""


def until_met(quality: Quality, target: Mapping[str, Json]) -> str:
    bound = target["quality"] - target["tolerance"]
    if quality.estimate <= bound:
        seen = f"The estimate ({quality.estimate:.2f}) lies below {exactly(bound)}"
        return f"{seen}: more examples alone would not prove it met."
    total = items_to_prove(quality.estimate, bound, quality.alpha)
    more = f"about {total - quality.n} more test items" if total else "many more test items"
    return f"If {quality.estimate:.2f} is the true quality, {more} would prove ≥ {exactly(bound)}."


def down(limit: float) -> str:
    """A lower limit in words: never more than is proven."""
    return f"{math.floor(limit * 100 + 1e-9) / 100:.2f}"


def up(limit: float) -> str:
    return f"{math.ceil(limit * 100 - 1e-9) / 100:.2f}"


def exactly(value: float) -> str:
    """A number that somebody set, with all its digits and two at least."""
    short = round(value, 9)
    return f"{short:.2f}" if short == round(short, 2) else f"{short:g}"
