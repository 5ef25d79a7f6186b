"""Pair: what changed between two systems on the same items, and whether chance could have done it."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from suffice.stats import betting, distribution
from suffice.stats import margin as margins
from suffice.stats.bootstrap import group_limits
from suffice.stats.permutation import flip_p
from suffice.stats.power import smallest_visible_effect, smallest_visible_mean
from suffice.stats.sample import ENOUGH_GROUPS, binary, check_level, group_codes, scores

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.intp]

Sided = Literal["two", "greater"]


@dataclass(frozen=True, slots=True)
class Paired:
    """The mean of after − before over n paired items, with its limits and the evidence against chance."""

    n: int
    lift: float
    low: float
    high: float
    p_value: float | None
    """Against "lift = margin" (two-sided) or "lift ≤ margin"; None where the method gives limits alone."""
    method: str
    wins: int
    losses: int
    ties: int
    smallest_visible_effect: float | None
    """The smallest lift above the margin that a test of this size and discordance finds four times in five."""
    groups: int | None
    margin: float
    alpha: float
    sided: Sided
    reason: str = ""
    permutation_p: float | None = None
    """Of the paired permutation test, a second opinion where limits decide; None where counts do, or with a margin."""

    @property
    def tells(self) -> bool:
        """False when the answer is "cannot tell", whatever the numbers."""
        return self.method != "none"

    @property
    def proven(self) -> bool:
        """Whether the lift is proven above the margin: by the p-value where there is one, else by the lower limit."""
        if self.p_value is None:
            return self.low > self.margin
        return self.p_value <= self.alpha and self.lift > self.margin


def paired(
    before: Sequence[float],
    after: Sequence[float],
    groups: Sequence[Hashable] | None = None,
    *,
    alpha: float = 0.05,
    seed: int = 0,
    margin: float = 0.0,
    sided: Sided = "two",
) -> Paired:
    """Compare two systems item by item: is the lift other than `margin`, or with sided="greater" above it?

    Independent 0/1 items: exact McNemar (1947) for a margin of 0, else the exact score test of `margin_p`, and its
    interval. Independent graded items: betting limits, valid for every distribution. Groups: whole groups are
    drawn again, McNemar is refused, and under 30 groups the answer is "cannot tell". One-sided, `high` is 1.
    """
    first, second = scores(before, "before"), scores(after, "after")
    if first.size != second.size:
        raise ValueError(f"before has {first.size} scores and after {second.size}: pair them item by item")
    if not -1 < margin < 1:
        raise ValueError(f"margin is {margin}: a lift of a score lies between -1 and 1")
    check_level(alpha)
    asked = _Asked(second - first, alpha, seed, margin, sided)
    codes = group_codes(groups, first.size)
    if codes is not None:
        return _by_groups(asked, codes)
    return _exact(asked) if binary(first) and binary(second) else _graded(asked)


@dataclass(frozen=True, slots=True)
class _Asked:
    difference: Floats
    alpha: float
    seed: int
    margin: float
    sided: Sided

    @property
    def two_sided(self) -> float:
        """The level of the two-sided limits whose lower end is the one asked for."""
        return self.alpha if self.sided == "two" else min(2 * self.alpha, 0.999)

    def answer(self, low: float, high: float, method: str) -> Paired:
        """The counts and the limits, clipped to what a lift can be, without evidence yet."""
        d = self.difference
        return Paired(
            n=d.size,
            lift=float(d.mean()),
            low=max(low, -1.0),
            high=min(high, 1.0) if self.sided == "two" else 1.0,
            p_value=None,
            method=method,
            wins=int((d > 0).sum()),
            losses=int((d < 0).sum()),
            ties=int((d == 0).sum()),
            smallest_visible_effect=None,
            groups=None,
            margin=self.margin,
            alpha=self.alpha,
            sided=self.sided,
        )


def _exact(asked: _Asked) -> Paired:
    d, margin = asked.difference, asked.margin
    n, wins, losses = d.size, int((d > 0).sum()), int((d < 0).sum())
    p = _exact_p(wins, losses, n, margin, asked.sided)
    low = margins.margin_lower(wins, losses, n, asked.two_sided / 2)
    high = 1.0 if asked.sided == "greater" else -margins.margin_lower(losses, wins, n, asked.alpha / 2)
    # McNemar is the stricter of the two exact tests: where they differ about the margin, the reported one decides
    rejected, above = p <= asked.alpha, (wins - losses) / n > margin
    low = max(low, margin) if rejected and above else min(low, margin)
    high = min(high, margin) if rejected and not above else max(high, margin)
    seen = smallest_visible_effect(n, (wins + losses) / n, asked.alpha, sided=asked.sided)
    method = "exact McNemar" if margin == 0 else "exact score test"
    return replace(asked.answer(low, high, method), p_value=p, smallest_visible_effect=seen)


def _exact_p(wins: int, losses: int, n: int, margin: float, sided: Sided) -> float:
    if margin == 0:
        greater = distribution.binomial_at_least(wins, wins + losses, 0.5)
        less = distribution.binomial_at_least(losses, wins + losses, 0.5)
    else:
        greater = margins.margin_p(wins, losses, n, margin)
        less = margins.margin_p(losses, wins, n, -margin) if sided == "two" else 1.0
    return greater if sided == "greater" else min(1.0, 2 * min(greater, less))


def _graded(asked: _Asked) -> Paired:
    scaled, tail = (asked.difference + 1) / 2, asked.two_sided / 2
    low = 2 * betting.betting_lower(scaled, tail, seed=asked.seed) - 1
    high = 1.0 if asked.sided == "greater" else 2 * betting.betting_upper(scaled, tail, seed=asked.seed) - 1
    n = scaled.size
    error = float(asked.difference.std(ddof=1)) / math.sqrt(n) if n > 1 else 0.0
    seen = smallest_visible_mean(error, asked.alpha, sided=asked.sided) if error else None
    found = replace(asked.answer(low, high, "betting"), smallest_visible_effect=seen)
    return replace(found, permutation_p=_permuted(asked, None))


def _permuted(asked: _Asked, codes: Integers | None) -> float | None:
    if asked.margin or asked.sided == "greater":
        return None
    return flip_p(asked.difference, None if codes is None else codes.tolist(), seed=asked.seed)


def _by_groups(asked: _Asked, codes: Integers) -> Paired:
    groups = int(codes.max()) + 1
    limits = group_limits(asked.difference, codes, asked.two_sided, seed=asked.seed, lowest=-1.0)
    if limits is None:
        reason = f"cannot tell: {groups} groups, at least {ENOUGH_GROUPS} are needed"
        return replace(asked.answer(-1.0, 1.0, "none"), groups=groups, reason=reason)
    seen = smallest_visible_mean(limits.error, asked.alpha, sided=asked.sided) if limits.error else None
    answer = asked.answer(limits.low, limits.high, "group bootstrap")
    return replace(answer, groups=groups, smallest_visible_effect=seen, permutation_p=_permuted(asked, codes))
