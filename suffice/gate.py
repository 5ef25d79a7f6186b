"""Gate: whether a change is proven not to make things worse by more than a margin, for a pipeline to stop on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from .compare import check_same, clusters
from .data import Example, Partition
from .errors import InputError
from .record import Run
from .stats.paired import Paired, paired
from .stats.regress import items_to_prove_above, not_worse

Decision = Literal["not_worse", "worse", "undecided"]
Values = Mapping[str, float | None]
LISTED = 20
"""Examples that got worse, named in a report."""


@dataclass(frozen=True, slots=True)
class Lost:
    """An example that scores less than before."""

    id: str
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Part:
    """What is known of one partition: the difference after − before and what it proves."""

    partition: Partition
    decision: Decision
    reason: str
    n: int
    lift: float
    low: float
    """The lift lies above this, at the level `alpha`; above −margin means proven not worse."""
    high: float
    """The lift lies below this, at the level `alpha_worse`; below 0 means proven worse."""
    p_value: float | None
    """Against "the loss is the margin or more"; None where the method gives limits alone."""
    method: str
    wins: int
    losses: int
    ties: int
    unjudged: int
    """Pairs left out because a scorer could not judge one side; the decision holds even if all went against it."""
    groups: int | None
    needed: int | None
    """About how many more examples would tell, if what was seen is true; None where all is told, or nothing would.

    Of a partition that is proven worse: would prove that the loss stays within the margin."""
    lost: tuple[Lost, ...]
    """The examples that lost most, 20 at most."""


@dataclass(frozen=True, slots=True)
class Gated:
    """What a gate found: core decides, and so does an edge partition that is proven worse."""

    decision: Decision
    margin: float
    alpha: float
    alpha_worse: float
    """The level of each partition's "worse": alpha, divided among the partitions."""
    parts: tuple[Part, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Asked:
    margin: float
    alpha: float
    alpha_worse: float
    seed: int


def gate(before: Run, after: Run, *, margin: float = 0.05, alpha: float = 0.05, seed: int = 0) -> Gated:
    """Whether the second run is proven to lose less than the margin against the first, over the same examples."""
    check_same(before, after)
    old, new = ({r.id: r.value for r in run.records} for run in (before, after))
    return judged(old, new, before.dataset.examples, margin=margin, alpha=alpha, seed=seed)


def judged(
    before: Values,
    after: Values,
    examples: Sequence[Example],
    *,
    margin: float = 0.05,
    alpha: float = 0.05,
    seed: int = 0,
    notes: Sequence[str] = (),
) -> Gated:
    """Gate on values by example id; None means the scorer could not judge."""
    _check(before, after, examples, margin, alpha)
    sides: list[tuple[Partition, list[Example]]] = [
        ("core", [e for e in examples if e.partition == "core"]),
        ("edge", [e for e in examples if e.partition == "edge"]),
    ]
    there = [side for side in sides if side[1]]
    asked = _Asked(margin, alpha, alpha / len(there), seed)
    parts = tuple(_part(name, before, after, some, asked) for name, some in there)
    worse = any(part.decision == "worse" for part in parts)
    decision: Decision = "worse" if worse else parts[0].decision
    return Gated(decision, margin, alpha, asked.alpha_worse, parts, (*notes, *_on_groups(examples)))


def _part(name: Partition, before: Values, after: Values, examples: Sequence[Example], asked: _Asked) -> Part:
    both = [e for e in examples if before[e.id] is not None and after[e.id] is not None]
    unjudged = len(examples) - len(both)
    if not both:
        reason = "cannot tell: no pair could be judged"
        return Part(name, "undecided", reason, 0, 0.0, -1.0, 1.0, None, "none", 0, 0, 0, unjudged, None, None, ())
    held, loss = _tests(before, after, both, asked)
    decision = seen = _decided(held, loss)
    if unjudged and seen != "undecided":
        worst = _tests(*_against(seen, before, after, examples), examples, asked)
        decision = seen if _decided(*worst) == seen else "undecided"
    more = _more(seen, held, loss)
    return Part(
        partition=name,
        decision=decision,
        reason=_reason(decision, held, loss, more, unjudged if decision != seen else 0),
        n=held.n,
        lift=held.lift,
        low=held.low,
        high=-loss.low,
        p_value=held.p_value,
        method=held.method,
        wins=held.wins,
        losses=held.losses,
        ties=held.ties,
        unjudged=unjudged,
        groups=held.groups,
        needed=more,
        lost=_lost(before, after, both),
    )


def _tests(before: Values, after: Values, examples: Sequence[Example], asked: _Asked) -> tuple[Paired, Paired]:
    """Is the loss proven below the margin, and between which limits does the loss lie: both are margin tests."""
    old, new = ([_of(side, e) for e in examples] for side in (before, after))
    groups, margin = clusters(examples), asked.margin
    held = not_worse(old, new, groups, margin=margin, alpha=asked.alpha, seed=asked.seed)
    loss = paired(new, old, groups, alpha=asked.alpha_worse, seed=asked.seed, margin=margin, sided="greater")
    return held, loss


def _decided(held: Paired, loss: Paired) -> Decision:
    if held.tells and held.proven:
        return "not_worse"
    return "worse" if loss.tells and loss.low > 0 else "undecided"


def _more(decision: Decision, held: Paired, loss: Paired) -> int | None:
    """About how many more examples would show whether the loss stays within the margin, or that there is one."""
    if decision == "not_worse" or loss.proven:
        return None
    found = [items_to_prove_above(held, held.margin)]
    found += [items_to_prove_above(loss, 0.0)] if decision == "undecided" else []
    needed = min((n for n in found if n is not None), default=None)
    return None if needed is None else max(1, needed - held.n)


def _against(claim: Decision, before: Values, after: Values, examples: Sequence[Example]) -> tuple[Values, Values]:
    """The values with everything unjudged set against the claim."""
    old, new = (1.0, 0.0) if claim == "not_worse" else (0.0, 1.0)
    first = {e.id: old if before[e.id] is None else before[e.id] for e in examples}
    return first, {e.id: new if after[e.id] is None else after[e.id] for e in examples}


def _reason(decision: Decision, held: Paired, loss: Paired, more: int | None, unjudged: int) -> str:
    margin = -held.margin
    if decision == "not_worse":
        also = "; a loss is proven, but within the margin" if loss.tells and loss.low > 0 else ""
        ruled = f"a loss of more than {-held.low:.3f} is ruled out" if held.low < 0 else "it is proven better"
        return f"proven not worse: {ruled} (margin {margin:g}){also}"
    if decision == "worse":
        beyond = f"beyond the margin of {margin:g}" if loss.proven else f"not proven to stay within {margin:g}"
        tell = "" if more is None else f"; about {_examples(more)} would, if what was seen is true"
        least = f"the loss is at least {loss.low:.3f}" if loss.low >= 0.0005 else "there is a loss"
        return f"proven worse: {least}, {beyond}{tell}"
    if unjudged:
        return f"cannot tell: the {unjudged} pairs that could not be judged might turn the answer"
    why = held.reason or f"cannot tell: a loss of up to {-held.low:.3f} is not ruled out (margin {margin:g})"
    if more is None:
        return f"{why}; no affordable number of examples would tell"
    about = "at least" if held.reason else "about"
    return f"{why}; {about} {_examples(more)} would tell, if what was seen is true"


def _examples(more: int) -> str:
    return f"{more} more example{'' if more == 1 else 's'}"


def _lost(before: Values, after: Values, examples: Sequence[Example]) -> tuple[Lost, ...]:
    found = [Lost(e.id, old, new) for e in examples if (new := _of(after, e)) < (old := _of(before, e))]
    return tuple(sorted(found, key=lambda one: (one.after - one.before, one.id))[:LISTED])


def _of(values: Values, example: Example) -> float:
    value = values[example.id]
    return 0.0 if value is None else value


def _on_groups(examples: Sequence[Example]) -> tuple[str, ...]:
    alone = sum(e.group is None for e in examples)
    if alone in (0, len(examples)):
        return ()
    return (f"{alone} of {len(examples)} examples name no group; each of them is taken to stand alone",)


def _check(before: Values, after: Values, examples: Sequence[Example], margin: float, alpha: float) -> None:
    if not 0 < margin < 1:
        hint = "give the loss that is tolerated, such as 0.05; `suffice compare` asks for a proven gain"
        raise InputError(f"the margin is {margin:g}: it lies between 0 and 1", hint=hint)
    if not 0.0001 <= alpha < 0.5:
        raise InputError(f"alpha is {alpha:g}: an error level here lies between 0.0001 and 0.5")
    if not examples:
        raise InputError("there is nothing to compare", hint="both sides must answer at least one example")
    for which, values in (("before", before), ("after", after)):
        for example in examples:
            if example.id not in values:
                raise InputError(f"`{example.id[:60]}` has no value {which}", hint="both sides answer every example")
            value = values[example.id]
            if value is not None and not (math.isfinite(value) and 0 <= value <= 1):
                raise InputError(f"`{example.id[:60]}` scores {value:g} {which}: a score lies in [0, 1]")
