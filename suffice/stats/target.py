"""Target: whether a share is proven above a bound, or below a ceiling, while right-or-wrong items come in.

Exact group-sequential tests of a binomial share: of the walk with chance equal to the bound, no more than the plan has
spent on the items may have crossed by any look (Jennison & Turnbull 2000, Group Sequential Methods, ch. 12, with the
spending of Lan & DeMets 1983). With one look they are the exact test and limits of Clopper & Pearson 1934.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from suffice.stats import distribution
from suffice.stats import walk as walks
from suffice.stats.interval import lower_bound
from suffice.stats.power import provable
from suffice.stats.sample import check_level
from suffice.stats.sequential import DOUBT
from suffice.stats.spending import Plan

Decision = Literal["above", "below", "futile", "undecided"]

_FINE = 1e-6  # limits are found to this, outwards
_STEP = 0.002  # bounds this far apart are tried one by one: whether one is rejected is no monotone matter


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a share stands after the last look that was reached, or the first that decided."""

    decision: Decision
    """"above" the bound or "below" the ceiling is proven; "futile": too unlikely that "above" still will be."""
    look: int
    """The how-manyth look, from 1."""
    items: int
    successes: int
    least: int | None
    """The fewest successes that prove "above" at this look; None where even all right would not."""
    most: int | None
    """The most successes that prove "below" at this look; None where even none right would not."""
    chance: float | None
    """The chance to prove "above" by the end at the best share still plausible; None where nobody may give up."""
    plan: Plan


def standings(
    successes: Sequence[int], bound: float, ceiling: float, plan: Plan, failures: Sequence[int] | None = None
) -> Iterator[Standing]:
    """What is known at each look, given the successes by then, up to the first that proves above or below.

    What could not be judged is no success, and no failure where `failures` are told apart.

    Each side holds at the plan's one-sided level over all looks. Giving up is not credited to the boundaries, so looks
    after a futile one are as valid as those before. Below the bound and above the ceiling cannot both be proven unless
    bound > ceiling, which is refused.
    """
    looks = _Looks.checked(successes, bound, ceiling, plan, failures)
    for number in range(len(successes)):
        yield looks.standing(number)
        if looks.proven(number):
            return


def standing(
    successes: Sequence[int], bound: float, ceiling: float, plan: Plan, failures: Sequence[int] | None = None
) -> Standing | None:
    """The last of `standings`; None before the first look."""
    looks = _Looks.checked(successes, bound, ceiling, plan, failures)
    last = next((number for number in range(len(successes)) if looks.proven(number)), len(successes) - 1)
    return looks.standing(last) if successes else None


@dataclass(frozen=True, slots=True)
class _Looks:
    right: Sequence[int]
    wrong: Sequence[int]
    bound: float
    plan: Plan
    above: tuple[int | None, ...]
    below: tuple[int | None, ...]

    @classmethod
    def checked(
        cls, right: Sequence[int], bound: float, ceiling: float, plan: Plan, wrong: Sequence[int] | None
    ) -> _Looks:
        if not 0 < bound <= ceiling <= 1:
            raise ValueError(
                f"bound is {bound} and ceiling {ceiling}: they lie in (0, 1], the bound not above the ceiling"
            )
        wrong = _failures(right, plan) if wrong is None else wrong
        _check(right, plan)
        _check(wrong, plan)
        return cls(right, wrong, bound, plan, boundaries(bound, plan), boundaries(1 - ceiling, plan))

    def proven(self, number: int) -> Literal["above", "below"] | None:
        least, failing = self.above[number], self.below[number]
        if least is not None and self.right[number] >= least:
            return "above"
        return "below" if failing is not None and self.wrong[number] >= failing else None

    def standing(self, number: int) -> Standing:
        right, items, plan = self.right[number], self.plan.sizes[number], self.plan
        failing, proven = self.below[number], self.proven(number)
        end = items == plan.n or proven is not None
        chance = None if end or plan.futile_below is None else _chance(right, items, self.bound, plan)
        futile = chance is not None and plan.futile_below is not None and chance < plan.futile_below
        decision: Decision = proven or ("futile" if futile else "undecided")
        most = None if failing is None else items - failing
        return Standing(decision, number + 1, items, right, self.above[number], most, chance, plan)


def reachable(bound: float, plan: Plan) -> bool:
    """Whether any look could prove the share above the bound, were everything right."""
    return any(b is not None for b in boundaries(bound, plan))


@lru_cache(maxsize=4096)
def boundaries(bound: float, plan: Plan) -> tuple[int | None, ...]:
    """At each look the fewest successes that prove the share above the bound; None where even all would not."""
    found, walk = [], walks.start()
    for size, allowed in zip(plan.sizes, plan.spent, strict=True):
        at = walks.look(walk, size, bound, allowed)
        walk = walks.stay(at)
        found.append(at.boundary)
    return tuple(found)


def share_limits(successes: Sequence[int], plan: Plan, failures: Sequence[int] | None = None) -> tuple[float, float]:
    """Limits of the share from the looks so far, each one-sided at the plan's level, valid wherever one stopped.

    Repeated confidence limits (Jennison & Turnbull 1989, JRSS B 51:305): the least and the greatest share that no look
    so far has rejected. A little of the error that one bound leaves unspent at a look is spent at a later one, so a
    bound may be rejected where a lower one is not; the limit is the lower one, wherever the two are 0.002 apart.
    """
    wrong = _failures(successes, plan) if failures is None else failures
    _check(successes, plan)
    _check(wrong, plan)
    return (_lower(successes, plan), 1.0 - _lower(wrong, plan)) if successes else (0.0, 1.0)


def unbiased_share(successes: Sequence[int], bound: float, plan: Plan) -> float:
    """The median-unbiased share after looks that stop where it is proven above `bound`.

    The share at which what happened, or a crossing at an earlier look, is as likely as not (the order of stages:
    Tsiatis, Rosner & Mehta 1984, Biometrics 40:797). The plain mean of a walk that stopped for what it showed is too
    high. For looks that stopped below a ceiling: 1 minus the same of the failures, with 1 minus the ceiling.
    """
    _check(successes, plan)
    if not successes:
        raise ValueError("successes is empty: there was no look")
    crossing = boundaries(bound, plan)
    low, high = 0.0, 1.0
    while high - low > _FINE:
        middle = (low + high) / 2
        low, high = (middle, high) if _so_far(successes, middle, crossing, plan) < 0.5 else (low, middle)
    return (low + high) / 2


def _so_far(successes: Sequence[int], p: float, crossing: Sequence[int | None], plan: Plan) -> float:
    # P(crossed at an earlier look, or at least so many successes at the last)
    walk, at = walks.start(), None
    for size, boundary in zip(plan.sizes[: len(successes)], crossing, strict=False):
        walk = walk if at is None else walks.stay(at)
        at = replace(walks.look(walk, size, p, 0.0), boundary=boundary)
    return at.middle(successes[-1], p) if at else 0.0


def _lower(successes: Sequence[int], plan: Plan) -> float:
    low, high = _surely_rejected(successes, plan), max(r / n for r, n in zip(successes, plan.sizes, strict=False))
    while low + _STEP < high and _rejected(successes, low + _STEP, plan):
        low += _STEP
    high = min(high, low + _STEP)
    while high - low > _FINE:
        middle = (low + high) / 2
        low, high = (middle, high) if _rejected(successes, middle, plan) else (low, middle)
    return low


def _surely_rejected(successes: Sequence[int], plan: Plan) -> float:
    # each look has what the plan spends on it alone (Clopper & Pearson): every bound below this is rejected
    found, before = 0.0, 0.0
    for right, size, spent in zip(successes, plan.sizes, plan.spent, strict=False):
        found = max(found, lower_bound(right, size, spent - before)) if spent > before else found
        before = spent
    return found


def _rejected(successes: Sequence[int], bound: float, plan: Plan) -> bool:
    walk = walks.start()
    for right, size, allowed in zip(successes, plan.sizes, plan.spent, strict=False):
        at = walks.look(walk, size, bound, allowed)
        if at.boundary is not None and right >= at.boundary:
            return True
        walk = walks.stay(at)
    return False


@lru_cache(maxsize=4096)
def _chance(right: int, items: int, bound: float, plan: Plan) -> float:
    # conditional power at the best plausible share (Clopper & Pearson), against one exact test of all items
    wanted = provable(bound, plan.n, plan.alpha)
    if wanted is None:
        return 0.0
    wrong = items - right
    best = distribution.beta_quantile(1 - DOUBT * items / plan.n, right + 1, wrong) if wrong else 1.0
    return distribution.binomial_at_least(wanted - right, plan.n - items, best)


def _failures(successes: Sequence[int], plan: Plan) -> list[int]:
    return [size - right for size, right in zip(plan.sizes, successes, strict=False)]


def _check(successes: Sequence[int], plan: Plan) -> None:
    check_level(plan.alpha)
    if len(successes) > len(plan.sizes):
        raise ValueError(f"successes has {len(successes)} looks: the plan has {len(plan.sizes)}")
    before = (0, 0)
    for right, size in zip(successes, plan.sizes, strict=False):
        if not 0 <= right - before[0] <= size - before[1]:
            raise ValueError(f"{right} successes of {size} cannot follow {before[0]} of {before[1]}")
        before = (right, size)
