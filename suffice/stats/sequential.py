"""Decide while pairs come in: exact McNemar with looks at a capped set, at one error for all looks together."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from suffice.stats import distribution
from suffice.stats.sample import binary, group_codes, scores
from suffice.stats.spending import Plan

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

Decision = Literal["better", "undecided", "futile"]

_ROUNDING = 1e-12  # relative: a tail that equals what is left to spend may be taken
_NEGLIGIBLE = 1e-20  # masses below this are dropped, under 1e-15 in all
_SURE = 4.5  # times √m: nine standard deviations of the wins among m fair coins
_DOUBT = 0.2  # times the share of items seen: how surely a share of wins is ruled out before it is implausible


@dataclass(frozen=True, slots=True)
class Sequential:
    """What is known of "better" after the last look that was reached, or the first that decided."""

    decision: Decision
    look: int
    """The how-manyth look, from 1; 0 while there are too few pairs for the first."""
    items: int
    """The pairs used: the complete prefix at that look."""
    wins: int
    losses: int
    boundary: int | None
    """The fewest wins that decide at this look, its discordant pairs given; None where even wins alone would not."""
    spent: float
    """The exact probability, at most, of having crossed a boundary by this look when there is no lift."""
    allowed: float
    """What the plan lets be spent by this look."""
    chance: float | None
    """The chance to decide by the end at the best share of wins still plausible; None where nobody may give up."""
    p_value: float | None
    """Of the lift ≤ 0 with these looks, once decided or at the end: at most alpha exactly where "better"; else None."""
    plan: Plan

    @property
    def reason(self) -> str:
        """What was seen and what it takes, in words."""
        seen = f"{self.wins} wins and {self.losses} losses in {self.items} of {self.plan.n} pairs"
        if self.look == 0:
            return f"the first look is at {self.plan.sizes[0]} of {self.plan.n} pairs"
        if self.decision == "futile":
            return f"{seen}: the chance to decide by the end is {self.chance:.0%} at best"
        if self.boundary is None:
            return f"{seen}: too few differ for any number of wins to decide"
        return f"{seen}: {self.boundary} wins decide at this look"

    @property
    def ties(self) -> int:
        """The pairs used that agree; they say nothing of which is better."""
        return self.items - self.wins - self.losses

    @property
    def final(self) -> bool:
        """Whether no further pair is wanted."""
        return self.decision != "undecided" or self.items == self.plan.n


def decide(
    before: Sequence[float] | Floats,
    after: Sequence[float] | Floats,
    plan: Plan,
    groups: Sequence[Hashable] | None = None,
) -> Sequential:
    """Walk the looks that these 0/1 pairs, in the seeded order, have reached: is `after` better?

    Given which pairs are discordant, each is a win with probability at most 1/2 when there is no lift, so the wins at
    the looks are at worst a walk of fair coins with known steps. The boundary of a look is the fewest wins that keep
    the probability of having crossed by then within what the plan has spent on the items, by the recursion of
    Armitage, McPherson & Rowe 1969 (JRSS A 132:235) over the binomial instead of the normal distribution; spending
    after Lan & DeMets 1983. It holds whatever the discordance and however it drifts, and conditionally on it.
    Stopping for futility is not credited to the boundaries, so it may be ignored.
    """
    first, second = scores(before, "before"), scores(after, "after")
    if first.size != second.size:
        raise ValueError(f"before has {first.size} scores and after {second.size}: pair them item by item")
    if first.size > plan.n:
        raise ValueError(f"there are {first.size} pairs and the plan has {plan.n}: declare a plan for all of them")
    if not (binary(first) and binary(second)):
        raise ValueError("exact looks need scores of 0 and 1: bet on graded scores (stats.eprocess)")
    if group_codes(groups, first.size) is not None:
        raise ValueError("McNemar does not hold for pairs that come in groups: bet on whole groups (stats.eprocess)")
    sizes = [size for size in plan.sizes if size <= first.size]
    return _walk_looks(_counts(second > first, sizes), _counts(second < first, sizes), plan)


def decide_counts(wins: Sequence[int], losses: Sequence[int], plan: Plan) -> Sequential:
    """As `decide`, from the wins and the losses among the items seen at each look that was reached."""
    if len(wins) != len(losses) or len(wins) > len(plan.sizes):
        looks = len(plan.sizes)
        raise ValueError(f"wins has {len(wins)} looks and losses {len(losses)}: one each per look, at most {looks}")
    before = (0, 0, 0)
    for w, lost, size in zip(wins, losses, plan.sizes, strict=False):
        if w < before[0] or lost < before[1] or w + lost - before[0] - before[1] > size - before[2]:
            raise ValueError(f"{w} wins and {lost} losses of {size} cannot follow {before[0]} and {before[1]}")
        before = (w, lost, size)
    return _walk_looks(wins, losses, plan)


@dataclass(frozen=True, slots=True)
class _Walk:
    """Where fair coins may be that have not crossed: the mass of each number of wins, from `first` on."""

    pairs: int
    first: int
    masses: Floats
    spent: float


def _walk_looks(wins: Sequence[int], losses: Sequence[int], plan: Plan) -> Sequential:
    import numpy as np

    walk = _Walk(0, 0, np.ones(1), 0.0)
    found = Sequential("undecided", 0, 0, 0, 0, None, 0.0, 0.0, None, None, plan)
    for look, (won, lost) in enumerate(zip(wins, losses, strict=True), 1):
        walk = _toss(walk, won + lost)
        tails: Floats = np.cumsum(walk.masses[::-1])[::-1]
        fits = _first_at_most(tails, plan.spent[look - 1] - walk.spent)
        boundary = None if fits is None else walk.first + fits
        p = walk.spent + _tail(tails, won - walk.first, won, walk.pairs)
        walk = _stay(walk, fits, tails)
        found = _judged(plan, look, (won, lost), boundary, (walk.spent, p))
        if found.decision != "undecided":
            break
    return found


def _toss(walk: _Walk, pairs: int) -> _Walk:
    # as many more coins as there are new discordant pairs
    import numpy as np

    low, coins = _coins(pairs - walk.pairs)
    return _Walk(pairs, walk.first + low, np.convolve(walk.masses, coins), walk.spent)


def _stay(walk: _Walk, fits: int | None, tails: Floats) -> _Walk:
    # what has crossed is spent and leaves the walk; what is too rare to matter leaves it too
    import numpy as np

    crossed = 0.0 if fits is None else float(tails[fits])
    masses = walk.masses[:fits]
    kept = np.flatnonzero(masses > _NEGLIGIBLE)
    low, high = (int(kept[0]), int(kept[-1]) + 1) if kept.size else (0, 0)
    return _Walk(walk.pairs, walk.first + low, masses[low:high], walk.spent + crossed)


def _first_at_most(tails: Floats, room: float) -> int | None:
    import numpy as np

    fits = int(np.searchsorted(-tails, -room * (1 + _ROUNDING)))  # tails fall
    return fits if fits < tails.size else None


@lru_cache(maxsize=4096)
def _coins(m: int) -> tuple[int, Floats]:
    # the wins among m fair coins: the first number of wins that matters, and the masses from there
    import numpy as np

    low = max(0, m // 2 - int(_SURE * math.sqrt(m)) - 1)
    masses = distribution.binomial_masses(np.arange(low, m - low + 1), m, 0.5)
    masses.flags.writeable = False
    return low, masses


def _tail(tails: Floats, place: int, won: int, pairs: int) -> float:
    # P(not crossed before, at least as many wins); beyond what was kept, at most what it is without looks
    return float(tails[max(place, 0)]) if place < tails.size else distribution.binomial_at_least(won, pairs, 0.5)


def _judged(
    plan: Plan, look: int, counts: tuple[int, int], boundary: int | None, errors: tuple[float, float]
) -> Sequential:
    (won, lost), (spent, p), items = counts, errors, plan.sizes[look - 1]
    better = boundary is not None and won >= boundary
    end = better or items == plan.n
    chance = None if end or plan.futile_below is None else _chance(won, lost, items, plan)
    futile = chance is not None and plan.futile_below is not None and chance < plan.futile_below
    decision: Decision = "better" if better else "futile" if futile else "undecided"
    p_value = min(1.0, p) if end else None
    return Sequential(decision, look, items, won, lost, boundary, spent, plan.spent[look - 1], chance, p_value, plan)


def _chance(won: int, lost: int, items: int, plan: Plan) -> float:
    # conditional power (Lachin 2005, Stat. Med. 24:2747) at the best plausible share of wins (Clopper & Pearson 1934),
    # with the discordance seen so far, against the boundary of one test at the end, which no plan undercuts
    best = distribution.beta_quantile(1 - _DOUBT * items / plan.n, won + 1, lost) if lost else 1.0
    more = round((won + lost + 1) / (items + 1) * (plan.n - items))
    return distribution.binomial_at_least(_fewest(won + lost + more, plan.alpha) - won, more, best)


@lru_cache(maxsize=4096)
def _fewest(pairs: int, alpha: float) -> int:
    # wins that exact McNemar calls better
    low, high = pairs // 2, pairs + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if distribution.binomial_at_least(middle, pairs, 0.5) <= alpha else (middle, high)
    return high


def _counts(happened: npt.NDArray[np.bool_], sizes: Sequence[int]) -> list[int]:
    import numpy as np

    running = np.cumsum(happened)
    return [int(running[size - 1]) for size in sizes]
