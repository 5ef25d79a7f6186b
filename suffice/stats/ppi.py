"""Prediction power: a judge's scores on many items, made trustworthy by human labels on a few of them.

The judge's mean over the items nobody labelled, times a weight, plus the mean of human − weight × judge over a random
sample that people labelled as well (Angelopoulos, Bates, Fannjiang, Jordan & Zrnic 2023, Science 382:669). However
wrong the judge is, the estimate stays unbiased; the better it is, the shorter the limits. The weight is the one of
least variance (PPI++, Angelopoulos, Duchi & Zrnic 2023, arXiv 2311.01453, §6), fitted on nine tenths of the labelled
items for the tenth left out.

The limits are Student's, n + 1 degrees of freedom, after adding 0.4 z² items (1.5 at 95 %) on which people and judge
disagree as far as they can, and as many the other way round; Agresti & Coull 1998 (Am. Stat. 52:119) do so for shares.
Of what was tried, at a nominal 95 %, n = 50 to 200, binary and graded scores and lifts, with rare and one-sided judge
errors: normal limits covered as little as 72 %, Student's 73 % (a rare error of the judge may not show in 50 items at
all), BCa 73 %; betting on human − weight × judge 98–100 %, at up to five times the width; limits with an unseen kind
of item, as `group_limits` has, 93–100 %, wider for lifts; these 95–100 %; with a useless judge, over all shares,
94.1 % at worst and 96 % on average (the counts are whole numbers). `benchmarks/coverage.py` prints the table.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from suffice.stats import distribution
from suffice.stats.bootstrap import group_sums
from suffice.stats.sample import ENOUGH_GROUPS, check_level, finite, group_codes

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

_FOLDS = 10
_ADDED = (
    0.4  # times z²: for a share the one-sided error is then at most 1.2 times the nominal, 1.5 times with 0.3 or 0.5
)


@dataclass(frozen=True, slots=True)
class Powered:
    """A mean of human scores, from few human labels and many judge scores, with its limits."""

    estimate: float
    low: float
    high: float
    level: float
    n: int
    """The items that people and the judge scored."""
    judged: int
    """The other items, which the judge alone scored."""
    weight: float
    """How far the judge is believed: 0 is human labels alone, 1 takes its scores at face value before correction."""
    human: float
    """The mean of the human labels alone."""
    bias: float
    """The mean of judge − human on the labelled items."""
    worth: float
    """How many human labels alone would give limits as short, about."""
    groups: int | None
    method: str
    reason: str = ""
    """Why the limits say nothing; empty when they do."""

    @property
    def tells(self) -> bool:
        """False when the answer is "cannot tell", whatever the numbers."""
        return self.method != "none"


def powered_mean(
    human: Sequence[float] | Floats,
    judge: Sequence[float] | Floats,
    unlabelled: Sequence[float] | Floats,
    groups: Sequence[Hashable] | None = None,
    unlabelled_groups: Sequence[Hashable] | None = None,
    *,
    alpha: float = 0.05,
    weight: float | None = None,
) -> Powered:
    """The mean human score in [0, 1]: `human` and `judge` on the same labelled items, `unlabelled` the judge elsewhere.

    The labelled items must be a random sample of all. With groups, whole groups are labelled or not. Each end holds at
    alpha/2. Under 30 labelled items or groups the limits are the whole range. `weight` in [0, 1] fixes the weight.
    """
    return _powered((human, judge, unlabelled), (groups, unlabelled_groups), 0.0, alpha, weight)


def powered_lift(
    human: Sequence[float] | Floats,
    judge: Sequence[float] | Floats,
    unlabelled: Sequence[float] | Floats,
    groups: Sequence[Hashable] | None = None,
    unlabelled_groups: Sequence[Hashable] | None = None,
    *,
    alpha: float = 0.05,
    weight: float | None = None,
) -> Powered:
    """The mean human after − before of two systems on the same items: as `powered_mean`, of differences in [-1, 1]."""
    return _powered((human, judge, unlabelled), (groups, unlabelled_groups), -1.0, alpha, weight)


@dataclass(frozen=True, slots=True)
class _Units:
    # items, or whole groups: totals of the human scores and the judge's, numbers of items, and how often each counts
    human: Floats
    judge: Floats
    sizes: Floats
    counts: Floats

    @property
    def count(self) -> int:
        return self.sizes.size


def added(alpha: float) -> float:
    """How many items are added at each end of what is possible before Student's limits at this level: 1.5 at 5 %."""
    return _ADDED * distribution.normal_quantile(1 - alpha / 2) ** 2


def _powered(
    arrays: tuple[Sequence[float] | Floats, ...],
    groups: tuple[Sequence[Hashable] | None, Sequence[Hashable] | None],
    lowest: float,
    alpha: float,
    weight: float | None,
) -> Powered:
    import numpy as np

    names = ("human", "judge", "unlabelled")
    human, judge, elsewhere = (_within(a, name, lowest) for a, name in zip(arrays, names, strict=True))
    _check(human, judge, elsewhere, groups, weight)
    check_level(alpha)
    labelled = _units(human, judge, groups[0])
    others = _units(elsewhere, elsewhere, groups[1])
    grouped = labelled.count if labelled.count < human.size else None
    if labelled.count < ENOUGH_GROUPS:
        return _cannot_tell(human, judge, elsewhere.size, lowest, alpha, grouped)
    weights = _weights(labelled, others, lowest, alpha) if weight is None else np.full(labelled.count, weight)
    found = _limits(labelled, others, weights, lowest, alpha)
    alone = _limits(labelled, others, np.zeros(labelled.count), lowest, alpha)
    return Powered(
        estimate=found.estimate,
        low=max(found.middle - found.width, lowest),
        high=min(found.middle + found.width, 1.0),
        level=1 - alpha,
        n=human.size,
        judged=elsewhere.size,
        weight=found.weight,
        human=float(human.mean()),
        bias=float((judge - human).mean()),
        worth=human.size * (alone.width / found.width) ** 2,
        groups=grouped,
        method="PPI++",
    )


@dataclass(frozen=True, slots=True)
class _Found:
    estimate: float
    middle: float
    width: float
    weight: float


def _limits(labelled: _Units, others: _Units, weights: Floats, lowest: float, alpha: float) -> _Found:
    import numpy as np

    weight = float((weights * labelled.sizes).sum() / labelled.sizes.sum())
    elsewhere, spread = _mean_variance(others.judge, others)
    rectified = labelled.human - weights * labelled.judge
    estimate = float(rectified.sum() / labelled.sizes.sum()) + weight * elsewhere
    more = _with_disagreements(labelled, lowest, alpha)
    all_weights = np.concatenate([weights, [weight, weight]])
    middle, variance = _mean_variance(more.human - all_weights * more.judge, more)
    width = distribution.t_quantile(1 - alpha / 2, labelled.count + 1) * math.sqrt(variance + weight**2 * spread)
    return _Found(estimate, middle + weight * elsewhere, width, weight)


def _mean_variance(totals: Floats, units: _Units) -> tuple[float, float]:
    # the mean over items and its variance, by the linearised ratio
    mean, n = float((units.counts * totals).sum() / (units.counts * units.sizes).sum()), float(units.counts.sum())
    squares = float((units.counts * (totals - mean * units.sizes) ** 2).sum())
    return mean, squares / (n - 1) / n / float((units.counts * units.sizes).sum() / n) ** 2


def _with_disagreements(labelled: _Units, lowest: float, alpha: float) -> _Units:
    # and units of average size on which people and the judge disagree as far as they can, either way
    import numpy as np

    size, often = float(labelled.sizes.mean()), added(alpha)
    return _Units(
        np.concatenate([labelled.human, [size * lowest, size]]),
        np.concatenate([labelled.judge, [size, size * lowest]]),
        np.concatenate([labelled.sizes, [size, size]]),
        np.concatenate([labelled.counts, [often, often]]),
    )


def _weights(labelled: _Units, others: _Units, lowest: float, alpha: float) -> Floats:
    # each unit's weight, Cov(human, judge) / (Var(judge) + Var(judge elsewhere) n/N), from the units of other folds
    import numpy as np

    more = _with_disagreements(labelled, lowest, alpha)
    columns = np.stack([more.human, more.judge, more.sizes], axis=1)
    products = (columns[:, :, None] * columns[:, None, :]).reshape(-1, 9)
    fold = np.concatenate([np.arange(labelled.count) % _FOLDS, [-1, -1]])
    kept = (fold != np.arange(_FOLDS)[:, None]) * more.counts
    sums, crossed, count = kept @ columns, (kept @ products).T, kept.sum(axis=1)
    size = sums[:, 2]
    human, judge = sums[:, 0] / size, sums[:, 1] / size
    covariance = crossed[1] - judge * crossed[2] - human * crossed[5] + human * judge * crossed[8]
    variance = crossed[4] - 2 * judge * crossed[5] + judge**2 * crossed[8]
    elsewhere = _mean_variance(others.judge, others)[1] * size**2 * (count - 1) / count
    return np.asarray(np.clip(covariance / (variance + elsewhere), 0, 1)[fold[:-2]], dtype=np.float64)


def _units(human: Floats, judge: Floats, groups: Sequence[Hashable] | None) -> _Units:
    import numpy as np

    codes = group_codes(groups, human.size)
    if codes is None:
        return _Units(human, judge, np.ones(human.size), np.ones(human.size))
    totals, sizes = group_sums(human, codes)
    return _Units(totals, group_sums(judge, codes)[0], sizes, np.ones(sizes.size))


def _cannot_tell(human: Floats, judge: Floats, judged: int, lowest: float, alpha: float, groups: int | None) -> Powered:
    mean, what = float(human.mean()), "labelled items" if groups is None else "labelled groups"
    reason = f"cannot tell: {groups or human.size} {what}, at least {ENOUGH_GROUPS} are needed"
    bias = float((judge - human).mean())
    return Powered(
        mean, lowest, 1.0, 1 - alpha, human.size, judged, 0.0, mean, bias, human.size, groups, "none", reason
    )


def _within(values: Sequence[float] | Floats, name: str, lowest: float) -> Floats:
    import numpy as np

    array = finite(values, name)
    wrong = np.flatnonzero((array < lowest) | (array > 1))
    if wrong.size:
        what = "a score lies in [0, 1]" if lowest == 0 else "a difference of scores lies in [-1, 1]"
        raise ValueError(f"{name}[{wrong[0]}] is {array[wrong[0]]:g}: {what}")
    return array


def _check(
    human: Floats,
    judge: Floats,
    elsewhere: Floats,
    groups: tuple[Sequence[Hashable] | None, Sequence[Hashable] | None],
    weight: float | None,
) -> None:
    if human.size != judge.size:
        raise ValueError(f"human has {human.size} scores and judge {judge.size}: give both for each labelled item")
    if elsewhere.size < 2:
        raise ValueError("unlabelled has 1 score: the judge must have scored at least two items that nobody labelled")
    if weight is not None and not 0 <= weight <= 1:
        raise ValueError(f"weight is {weight}: it lies between 0 and 1")
    if (groups[0] is None) != (groups[1] is None):
        raise ValueError("give groups and unlabelled_groups together or neither")
    both = set(groups[0] or ()) & set(groups[1] or ())
    if both:
        raise ValueError(f"group {min(map(str, both))!r} is labelled and unlabelled: label whole groups")
