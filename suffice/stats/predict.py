"""A prediction: where the score of something not yet built will lie on new items, and how well such intervals do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from suffice.stats.sample import binary, check_level, scores

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

DRAWS = 4_000
PRIOR = 0.5
"""Jeffreys' prior of a rate."""
NINE_IN_TEN = 2 * 1.6449
"""The width, in standard deviations, of the middle nine tenths of a normal distribution."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What an intervention did on failures, what its sham did on the same ones, and what it broke."""

    fixed: Sequence[float]
    """Of each failure, the part of its missing score that the intervention brought: 0 or 1 where scores are."""
    sham: Sequence[float] = ()
    """The same for the sham; empty where there is none: then all that is fixed is the intervention's."""
    broke: Sequence[float] = ()
    """Of the solved items it was tried on, the part of the score that was lost."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """A prediction interval of a mean score over `n` new items, and the middle of the prediction."""

    estimate: float
    low: float
    high: float
    level: float
    n: int


def predicted(
    today: Sequence[float],
    trial: Trial,
    *,
    n: int,
    reach: tuple[float, float] = (0.5, 1.1),
    alpha: float = 0.1,
    seed: int = 0,
) -> Prediction:
    """What a thing will score on `n` new items whose mean today, on other items, is that of `today`.

    It keeps what a sham would bring and has some part of what the intervention brings beyond its sham, or breaks:
    `reach` holds that part in nine cases of ten, a normal prior (above 1 where more can be done than the intervention
    does). Drawn along are the errors of today's rate, of the rates of fixing and breaking (Beta, Jeffreys' prior), and
    of the `n` items themselves: it is an interval for what will be seen, not for a mean over all items. Groups are not
    looked at.
    """
    import numpy as np

    check_level(alpha)
    values = scores(today, "today")
    if n < 1 or not reach[0] <= reach[1]:
        raise ValueError(f"a prediction is for one item or more and a reach from low to high, not {n} and {reach}")
    draw = np.random.default_rng(seed)
    solved = values >= 1 - 1e-12
    rest = float(values[~solved].mean()) if (~solved).any() else 0.0
    passing = _rate(draw, int(solved.sum()), values.size)
    h = _rate(draw, sum(trial.fixed), len(trial.fixed))
    g, b = (_rate(draw, sum(x), len(x)) if len(x) else np.zeros(DRAWS) for x in (trial.sham, trial.broke))
    part = draw.normal(sum(reach) / 2, (reach[1] - reach[0]) / NINE_IN_TEN, DRAWS)
    gained = (1 - passing) * (g + part * (h - g))
    mean = passing + (1 - passing) * rest + (1 - rest) * (gained - part * passing * b)
    mean = np.clip(mean, 0.0, 1.0)
    seen = draw.binomial(n, mean) / n if binary(values) else _graded(draw, mean, values, n)
    low, middle, high = np.quantile(seen, [alpha / 2, 0.5, 1 - alpha / 2])
    return Prediction(float(middle), float(low), float(high), 1 - alpha, n)


def interval_score(low: float, high: float, seen: float, alpha: float = 0.1) -> float:
    """The score of an interval for what was then seen (Gneiting & Raftery 2007, §6.2): its width, and 2/alpha times the
    distance by which it missed. Lower is better: neither a narrow miss nor a wide hit is free."""
    check_level(alpha)
    return (high - low) + 2 / alpha * (max(0.0, low - seen) + max(0.0, seen - high))


def _rate(draw: np.random.Generator, hits: float, of: int) -> Floats:
    hits = min(max(hits, 0.0), of)
    return draw.beta(hits + PRIOR, of - hits + PRIOR, DRAWS)


def _graded(draw: np.random.Generator, mean: Floats, values: Floats, n: int) -> Floats:
    """Means of graded scores, spread as today's are against what 0 and 1 alone would be."""
    import numpy as np

    level = float(values.mean())
    most = level * (1 - level)
    share = min(1.0, float(values.var()) / most) if most > 0 else 1.0
    spread = np.sqrt(share * mean * (1 - mean) / n)
    return np.clip(draw.normal(mean, spread), 0.0, 1.0)
