"""Variance: how much hung on chance where something was chosen or learned on dev."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import variance

from .asking import Asking
from .data import Dataset
from .layer import Layer
from .looks import Values
from .plan import FINALISTS
from .split import apart
from .stack import Stack
from .types import Json

SEEDS = 3
"""Fits of whatever learns: the one that was judged, and others with another draw of what to learn from."""
RESAMPLES = 500


def refit(asking: Asking, stack: Stack) -> None:
    """Fit the final stack again on other draws of dev, where that can be paid for, and write down how it does there."""
    if not _learns(stack):
        return
    parts, minutes = asking.task.parts, _minutes(asking, stack)
    runs = [asking.run(stack, parts.select, "select", "the same stack, fitted on another draw").id]
    for seed in range(1, SEEDS):
        pool, select = apart(parts.dev, asking.task.seed + seed)
        minutes -= _again(asking, stack)
        if minutes < 0 or not asking.begins({"refit": seed}, len(select)):
            break
        again = _fitted(stack, pool, seed)
        runs.append(asking.run(again, select, f"select {seed}", f"fitted on another draw of dev, seed {seed}").id)
    asking.evidence.add("refit", runs=runs, wanted=SEEDS)


def spread(values: Sequence[Values]) -> dict[str, Json]:
    """How far apart fits with other seeds came out on dev: the standard deviation of their mean scores.

    Each fit is asked other items, so `by_items` says what the draw of items alone would give: the root of the mean of
    the scores' variance over the number of items.
    """
    judged = [[v for v in of.values() if v is not None] for of in values]
    means = [sum(of) / max(1, len(of)) for of in judged]
    n = len(means)
    middle = sum(means) / n
    deviation = math.sqrt(sum((m - middle) ** 2 for m in means) / (n - 1)) if n > 1 else None
    errors = [variance(of) / len(of) for of in judged if len(of) > 1]
    by_items = math.sqrt(sum(errors) / len(errors)) if errors else None
    return {
        "fits": n,
        "deviation": deviation,
        "by_items": by_items,
        "range": max(means) - min(means) if n > 1 else None,
    }


def stability(
    variants: Sequence[Mapping[str, Json]], values: Mapping[str, Values], first: int, seed: int
) -> float | None:
    """How often the chosen variant would be chosen again from dev items drawn anew with replacement.

    The choice is the climb's: all variants on the first items, the better ones on all; the first among equals. None
    where there was no choice.
    """
    if len(variants) < 2 or any(v.get("run") is None for v in variants):
        return None
    ids = max((list(values[v["run"]]) for v in variants), key=len)
    chosen = next(i for i, v in enumerate(variants) if v["chosen"])
    draw, again = random.Random(seed), 0
    scores = [[values[v["run"]].get(i) for i in ids] for v in variants]
    for _ in range(RESAMPLES):
        early = [draw.randrange(min(first, len(ids))) for _ in range(min(first, len(ids)))]
        ranked = sorted(range(len(variants)), key=lambda v: -_mean(scores[v], early))[:FINALISTS]
        late = [*early, *(draw.randrange(len(ids)) for _ in range(len(ids) - len(early)))]
        again += max(sorted(ranked), key=lambda v: _mean(scores[v], late)) == chosen
    return again / RESAMPLES


def _mean(scores: Sequence[float | None], at: Sequence[int]) -> float:
    found = [s for i in at if (s := scores[i]) is not None]
    return sum(found) / len(found) if found else 0.0


def _learns(stack: Stack) -> bool:
    """Whether anything in a stack learns from examples; what learned from a stack's own replies is not drawn again."""
    taught = any(getattr(layer, "replies", "expected") == "own" for layer in stack.layers) or "student" in stack.names
    return not taught and any(type(layer).fit is not Layer.fit for layer in stack.layers)


def _minutes(asking: Asking, stack: Stack) -> float:
    """What is left of the minutes that training may take; endless where nothing was trained."""
    if not _again(asking, stack):
        return math.inf
    spent = sum(p["seconds"] for line in asking.evidence.of("curve") for p in line["points"])
    return asking.task.training.minutes - float(spent) / 60


def _again(asking: Asking, stack: Stack) -> float:
    """Minutes that training the stack's adapter once more takes."""
    from .training import took

    adapters = (str(getattr(layer, "adapter", "")) for layer in stack.layers)
    return sum(took(asking.task.folder, adapter) for adapter in adapters) / 60


def _fitted(stack: Stack, pool: Dataset, seed: int) -> Stack:
    """The same recipes, fitted anew from the innermost layer on; what draws by chance draws by another seed."""
    layers: tuple[Layer, ...] = ()
    for layer in reversed(stack.layers):
        below = replace(stack, layers=layers)
        drawn = getattr(layer, "seeded", None)
        layers = ((drawn(seed) if callable(drawn) else layer).fit(below, pool), *layers)
    return replace(stack, layers=layers)
