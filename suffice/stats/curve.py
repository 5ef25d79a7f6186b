"""A learning curve: how a score grew with the number of rows, and what more rows would bring, with how much doubt.

Scores follow q(n) = a − b·n^(−c), the inverse power law of Cortes et al. (1993) and Hestness et al. (2017); Viering and
Loog (2022) show how well it extrapolates, and how often no law does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from suffice.stats.interval import mean_interval
from suffice.stats.sample import check_level, finite, group_codes, scores

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

Pays = Literal["pays", "does not pay", "cannot tell"]

DRAWS = 2_000
LUCK, LEAST_LUCK = 0.2, 0.005
"""The standard deviation of a score from one training to the next, by another seed and other rows of the same number:
0.2 over the root of the rows, and never under 0.005. Published scores with ten seeds a size (SetFit's few-shot results,
116 pairs of a curve and a size) have a median of 0.18 over that root, from 8 rows to 1,000: benchmarks/curves.py.
"""
BENDS = (0.05, 1.5, 100)
"""The exponents c that are thought possible: from, to, and how many between, evenly in logarithm."""
AT_LEAST = 3
"""Sizes without which no curve is drawn."""
SURE = 1e-4
"""The least error that a mean is thought to have."""


@dataclass(frozen=True, slots=True)
class At:
    """The score of a training on so many rows: measured, or predicted with limits for one further training."""

    rows: int
    estimate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Curve:
    """What was measured, what is predicted beyond, and whether more rows would pay."""

    measured: tuple[At, ...]
    predicted: tuple[At, ...]
    pays: Pays
    gain: At | None
    """What twice the rows would add to the last score, with limits."""
    wanted: int | None = None
    """Rows at which the score asked for is as likely as not; None where the curve does not get there within 100 times
    the rows, or none was asked for."""
    level: float = 0.9


def luck_at(rows: int) -> float:
    """How far a score goes from one training to the next, where nobody measured it."""
    return max(LEAST_LUCK, LUCK / math.sqrt(rows))


def learned(
    sizes: Sequence[int],
    values: Sequence[Sequence[float]],
    groups: Sequence[Hashable] | None = None,
    *,
    smallest: float = 0.02,
    target: float | None = None,
    luck: float | None = None,
    alpha: float = 0.1,
    seed: int = 0,
) -> Curve:
    """The curve through scores of the same items after training on `sizes` rows each.

    Items, whole groups where given, are drawn again with replacement, the same ones for every size; chance from one
    training to the next is added, with a standard deviation of `luck` or of `luck_at`. Limits hold at 1 − alpha. More
    rows pay where twice as many add at least `smallest`.
    """
    import numpy as np

    table = np.array([scores(v, f"values[{i}]") for i, v in enumerate(values)])
    if len(table) != len(sizes):
        raise ValueError(f"{len(sizes)} sizes and {len(table)} rows of values: give one row of values a size")
    draw = np.random.default_rng(seed)
    means = _again(table, group_codes(groups, table.shape[1]), draw)
    ends = [mean_interval(row, groups, alpha=alpha, seed=seed) for row in table]
    measured = [At(n, one.estimate, one.low, one.high) for n, one in zip(sizes, ends, strict=True)]
    return _drawn(measured, means, smallest, target, luck, alpha, seed)


def traced(
    sizes: Sequence[int],
    means: Sequence[float],
    errors: Sequence[float],
    *,
    smallest: float = 0.02,
    target: float | None = None,
    luck: float | None = None,
    alpha: float = 0.1,
    seed: int = 0,
) -> Curve:
    """The same through means of which only the standard errors are known."""
    import numpy as np

    middle, spread = finite(means, "means"), finite(errors, "errors")
    if not len(sizes) == middle.size == spread.size:
        raise ValueError(f"{len(sizes)} sizes, {middle.size} means and {spread.size} errors: give one of each a size")
    if (spread < 0).any():
        raise ValueError("standard errors are 0 or more")
    draws = middle + np.random.default_rng(seed).normal(size=(DRAWS, len(middle))) * spread
    ends = np.quantile(draws, [alpha / 2, 1 - alpha / 2], axis=0)
    measured = [At(n, float(m), float(lo), float(hi)) for n, m, lo, hi in zip(sizes, middle, *ends, strict=True)]
    return _drawn(measured, draws, smallest, target, luck, alpha, seed)


def _again(table: Floats, codes: npt.NDArray[np.intp] | None, draw: np.random.Generator) -> Floats:
    """Means of items, or of whole groups, drawn again (draws × sizes).

    Where all items score the same, drawing again tells nothing: one of n + 2 is taken to have scored otherwise.
    """
    import numpy as np

    units = np.arange(table.shape[1]) if codes is None else codes
    count = int(units.max()) + 1
    sums, held = np.stack([np.bincount(units, row, count) for row in table]), np.bincount(units)
    often = draw.multinomial(count, np.full(count, 1 / count), DRAWS)
    means: Floats = (often @ sums.T) / (often @ held)[:, None]
    unseen = np.where(table.var(axis=1) > 0, 0.0, 1 / (count + 2))
    return np.clip(means + draw.normal(size=means.shape) * unseen, 0, 1)


def _drawn(
    measured: Sequence[At],
    means: Floats,
    smallest: float,
    target: float | None,
    luck: float | None,
    alpha: float,
    seed: int,
) -> Curve:
    import numpy as np

    check_level(alpha)
    sizes = [at.rows for at in measured]
    if not sizes or sizes != sorted(set(sizes)) or sizes[0] < 1:
        raise ValueError(f"sizes are {sizes}: give growing numbers of rows")
    if len(sizes) < AT_LEAST:
        return Curve(tuple(measured), (), "cannot tell", None, level=1 - alpha)
    draw = np.random.default_rng([seed, 1])
    chance = np.array([luck_at(n) if luck is None else luck for n in sizes])
    a, b, c = _laws(sizes, means + draw.normal(size=means.shape) * chance, np.hypot(means.std(axis=0), chance), draw)
    last = sizes[-1]

    def at(rows: float) -> Floats:
        found: Floats = np.clip(a - b * rows ** (-c), 0, 1)
        return found

    predicted = []
    for rows in (2 * last, 4 * last):
        further = draw.normal(size=DRAWS) * (luck_at(rows) if luck is None else luck)
        predicted.append(_limits(rows, np.clip(at(rows) + further, 0, 1), alpha))
    gain = _limits(2 * last, at(2 * last) - at(last), alpha)
    pays: Pays = "pays" if gain.low >= smallest else "does not pay" if gain.high < smallest else "cannot tell"
    return Curve(tuple(measured), tuple(predicted), pays, gain, _wanted(at, last, target), 1 - alpha)


def _laws(sizes: Sequence[int], means: Floats, errors: Floats, draw: np.random.Generator) -> tuple[Floats, ...]:
    """For each draw of the means a law (a, b, c): the exponent drawn by how well the best law with it fits."""
    import numpy as np

    n, weight = np.asarray(sizes, dtype=np.float64), 1 / np.maximum(errors, SURE) ** 2
    bends = np.geomspace(*BENDS)
    fits = np.array([_fit(-(n**-bend), means, weight) for bend in bends])
    misfit = fits[:, 2, :]
    odds = np.exp(-0.5 * (misfit - misfit.min(axis=0)))
    chosen = (odds.cumsum(axis=0) < draw.random(means.shape[0]) * odds.sum(axis=0)).sum(axis=0).clip(max=len(bends) - 1)
    each = np.arange(means.shape[0])
    return fits[chosen, 0, each], fits[chosen, 1, each], bends[chosen]


def _fit(x: Floats, means: Floats, weight: Floats) -> Floats:
    """Weighted least squares of means on a + b·x with b ≥ 0 and a ≤ 1: a, b and χ² for every draw (3 × draws)."""
    import numpy as np

    total = weight.sum()
    middle = (weight @ x) / total
    centre = means @ weight / total
    apart = x - middle
    b = np.maximum(0.0, (means * weight) @ apart / ((weight * apart) @ apart))
    a = centre - b * middle
    over = a > 1
    b = np.where(over, np.maximum(0.0, ((means - 1) * weight) @ x / (weight @ x**2)), b)
    a = np.where(over, 1.0, a)
    rest = means - a[:, None] - b[:, None] * x
    return np.stack([a, b, (rest**2 * weight).sum(axis=1)])


def _limits(rows: int, drawn: Floats, alpha: float) -> At:
    import numpy as np

    low, middle, high = np.quantile(drawn, [alpha / 2, 0.5, 1 - alpha / 2])
    return At(rows, float(middle), float(low), float(high))


def _wanted(at: Callable[[float], Floats], last: int, target: float | None) -> int | None:
    """The rows at which half of the laws reach the target."""
    import numpy as np

    if target is None:
        return None
    for rows in np.geomspace(last, 100 * last, 60):
        if np.median(at(float(rows))) >= target:
            return int(rows)
    return None
