"""A budget of error: how much risk of a false claim each claim may take, and what repeated use of a test set costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from suffice.stats.sample import check_level

TOTAL = 0.05
"""The usual chance that a climb makes any false claim."""
DOWN = 0.2
"""The share of the other claims' half that the way down may spend."""


@dataclass(frozen=True, slots=True)
class Split:
    """One climb's error budget, shared among the claims it declared before its test set was opened."""

    total: float
    candidates: int
    claims: int
    per_candidate: float | None
    """One-sided level at which each candidate rung is tested against the target; None without candidates."""
    per_claim: float | None
    """Level of each other claim; None without others."""
    down: float
    """What all attempts on the way down share, "not worse" and "still meets the target" together."""


@dataclass(frozen=True, slots=True)
class Charge:
    """What one plan costs the test set that it opens, and what its claims are then worth."""

    use: int
    """The how-manyth distinct plan on this test set this is."""
    charged: float
    """What this plan adds; 0 for a plan that was already charged."""
    spent: float
    """What all distinct plans have spent, this one included."""
    left: float
    within: bool
    """Whether everything spent still fits the total."""
    false_claim_at_most: float
    """The chance that any claim of any plan on this test set is false, by the union bound: what claims are worth."""
    reason: str = ""


def split(total: float = TOTAL, *, candidates: int, claims: int) -> Split:
    """Half of the total for "target met", shared equally by the candidate rungs; half for every other claim.

    A fifth of the second half is for the way down, the rest is shared equally by the claims.

    Equal shares (Bonferroni) hold under any dependence and for stopping at the first rung that passes, which tests in a
    fixed sequence do not allow. Conditions joined by "and" count as one claim; alternatives count each. Six candidates
    get 2.5 % ÷ 6 each.
    """
    check_level(total)
    if candidates < 0 or claims < 0:
        raise ValueError(f"candidates is {candidates} and claims is {claims}: both are counts")
    return Split(
        total=total,
        candidates=candidates,
        claims=claims,
        per_candidate=total / 2 / candidates if candidates else None,
        per_claim=total / 2 * (1 - DOWN) / claims if claims else None,
        down=total / 2 * DOWN,
    )


def charge(
    plan: str, cost: float = TOTAL, *, earlier: Sequence[tuple[str, float]] = (), total: float = TOTAL
) -> Charge:
    """Charge a plan, named by its digest, to a test set on which `earlier` plans (digest, cost) have been charged.

    The first plan may spend everything, so that a first climb has its full power; later plans are tested at the same
    levels and the excess is disclosed, never refused. (A series that leaves something for every later plan, such as
    6/(π²k²), would take two fifths from the first and only use.) An unchanged plan costs nothing.
    """
    check_level(total)
    check_level(cost)
    paid = dict(reversed([*earlier]))  # the first charge of a digest stands
    order = list(dict.fromkeys(digest for digest, _ in earlier))
    added = 0.0 if plan in paid else cost
    spent = sum(paid.values()) + added
    use = order.index(plan) + 1 if plan in paid else len(order) + 1
    within = spent <= total * (1 + 1e-9)
    uses = len(order) + (plan not in paid)
    reason = "" if within else _overspent(uses, spent)
    return Charge(use, added, spent, max(0.0, total - spent), within, min(1.0, spent), reason)


def _overspent(uses: int, spent: float) -> str:
    worth = f"the chance that any of their claims is false is only known to be at most {min(1.0, spent):.0%}"
    return f"items of this test set have been used by {uses} plans: {worth}; use fresh data to confirm"
