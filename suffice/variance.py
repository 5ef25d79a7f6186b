"""Variance: how much hung on chance where something was chosen or learned on dev, and what each layer brings there."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

from .asking import Asking
from .budget import Budget
from .data import Dataset
from .layer import Layer
from .ledger import Ledger
from .looks import Values
from .places import ANSWERING
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
    parts = asking.task.parts
    runs = [asking.run(stack, parts.select, "select", "the same stack, fitted on another draw").id]
    for seed in range(1, SEEDS):
        pool, select = apart(parts.dev, asking.task.seed + seed)
        begun = {"plan": asking.plan["hash"], "refit": seed}
        if not any(d.body == begun for d in asking.ledger.declared("begun")):
            if not affordable(asking.budget, asking.ledger, len(select)):
                break
            asking.ledger.declare("begun", begun)
        again = _fitted(stack, pool)
        runs.append(asking.run(again, select, f"select {seed}", f"fitted on another draw of dev, seed {seed}").id)
    asking.evidence.add("refit", runs=runs, wanted=SEEDS)


def leave_out(asking: Asking, stack: Stack) -> None:
    """Run the final stack on dev without each of its layers, where that can be paid for, and write it down.

    What the layers learned is kept as it is; nothing is fitted again. Layers that spare the model calls stay.
    """
    select, names = asking.task.parts.select, [n for n in stack.names if n not in ANSWERING]
    if not names:
        return
    begun = {"plan": asking.plan["hash"], "left out": stack.digest}
    if not any(d.body == begun for d in asking.ledger.declared("begun")):
        if not affordable(asking.budget, asking.ledger, len(select) * len(names)):
            return
        asking.ledger.declare("begun", begun)
    whole = asking.run(stack, select, "select", "each layer's part: all of them")
    without = {n: asking.run(stack.without(n), select, "select", f"each layer's part: without {n}") for n in names}
    asking.evidence.add("left_out", whole=whole.id, without=[[name, run.id] for name, run in without.items()])


def affordable(budget: Budget, ledger: Ledger, calls: int) -> bool:
    """Whether so many more calls fit into the caps, at the price that calls have had so far."""
    bought = ledger.totals()
    fits = budget.calls is None or budget.calls - budget.spent_calls >= calls
    if budget.usd is None or not bought.attempts:
        return fits
    price = None if bought.usd is None else calls * bought.usd / bought.attempts
    return fits and price is not None and price <= budget.usd - budget.spent_usd


def spread(values: Sequence[Values]) -> dict[str, Json]:
    """How far apart fits with other seeds came out on dev: the standard deviation of their mean scores."""
    means = [
        sum(v for v in of.values() if v is not None) / max(1, sum(v is not None for v in of.values())) for of in values
    ]
    n = len(means)
    middle = sum(means) / n
    deviation = math.sqrt(sum((m - middle) ** 2 for m in means) / (n - 1)) if n > 1 else None
    return {"fits": n, "deviation": deviation, "range": max(means) - min(means) if n > 1 else None}


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
    return any(type(layer).fit is not Layer.fit for layer in stack.layers)


def _fitted(stack: Stack, pool: Dataset) -> Stack:
    """The same recipes, fitted anew from the innermost layer on."""
    layers: tuple[Layer, ...] = ()
    for layer in reversed(stack.layers):
        below = replace(stack, layers=layers)
        layers = (layer.fit(below, pool), *layers)
    return replace(stack, layers=layers)
