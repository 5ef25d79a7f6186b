"""A power: what a number of items can prove, and how many items a proof needs."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from suffice.stats import distribution
from suffice.stats.sample import check_level

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

Sided = Literal["two", "greater"]

_MOST = 1_000_000  # more items than this are never proposed
_SURE = 7.0  # standard deviations beyond which a count is left out


def provable(bound: float, n: int, alpha: float = 0.05) -> int | None:
    """The fewest successes of n that prove a share above `bound` at one-sided alpha; None when even n of n does not."""
    _check_share("bound", bound)
    check_level(alpha)
    if n < 1:
        raise ValueError(f"n is {n}: at least one item is needed")
    return _least(bound, n, alpha)


def items_to_prove(true_share: float, bound: float, alpha: float = 0.05, power: float = 0.8) -> int | None:
    """The fewest items at which a share that truly is `true_share` is proven above `bound` with this power, or None."""
    _check_share("true_share", true_share)
    _check_share("bound", bound)
    check_level(alpha)
    check_level(1 - power)
    if true_share <= bound:
        return None

    def enough(n: int) -> bool:
        least = _least(bound, n, alpha)
        return least is not None and distribution.binomial_at_least(least, n, true_share) >= power

    return _first(enough, 1)


def mcnemar_power(n: int, lift: float, discordance: float, alpha: float = 0.05, sided: Sided = "two") -> float:
    """The exact probability that exact McNemar on n pairs finds a lift.

    A binomial number of pairs differ, and of these a binomial number are wins (Miettinen 1968, Biometrics 24:339).
    """
    import numpy as np

    if n < 1:
        raise ValueError(f"n is {n}: at least one pair is needed")
    if not abs(lift) <= discordance <= 1:
        raise ValueError(f"a lift of {lift:g} needs a discordance between {abs(lift):g} and 1, not {discordance:g}")
    if discordance == 0:
        return 0.0
    spread = _SURE * (n * discordance * (1 - discordance)) ** 0.5 + _SURE
    pairs = np.arange(max(0, int(n * discordance - spread)), min(n, int(n * discordance + spread)) + 1)
    masses = distribution.binomial_masses(pairs, n, discordance)
    winning = min(1.0, (1 + lift / discordance) / 2)
    tails = distribution.binomial_at_least_all(_critical(pairs, alpha, sided), pairs, winning)
    return float(min(1.0, (masses * tails).sum()))


@lru_cache(maxsize=4096)
def smallest_visible_effect(
    n: int, discordance: float, alpha: float = 0.05, power: float = 0.8, sided: Sided = "two"
) -> float | None:
    """The smallest lift that exact McNemar on n pairs finds with this power; None when no lift can be found.

    `discordance` is the share of pairs that differ, assumed or observed. Where even wins alone would not be found, the
    discordance grows with the lift.
    """
    _check_share("discordance", discordance)

    def found(lift: float) -> bool:
        return mcnemar_power(n, lift, max(lift, discordance), alpha, sided) >= power

    if not found(1.0):
        return None
    low, high = 0.0, 1.0
    while high - low > 1e-4:
        middle = (low + high) / 2
        low, high = (low, middle) if found(middle) else (middle, high)
    return high


def smallest_visible_mean(error: float, alpha: float = 0.05, power: float = 0.8, sided: Sided = "two") -> float:
    """The smallest lift that an estimate with this standard error shows with this power (normal approximation)."""
    tail = alpha / 2 if sided == "two" else alpha
    return (distribution.normal_quantile(1 - tail) + distribution.normal_quantile(power)) * error


@lru_cache(maxsize=4096)
def needed(
    lift: float, discordance: float, alpha: float = 0.05, power: float = 0.8, sided: Sided = "two"
) -> int | None:
    """The fewest pairs at which exact McNemar finds this lift with this power; None for no lift or over a million."""
    _check_share("discordance", discordance)
    if lift <= 0:
        return None
    if lift > 1:
        raise ValueError(f"lift is {lift}: the share of successes cannot rise by more than 1")
    differing = max(lift, discordance)
    # the normal approximation (Connor 1987, Biometrics 43:207) is where the search starts
    normal = smallest_visible_mean(math.sqrt(differing), alpha, power, sided) / lift
    return _first(lambda n: mcnemar_power(n, lift, differing, alpha, sided) >= power, round(normal**2))


def items_above(
    lift: float,
    margin: float,
    spread: float,
    alpha: float = 0.05,
    power: float = 0.8,
    *,
    null_spread: float | None = None,
    size: float = 1.0,
    betting: bool = False,
) -> int | None:
    """About how many items prove a mean difference above the margin with this power; None for none or over a million.

    The normal approximation, with the standard deviation of an item as it is and as the test takes it on the margin;
    and never fewer than rule out a loss too rare to have been seen: a share 1 − alpha^(1/n) of the units of `size`
    items could hold a difference of −1. Betting limits pay for both, and a fifth of the second more (by simulation).
    """
    check_level(alpha)
    gap = lift - margin
    if gap <= 0:
        return None
    tail = distribution.normal_quantile(1 - alpha) * (spread if null_spread is None else null_spread)
    normal = ((tail + distribution.normal_quantile(power) * spread) / gap) ** 2
    share = gap / (1 + lift)
    rare = size * math.log(alpha) / math.log1p(-share) if share < 1 else size
    found = math.ceil(normal + 1.2 * rare if betting else max(normal, rare))
    return found if found <= _MOST else None


@lru_cache(maxsize=4096)
def _least(bound: float, n: int, alpha: float) -> int | None:
    if distribution.binomial_at_least(n, n, bound) > alpha:
        return None
    low, high = 0, n
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if distribution.binomial_at_least(middle, n, bound) <= alpha else (middle, high)
    return high


def _critical(pairs: object, alpha: float, sided: Sided) -> Floats:
    # for each number of discordant pairs the fewest wins that exact McNemar calls a lift (one more than all: never)
    import numpy as np

    tail = alpha / 2 if sided == "two" else alpha
    n = np.asarray(pairs, float)
    low, high = np.floor(n / 2), n + 1
    for _ in range(int(n.max()).bit_length() + 1):
        middle = np.floor((low + high) / 2)
        enough = distribution.binomial_at_least_all(middle, n, 0.5) <= tail
        move = high - low > 1
        low, high = np.where(move & ~enough, middle, low), np.where(move & enough, middle, high)
    return high


def _first(enough: Callable[[int], bool], start: int) -> int | None:
    # exact power is a saw: the crossing found by doubling and halving is within one tooth of the first
    high = min(max(start, 1), _MOST)
    while not enough(high):
        if high == _MOST:
            return None
        high = min(2 * high, _MOST)
    low = high // 2
    while low and enough(low):
        low, high = low // 2, low
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _check_share(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise ValueError(f"{name} is {value}: a share lies in [0, 1]")
