"""Agreement: whether a judge says what people say, and what sways it: the order, the length, its own outputs."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from suffice.stats import distribution
from suffice.stats.interval import Interval, mean_interval
from suffice.stats.paired import Paired, paired
from suffice.stats.ppi import added
from suffice.stats.sample import ENOUGH_GROUPS, check_level, finite, group_codes, scores

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.intp]

_METHOD = "Student's t, disagreements added"


@dataclass(frozen=True, slots=True)
class Agreement:
    """How often a judge and people give the same label, outright and beyond chance."""

    accuracy: Interval
    kappa: Interval | None
    """Cohen's; None where only one label was ever used, which leaves nothing to agree upon."""
    ac1: Interval | None
    """Gwet's, which stays meaningful where one label is rare; None as for kappa."""
    labels: tuple[Hashable, ...]
    n: int


def agreement(
    judge: Sequence[Hashable],
    human: Sequence[Hashable],
    groups: Sequence[Hashable] | None = None,
    *,
    alpha: float = 0.05,
    seed: int = 0,
) -> Agreement:
    """Accuracy, Cohen's kappa (1960) and Gwet's AC1 (2008, Br. J. Math. Stat. Psychol. 61:29) of a judge's labels.

    The limits of kappa and AC1 are Student's on the linearised statistic, after adding 0.4 z² agreeing items and as
    many disagreeing ones, spread evenly over the labels; between n = 50 and 200 they cover 94 to 99 % at 95 %, where
    the plain ones cover 51 to 95 % (one label in ten or twenty, or a judge that is nearly always right).
    """
    if len(judge) != len(human):
        raise ValueError(f"judge has {len(judge)} labels and human {len(human)}: give both for each item")
    check_level(alpha)
    same = [float(j == h) for j, h in zip(judge, human, strict=True)]
    accuracy = mean_interval(same, groups, alpha=alpha, seed=seed)
    seen: dict[Hashable, int] = {}
    first, second = (_codes(labels, seen) for labels in (judge, human))
    if len(seen) < 2:
        return Agreement(accuracy, None, None, tuple(seen), len(same))
    labelled = _Labelled(first, second, len(seen), _units(groups, len(same)))
    kappa, ac1 = (_beyond_chance(labelled, which, alpha) for which in (_kappa, _ac1))
    return Agreement(accuracy, kappa, ac1, tuple(seen), len(same))


@dataclass(frozen=True, slots=True)
class Position:
    """What the order of two outputs does to the verdict on them."""

    flips: Interval
    """The share of pairs on which the verdict changes with the order."""
    first: Paired
    """What being shown first adds to the chance to be preferred; wins are the changes that favour the first place."""


def position_bias(
    shown_first: Sequence[float],
    shown_second: Sequence[float],
    groups: Sequence[Hashable] | None = None,
    *,
    alpha: float = 0.05,
    seed: int = 0,
) -> Position:
    """Compare verdicts on an output when shown first and when shown second, after or before the same other output.

    A verdict is 1 where the output is preferred, 0 where the other one is, 0.5 for a tie. Exact for independent pairs
    without ties, by betting with ties, by whole groups with groups.
    """
    import numpy as np

    lift = paired(shown_second, shown_first, groups, alpha=alpha, seed=seed)
    changed = (np.asarray(shown_first, float) != np.asarray(shown_second, float)).astype(np.float64)
    return Position(mean_interval(changed, groups, alpha=alpha, seed=seed), lift)


def length_bias(
    judge: Sequence[float],
    human: Sequence[float],
    lengths: Sequence[float],
    other_lengths: Sequence[float],
    groups: Sequence[Hashable] | None = None,
    *,
    alpha: float = 0.05,
    seed: int = 0,
) -> Paired:
    """How much more often the judge prefers the longer of two outputs than people do, on the same pairs.

    `judge` and `human` say 1 where the output of `lengths` is preferred, 0 for the other one, 0.5 for a tie. Pairs of
    equal length say nothing and are left out: `n` counts the rest.
    """
    import numpy as np

    arrays = [scores(judge, "judge"), scores(human, "human"), finite(lengths, "lengths")]
    arrays.append(finite(other_lengths, "other_lengths"))
    if len({a.size for a in arrays}) > 1:
        raise ValueError(f"{', '.join(str(a.size) for a in arrays)} verdicts and lengths: give all for each pair")
    longer, differ = arrays[2] > arrays[3], np.flatnonzero(arrays[2] != arrays[3])
    if not differ.size:
        raise ValueError("all pairs are of equal length: there is no longer output to prefer")
    group_codes(groups, longer.size)
    kept = [groups[int(i)] for i in differ] if groups is not None else None
    j, h = (np.where(longer, a, 1 - a)[differ] for a in arrays[:2])
    return paired(h.tolist(), j.tolist(), kept, alpha=alpha, seed=seed)


@dataclass(frozen=True, slots=True)
class SelfPreference:
    """How much more a judge flatters its own outputs than those of others, people's scores taken as the truth."""

    difference: float
    low: float
    high: float
    level: float
    own_gap: float
    """The mean of judge − human on the judge's own outputs."""
    others_gap: float
    own: int
    others: int
    method: str
    reason: str = ""

    @property
    def tells(self) -> bool:
        """False when the answer is "cannot tell", whatever the numbers."""
        return self.method != "none"


def self_preference(
    judge: Sequence[float],
    human: Sequence[float],
    own: Sequence[bool],
    groups: Sequence[Hashable] | None = None,
    *,
    alpha: float = 0.05,
) -> SelfPreference:
    """The mean of judge − human on its own outputs less that on others', with limits as for two independent samples.

    Outputs for the same question share a group. Student's limits after adding 0.2 z² outputs at either extreme to both
    samples; under 30 outputs or groups in either they are -2 and 2, all that is possible.
    """
    import numpy as np

    gap = _gaps(judge, human)
    mine = np.asarray(own, dtype=bool)
    if mine.shape != gap.shape:
        raise ValueError(f"own has {mine.size} entries for {gap.size} outputs: give one per output")
    if mine.all() or not mine.any():
        raise ValueError("own holds one kind of output only: give the judge's own outputs and those of others")
    units = _units(groups, gap.size)
    gaps = float(gap[mine].mean()), float(gap[~mine].mean())
    fewest = min(np.unique(units[side]).size for side in (mine, ~mine))
    low, high, method, reason = -2.0, 2.0, "none", ""
    if fewest < ENOUGH_GROUPS:
        reason = f"cannot tell: {fewest} independent outputs of one kind, at least {ENOUGH_GROUPS} are needed"
    else:
        middle, error = _two_means(gap, mine, units, check_level(alpha))
        width = distribution.t_quantile(1 - alpha / 2, fewest + 1) * error
        low, high, method = max(middle - width, -2.0), min(middle + width, 2.0), _METHOD
    counts = int(mine.sum()), int((~mine).sum())
    return SelfPreference(gaps[0] - gaps[1], low, high, 1 - alpha, *gaps, *counts, method, reason)


@dataclass(frozen=True, slots=True)
class _Labelled:
    judge: Integers
    human: Integers
    labels: int
    units: Integers


def _beyond_chance(labelled: _Labelled, which: Callable[[Floats], tuple[float, Floats]], alpha: float) -> Interval:
    import numpy as np

    k, n = labelled.labels, labelled.judge.size
    table = np.zeros((k, k))
    np.add.at(table, (labelled.judge, labelled.human), 1.0)
    estimate = which(table / n)[0]
    level, units = 1 - alpha, int(labelled.units.max()) + 1
    if units < ENOUGH_GROUPS:
        reason = f"cannot tell: {units} independent items, at least {ENOUGH_GROUPS} are needed"
        return Interval(estimate, -1.0, 1.0, level, n, "none", reason)
    size, often = n / units, _added_cells(k, alpha)
    total = units + float(often.sum())
    middle, influence = which((table + size * often) / (size * total))
    seen = np.bincount(labelled.units, influence[labelled.judge, labelled.human])
    squares = float((seen**2).sum() + (often * (size * influence) ** 2).sum())
    width = distribution.t_quantile(1 - alpha / 2, units + 1) * math.sqrt(squares / total / (total - 1)) / size
    low, high = max(middle - width, -1.0), min(middle + width, 1.0)
    return Interval(estimate, min(low, estimate), max(high, estimate), level, n, _METHOD)


def _added_cells(k: int, alpha: float) -> Floats:
    import numpy as np

    cells = np.full((k, k), added(alpha) / (k * (k - 1)))
    np.fill_diagonal(cells, added(alpha) / k)
    return cells


def _kappa(p: Floats) -> tuple[float, Floats]:
    # Cohen's kappa of a table of shares and each cell's influence on it
    import numpy as np

    judge, human = p.sum(axis=1), p.sum(axis=0)
    return _corrected(p, float((judge * human).sum()), np.add.outer(human, judge))


def _ac1(p: Floats) -> tuple[float, Floats]:
    import numpy as np

    used = (p.sum(axis=1) + p.sum(axis=0)) / 2
    slope = (1 - 2 * used) / 2 / (p.shape[0] - 1)
    return _corrected(p, float((used * (1 - used)).sum()) / (p.shape[0] - 1), np.add.outer(slope, slope))


def _corrected(p: Floats, chance: float, slope: Floats) -> tuple[float, Floats]:
    # (agreed − chance) / (1 − chance); slope is each cell's derivative of chance
    import numpy as np

    agreed = float(np.trace(p))
    moved = slope - float((p * slope).sum())
    influence = (np.eye(p.shape[0]) - agreed) / (1 - chance) - (1 - agreed) / (1 - chance) ** 2 * moved
    return (agreed - chance) / (1 - chance), influence


def _two_means(gap: Floats, mine: npt.NDArray[np.bool_], units: Integers, alpha: float) -> tuple[float, float]:
    import numpy as np

    often, share, difference, squares = added(alpha) / 2, np.zeros(gap.size), 0.0, 0.0
    for side, sign in ((mine, 1.0), (~mine, -1.0)):
        total = float(side.sum()) + 2 * often
        mean = float(gap[side].sum()) / total  # those added, at -1 and 1, cancel out
        share[side] = sign * (gap[side] - mean) / total
        squares += often * ((1 - mean) ** 2 + (1 + mean) ** 2) / total**2
        difference += sign * mean
    count = int(units.max()) + 1
    squares += float((np.bincount(units, share) ** 2).sum())
    return difference, math.sqrt(squares * count / (count - 1))


def _gaps(judge: Sequence[float], human: Sequence[float]) -> Floats:
    first, second = scores(judge, "judge"), scores(human, "human")
    if first.size != second.size:
        raise ValueError(f"judge has {first.size} scores and human {second.size}: give both for each output")
    return first - second


def _units(groups: Sequence[Hashable] | None, n: int) -> Integers:
    import numpy as np

    codes = group_codes(groups, n)
    return np.arange(n) if codes is None else codes


def _codes(labels: Sequence[Hashable], seen: dict[Hashable, int]) -> Integers:
    import numpy as np

    return np.array([seen.setdefault(label, len(seen)) for label in labels], dtype=np.intp)
