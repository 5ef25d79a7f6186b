"""Decide while pairs come in: exact McNemar with looks at a capped set, at one error for all looks together."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from suffice.stats import distribution
from suffice.stats import walk as walks
from suffice.stats.sample import binary, group_codes, scores
from suffice.stats.spending import Plan

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

Decision = Literal["better", "undecided", "futile"]

_FINE = 1e-6  # shares are found to this

DOUBT = 0.2
"""Times the share of items seen: how surely a share is ruled out before it is implausible, where futility is judged."""


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

    def likely(self, by: int) -> float:
        """The chance to decide by so many items if the share of wins that was seen is the true one."""
        share = (self.wins + 0.5) / (self.wins + self.losses + 1)
        return _chance_at(share, self.wins, self.losses, self.items, min(by, self.plan.n), self.plan.alpha)

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


def looks(wins: Sequence[int], losses: Sequence[int], plan: Plan) -> Iterator[Sequential]:
    """What is known at each look that was reached, up to the first that proves "better".

    Giving up is not credited to the boundaries, so looks after a futile one are as valid as before it.
    """
    pairs = tuple(won + lost for won, lost in zip(wins, losses, strict=True))
    for number, won in enumerate(wins, 1):
        at, walk = _fair(pairs[:number], plan)
        found = _judged(plan, number, (won, losses[number - 1]), at.boundary, (walk.spent, at.reaches(won, 0.5)))
        yield found
        if found.decision == "better":
            return


def unbiased_lift(wins: Sequence[int], losses: Sequence[int], plan: Plan) -> float:
    """The lift, wins − losses over the items, with the median-unbiased share of wins in the order of stages.

    As `target.unbiased_share`, given the discordant pairs at each look; the plain mean of pairs that stopped for what
    they showed is too high. Where they stopped because after is worse: minus the same with wins and losses exchanged.
    """
    if not wins or wins[-1] + losses[-1] == 0:
        return 0.0
    found = list(looks(wins, losses, plan))
    pairs = [one.wins + one.losses for one in found]
    low, high = 0.0, 1.0
    while high - low > _FINE:
        middle = (low + high) / 2
        walk, at = walks.start(), None
        for tosses, one in zip(pairs, found, strict=True):
            walk = walk if at is None else walks.stay(at)
            at = replace(walks.look(walk, tosses, middle, 0.0), boundary=one.boundary)
        seen = at.middle(found[-1].wins, middle) if at else 0.0
        low, high = (middle, high) if seen < 0.5 else (low, middle)
    return (low + high - 1) * pairs[-1] / found[-1].items


@lru_cache(maxsize=1024)
def _fair(pairs: tuple[int, ...], plan: Plan) -> tuple[walks.Look, walks.Walk]:
    # the walk of fair coins at a look, and those that stay, from the discordant pairs at the looks so far
    walk = _fair(pairs[:-1], plan)[1] if len(pairs) > 1 else walks.start()
    at = walks.look(walk, pairs[-1], 0.5, plan.spent[len(pairs) - 1])
    return at, walks.stay(at)


def _walk_looks(wins: Sequence[int], losses: Sequence[int], plan: Plan) -> Sequential:
    found = Sequential("undecided", 0, 0, 0, 0, None, 0.0, 0.0, None, None, plan)
    for found in looks(wins, losses, plan):
        if found.decision != "undecided":
            break
    return found


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


@lru_cache(maxsize=4096)
def _chance(won: int, lost: int, items: int, plan: Plan) -> float:
    # conditional power (Lachin 2005, Stat. Med. 24:2747) at the best plausible share of wins (Clopper & Pearson 1934),
    # with the discordance seen so far, against the boundary of one test at the end, which no plan undercuts
    best = distribution.beta_quantile(1 - DOUBT * items / plan.n, won + 1, lost) if lost else 1.0
    return _chance_at(best, won, lost, items, plan.n, plan.alpha)


def _chance_at(share: float, won: int, lost: int, items: int, by: int, alpha: float) -> float:
    more = round((won + lost + 1) / (items + 1) * (by - items))
    return distribution.binomial_at_least(_fewest(won + lost + more, alpha) - won, more, share)


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
