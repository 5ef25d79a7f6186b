"""Preview: what a climb would try and what it would take in calls, money, time and test items, before any is spent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .asking import sampling_for
from .declare import judge_of, shared
from .diagnose import CALLS_A_FAILURE, EXPLAINED_AT_MOST, FAILURES_AT_MOST
from .errors import InputError
from .leakage import leaks, warnings_of
from .ledger import Ledger, place_of
from .looks import asked_of
from .model import Model, resolve
from .plan import ANSWERS_WITHOUT_MODEL, LADDER, calls_of, candidates_of, plan
from .price import usd
from .provable import can_prove
from .stats.power import items_to_prove, smallest_visible_effect
from .stats.rung import tellable
from .task import Task
from .types import Json, Usage
from .variance import SEEDS

ASSUMED_MS = 650.0
"""A prompt of 2,000 tokens to a small model takes 400–900 ms at P50 (docs/framework.md §7)."""
CHARACTERS_PER_TOKEN = 4
PROMPT_TOKENS = 400
"""Instructions, examples or passages around the input, assumed where nothing has been measured."""
VARIANTS = {"prompt": 4, "few_shot": 5, "retrieval": 4}
ATTEMPTS = 4
"""Lighter stacks that are tried on the way down, assumed."""
DISCORDANCE = 0.3
"""The share of items on which two rungs are assumed to differ, for the smallest effect a comparison could see."""


@dataclass(frozen=True)
class _Rate:
    """What one call takes."""

    ms: float
    usd: float | None
    basis: str


def preview(task: Task) -> dict[str, Json]:
    """An upper estimate: every candidate rung tried, none stopped at, nothing in the reply cache.

    Raises InputError where no test example is left to judge with: then there is nothing to climb.
    """
    if not len(task.parts.test):
        hint = "mark some with `split: test`, or add examples"
        raise InputError("no test examples are left to judge with", hint=hint)
    model = resolve(task.model, folder=task.folder)
    candidates = candidates_of(task, model)
    told = {**shared(task, candidates, model), "candidates": len(candidates)}
    n, rate, judged = len(task.parts.test), _rate(task, model), 2 if judge_of(task) else 1
    rungs = [_rung(task, model, rate, r.name) for r in LADDER]
    calls = judged * (sum(r["calls"] for r in rungs) + _diagnosing(candidates) + _afterwards(task, told, candidates))
    found = leaks(task)
    target = {"quality": task.target.quality, "tolerance": task.target.tolerance}
    return {
        "task": task.name,
        "model": task.model,
        "test_items": n,
        "edge_items": len(task.parts.edge),
        "dev_items": len(task.parts.dev),
        "warnings": warnings_of(found),
        **found,
        "can_prove": can_prove(n, target, told),
        "items_needed": _needed(task, told["alpha_target"]),
        "smallest_visible_effect": smallest_visible_effect(n, DISCORDANCE, told["alpha_claim"]),
        "calls_at_most": calls,
        "usd_at_most": None if rate.usd is None else calls * rate.usd,
        "seconds_at_most": round(calls * rate.ms / 1000 / max(1, model.parallel)),
        "basis": rate.basis,
        "rungs": rungs,
    }


def _rung(task: Task, model: Model, rate: _Rate, name: str) -> dict[str, Json]:
    rung = next(r for r in LADDER if r.name == name)
    proposal = plan(rung, task, model=model)
    asks = proposal.action == "try" and name not in ANSWERS_WITHOUT_MODEL
    calls = calls_of(task, VARIANTS.get(name, 2)) if asks else 0
    price = None if rate.usd is None else calls * rate.usd
    return {"rung": rung.title, "action": proposal.action, "calls": calls, "usd": price, "reason": proposal.reason}


def _diagnosing(candidates: list[str]) -> int:
    """Two diagnoses: after the prompt, and of the final stack."""
    return CALLS_A_FAILURE * (FAILURES_AT_MOST + EXPLAINED_AT_MOST) if "prompt" in candidates else 0


def _afterwards(task: Task, told: Mapping[str, Json], candidates: list[str]) -> int:
    """The way down, where so many items can tell anything there; other fits; and what confirms it all."""
    if not any(name not in ANSWERS_WITHOUT_MODEL for name in candidates):
        return 0
    parts = task.parts
    target = {"quality": task.target.quality, "tolerance": task.target.tolerance}
    alpha = told["alpha_down"] / ATTEMPTS
    asked = asked_of(told, target, parts.test.examples, graded=False, alpha_target=alpha, alpha_lift=alpha)
    down = (ATTEMPTS + 1) * len(parts.test) if tellable(asked, told["margin"]) else 0
    return down + (SEEDS - 1) * len(parts.select) + len(task.confirmation or ())


def _rate(task: Task, model: Model) -> _Rate:
    """Measured in earlier attempts where the ledger has some, otherwise assumed, and said so."""
    path = place_of(task.state)
    if isinstance(path, str) or path.is_file():
        with Ledger.open(path) as ledger:
            answered = [a for a in ledger.attempts() if not a.fault and a.ms]
        if answered:
            paid = [a.usd for a in answered if a.usd is not None]
            price = sum(paid) / len(paid) if len(paid) == len(answered) else None
            return _Rate(sum(a.ms for a in answered) / len(answered), price, f"measured over {len(answered)} calls")
    sampled = task.dataset[:50]
    length = sum(len(e.text) for e in sampled) / max(1, len(sampled)) / CHARACTERS_PER_TOKEN
    tokens = Usage(PROMPT_TOKENS + round(length), sampling_for(task, task.parts.dev).max_tokens)
    free = model.name == "embedded" or model.name.startswith("gguf:")
    return _Rate(ASSUMED_MS, 0.0 if free else usd(model.name, tokens), "assumed: no call has been measured yet")


def _needed(task: Task, alpha: float) -> Json:
    """Test items that would prove the target, were the true quality a little above it."""
    if task.target.quality is None:
        return None
    bound = task.target.quality - task.target.tolerance
    found = {f"{true:.2f}": items_to_prove(true, bound, alpha) for true in _above(task.target.quality)}
    return {quality: items for quality, items in found.items() if items}


def _above(quality: float) -> tuple[float, ...]:
    return tuple(q for q in (quality, quality + 0.03, quality + 0.06) if q < 1)
