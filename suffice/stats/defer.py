"""Deferring: how much a student may answer itself before it loses more than was allowed against its teacher.

Thresholds are tested from the most cautious one down, each at the full level, until one fails: fixed-sequence testing,
which keeps the error of all of them together (Angelopoulos et al. 2021, Learn then Test, section 3.2).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from suffice.stats.regress import not_worse
from suffice.stats.sample import finite, scores

STEPS = 20


@dataclass(frozen=True, slots=True)
class Step:
    """One threshold on the way from always asking the teacher to never asking it."""

    threshold: float
    """The confidence from which the student answers; above 1 it never does."""
    answered: float
    """The share of items it answers."""
    quality: float
    """The mean score of student and teacher together."""
    lost: float
    """The teacher's mean score less that; negative where the student does better."""


def deferral(sure: Sequence[float], student: Sequence[float], teacher: Sequence[float]) -> tuple[Step, ...]:
    """The curve: a step for each of twenty quantiles of the confidence, the most cautious first."""
    import numpy as np

    confident, own, other = finite(sure, "sure"), scores(student, "student"), scores(teacher, "teacher")
    if not confident.size == own.size == other.size:
        raise ValueError("sure, student and teacher hold one number an item each")
    marks = np.quantile(confident, np.linspace(1, 0, STEPS + 1), method="lower")
    found = [Step(1.0 + 1e-9, 0.0, float(other.mean()), 0.0)]
    for mark in dict.fromkeys(float(m) for m in marks):
        answers = confident >= mark
        mixed = np.where(answers, own, other)
        found.append(Step(mark, float(answers.mean()), float(mixed.mean()), float((other - mixed).mean())))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Choice:
    """The threshold taken, whether the loss there is proven below the risk asked, and the curve."""

    threshold: float | None
    """None where even the surest of the student's answers lose too much."""
    proven: bool
    steps: tuple[Step, ...]


def chosen(
    sure: Sequence[float],
    student: Sequence[float],
    teacher: Sequence[float],
    groups: Sequence[Hashable] | None = None,
    *,
    risk: float = 0.02,
    alpha: float = 0.1,
    seed: int = 0,
) -> Choice:
    """The lowest threshold at which the loss against the teacher is proven below `risk`, all thresholds together.

    Where too few items can prove any, the lowest down to which half of the risk is never seen; the choice says so.
    """
    steps = deferral(sure, student, teacher)
    best: float | None = None
    for step in steps[1:]:
        mixed = [own if c >= step.threshold else other for c, own, other in zip(sure, student, teacher, strict=True)]
        if not not_worse(teacher, mixed, groups, margin=risk, alpha=alpha, seed=seed).proven:
            break
        best = step.threshold
    if best is not None:
        return Choice(best, True, steps)
    for step in steps[1:]:
        if step.lost > risk / 2:
            break
        best = step.threshold
    return Choice(best, False, steps)
