"""Bet as values come in: evidence that a mean is above a bound, and limits for it, that hold at every prefix at once.

For graded scores, margins, groups and open-ended watching, where exact counts do not serve. A bettor on "the mean
exceeds m" keeps an expected wealth of at most 1 if it does not, so the error of rejecting m once the wealth has ever
reached 1/alpha is at most alpha, wherever one stops (Ville; Waudby-Smith & Ramdas 2024, JRSS B 86:1, theorem 1). The
stakes are their predictable plug-ins, which do not depend on m, so that the test and the limits agree.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from suffice.stats.sample import ENOUGH_GROUPS, check_level, finite, group_codes

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

_CAP = 0.75  # the most of the wealth that one unit may lose; one half where nobody knows how many units will come
_OPEN_CAP = 0.5
_FINE = 1e-5


@dataclass(frozen=True, slots=True)
class Units:
    """What is bet on, in order: single values or whole groups, scaled so that each total lies in [0, its size]."""

    totals: Floats
    sizes: Floats
    """As shares of the largest unit there can be: 1 for single values. A unit pays total − m · size against m."""
    ends: npt.NDArray[np.intp]
    """The values seen when each unit is complete."""
    grouped: bool
    lowest: float
    highest: float

    def scale(self, mean: float) -> float:
        """A mean of the values on the scale of the units, [0, 1]."""
        return (mean - self.lowest) / (self.highest - self.lowest)

    @property
    def enough(self) -> bool:
        """Whether anything may be claimed: groups must be as many as any interval over groups asks for."""
        return self.totals.size >= (ENOUGH_GROUPS if self.grouped else 1)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Whether a mean is proven above a bound, at the first prefix that proves it or at the last."""

    decision: Literal["above", "undecided"]
    bound: float
    items: int
    """The values in the units that were used, up to the first proof or all."""
    groups: int | None
    log_wealth: float
    """The largest wealth reached by then, as its logarithm, at least 0."""
    p_value: float
    """1 / wealth: valid wherever one stops, and at most alpha exactly where "above"."""
    alpha: float
    """One-sided."""
    reason: str


@dataclass(frozen=True, slots=True)
class Limits:
    """Between what a mean lies: from a sequence of limits that hold at all prefixes together."""

    low: float
    high: float
    level: float
    """The coverage promised for all prefixes together, such as 0.95."""
    n: int
    groups: int | None
    reason: str


def units(
    values: Sequence[float] | Floats,
    groups: Sequence[Hashable] | None = None,
    *,
    lowest: float = -1.0,
    highest: float = 1.0,
    largest: int | None = None,
) -> Units:
    """Values within [lowest, highest], differences of scores unless said otherwise, as what can be bet on.

    Groups come one after the other and are bet on by their sums, so the mean meant is that of the values. `largest`
    bounds the size of any group; declare it before the first look, with those to come in mind, since another one at
    another look would be another bet. By default it is that of the groups here.
    """
    import numpy as np

    array = finite(values)
    if not lowest < highest:
        raise ValueError(f"lowest is {lowest} and highest {highest}: a value lies between them")
    wrong = np.flatnonzero((array < lowest) | (array > highest))
    if wrong.size:
        raise ValueError(f"values[{wrong[0]}] is {array[wrong[0]]:g}: it must lie in [{lowest:g}, {highest:g}]")
    codes = group_codes(groups, array.size)
    grouped = codes is not None or (groups is not None and (largest or 1) > 1)  # all alone so far is no proof
    codes = np.arange(array.size) if codes is None else codes
    if (np.diff(codes) < 0).any():
        raise ValueError("groups are mixed: order the values so that each group is whole before the next begins")
    counts = np.bincount(codes)
    most = int(counts.max()) if largest is None else largest
    if counts.max() > most:
        raise ValueError(f"largest is {most} and there is a group of {counts.max()}: no group may be larger")
    totals = np.bincount(codes, (array - lowest) / (highest - lowest))
    return Units(totals / most, counts / most, np.cumsum(counts), grouped, lowest, highest)


def log_wealth(of: Units, bound: float, alpha: float = 0.05, *, horizon: int | None = None) -> Floats:
    """The log wealth after each unit of a bettor on "the mean is above `bound`": against it, a log e-process.

    With `horizon`, the number of units that there will be, the stakes are those for a fixed number of them,
    √(2 ln(1/alpha) / (n σ²)), else those for a confidence sequence, √(2 ln(1/alpha) / (t ln(1 + t) σ²)), with σ² as
    known before the unit (the predictable plug-ins of Waudby-Smith & Ramdas 2024). Level and horizon only tune: any
    are valid that were declared before the first look.
    """
    if not of.lowest < bound < of.highest:
        raise ValueError(f"bound is {bound}: it must lie between {of.lowest:g} and {of.highest:g}")
    return _log_wealth(of, of.scale(bound), _stakes(of, alpha, horizon), _cap(horizon))


def above(of: Units, bound: float, alpha: float = 0.05, *, horizon: int | None = None) -> Evidence:
    """Is the mean proven above `bound` at one-sided level alpha, at whatever prefix first shows it?

    Non-inferiority by a margin is a bound of minus the margin, "above the smallest lift" a bound of that lift. Groups
    are bet on from the first, but nothing is claimed before 30 are complete.
    """
    import numpy as np

    wealth = log_wealth(of, bound, alpha, horizon=horizon)
    proofs = np.flatnonzero(_claimable(of, wealth) >= math.log(1 / alpha))
    proven = proofs.size > 0
    used = int(proofs[0]) + 1 if proven else wealth.size
    most = max(0.0, float(wealth[:used].max()))
    return Evidence(
        decision="above" if proven else "undecided",
        bound=bound,
        items=int(of.ends[used - 1]),
        groups=used if of.grouped else None,
        log_wealth=most,
        p_value=math.exp(-most) if of.enough else 1.0,
        alpha=alpha,
        reason=_too_few(of)
        or f"the bet on more than {bound:g} reached {math.exp(min(most, 99)):.3g} of {1 / alpha:.3g}",
    )


def confidence_sequence(of: Units, alpha: float = 0.05, *, horizon: int | None = None) -> Limits:
    """Two-sided limits of the mean after these units, from a sequence that holds at all prefixes together.

    The hedged bettor of Waudby-Smith & Ramdas 2024, theorem 3, half of the wealth on either side; each limit is the
    tightest that any prefix gave. What to print after stopping early, when the plain mean is biased.
    """
    check_level(alpha)
    low = lower_limit(of, alpha / 2, horizon=horizon)
    high = upper_limit(of, alpha / 2, horizon=horizon)
    groups = of.totals.size if of.grouped else None
    return Limits(low, high, 1 - alpha, int(of.ends[-1]), groups, _too_few(of))


def lower_limit(of: Units, alpha: float = 0.05, *, horizon: int | None = None) -> float:
    """The bound up to which `above` proves the mean higher at some prefix; the lowest value where it proves none.

    Wealth falls as the bound rises, so the bounds that are not rejected form an interval.
    """
    stakes, cap, target = _stakes(of, alpha, horizon), _cap(horizon), math.log(1 / alpha)
    if not of.enough:
        return of.lowest

    def excess(mean: float) -> float:
        return float(_log_wealth(of, mean, stakes, cap).max()) - target

    width = of.highest - of.lowest
    return of.lowest + _last_above(excess, _near(of, target), _FINE / width) * width


def upper_limit(of: Units, alpha: float = 0.05, *, horizon: int | None = None) -> float:
    """The bound down to which the mean is proven lower at some prefix; the highest value where none is."""
    mirrored = replace(of, totals=of.sizes - of.totals, lowest=-of.highest, highest=-of.lowest)
    return -lower_limit(mirrored, alpha, horizon=horizon)


def _near(of: Units, target: float) -> tuple[float, float]:
    # about where a bettor with the best stake for the variance of all units would have just reached the target
    size = float(of.sizes.sum())
    mean = float(of.totals.sum()) / size
    away = math.sqrt(2 * target * float(((of.totals - mean * of.sizes) ** 2).sum())) / size
    return mean - 1.2 * away, mean - 0.9 * away


def _last_above(falling: Callable[[float], float], near: tuple[float, float], fine: float) -> float:
    # where in [0, 1] it falls below 0, from the side above: first looked for nearby, then by secants and halving
    low, high, at_low, at_high = 0.0, 1.0, math.inf, -math.inf
    for step in itertools.count():
        if high - low <= fine:
            break
        part = at_low / (at_low - at_high) if step % 3 and at_low - at_high < math.inf else 0.5
        wished = near[step] if step < 2 else low + part * (high - low)
        middle = min(max(wished, low + fine / 2), high - fine / 2)
        value = falling(middle)
        low, high, at_low, at_high = (middle, high, value, at_high) if value >= 0 else (low, middle, at_low, value)
    return low


def _log_wealth(of: Units, mean: float, stakes: Floats, cap: float) -> Floats:
    # a unit loses at most the stake times the mean, of which no more than `cap` is at risk
    import numpy as np

    staked = np.minimum(stakes, cap / max(mean, 1e-12))
    wealth: Floats = np.cumsum(np.log(1 + staked * (of.totals - mean * of.sizes)))
    return wealth


def _stakes(of: Units, alpha: float, horizon: int | None) -> Floats:
    import numpy as np

    check_level(alpha)
    if horizon is not None and horizon < 1:
        raise ValueError(f"horizon is {horizon}: at least one unit is to come")
    t = np.arange(1, of.totals.size + 1)
    spread = t * np.log1p(t) if horizon is None else np.maximum(t, horizon)
    stakes: Floats = np.sqrt(2 * math.log(1 / alpha) / (spread * _known_variances(of)))
    return stakes


def _known_variances(of: Units) -> Floats:
    # of a unit's payoff, as known before it: one half and the widest variance, 1/4, are what is believed at first
    import numpy as np

    means = (0.5 + np.cumsum(of.totals)) / (1 + np.cumsum(of.sizes))
    squares = np.cumsum((of.totals - means * of.sizes) ** 2)
    variances: Floats = np.concatenate([[0.25], (0.25 + squares[:-1]) / np.arange(2, of.totals.size + 1)])
    return variances


def _cap(horizon: int | None) -> float:
    return _OPEN_CAP if horizon is None else _CAP


def _claimable(of: Units, wealth: Floats) -> Floats:
    # the largest wealth so far, from the first unit on at which anything is claimed
    import numpy as np

    most: Floats = np.maximum.accumulate(wealth)
    if of.grouped:
        most[: ENOUGH_GROUPS - 1] = -np.inf
    return most


def _too_few(of: Units) -> str:
    groups = of.totals.size
    return "" if of.enough else f"cannot tell: {groups} groups, at least {ENOUGH_GROUPS} are needed"
