"""A rung, judged look by look: is the target met, is there a lift, and has enough been seen to stop asking?"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from suffice.stats import distribution, eprocess, sequential, target
from suffice.stats.margin import margin_lower
from suffice.stats.power import smallest_visible_mean
from suffice.stats.spending import Plan

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

Lift = Literal["better", "worse", "futile", "undecided"]
NotWorse = Literal["not worse", "worse", "futile", "undecided"]
Lighter = Literal["enough", "not enough", "undecided"]

LIKELY = 0.9
"""A rung that can no longer meet the target is asked on for its lift only while that is as likely as this to show..."""
SOON = 3
"""...by this many times the items so far: a small lift of a rung that does not suffice is not worth proving."""
SEEN = 20
"""Items before that is judged: fewer tell too little of a lift."""

_LEAST = 1e-9  # a bound of no quality at all, or less, is exceeded by whatever is right once


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of one rung, declared before its first item."""

    target: Plan
    """Looks at the target; its level is one-sided, for each of "above" and "below"."""
    lift: Plan
    """The same looks at the lift; its level is one-sided, for each of "better" and "worse"."""
    bound: float | None = None
    """The target is met where the mean is proven above this; None: no target."""
    ceiling: float | None = None
    """And proven not to be met where it is proven below this."""
    graded: bool = False
    """Whether scores may lie between 0 and 1. If not, one that does counts as wrong where that is against the claim."""
    groups: tuple[int, ...] | None = None
    """Each item's group as a number, for all items there are, groups whole and one after the other."""

    @property
    def exact(self) -> bool:
        """Whether counts decide: items that stand alone and are right or wrong."""
        return not self.graded and self.groups is None


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of the items so far; those that could not be judged are 0 in `low` and 1 in `high`."""

    low: Floats
    high: Floats


@dataclass(frozen=True, slots=True)
class Judged:
    """Where a rung stands after a complete prefix of the items."""

    items: int
    target: target.Decision | None
    """None where there is no target, or none that these items could prove."""
    lift: Lift
    likely: float
    """The chance that the lift shows soon, if what was seen is true."""
    settled: bool
    """Whether to stop asking."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its limits after looks; valid wherever one stopped."""

    estimate: float
    low: float
    high: float
    method: str


def worth_opening(before: float, after: float, bound: float | None) -> bool:
    """Whether dev scores leave a rung worth judging on test: it gains on what it builds on, or may meet the target."""
    return after > before or (bound is not None and after >= bound)


def wants_lift(asked: Asked, after: Scores) -> bool:
    """Whether `judge` needs what is held: not while the target may still be met, nor once it is.

    Until then what is held need not be asked about these items.
    """
    found = _target(asked, after)
    return found != "above" and (found != "undecided" or after.low.size == asked.lift.n)


def judge(asked: Asked, before: Scores, after: Scores) -> Judged:
    """Where a rung stands against what is held, from the same items of both, at a look."""
    items, found = after.low.size, _target(asked, after)
    lift, likely = _lift(asked, before, after)
    return Judged(items, found, lift, likely, settled(found, lift, likely, items, asked.lift.n))


def settled(found: target.Decision | None, lift: Lift, likely: float, items: int, n: int) -> bool:
    """Whether enough is known: the target met, or out of reach and the lift decided, hopeless or not worth the asking.

    Nothing rests on this rule: every claim holds wherever one stops, and one that was given up may be taken up again.
    """
    if items == n or found == "above":
        return True
    if found == "undecided":
        return False
    return lift != "undecided" or (found is not None and items >= SEEN and likely < LIKELY)


def quality(asked: Asked, after: Scores) -> Estimate:
    """The mean score so far with limits, each one-sided at the target's level, that hold at all looks together.

    For right-or-wrong items the estimate is median-unbiased where "above" or "below" is what stopped the looks. The
    limits hold however the unjudged items would have been judged; the estimate leaves them out.
    """
    plan = asked.target
    if asked.exact:
        right, wrong = _right_and_wrong(asked, after)
        low, high = target.share_limits(right, plan, wrong)
        low, high = _agreeing(asked, decided(asked, after), low, high)
        return _between(_share(asked, after, right, wrong), low, high, "exact, with looks")
    lowest, highest = _units(asked, after.low, 0.0), _units(asked, after.high, 0.0)
    low = eprocess.lower_limit(lowest, plan.alpha, horizon=_horizon(asked))
    high = eprocess.upper_limit(highest, plan.alpha, horizon=_horizon(asked))
    return _between(_middle(asked, lowest, highest), low, high, "betting, with looks")


def lift(asked: Asked, before: Scores, after: Scores) -> Estimate:
    """The mean of after − before so far with two-sided limits, at twice the lift's level, that hold at all looks."""
    plan, horizon = asked.lift, _horizon(asked)
    least, most = _units(asked, after.low - before.high), _units(asked, after.high - before.low)
    if not asked.exact:
        low = eprocess.lower_limit(least, plan.alpha, horizon=horizon)
        high = eprocess.upper_limit(most, plan.alpha, horizon=horizon)
        return _between(_middle(asked, least, most), low, high, "betting, with looks")
    found, _ = _lift(asked, before, after)
    wins, losses = _pairs(before, after, plan)
    worst_wins, worst_losses = _pairs(after, before, plan)
    # the counts decide; the limits are made to agree with them about 0
    low, high = _lift_limit(wins, losses, plan), -_lift_limit(worst_wins, worst_losses, plan)
    low = max(low, 0.0) if found == "better" else min(low, 0.0)
    high = min(high, 0.0) if found == "worse" else max(high, 0.0)
    sign, one, other = (-1, losses, wins) if found == "worse" else (1, wins, losses)
    asked_on = _crossed_at(one, other, plan) < len(wins)
    unjudged = bool((before.high > before.low).any() or (after.high > after.low).any())
    plain = asked_on or unjudged or not wins
    estimate = _middle(asked, least, most) if plain else sign * sequential.unbiased_lift(one, other, plan)
    return _between(estimate, low, high, "exact McNemar, with looks")


def _crossed_at(wins: list[int], losses: list[int], plan: Plan) -> int:
    # the look at which "better" was proven, or the last one
    return sum(1 for _ in sequential.looks(wins, losses, plan))


def _lift_limit(wins: list[int], losses: list[int], plan: Plan) -> float:
    # each look has what the plan spends on it alone, so that all hold together (union bound); the exact limit of the
    # look that seems to have the best one
    alphas = (late - early for early, late in zip((0.0, *plan.spent), plan.spent, strict=False))
    looks = [look for look in zip(wins, losses, plan.sizes, alphas, strict=False) if look[-1] > 0]
    return margin_lower(*max(looks, key=lambda look: _about(*look))) if looks else -1.0


def _about(won: int, lost: int, size: int, alpha: float) -> float:
    # the normal limit, as if one more pair differed
    lift, differing = (won - lost) / size, (won + lost + 1) / size
    return lift + distribution.normal_quantile(alpha) * math.sqrt((differing - lift**2) / size)


def not_worse(asked: Asked, before: Scores, after: Scores, margin: float) -> NotWorse:
    """Whether after is proven to lose less than the margin against before, by betting, at the lift's one-sided level.

    "worse": a loss is proven; "futile": too unlikely that the margin still will be shown to hold.
    """
    plan, horizon = asked.lift, _horizon(asked)
    least = _units(asked, after.low - before.high)
    if eprocess.above(least, -margin, plan.alpha, horizon=horizon).decision == "above":
        return "not worse"
    if eprocess.above(_units(asked, before.low - after.high), 0.0, plan.alpha, horizon=horizon).decision == "above":
        return "worse"
    return "futile" if _hopeless(asked, least, -margin, plan) else "undecided"


def lighter(asked: Asked, before: Scores, after: Scores, margin: float, *, aimed: bool) -> Lighter:
    """Whether a lighter stack is proven to do: to lose less than the margin and, where `aimed`, to meet the target.

    "not enough" as soon as one of the two is disproven or too unlikely; conditions joined by "and" share one level.
    """
    loss, found = not_worse(asked, before, after, margin), decided(asked, after) if aimed else "above"
    if loss == "not worse" and found == "above":
        return "enough"
    return "not enough" if loss in ("worse", "futile") or found in ("below", "futile") else "undecided"


def promising(before: Sequence[float], after: Sequence[float], margin: float) -> bool:
    """Whether scores of the same dev items make a loss within the margin worth proving on test: they lose no more than
    half of it."""
    lost = sum(b - a for b, a in zip(before, after, strict=True))
    return lost <= len(before) * margin / 2 + 1e-9


def tellable(asked: Asked, margin: float) -> bool:
    """Whether so many items could prove a loss within the margin, were no item lost."""
    of = _units(asked, _zeros(asked.lift.n))
    return eprocess.above(of, -margin, asked.lift.alpha, horizon=_horizon(asked)).decision == "above"


def reachable(asked: Asked) -> bool:
    """Whether so many items could prove the target, were everything right."""
    if asked.bound is None:
        return False
    bound = max(asked.bound, _LEAST)
    if asked.exact:
        return target.reachable(bound, asked.target)
    return _bet_above(asked, _zeros(asked.target.n) + 1, bound)


def decided(asked: Asked, after: Scores) -> target.Decision | None:
    """What the looks so far prove of the target; None without one."""
    if asked.bound is None or asked.ceiling is None:
        return None
    bound = max(asked.bound, _LEAST)
    ceiling = max(asked.ceiling, bound)
    if not asked.exact:
        return _bet_on_target(asked, after, bound, ceiling)
    right, wrong = _right_and_wrong(asked, after)
    last = target.standing(right, bound, ceiling, asked.target, wrong)
    return last.decision if last else "undecided"


def _target(asked: Asked, after: Scores) -> target.Decision | None:
    # what is proven of the target; None where nobody could prove it met
    found = decided(asked, after)
    return found if found == "below" or reachable(asked) else None


def _right_and_wrong(asked: Asked, after: Scores) -> tuple[list[int], list[int]]:
    # at the looks so far: surely right and surely wrong, so that what lies between counts against either claim
    return _counts(after.low >= 1, asked.target), _counts(after.high <= 0, asked.target)


def _lift(asked: Asked, before: Scores, after: Scores) -> tuple[Lift, float]:
    if not asked.exact:
        return _bet_on_lift(asked, before, after)
    found = list(sequential.looks(*_pairs(before, after, asked.lift), asked.lift))
    mirrored = _pairs(after, before, asked.lift)
    worse = any(one.decision == "better" for one in sequential.looks(*mirrored, asked.lift))
    if not found:
        return "undecided", 1.0
    return "worse" if worse else found[-1].decision, found[-1].likely(SOON * found[-1].items)


def _bet_on_target(asked: Asked, after: Scores, bound: float, ceiling: float) -> target.Decision:
    if _bet_above(asked, after.low, bound):
        return "above"
    if _bet_above(asked, 1 - after.high, 1 - ceiling):
        return "below"
    return "futile" if _hopeless(asked, _units(asked, after.low, 0.0), bound, asked.target) else "undecided"


def _bet_above(asked: Asked, values: Floats, bound: float) -> bool:
    # whether scores are proven above the bound at the target's level; above 1 is nothing, above 0 whatever is not 0
    of = _units(asked, values, 0.0)
    if not 0 < bound < 1:
        return bound <= 0 and of.enough and bool((values > 0).any())
    return eprocess.above(of, bound, asked.target.alpha, horizon=_horizon(asked)).decision == "above"


def _bet_on_lift(asked: Asked, before: Scores, after: Scores) -> tuple[Lift, float]:
    plan, horizon = asked.lift, _horizon(asked)
    least = _units(asked, after.low - before.high)
    if eprocess.above(least, 0.0, plan.alpha, horizon=horizon).decision == "above":
        return "better", 1.0
    if eprocess.above(_units(asked, before.low - after.high), 0.0, plan.alpha, horizon=horizon).decision == "above":
        return "worse", 0.0
    soon = min(SOON * least.totals.size, _horizon(asked))
    likely = _power(least, 0.0, plan.alpha, 0.5, soon)
    return "futile" if _hopeless(asked, least, 0.0, plan) else "undecided", likely


def _hopeless(asked: Asked, of: eprocess.Units, bound: float, plan: Plan) -> bool:
    if plan.futile_below is None or not 2 <= of.totals.size < _horizon(asked):
        return False
    doubt = sequential.DOUBT * of.totals.size / _horizon(asked)
    return _power(of, bound, plan.alpha, 1 - doubt, _horizon(asked)) < plan.futile_below


def _power(of: eprocess.Units, bound: float, alpha: float, sure: float, by: int) -> float:
    # the chance that so many units show the mean above the bound (normal approximation, Lachin 2005), if it is truly
    # what is `sure`ly not exceeded by what was seen
    k = of.totals.size
    pays = of.totals - of.scale(bound) * of.sizes
    mean = float(pays.mean())
    spread = max(float(pays.std(ddof=1)), 1e-3) if k > 1 else 0.5
    truth = mean + distribution.normal_quantile(sure) * spread / math.sqrt(k)
    wanted = smallest_visible_mean(spread * math.sqrt(by), alpha, 0.5, sided="greater")
    rest = by - k
    if rest <= 0:
        return float(mean * k >= wanted)
    return distribution.normal_below((mean * k + truth * rest - wanted) / (spread * math.sqrt(rest)))


def _units(asked: Asked, values: Floats, lowest: float = -1.0) -> eprocess.Units:
    groups = None if asked.groups is None else asked.groups[: values.size]
    largest = None if asked.groups is None else max(_sizes(asked.groups))
    return eprocess.units(values, groups, lowest=lowest, highest=1.0, largest=largest)


def _zeros(n: int) -> Floats:
    import numpy as np

    return np.zeros(n)


def _sizes(groups: Sequence[int]) -> list[int]:
    found: dict[int, int] = {}
    for group in groups:
        found[group] = found.get(group, 0) + 1
    return list(found.values())


def _horizon(asked: Asked) -> int:
    return asked.lift.n if asked.groups is None else len(set(asked.groups))


def _middle(asked: Asked, least: eprocess.Units, most: eprocess.Units) -> float:
    # between the limits that are as likely too far as not; the plain mean of all items, which no look has chosen
    if not least.enough or least.totals.size == _horizon(asked):
        return (_mean(least) + _mean(most)) / 2
    limit: Callable[..., float] = eprocess.lower_limit
    low, high = limit(least, 0.5, horizon=_horizon(asked)), eprocess.upper_limit(most, 0.5, horizon=_horizon(asked))
    return (low + high) / 2


def _between(estimate: float, low: float, high: float, method: str) -> Estimate:
    # limits are the best of all looks, so what came later may lie outside
    return Estimate(min(max(estimate, low), high), low, high, method)


def _mean(of: eprocess.Units) -> float:
    return float(of.totals.sum() / of.sizes.sum()) * (of.highest - of.lowest) + of.lowest


def _agreeing(asked: Asked, found: target.Decision | None, low: float, high: float) -> tuple[float, float]:
    # limits are found by halving, decisions by counts: where they differ by a hair, the counts are right
    if found == "above" and asked.bound is not None:
        low = max(low, asked.bound)
    if found == "below" and asked.ceiling is not None:
        high = min(high, asked.ceiling)
    return low, high


def _share(asked: Asked, after: Scores, right: list[int], wrong: list[int]) -> float:
    judged = 1 - float((after.high - after.low).mean())
    if asked.bound is None or asked.ceiling is None or not right or not judged:
        return _middle(asked, _units(asked, after.low, 0.0), _units(asked, after.high, 0.0))
    bound, plan = max(asked.bound, _LEAST), asked.target
    ceiling = max(asked.ceiling, bound)
    last = target.standing(right, bound, ceiling, plan, wrong)
    if last is None or last.items < after.low.size:  # proven before, and asked on for the lift
        return _middle(asked, _units(asked, after.low, 0.0), _units(asked, after.high, 0.0))
    if last.decision == "below":
        return max(0.0, 1 - target.unbiased_share(wrong, 1 - ceiling, plan) / judged)
    return min(1.0, target.unbiased_share(right, bound, plan) / judged)


def _pairs(before: Scores, after: Scores, plan: Plan) -> tuple[list[int], list[int]]:
    # wins and losses at the looks so far, everything doubtful against "better"
    won, lost = (after.low >= 1) & (before.high <= 0), (after.low < 1) & (before.high > 0)
    return _counts(won, plan), _counts(lost, plan)


def _counts(happened: npt.NDArray[np.bool_], plan: Plan) -> list[int]:
    import numpy as np

    ends = [size - 1 for size in plan.sizes if size <= happened.size]
    counts: list[int] = np.cumsum(happened)[ends].tolist()
    return counts
