"""A hazard: how often things change, from looks at them that were some time apart."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from suffice.stats import distribution
from suffice.stats.sample import check_level


@dataclass(frozen=True, slots=True)
class Hazard:
    """Changes of one thing in a unit of time, taken as constant."""

    rate: float
    low: float
    high: float
    level: float
    looks: int
    exposure: float
    """Time between the looks, all of them together."""
    method: str


def hazard(gaps: Sequence[float], gone: Sequence[int], of: Sequence[int], level: float = 0.95) -> Hazard:
    """The rate at which things change: at a look, `gone` of `of` things were no longer as they had been a gap before.

    A change is known to lie within its gap: P(gone) = 1 − exp(−rate · gap), by maximum likelihood. Things seen at one
    look change together, so the limits, by the likelihood ratio, are widened by the dispersion between looks (Pearson's
    χ² by its degrees of freedom, at least 1) and are Student's in the looks (McCullagh & Nelder 1989, Generalized
    Linear Models, §4.5). Where nothing or everything was gone at each look, looks are counted as one thing each, and
    the limits are Garwood's (1936, Biometrika 28:437): everything gone is a rate that looks were too rare to see.
    """
    alpha = check_level(1 - level)
    _check(gaps, gone, of)
    exposure, seen = math.fsum(gaps), _Looks(gaps, gone, of)
    if not sum(gone):
        return Hazard(0.0, 0.0, -math.log(alpha) / exposure, level, len(gaps), exposure, "Poisson")
    if sum(gone) == sum(of):
        low = distribution.gamma_quantile(alpha / 2, len(gaps)) / exposure
        high = distribution.gamma_quantile(1 - alpha / 2, len(gaps) + 1) / exposure
        return Hazard(len(gaps) / exposure, low, high, level, len(gaps), exposure, "Poisson")
    best = seen.likeliest()
    low, high = seen.limits(best, alpha)
    return Hazard(best, low, high, level, len(gaps), exposure, "interval-censored")


def _check(gaps: Sequence[float], gone: Sequence[int], of: Sequence[int]) -> None:
    if not gaps or not len(gaps) == len(gone) == len(of):
        raise ValueError(f"{len(gaps)} gaps, {len(gone)} and {len(of)} counts: give one each, and at least one")
    if not all(math.isfinite(gap) and gap > 0 for gap in gaps):
        raise ValueError("a gap must be a positive, finite time")
    if not all(0 <= k <= n and n >= 1 for k, n in zip(gone, of, strict=True)):
        raise ValueError("of at least one thing at each gap, between none and all are gone")


@dataclass(frozen=True, slots=True)
class _Looks:
    gaps: Sequence[float]
    gone: Sequence[int]
    of: Sequence[int]

    def likeliest(self) -> float:
        hit = [(gap, k) for gap, k in zip(self.gaps, self.gone, strict=True) if k]
        kept = math.fsum(gap * (n - k) for gap, k, n in zip(self.gaps, self.gone, self.of, strict=True))

        def slope(rate: float) -> float:
            return math.fsum(k * gap / math.expm1(min(rate * gap, 700.0)) for gap, k in hit) - kept

        return _root(slope, 1e-12 / max(self.gaps), 700.0 / min(self.gaps))

    def limits(self, best: float, alpha: float) -> tuple[float, float]:
        wide = distribution.t_quantile(1 - alpha / 2, max(1, len(self.gaps) - 1)) ** 2 / 2 * self._dispersion(best)
        least = self._likelihood(best) - wide
        low = _root(lambda rate: least - self._likelihood(rate), 1e-300, best)
        return low, _root(lambda rate: self._likelihood(rate) - least, best, 1e6 * (1 + wide) / min(self.gaps))

    def _likelihood(self, rate: float) -> float:
        rows = zip(self.gaps, self.gone, self.of, strict=True)
        return math.fsum((k * math.log(-math.expm1(-rate * g)) if k else 0.0) - rate * g * (n - k) for g, k, n in rows)

    def _dispersion(self, rate: float) -> float:
        """Pearson's χ² over its degrees of freedom, never under 1."""
        if len(self.gaps) < 2:
            return 1.0
        squares = []
        for gap, k, n in zip(self.gaps, self.gone, self.of, strict=True):
            p = -math.expm1(-rate * gap)
            squares.append((k - n * p) ** 2 / max(n * p * (1 - p), 1e-12))
        return max(1.0, math.fsum(squares) / (len(self.gaps) - 1))


def _root(falling: Callable[[float], float], low: float, high: float) -> float:
    """Where a function that falls through zero does so, by bisection on a logarithmic scale."""
    for _ in range(200):
        middle = math.exp((math.log(low) + math.log(high)) / 2)
        low, high = (middle, high) if falling(middle) > 0 else (low, middle)
    return math.exp((math.log(low) + math.log(high)) / 2)
