"""Regress: whether a change makes things worse by more than is tolerated, and what loss too few items could hide."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from suffice.stats.interval import upper_bound
from suffice.stats.margin import score_statistic
from suffice.stats.paired import Paired, paired
from suffice.stats.power import items_above, smallest_visible_mean
from suffice.stats.sample import ENOUGH_GROUPS, group_codes

LIKELY = 0.2
"""A regression is "likely" when it would be proven at this level, four times the usual risk of a false alarm."""


@dataclass(frozen=True, slots=True)
class Regression:
    """What is known of a loss on one partition, beside the loss that is tolerated."""

    n: int
    lift: float
    tolerance: float
    proven: bool
    """The loss is proven to exceed the tolerance."""
    likely: bool
    """The loss would be proven to exceed the tolerance at the level LIKELY; true of every proven one."""
    ruled_out: bool
    """A loss beyond the tolerance is ruled out: non-inferiority is proven."""
    losses: int
    hidden_loss: float
    """The largest share of items (of groups, where given) that may truly get worse."""
    reason: str = ""


def hidden_loss(losses: int, n: int, alpha: float = 0.05) -> float:
    """The largest true share of losses that `losses` among n items could still hide: zero of 20 allow 14 %."""
    return upper_bound(losses, n, alpha)


def not_worse(
    before: Sequence[float],
    after: Sequence[float],
    groups: Sequence[Hashable] | None = None,
    *,
    margin: float = 0.05,
    alpha: float = 0.05,
    seed: int = 0,
) -> Paired:
    """The non-inferiority test: `proven` when after is worse than before by less than the margin."""
    if margin < 0:
        raise ValueError(f"margin is {margin}: give the loss that is tolerated, at least 0")
    return paired(before, after, groups, alpha=alpha, seed=seed, margin=-margin, sided="greater")


def regression(
    before: Sequence[float],
    after: Sequence[float],
    groups: Sequence[Hashable] | None = None,
    *,
    tolerance: float = 0.02,
    alpha: float = 0.05,
    seed: int = 0,
) -> Regression:
    """Whether after loses more than the tolerance against before: proven, likely, ruled out, or none of these."""
    held = not_worse(before, after, groups, margin=tolerance, alpha=alpha, seed=seed)
    lost = paired(after, before, groups, alpha=alpha, seed=seed, margin=tolerance, sided="greater")
    doubt = paired(after, before, groups, alpha=max(alpha, LIKELY), seed=seed, margin=tolerance, sided="greater")
    losing, units = _losing(before, after, groups)
    return Regression(
        n=held.n,
        lift=held.lift,
        tolerance=tolerance,
        proven=lost.proven,
        likely=lost.proven or doubt.proven,
        ruled_out=held.proven,
        losses=held.losses,
        hidden_loss=hidden_loss(losing, units, alpha),
        reason=held.reason,
    )


def items_to_prove_above(seen: Paired, margin: float, power: float = 0.8) -> int | None:
    """About how many items prove the lift above the margin, if what was seen is true; None for none or over a million.

    Under 30 groups, whose spread nobody knows: as many as make 30.
    """
    if not seen.tells:
        return math.ceil(ENOUGH_GROUPS * seen.n / (seen.groups or seen.n))
    if seen.lift - margin < 1e-9:
        return None
    if seen.p_value is None:
        # the smallest visible effect of groups and graded scores is a multiple of the standard error
        error = (seen.smallest_visible_effect or 0.0) / smallest_visible_mean(1.0, seen.alpha, sided="greater")
        spread = null = error * math.sqrt(seen.n)
    else:
        wins, losses = seen.wins / seen.n, seen.losses / seen.n
        spread = math.sqrt(wins + losses - seen.lift**2)
        statistic = float(score_statistic(seen.wins, seen.losses, seen.n, margin)) / math.sqrt(seen.n)
        null = (seen.lift - margin) / statistic
    size = seen.n / seen.groups if seen.groups else 1.0
    betting = seen.method == "betting"
    return items_above(seen.lift, margin, spread, seen.alpha, power, null_spread=null, size=size, betting=betting)


def _losing(before: Sequence[float], after: Sequence[float], groups: Sequence[Hashable] | None) -> tuple[int, int]:
    # a group counts once, as losing when any of its items is: its items are not independent
    codes = group_codes(groups, len(before))
    units = range(len(before)) if codes is None else codes.tolist()
    losing = {unit for unit, b, a in zip(units, before, after, strict=True) if a < b}
    return len(losing), len(set(units))
