"""Simultaneous: limits for the means of several columns over the same items that hold all at once.

Student's limits after adding 0.4 z² items (1.5 at 95 %) at each end of what a column can be, as `ppi` does for one
column, so that what 50 items did not show is not taken for impossible. They are as wide as the largest |t| of all
columns calls for, drawn with the correlation that the columns have (max-t: Hothorn, Bretz & Westfall 2008, Biom. J.
50:346): columns that move together cost less than Bonferroni's share. `benchmarks/ablation.py` prints what they cover,
and what else was tried.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from suffice.stats import distribution
from suffice.stats.ppi import added

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.intp]

_DRAWS = 20_000
_JITTER = 1e-9  # makes columns that are sums of others factorable
_STILL = 1e-9  # a column that moves less has not moved


def simultaneous_limits(
    columns: Floats, lowest: Floats, highest: Floats, codes: Integers | None, alpha: float, *, seed: int = 0
) -> tuple[Floats, Floats]:
    """Two-sided limits of the columns' means (items × columns), all of which hold at once with chance 1 − alpha.

    `lowest` and `highest` are what an item of each column can be; with `codes`, whole groups count as one.
    """
    import numpy as np

    totals, sizes = _units(columns, codes)
    count, size, often = len(totals), float(sizes.mean()), added(alpha)
    ends = size * np.stack([lowest, highest])
    items = size * (count + 2 * often)
    middle = (totals.sum(axis=0) + often * ends.sum(axis=0)) / items
    spread = ((totals - sizes[:, None] * middle) ** 2).sum(axis=0) + often * ((ends - size * middle) ** 2).sum(axis=0)
    error = np.sqrt(spread / (count + 2 * often - 1) / (count + 2 * often)) / size
    width = _largest(totals - sizes[:, None] * (totals.sum(axis=0) / sizes.sum()), alpha, seed) * error
    return np.maximum(middle - width, lowest), np.minimum(middle + width, highest)


def _units(columns: Floats, codes: Integers | None) -> tuple[Floats, Floats]:
    # items, or whole groups: their totals and their numbers of items
    import numpy as np

    if codes is None:
        return columns, np.ones(len(columns))
    sums = np.zeros((int(codes.max()) + 1, columns.shape[1]))
    np.add.at(sums, codes, columns)
    return sums, np.bincount(codes).astype(np.float64)


def _largest(residuals: Floats, alpha: float, seed: int) -> float:
    # the 1 − alpha quantile of the largest |t| of all columns; one that never moved is taken as independent
    import numpy as np

    spread = np.sqrt((residuals**2).sum(axis=0))
    unit = residuals / np.where(spread > _STILL, spread, np.inf)
    alike = unit.T @ unit
    np.fill_diagonal(alike, 1 + _JITTER)
    rng, freedom = np.random.default_rng(seed), len(residuals) + 1
    drawn = rng.standard_normal((_DRAWS, len(alike))) @ np.linalg.cholesky(alike).T
    largest = np.abs(drawn).max(axis=1) / np.sqrt(rng.chisquare(freedom, _DRAWS) / freedom)
    return max(float(np.quantile(largest, 1 - alpha)), distribution.t_quantile(1 - alpha / 2, freedom))
