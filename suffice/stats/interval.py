"""An interval: what a share or a mean may truly be, given the items that were seen."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from suffice.stats import betting, distribution
from suffice.stats.bootstrap import group_limits
from suffice.stats.sample import ENOUGH_GROUPS, binary, check_count, check_level, group_codes, scores

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with the limits between which the truth lies at the stated level."""

    estimate: float
    low: float
    high: float
    level: float
    """The coverage promised, such as 0.95."""
    n: int
    method: str
    reason: str = ""
    """Why this method, or why the limits say nothing; empty when there is nothing to add."""

    @property
    def tells(self) -> bool:
        """False when the limits are the whole range: "cannot tell"."""
        return not (self.low <= 0.0 and self.high >= 1.0)


def proportion(successes: int, n: int, level: float = 0.95) -> Interval:
    """The exact two-sided interval of Clopper & Pearson 1934 for a share of independent items."""
    alpha = check_level(1 - level)
    low, high = lower_bound(successes, n, alpha / 2), upper_bound(successes, n, alpha / 2)
    return Interval(successes / n, low, high, level, n, "Clopper-Pearson")


def lower_bound(successes: int, n: int, alpha: float = 0.05) -> float:
    """The exact one-sided lower limit of a share: the truth lies below it with probability at most alpha."""
    check_count(successes, n)
    check_level(alpha)
    return distribution.beta_quantile(alpha, successes, n - successes + 1) if successes else 0.0


def upper_bound(successes: int, n: int, alpha: float = 0.05) -> float:
    """The exact one-sided upper limit of a share: the truth lies above it with probability at most alpha."""
    check_count(successes, n)
    check_level(alpha)
    return distribution.beta_quantile(1 - alpha, successes + 1, n - successes) if successes < n else 1.0


def mean_interval(
    values: Sequence[float] | Floats,
    groups: Sequence[Hashable] | None = None,
    *,
    alpha: float = 0.05,
    seed: int = 0,
) -> Interval:
    """The two-sided interval of a mean: exact for 0/1, by betting for graded scores, by whole groups where given.

    Each end holds at alpha/2, so pass twice the level to use one end alone. Under 30 groups the limits are 0 and 1.
    """
    array = scores(values)
    check_level(alpha)
    n, estimate, level = array.size, float(array.mean()), 1 - alpha
    codes = group_codes(groups, n)
    if codes is not None:
        found = group_limits(array, codes, alpha, seed=seed)
        if found is None:
            few = int(codes.max()) + 1
            reason = f"cannot tell: {few} groups, at least {ENOUGH_GROUPS} are needed"
            return Interval(estimate, 0.0, 1.0, level, n, "none", reason)
        return Interval(estimate, found.low, found.high, level, n, "group bootstrap")
    if binary(array):
        return proportion(int(array.sum()), n, level)
    low = betting.betting_lower(array, alpha / 2, seed=seed)
    high = betting.betting_upper(array, alpha / 2, seed=seed)
    return Interval(estimate, low, high, level, n, "betting")
