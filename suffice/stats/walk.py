"""A walk of coin tosses looked at now and then: where it may be that has not crossed a boundary, and what has."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from suffice.stats import distribution

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

_ROUNDING = 1e-12  # relative: a tail that equals what is left to spend may be taken
_NEGLIGIBLE = 1e-20  # masses below this are dropped
_DROPPED = 1e-15  # and are less than this in all
_SURE, _FEW = 9.1, 28.0  # counts further out than standard deviations and these have under 1e-18 a side (Bernstein)


@dataclass(frozen=True, slots=True)
class Walk:
    """The mass of each number of successes, from `first` on, among the walks that have not crossed."""

    tosses: int
    first: int
    masses: Floats
    spent: float
    """The probability of having crossed so far."""


@dataclass(frozen=True, slots=True)
class Look:
    """A walk at a look, before those that cross leave it."""

    walk: Walk
    tails: Floats
    """P(not crossed before, at least so many successes), from `walk.first` on."""
    boundary: int | None
    """The fewest successes that cross here; None where even all of them would not."""

    def reaches(self, successes: int, p: float) -> float:
        """P(crossed before, or at least so many successes here): the p-value of the stage-wise order."""
        place = max(successes - self.walk.first, 0)
        if place < self.tails.size:
            return self.walk.spent + float(self.tails[place])
        # beyond what was kept: at most what was dropped, and what it is without looks
        return self.walk.spent + min(_DROPPED, distribution.binomial_at_least(successes, self.walk.tosses, p))

    def middle(self, successes: int, p: float) -> float:
        """The same with half of the probability of exactly so many: one half where that is the median (mid-p)."""
        return (self.reaches(successes, p) + self.reaches(successes + 1, p)) / 2


def start() -> Walk:
    """No toss yet."""
    import numpy as np

    return Walk(0, 0, np.ones(1), 0.0)


def look(walk: Walk, tosses: int, p: float, allowed: float) -> Look:
    """The walk after `tosses` tosses in all of a coin with chance p, and the boundary that spends up to `allowed`.

    The recursion of Armitage, McPherson & Rowe 1969 (JRSS A 132:235) over the binomial distribution.
    """
    import numpy as np

    low, coins = _coins(tosses - walk.tosses, p)
    moved = Walk(tosses, walk.first + low, np.convolve(walk.masses, coins), walk.spent)
    tails: Floats = np.cumsum(moved.masses[::-1])[::-1]
    fits = int(np.searchsorted(-tails, -(allowed - walk.spent) * (1 + _ROUNDING)))  # tails fall
    return Look(moved, tails, moved.first + fits if fits < tails.size else None)


def stay(at: Look) -> Walk:
    """Those that have not crossed; what has is spent, what is too rare to matter is dropped."""
    import numpy as np

    walk = at.walk
    fits = at.tails.size if at.boundary is None else max(0, at.boundary - walk.first)
    crossed = float(at.tails[fits]) if fits < at.tails.size else 0.0
    masses = walk.masses[:fits]
    kept = np.flatnonzero(masses > _NEGLIGIBLE)
    if not kept.size:
        return Walk(walk.tosses, walk.first, np.zeros(1), walk.spent + crossed)
    low, high = int(kept[0]), int(kept[-1]) + 1
    return Walk(walk.tosses, walk.first + low, masses[low:high], walk.spent + crossed)


@lru_cache(maxsize=4096)
def _coins(m: int, p: float) -> tuple[int, Floats]:
    # the successes among m tosses: the first number of them that matters, and the masses from there
    import numpy as np

    spread = _SURE * math.sqrt(m * p * (1 - p)) + _FEW
    low, high = max(0, math.floor(m * p - spread)), min(m, math.ceil(m * p + spread))
    masses = distribution.binomial_masses(np.arange(low, high + 1), m, p)
    masses.flags.writeable = False
    return low, masses
