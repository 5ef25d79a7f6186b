"""Spend an error level over the looks at a growing set: how much of it may be gone after each share of the items."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from suffice.stats import distribution
from suffice.stats.sample import check_level

Spending = Literal["pocock", "obrien_fleming"]

FUTILE_BELOW = 0.2
"""The usual plan gives up when the chance to decide by the end is below this."""

_GROWTH = 4  # early looks are a quarter of the items apart
_SHARE = 20  # late looks a twentieth of all items


@dataclass(frozen=True, slots=True)
class Plan:
    """When to look at a set of n items, declared before the first item is seen, and what each look may spend."""

    n: int
    alpha: float
    """One-sided."""
    spending: Spending
    sizes: tuple[int, ...]
    """Items seen at each look: complete prefixes of the seeded order, the last of them everything."""
    spent: tuple[float, ...]
    """The error that may be gone after each look; the last is alpha."""
    futile_below: float | None
    """Give up when the chance to decide by the end is below this; None: never. Costs power, never error."""


def spend(share: float, alpha: float = 0.05, spending: Spending = "pocock") -> float:
    """The part of alpha that may be spent by the time this share of the items has been seen.

    Lan & DeMets 1983 (Biometrika 70:659): "pocock", their α₂*, is alpha · ln(1 + (e − 1) t), nearly even, and stops
    early; "obrien_fleming", their α₁*, is 2 − 2 Φ(z(1 − alpha/2) / √t), nearly all at the end, and keeps nearly the
    power of a single test.
    """
    check_level(alpha)
    if not 0 <= share <= 1:
        raise ValueError(f"share is {share}: the share of items seen lies in [0, 1]")
    if share in (0, 1):
        return alpha * share
    if spending == "pocock":
        return alpha * math.log1p((math.e - 1) * share)
    if spending == "obrien_fleming":
        return 2 * distribution.normal_below(-distribution.normal_quantile(1 - alpha / 2) / math.sqrt(share))
    raise ValueError(f"spending is {spending!r}: it is 'pocock' or 'obrien_fleming'")


def look_plan(
    n: int, alpha: float = 0.05, *, spending: Spending = "pocock", sizes: Sequence[int] | None = None
) -> Plan:
    """The plan for n items: "pocock" with futility saves most, "obrien_fleming" without is the full-power mode.

    Spending follows the items, not what they show, so the sizes may be any that were declared; else `look_sizes`.
    """
    check_level(alpha)
    _check_items(n)
    chosen = look_sizes(n, alpha, spending=spending) if sizes is None else tuple(sizes)
    steps = zip((0, *chosen), chosen, strict=False)
    if not chosen or chosen[-1] != n or any(earlier >= later for earlier, later in steps):
        raise ValueError(f"sizes is {chosen}: looks grow from at least 1 item and end at n = {n}")
    futile = FUTILE_BELOW if spending == "pocock" else None
    return Plan(n, alpha, spending, chosen, tuple(spend(size / n, alpha, spending) for size in chosen), futile)


@lru_cache(maxsize=256)
def look_sizes(n: int, alpha: float = 0.05, *, spending: Spending = "pocock") -> tuple[int, ...]:
    """Items at each look: first where wins alone could decide, then a quarter more, at most a twentieth of n, to n."""
    _check_items(n)
    could = (size for size in range(1, n) if 0.5**size <= spend(size / n, alpha, spending))
    size, most = next(could, n), max(1, n // _SHARE)
    sizes: list[int] = []
    while n - size > most // 2:
        sizes.append(size)
        size += max(1, min(size // _GROWTH, most))
    return (*sizes, n)


def _check_items(n: int) -> None:
    if n < 1:
        raise ValueError(f"n is {n}: at least one item is needed")
