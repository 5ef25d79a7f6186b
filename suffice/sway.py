"""Sway: how far a judge agrees with people, and what sways it: places, lengths, replies of its own model."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .compare import clusters
from .data import Example
from .labels import Arm, Labels
from .score import Preference
from .stats.agreement import Agreement, Position, SelfPreference, agreement, length_bias, position_bias, self_preference

if TYPE_CHECKING:
    from .stats.paired import Paired

RIGHT = 0.5
"""From this score on, a graded label counts as right where agreement is counted."""


@dataclass(frozen=True, slots=True)
class Sway:
    """How far a judge is to be believed; None where that cannot be computed."""

    agreement: Agreement | None = None
    """With people, on the labelled outputs that it scored; a score counts as right from one half on."""
    position: Position | None = None
    """What the order of two replies does, where it was asked in both."""
    length: Paired | None = None
    """How much more often it prefers the longer of two replies than people do."""
    own: SelfPreference | None = None
    """How much more it flatters the arm that is its own model than the other arm."""


def sway(
    before: Arm,
    after: Arm,
    labels: Labels,
    examples: Sequence[Example],
    *,
    preferences: Sequence[tuple[Example, Preference]] = (),
    own: tuple[bool, bool] = (False, False),
    alpha: float = 0.05,
    seed: int = 0,
) -> Sway:
    """Whatever the labelled `examples`, and the preferences wherever they were asked, can tell of the judge."""
    arms, said = (before, after), list(_outputs((before, after), labels, examples))
    judge, human = [one.judge for one in said], [one.human for one in said]
    groups, mine = [one.example.cluster for one in said], [own[one.arm] for one in said]
    right = [s >= RIGHT for s in judge], [s >= RIGHT for s in human]
    return Sway(
        agreement(*right, groups, alpha=alpha, seed=seed) if said else None,
        _position(preferences, alpha, seed),
        _length(arms, labels, examples, alpha, seed),
        self_preference(judge, human, mine, groups, alpha=alpha) if any(mine) and not all(mine) else None,
    )


def same_family(judge: str, model: str) -> bool:
    """Whether two models go by one family's name, as `openai/gpt-4o` and `http://host/v1#gpt-5` do."""
    first, second = (re.split(r"[/#]", name.lower())[-1] for name in (judge, model))
    stems = [re.split(r"[^a-z]", name)[0] for name in (first, second)]
    return first == second or stems[0] == stems[1] != ""


@dataclass(frozen=True, slots=True)
class _Said:
    arm: int
    example: Example
    judge: float
    human: float


def _outputs(arms: tuple[Arm, Arm], labels: Labels, examples: Sequence[Example]) -> Iterator[_Said]:
    """Each output that people and the judge scored; one that both arms gave counts once."""
    for e in examples:
        texts = [arm.outputs[e.id] for arm in arms]
        for number, arm in enumerate(arms):
            score, truth = arm.scores[e.id], arm.truth(e.id, labels)
            again = number == 1 and texts[0] == texts[1]
            if texts[number] is not None and score is not None and truth is not None and not again:
                yield _Said(number, e, score, truth)


def _position(preferences: Sequence[tuple[Example, Preference]], alpha: float, seed: int) -> Position | None:
    told = [(e, p.shown_first, p.shown_second) for e, p in preferences]
    both = [(e, one, other) for e, one, other in told if one is not None and other is not None]
    if not both:
        return None
    first, second = [one for _, one, _ in both], [other for *_, other in both]
    return position_bias(first, second, clusters([e for e, *_ in both]), alpha=alpha, seed=seed)


def _length(
    arms: tuple[Arm, Arm], labels: Labels, examples: Sequence[Example], alpha: float, seed: int
) -> Paired | None:
    found: list[tuple[Example, tuple[float, float], float, float]] = []
    for e in examples:
        old, new = (arm.outputs[e.id] for arm in arms)
        was, now = (arm.truth(e.id, labels) for arm in arms)
        if old is not None and new is not None and was is not None and now is not None:
            judge = _preferred(arms[0].guess(e.id), arms[1].guess(e.id))
            found.append((e, (float(len(old)), float(len(new))), judge, _preferred(was, now)))
    if all(before == after for _, (before, after), _, _ in found):
        return None
    judged, human = [judge for _, _, judge, _ in found], [truth for *_, truth in found]
    old_lengths, new_lengths = [a for _, (a, _), _, _ in found], [b for _, (_, b), _, _ in found]
    groups = clusters([e for e, *_ in found])
    return length_bias(judged, human, new_lengths, old_lengths, groups, alpha=alpha, seed=seed)


def _preferred(before: float, after: float) -> float:
    """1 where `after` scores higher, 0 where `before` does, 0.5 where they tie."""
    return 0.5 if before == after else float(after > before)
