"""Compare two runs over the same examples, pair by pair, and say what may honestly be said about the difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from .data import Dataset, Example
from .errors import InputError
from .record import Run
from .stats.paired import Paired, paired

Decision = Literal["better", "worse", "undecided"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The paired difference after − before, its interval, and the decision at `alpha_spent`, two-sided."""

    n: int
    lift: float
    low: float
    high: float
    alpha_spent: float
    smallest_visible_effect: float | None
    """The smallest lift that a comparison of this size and discordance finds four times in five."""
    method: str
    p_value: float | None
    wins: int
    losses: int
    ties: int
    decision: Decision
    unjudged: int = 0
    """Pairs left out because a scorer could not judge one side; the decision holds even if all went wrong."""
    groups: int | None = None
    reason: str = ""
    permutation_p: float | None = None
    """Of the paired permutation test, a second opinion where limits decide (graded scores, groups)."""
    edge: Comparison | None = None
    """The same over the edge partition, where both runs have one."""


def compare(before: Run, after: Run, *, alpha: float = 0.05, seed: int = 0) -> Comparison:
    """Compare on the core partition, with the edge partition apart; both runs must hold the same examples."""
    check_same(before, after)
    core, edge = before.dataset.part("core"), before.dataset.part("edge")
    old, new = ({r.id: r.value for r in run.records} for run in (before, after))
    apart = pairs(old, new, edge.examples, alpha=alpha, seed=seed) if len(edge) else None
    return pairs(old, new, (core if len(core) else edge).examples, alpha=alpha, seed=seed, edge=apart)


def check_same(before: Run, after: Run) -> None:
    """Check that two runs are over the same examples; an InputError names those of one run only."""
    if before.dataset.fingerprint != after.dataset.fingerprint:
        raise InputError(_difference(before.dataset, after.dataset), hint="compare runs over the same dataset")


def pairs(
    before: Mapping[str, float | None],
    after: Mapping[str, float | None],
    examples: Sequence[Example],
    *,
    alpha: float,
    seed: int = 0,
    edge: Comparison | None = None,
) -> Comparison:
    """Compare values by example id; None means the scorer could not judge."""
    both = [e for e in examples if before[e.id] is not None and after[e.id] is not None]
    if not both:
        return _nothing(len(examples), alpha, edge)
    groups = clusters(both)
    found = paired([_of(before, e) for e in both], [_of(after, e) for e in both], groups, alpha=alpha, seed=seed)
    unjudged = len(examples) - len(both)
    decision = _decision(found)
    if unjudged and decision != "undecided":
        worst = _worst(before, after, examples, decision)
        held = _decision(paired(*worst, clusters(examples), alpha=alpha, seed=seed))
        decision = decision if held == decision else "undecided"
    return Comparison(
        found.n,
        found.lift,
        found.low,
        found.high,
        alpha,
        found.smallest_visible_effect,
        found.method,
        found.p_value,
        found.wins,
        found.losses,
        found.ties,
        decision,
        unjudged,
        found.groups,
        found.reason,
        found.permutation_p,
        edge,
    )


def clusters(examples: Sequence[Example]) -> list[str] | None:
    """Each example's cluster, or None where every example stands alone."""
    found = [e.cluster for e in examples]
    return found if len(set(found)) < len(found) else None


def _decision(found: Paired) -> Decision:
    if not found.tells:
        return "undecided"
    if found.p_value is not None and found.p_value > found.alpha:
        return "undecided"
    if found.p_value is None and found.low <= 0 <= found.high:
        return "undecided"
    return "better" if found.lift > 0 else "worse"


def _worst(
    before: Mapping[str, float | None], after: Mapping[str, float | None], examples: Sequence[Example], claim: Decision
) -> tuple[list[float], list[float]]:
    """The values with every unjudged pair set against the claim."""
    lost, won = (0.0, 1.0) if claim == "better" else (1.0, 0.0)
    first = [won if before[e.id] is None else _of(before, e) for e in examples]
    second = [lost if after[e.id] is None else _of(after, e) for e in examples]
    return first, second


def _of(values: Mapping[str, float | None], example: Example) -> float:
    value = values[example.id]
    return 0.0 if value is None else value


def _nothing(n: int, alpha: float, edge: Comparison | None) -> Comparison:
    reason = "cannot tell: no pair could be judged"
    return Comparison(0, 0.0, -1.0, 1.0, alpha, None, "none", None, 0, 0, 0, "undecided", n, None, reason, None, edge)


def _difference(before: Dataset, after: Dataset) -> str:
    first, second = set(before.by_id), set(after.by_id)
    if missing := sorted(first ^ second):
        shown = ", ".join(missing[:5])
        return f"{len(missing)} example ids are in one run only: {shown}{' …' if len(missing) > 5 else ''}"
    return "the two runs share ids, but their examples differ in input, expected answer, partition or group"
