"""A hazard: how often something changes, from looks at it that were some time apart."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from suffice.stats import distribution
from suffice.stats.sample import check_level


@dataclass(frozen=True, slots=True)
class Hazard:
    """Changes a unit of time, taken as constant."""

    rate: float
    low: float
    high: float
    level: float
    changes: int
    exposure: float
    """Time that was looked at, all things together."""
    method: str


def hazard(gaps: Sequence[float], changed: Sequence[bool], level: float = 0.95) -> Hazard:
    """The rate of changes from looks that were `gaps` apart, and whether something differed at the second of them.

    Where some looks show no change, a change is known to lie within its gap: P(changed) = 1 − exp(−rate · gap),
    maximum likelihood with limits by the likelihood ratio. Where every look shows one, looks are taken to be there
    because something changed, so changes are counted: the exact limits of Garwood 1936 (Biometrika 28:437). Looks that
    were there anyway have then missed changes, and the rate is too low.
    """
    alpha = check_level(1 - level)
    if not gaps or len(gaps) != len(changed):
        raise ValueError(f"{len(gaps)} gaps and {len(changed)} answers: give one each, and at least one")
    if not all(math.isfinite(gap) and gap > 0 for gap in gaps):
        raise ValueError("a gap must be a positive, finite time")
    k, exposure = sum(changed), math.fsum(gaps)
    if k == len(gaps) or k == 0:
        low = distribution.gamma_quantile(alpha / 2, k) / exposure if k else 0.0
        high = distribution.gamma_quantile(1 - (alpha / 2 if k else alpha), k + 1) / exposure
        return Hazard(k / exposure, low, high, level, k, exposure, "Poisson")
    return _censored(gaps, changed, level, k, exposure)


def _censored(gaps: Sequence[float], changed: Sequence[bool], level: float, k: int, exposure: float) -> Hazard:
    hit = [gap for gap, yes in zip(gaps, changed, strict=True) if yes]
    missed = exposure - math.fsum(hit)

    def slope(rate: float) -> float:
        return math.fsum(gap / math.expm1(min(rate * gap, 700.0)) for gap in hit) - missed

    def likelihood(rate: float) -> float:
        return math.fsum(math.log(-math.expm1(-rate * gap)) for gap in hit) - rate * missed

    # the slope falls from infinity: it is above zero at 1e-9 of the crude rate, and below where rate · gap is large
    top = (len(gaps) + 40) / min(min(hit), missed)
    best = _root(slope, 1e-9 / exposure, top)
    drop = distribution.normal_quantile(1 - (1 - level) / 2) ** 2 / 2
    seen = likelihood(best)
    low = _root(lambda rate: seen - drop - likelihood(rate), 1e-12 / exposure, best)
    high = _root(lambda rate: likelihood(rate) - seen + drop, best, 10 * top)
    return Hazard(best, low, high, level, k, exposure, "interval-censored exponential")


def _root(falling: Callable[[float], float], low: float, high: float) -> float:
    """Where a function that falls through zero does so, by bisection on a logarithmic scale."""
    for _ in range(200):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if falling(middle) > 0 else (low, middle)
    return math.sqrt(low * high)
