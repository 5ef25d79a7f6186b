"""Rates: what a unit of each kind takes (a token read, a token written), from the totals of many calls."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from suffice.stats.sample import check_level, group_codes

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

DRAWS = 400
ALONE = 0.02
"""The share of a column's variation that the others must leave unexplained for its rate to be told from theirs."""
ENOUGH = 10
"""Independent units below which no rate is told."""


@dataclass(frozen=True, slots=True)
class Rate:
    """What one unit takes, never less than nothing."""

    estimate: float | None
    """None where the data cannot tell this rate from the others."""
    low: float
    high: float
    """Where it cannot be told: what a unit would take if everything were its doing."""


def unit_rates(
    totals: Sequence[float],
    amounts: Sequence[Sequence[float]],
    groups: Sequence[Hashable] | None = None,
    *,
    alpha: float = 0.05,
    seed: int = 0,
) -> tuple[Rate, ...]:
    """One rate per column of `amounts` (calls × kinds) by least squares, none below zero; a constant per call is fitted
    along and not returned.

    Limits are percentiles of a bootstrap over calls, or whole groups of them. A column that hardly varies, or only
    together with others, says nothing of its own: its limits are zero and all there is.
    """
    import numpy as np

    check_level(alpha)
    total, columns = np.asarray(totals, float), np.asarray(amounts, float)
    if columns.ndim != 2 or len(columns) != len(total):
        raise ValueError(f"totals are {total.shape} and amounts {columns.shape}: give calls, and calls × kinds")
    whole = [_whole(total, columns[:, k]) for k in range(columns.shape[1])]
    codes = group_codes(groups, len(total)) if groups is not None else None
    codes = np.arange(len(total)) if codes is None else codes
    told = [k for k in range(columns.shape[1]) if _alone(columns, k)]
    if len(set(codes.tolist())) < ENOUGH or not told:
        return tuple(Rate(None, 0.0, high) for high in whole)
    scale = np.where(columns.mean(axis=0) > 0, columns.mean(axis=0), 1.0)
    scaled = np.column_stack([np.ones(len(total)), columns / scale])
    found, drawn = _fits(scaled, total, codes, seed)
    low, high = np.quantile(drawn, [alpha / 2, 1 - alpha / 2], axis=0)
    return tuple(
        Rate(float(found[k + 1] / scale[k]), float(low[k + 1] / scale[k]), float(high[k + 1] / scale[k]))
        if k in told
        else Rate(None, 0.0, whole[k])
        for k in range(columns.shape[1])
    )


def _whole(total: Floats, column: Floats) -> float:
    amount = float(column.sum())
    return float(total.sum()) / amount if amount > 0 else 0.0


def _alone(columns: Floats, k: int) -> bool:
    """Whether enough of a column's variation is its own."""
    import numpy as np

    column, others = columns[:, k], np.delete(columns, k, axis=1)
    spread = float(((column - column.mean()) ** 2).sum())
    if spread <= 1e-12 * max(1.0, float((column**2).sum())):
        return False
    design = np.column_stack([np.ones(len(column)), others])
    left = column - design @ np.linalg.lstsq(design, column, rcond=None)[0]
    return float((left**2).sum()) >= ALONE * spread


def _fits(scaled: Floats, total: Floats, codes: npt.NDArray[np.intp], seed: int) -> tuple[Floats, Floats]:
    """The fit of all calls, and those of `DRAWS` samples of whole groups."""
    import numpy as np

    units, kinds = int(codes.max()) + 1, scaled.shape[1]
    gram, right = np.zeros((units, kinds, kinds)), np.zeros((units, kinds))
    np.add.at(gram, codes, scaled[:, :, None] * scaled[:, None, :])
    np.add.at(right, codes, scaled * total[:, None])
    times = np.random.default_rng(seed).multinomial(units, np.full(units, 1 / units), size=DRAWS).astype(float)
    times = np.vstack([np.ones(units), times])
    fits = _nonnegative(np.tensordot(times, gram, 1), times @ right)
    return fits[0], fits[1:]


def _nonnegative(gram: Floats, right: Floats) -> Floats:
    """Least squares without negative rates, for every draw: the best of all choices of columns."""
    import numpy as np

    draws, kinds = right.shape
    best, least = np.zeros((draws, kinds)), np.zeros(draws)
    for size in range(1, kinds + 1):
        for chosen in combinations(range(kinds), size):
            at = np.ix_(range(draws), chosen, chosen)
            small = 1e-9 * np.trace(gram[at], axis1=1, axis2=2)[:, None, None] * np.eye(size) + 1e-300 * np.eye(size)
            rates = np.linalg.solve(gram[at] + small, right[:, list(chosen), None])[..., 0]
            loss = -(rates * right[:, list(chosen)]).sum(axis=1)
            better = (rates >= 0).all(axis=1) & (loss < least)
            least = np.where(better, loss, least)
            best[better] = 0.0
            best[np.ix_(better, chosen)] = rates[better]
    return best
