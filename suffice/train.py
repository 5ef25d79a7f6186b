"""Train: an adapter or a student outside a climb, by the same gates, on the same rows: a stack to run and compare."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from .afterwards import deferral_of, learning_of
from .artifacts import write_whole
from .asking import Asking, Watch, sampling_for
from .attribution import attribute
from .budget import Budget
from .compare import Comparison, compare
from .curate import judging_of
from .curate.gather import candidates_of
from .curate.steps import contamination
from .data import Dataset
from .demonstrations import Choice, Demonstration, read_choices
from .digest import plain
from .errors import InputError
from .evidence import Evidence, Reading
from .export import secrets_of
from .layer import Gate
from .lean import held_to, lean
from .ledger import Ledger
from .minimum import Approach
from .model import resolve
from .places import placed
from .plugins import find
from .readiness import Attempts, attempts_of, readiness
from .record import Diagnosis, Run
from .stack import Stack
from .task import Task
from .taught import RISK, Teaching
from .trainer import Base, held_out, listening
from .training import base_of, missing, trainable, trained, trainer_of
from .tuning import Tuning, told_by
from .types import Json

APPROACHES: Mapping[str, Approach] = {"lora": "lora", "qlora": "lora", "full": "full", "preference": "preference"}
"""The gates of each trainer, by its name or by what comes out of it; any other has those of a LoRA."""


@dataclass(frozen=True)
class Made:
    """A trained stack, how it does on dev beside the one it was made from, and what training told."""

    stack: Stack
    before: Run
    after: Run
    comparison: Comparison
    """On dev, which chose: a description, no proof."""
    told: Mapping[str, Json]
    """The learning curve, or the curve of deferral; empty where neither was drawn."""
    left_out: int = 0
    """Rows that were given and not learned from: they repeat one another, or items that choose or judge."""
    taught_by: str = ""
    """The model that wrote some of the replies a student learned; empty where a layer answered all of them itself."""


@dataclass(frozen=True)
class Hands:
    """What training is done with: where runs are kept, what may be spent, who watches."""

    ledger: Ledger
    budget: Budget | None = None
    watch: Watch = lambda _stage, _progress: None

    def asking(self, task: Task) -> Asking:
        """Runs of this training, with evidence of their own."""
        evidence = Evidence()
        for part in ("pool", "select"):
            evidence.add_examples(getattr(task.parts, part), part)
        return Asking(task, self.ledger, self.budget or Budget(), self.watch, evidence)


def gates_for(
    task: Task,
    approach: Approach,
    *,
    found: Reading | None,
    rows: Any = None,
    pairs: int | None = None,
    teacher: str | None = None,
    forced: Sequence[str] = (),
) -> tuple[Gate, ...]:
    """Every gate of a training, what the last climb found out included; `found` is its evidence."""
    diagnosis: Diagnosis | None = None
    attempts = Attempts()
    if found is not None:
        last = next(reversed(list(found.evidence.of("diagnosis"))), None)
        diagnosis, attempts = (attribute(found, last["of"]) if last else None), attempts_of(found)
    known: dict[str, Any] = {"rows": rows, "pairs": pairs, "diagnosis": diagnosis, "teacher": teacher}
    return readiness(task, approach, attempts=attempts, forced=forced, **known)


def approach_of(task: Task, *, pairs: bool = False) -> Approach:
    """Whose gates the task's trainer has; raises where no stack could ask what it learns from demonstrations."""
    kind = trainer_of(task.training.trainer, task.training.recipe, pairs=pairs).kind
    return APPROACHES.get(kind, "lora")


def train(task: Task, base: Stack, hands: Hands, *, rows: Dataset | None = None, curve: bool = True) -> Made:
    """Train the task's recipe over the lean form of `base`, on `rows` or on the pool, and choose its form on dev."""
    _here(base.model, task)
    approach_of(task)
    asking = hands.asking(task)
    tuning = Tuning(asking, base, rows=rows, whole=not curve)
    tuned = tuning.stacks()
    before = asking.run(base, task.parts.select, "select", "the stack without training")
    runs = [asking.run(s, task.parts.select, "select", "the trained stack on dev") for s in tuned]
    after = max(runs, key=lambda run: run.quality or 0.0)
    told = learning_of(Reading(asking.evidence), task.profile.smallest_lift, task.target.quality, task.seed)
    left_out = len(rows) - len(tuning.pool) if rows is not None else 0
    return Made(after.stack, before, after, compare(before, after, seed=task.seed), told or {}, left_out)


def prefer(task: Task, base: Stack, hands: Hands, data: Path) -> Made:
    """Train the task's recipe on the pairs in a file over the lean form of `base`, and choose its form on dev."""
    _here(base.model, task)
    asking, below, choices = hands.asking(task), lean(base, task), read_choices(data)
    layer: Any = find("layers", "adapter").for_task(task)
    trainer = trainer_of(layer.trainer, layer.recipe, pairs=True)
    kept = tuple(_learnable(choices, task, below, data))
    taught = held_out(cast(Any, kept), seed=int(layer.recipe.get("seed", 0)))
    with listening(lambda stage: asking.watch("preferences: training", told_by(stage))):
        done = trained(trainer, taught.rows, taught.held, cast(Base, base_of(below.model)), task.folder)
    tuned = placed(below, replace(layer, adapter=done.artifact))
    stacks = [s for s in (tuned, held_to(tuned, task)) if s is not None]
    before = asking.run(base, task.parts.select, "select", "the stack without training")
    runs = [asking.run(s, task.parts.select, "select", "the trained stack on dev") for s in stacks]
    after = max(runs, key=lambda run: run.quality or 0.0)
    told = compare(before, after, seed=task.seed)
    return Made(after.stack, before, after, told, {}, len(choices) - len(kept))


def _learnable(choices: Sequence[Choice], task: Task, below: Stack, data: Path) -> Iterator[Choice]:
    """Pairs worded as the stack will ask, without those that repeat what judges or chooses, or hold a secret."""
    known = {c.id: c for c in choices if not secrets_of(c)}
    shown = [Demonstration(c.id, c.messages, c.chosen, provenance=c.provenance) for c in known.values()]
    judging = (*judging_of(task), *task.parts.select)
    for kept in contamination(candidates_of(shown, task.output, data), judging).kept:
        if messages := below.wording(kept.example.request):
            yield replace(known[kept.id], messages=messages)


def distil(task: Task, teacher: Stack, base: Stack, hands: Hands, *, risk: float = RISK) -> Made | None:
    """Teach a student what `teacher` answers on the pool, and let it stand over `base`.

    None where even the surest of its answers lose more than `risk`.
    """
    _here(base.model, task)
    approach_of(task)
    asking = hands.asking(task)
    teaching = Teaching(asking, teacher, base, risk)
    stack = teaching.student(base)
    if stack == base:
        return None
    before, after = (asking.run(s, task.parts.select, "select", "student and teacher on dev") for s in (base, stack))
    told = deferral_of(Reading(asking.evidence)) or {}
    return Made(stack, before, after, compare(before, after, seed=task.seed), told, taught_by=teaching.wrote)


def bare(task: Task) -> Stack:
    """The task's model with nothing around it."""
    return Stack(resolve(task.model, folder=task.folder), (), sampling_for(task, task.parts.dev))


def _here(model: Any, task: Task) -> None:
    """Raise where nothing can be trained on this machine."""
    if not trainable(model):
        raise InputError(
            f"the weights of `{task.model}` are not here to be trained",
            hint="name embedded, hf:PATH or gguf:PATH; or train on a platform: suffice train --on",
        )
    if lacking := missing():
        raise InputError(f"{', '.join(lacking)} not installed", hint="pip install 'suffice[train]'")


def saved(stack: Stack, path: Path, card: Mapping[str, Json] | None = None) -> Path:
    """The stack as a file that `run`, `compare`, `ask` and `export` take, and under its digest.

    `card` says how it came about: it stands beside both as `.card.json`.
    """
    home = path.parent / ".suffice" / "stacks"
    home.mkdir(parents=True, exist_ok=True)
    for file in (home / f"{stack.digest}.yaml", path):
        stack.save(file)
        if card is not None:
            body = {"stack": stack.digest, **plain(card)}
            write_whole(card_of(file), json.dumps(body, indent=1, ensure_ascii=False).encode())
    return path


def card_of(path: Path) -> Path:
    """Where the card of a stack's file stands."""
    return path.with_suffix(".card.json")
