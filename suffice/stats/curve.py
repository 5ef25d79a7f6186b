"""A learning curve: how a score grew with the number of rows, and what more rows would bring, with how much doubt.

Scores follow q(n) = a − b·n^(−c), the inverse power law of Cortes et al. (1993) and Hestness et al. (2017); Viering and
Loog (2022) show how well it extrapolates, and how often no law does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from suffice.stats.sample import check_level, finite, scores

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

Pays = Literal["pays", "does not pay", "cannot tell"]

DRAWS = 2_000
LUCK = 0.015
"""The standard deviation of a score from one training to the next, where nobody measured it: docs/LOG.md."""
BENDS = (0.05, 1.5, 30)
"""The exponents c that are thought possible: from, to, and how many between, evenly in logarithm."""
AT_LEAST = 3
"""Sizes without which no curve is drawn."""


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


def learned(
    sizes: Sequence[int],
    values: Sequence[Sequence[float]],
    *,
    smallest: float = 0.02,
    target: float | None = None,
    luck: float = LUCK,
    alpha: float = 0.1,
    seed: int = 0,
) -> Curve:
    """The curve through scores of the same items after training on `sizes` rows each.

    Items are drawn again with replacement, the same ones for every size; `luck` is added, since another training on the
    same rows scores otherwise. Limits hold at 1 − alpha. More rows pay where twice as many add at least `smallest`.
    """
    import numpy as np

    table = np.array([scores(v, f"values[{i}]") for i, v in enumerate(values)])
    if len(table) != len(sizes):
        raise ValueError(f"{len(sizes)} sizes and {len(table)} rows of values: give one row of values a size")
    draw = np.random.default_rng(seed)
    items = draw.integers(0, table.shape[1], (DRAWS, table.shape[1]))
    means = table[:, items].mean(axis=2).T
    errors = table.std(axis=1) / np.sqrt(max(1, table.shape[1] - 1))
    return _drawn(sizes, table.mean(axis=1), means, errors, smallest, target, luck, alpha, seed)


def traced(
    sizes: Sequence[int],
    means: Sequence[float],
    errors: Sequence[float],
    *,
    smallest: float = 0.02,
    target: float | None = None,
    luck: float = LUCK,
    alpha: float = 0.1,
    seed: int = 0,
) -> Curve:
    """The same through means of which only the standard errors are known."""
    import numpy as np

    middle, spread = finite(means, "means"), finite(errors, "errors")
    draws = middle + np.random.default_rng(seed).normal(size=(DRAWS, len(middle))) * spread
    return _drawn(sizes, middle, draws, spread, smallest, target, luck, alpha, seed)


def _drawn(
    sizes: Sequence[int],
    middle: Floats,
    means: Floats,
    errors: Floats,
    smallest: float,
    target: float | None,
    luck: float,
    alpha: float,
    seed: int,
) -> Curve:
    import numpy as np

    check_level(alpha)
    if list(sizes) != sorted(set(sizes)) or sizes[0] < 1:
        raise ValueError(f"sizes are {list(sizes)}: give growing numbers of rows")
    ends = np.quantile(means, [alpha / 2, 1 - alpha / 2], axis=0)
    measured = tuple(At(n, float(m), float(lo), float(hi)) for n, m, lo, hi in zip(sizes, middle, *ends, strict=True))
    if len(sizes) < AT_LEAST:
        return Curve(measured, (), "cannot tell", None, level=1 - alpha)
    draw = np.random.default_rng([seed, 1])
    a, b, c = _laws(sizes, means, np.hypot(errors, luck), draw)
    last = sizes[-1]

    def at(rows: float) -> Floats:
        found: Floats = np.clip(a - b * rows ** (-c), 0, 1)
        return found

    lucky = draw.normal(size=(2, DRAWS)) * luck
    predicted = [_limits(round(last * k), np.clip(at(last * k) + lucky[0], 0, 1), alpha) for k in (2, 4)]
    gain = _limits(2 * last, at(2 * last) - at(last), alpha)
    pays: Pays = "pays" if gain.low >= smallest else "does not pay" if gain.high < smallest else "cannot tell"
    return Curve(measured, tuple(predicted), pays, gain, _wanted(at, last, target), 1 - alpha)


def _laws(sizes: Sequence[int], means: Floats, errors: Floats, draw: np.random.Generator) -> tuple[Floats, ...]:
    """For each draw of the means a law (a, b, c): the exponent drawn by how well the best law with it fits."""
    import numpy as np

    n, weight = np.asarray(sizes, dtype=np.float64), 1 / errors**2
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
