"""Judged: two arms that a model scored and people labelled in part, and what may honestly be said of the difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from .compare import Comparison, Decision, pairs
from .data import Example
from .draw import drawn
from .labels import Arm, Labels, sha256
from .score import Preference
from .stats import distribution
from .stats.ppi import powered_lift, powered_mean
from .stats.sample import ENOUGH_GROUPS
from .sway import Sway, sway

if TYPE_CHECKING:
    from .stats.ppi import Powered

SEEN = 0.8
"""The power at which the smallest visible effect is told."""
WORDS = {"better": "after is better", "worse": "after is worse", "undecided": "cannot tell"}


@dataclass(frozen=True, slots=True)
class Judged:
    """What people's labels and a judge's scores say together. Without labels enough: cannot tell."""

    comparison: Comparison
    """What counts: the prediction-powered lift, or people's labels alone where they are complete; else undecided."""
    alone: Comparison
    """What the judge's scores say by themselves, which decides nothing."""
    verified: bool
    headline: str
    """The first line: the decision, or "unverified judge" and why."""
    lift: Powered | None
    """None where there are too few labels, or nothing that is not labelled; so are the arms' means."""
    before: Powered | None
    after: Powered | None
    items: int
    labelled: int
    """Items that count: the longest prefix of the drawn order in which people labelled both arms' outputs."""
    missing: int
    """Labels without which nothing can be told; 0 where there are enough."""
    unused: tuple[str, ...]
    """Ids of labelled outputs that do not count: beyond that prefix, or of no output that either arm gave."""
    conflicts: int
    """Outputs on which people disagree: their mean counts."""
    unjudged: int
    """Outputs that the judge could not score; a half stands for its score, which the labels correct."""
    sway: Sway = field(default_factory=Sway)
    notes: tuple[str, ...] = ()


def judged(
    before: Arm,
    after: Arm,
    labels: Labels,
    examples: Sequence[Example],
    *,
    alpha: float = 0.05,
    seed: int = 0,
    preferences: Mapping[str, Preference] | None = None,
    own: tuple[bool, bool] = (False, False),
) -> Judged:
    """Decide between two arms from a judge's scores of all outputs and people's labels of some.

    The limits of after − before are those of PPI++ (`stats.ppi`) at level alpha, over `examples`, all of one partition.
    Labels count where they are of a random sample: the longest complete prefix of the drawn order. `preferences` are
    the judge's between the two arms, by example id; `own` says which arms are models of the judge's own family.
    """
    order = drawn(examples, seed)
    whole = _complete(order, before, after, labels)
    used, rest = ([e for cluster in part for e in cluster] for part in (order[:whole], order[whole:]))
    verified = whole >= ENOUGH_GROUPS
    told = _Told(before, after, labels, used, rest, alpha, seed)
    lift, old, new = told.powered() if verified and len(order) - whole > 1 else (None, None, None)
    alone = pairs(_guesses(before, examples), _guesses(after, examples), examples, alpha=alpha, seed=seed)
    missing = 0 if verified else _missing(order, before, after, labels)
    asked = [(e, preferences[e.id]) for e in examples if e.id in preferences] if preferences else []
    comparison = told.comparison(lift) if verified else _unverified(alone, len(order), missing)
    return Judged(
        comparison=comparison,
        alone=replace(alone, decision="undecided", reason="a judge's scores by themselves decide nothing"),
        verified=verified,
        headline=_headline(comparison, lift, len(used)) if verified else comparison.reason,
        lift=lift,
        before=old,
        after=new,
        items=len(examples),
        labelled=len(used),
        missing=missing,
        unused=_unused(labels, used, before, after),
        conflicts=len(labels.conflicts),
        unjudged=sum(a.outputs[e.id] is not None and a.scores[e.id] is None for a in (before, after) for e in examples),
        sway=sway(before, after, labels, used, preferences=asked, own=own, alpha=alpha, seed=seed),
        notes=_notes(own),
    )


@dataclass(frozen=True)
class _Told:
    """What people and the judge say: of the labelled items both, of the rest the judge alone."""

    before: Arm
    after: Arm
    labels: Labels
    used: Sequence[Example]
    rest: Sequence[Example]
    alpha: float
    seed: int

    def powered(self) -> tuple[Powered, Powered, Powered]:
        """The lift and each arm's mean."""
        names = [e.cluster for e in (*self.used, *self.rest)]
        grouped = len(set(names)) < len(names)
        here, there = ([e.cluster for e in of] if grouped else None for of in (self.used, self.rest))
        human, judge = ([told(a, self.used) for a in (self.before, self.after)] for told in (self._truths, _guessed))
        other = [_guessed(a, self.rest) for a in (self.before, self.after)]
        d = [_minus(new, old) for old, new in (human, judge, other)]
        lift = powered_lift(d[0], d[1], d[2], here, there, alpha=self.alpha)
        old, new = (powered_mean(*of, here, there, alpha=self.alpha) for of in zip(human, judge, other, strict=True))
        return lift, old, new

    def comparison(self, lift: Powered | None) -> Comparison:
        """People's labels of the labelled pairs; with the judge's scores of the others where there are any."""
        if lift is None:
            old, new = ({e.id: a.truth(e.id, self.labels) for e in self.used} for a in (self.before, self.after))
            return pairs(old, new, self.used, alpha=self.alpha, seed=self.seed)
        d = _minus(self._truths(self.after, self.used), self._truths(self.before, self.used))
        won, lost = sum(one > 0 for one in d), sum(one < 0 for one in d)
        decision: Decision = "better" if lift.low > 0 else "worse" if lift.high < 0 else "undecided"
        return Comparison(
            n=len(d),
            lift=lift.estimate,
            low=lift.low,
            high=lift.high,
            alpha_spent=self.alpha,
            smallest_visible_effect=_visible(lift),
            method=lift.method,
            p_value=None,
            wins=won,
            losses=lost,
            ties=len(d) - won - lost,
            decision=decision,
            groups=lift.groups,
        )

    def _truths(self, arm: Arm, examples: Sequence[Example]) -> list[float]:
        return [arm.truth(e.id, self.labels) or 0.0 for e in examples]


def _complete(order: Sequence[Sequence[Example]], before: Arm, after: Arm, labels: Labels) -> int:
    """How many groups stand before the first in which a label is missing."""
    for at, cluster in enumerate(order):
        if any(arm.truth(e.id, labels) is None for e in cluster for arm in (before, after)):
            return at
    return len(order)


def _missing(order: Sequence[Sequence[Example]], before: Arm, after: Arm, labels: Labels) -> int:
    """Outputs to label before the first 30 items, or groups, are complete."""
    first = [(e, arm) for cluster in order[:ENOUGH_GROUPS] for e in cluster for arm in (before, after)]
    return len({(e.id, arm.outputs[e.id]) for e, arm in first if arm.truth(e.id, labels) is None})


def _unverified(alone: Comparison, units: int, missing: int) -> Comparison:
    what = "items" if alone.groups is None else "groups"
    are = "1 label is" if missing == 1 else f"{missing} labels are"
    why = f"{are} missing, at least {ENOUGH_GROUPS} {what} of both arms are needed, in the order drawn"
    if units < ENOUGH_GROUPS:
        why = f"{units} {what}, at least {ENOUGH_GROUPS} of both arms are needed"
    return replace(alone, decision="undecided", reason=f"unverified judge: cannot tell: {why}")


def _unused(labels: Labels, used: Sequence[Example], before: Arm, after: Arm) -> tuple[str, ...]:
    outputs = ((e.id, arm.outputs[e.id]) for e in used for arm in (before, after))
    counted = {(id_, sha256(output)) for id_, output in outputs if output is not None}
    return tuple(sorted(id_ for id_, digest in labels.scores if (id_, digest) not in counted))


def _headline(found: Comparison, lift: Powered | None, labelled: int) -> str:
    said = f"{WORDS[found.decision]}: lift {found.lift:+.3f} [{found.low:+.3f}, {found.high:+.3f}]"
    worth = "" if lift is None else f", worth about {lift.worth:.0f} with the judge's scores of {lift.judged} more"
    return f"{said}; {labelled} items labelled by people{worth}"


def _notes(own: tuple[bool, bool]) -> tuple[str, ...]:
    if all(own):
        return ("both arms are of the judge's own family, which it may flatter",)
    return ("one arm is of the judge's own family, which it may flatter",) if any(own) else ()


def _visible(lift: Powered) -> float:
    """About the smallest lift that limits as wide as these would hold above zero four times in five."""
    half, z = (lift.high - lift.low) / 2, distribution.normal_quantile((1 + lift.level) / 2)
    return min(1.0, half * (1 + distribution.normal_quantile(SEEN) / z))


def _guesses(arm: Arm, examples: Sequence[Example]) -> dict[str, float | None]:
    return {e.id: 0.0 if arm.outputs[e.id] is None else arm.scores[e.id] for e in examples}


def _guessed(arm: Arm, examples: Sequence[Example]) -> list[float]:
    return [arm.guess(e.id) for e in examples]


def _minus(first: Sequence[float], second: Sequence[float]) -> list[float]:
    return [a - b for a, b in zip(first, second, strict=True)]
