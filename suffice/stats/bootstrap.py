"""A bootstrap: limits for a mean over whole groups, drawn again as they were drawn the first time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from suffice.stats import distribution
from suffice.stats.sample import ENOUGH_GROUPS

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.intp]

_AT_ONCE = 4_000_000  # numbers drawn in one block: bounds the memory


@dataclass(frozen=True, slots=True)
class Limits:
    """The two limits of a mean over groups."""

    low: float
    high: float
    error: float
    """The standard error, by the linearised ratio."""


def group_limits(
    values: Floats, codes: Integers, alpha: float, *, seed: int = 0, lowest: float = 0.0, highest: float = 1.0
) -> Limits | None:
    """Two-sided limits of the item mean when items come in whole groups; None under 30 groups.

    The widest of three answers, since each alone is too narrow somewhere: Student's t on the linearised ratio (skewed
    groups), the BCa bootstrap of whole groups, Efron 1987 (sparse groups), and a kind of group too rare to have been
    seen (all groups alike): a share 1 − (alpha/2)^(1/groups) of them could hold the lowest or the highest value. There
    groups count as the equal ones that they are worth, (Σ sizes)² / Σ sizes² (Kish 1965, Survey Sampling, §8.2): where
    a few hold most items and differ from the rest, 30 say little.
    """
    groups = int(codes.max()) + 1
    if groups < ENOUGH_GROUPS:
        return None
    totals, sizes = group_sums(values, codes)
    estimate = float(totals.sum() / sizes.sum())
    error = _error(totals, sizes)
    width = distribution.t_quantile(1 - alpha / 2, groups - 1) * error
    b_low, b_high = _bca(totals, sizes, alpha, seed)
    unseen = 1 - (alpha / 2) ** (float((sizes**2).sum()) / float(sizes.sum()) ** 2)
    low = min(estimate - width, b_low, estimate - unseen * (estimate - lowest))
    high = max(estimate + width, b_high, estimate + unseen * (highest - estimate))
    return Limits(max(low, lowest), min(high, highest), error)


def group_sums(values: Floats, codes: Integers) -> tuple[Floats, Floats]:
    """Each group's total and its number of items."""
    import numpy as np

    totals: Floats = np.bincount(codes, values).astype(np.float64)
    sizes: Floats = np.bincount(codes).astype(np.float64)
    return totals, sizes


def redrawn(parts: int, draws: int, seed: int) -> Iterator[Integers]:
    """Blocks of resampled indices, `draws` rows of `parts` in all."""
    import numpy as np

    rng = np.random.default_rng(seed)
    rows = max(1, _AT_ONCE // parts)
    for start in range(0, draws, rows):
        yield rng.integers(0, parts, (min(rows, draws - start), parts))


def draws_for(parts: int) -> int:
    """How many resamples: 4,000, fewer for very large samples, whose distribution is close to normal."""
    return 4000 if parts <= 1000 else 1000


def _error(totals: Floats, sizes: Floats) -> float:
    import numpy as np

    groups, estimate = totals.size, totals.sum() / sizes.sum()
    residuals = totals - estimate * sizes
    return float(np.sqrt((residuals**2).sum() / (groups - 1) / groups) / sizes.mean())


def _bca(totals: Floats, sizes: Floats, alpha: float, seed: int) -> tuple[float, float]:
    # Efron 1987 with the acceleration of a ratio from its linearised residuals
    import numpy as np

    estimate = totals.sum() / sizes.sum()
    residuals = totals - estimate * sizes
    spread = float((residuals**2).sum())
    if spread == 0.0:
        return float(estimate), float(estimate)
    blocks = redrawn(totals.size, draws_for(totals.size), seed)
    means = np.concatenate([totals[i].sum(axis=1) / sizes[i].sum(axis=1) for i in blocks])
    below = float((means < estimate).mean() + (means == estimate).mean() / 2)
    bias = distribution.normal_quantile(min(max(below, 1 / means.size), 1 - 1 / means.size))
    acceleration = float((residuals**3).sum()) / (6 * spread**1.5)
    tails = [_shifted(alpha / 2, bias, acceleration), _shifted(1 - alpha / 2, bias, acceleration)]
    low, high = np.quantile(means, tails)
    return float(low), float(high)


def _shifted(tail: float, bias: float, acceleration: float) -> float:
    z = bias + distribution.normal_quantile(tail)
    return distribution.normal_below(bias + z / max(1 - acceleration * z, 1e-6))
