"""Port: the same stack on another base. Weights do not port: the tune is run again there, and both are compared.

Behaviour never matches exactly after a port (docs/framework.md §8), so the new stack is asked what the old one was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .budget import Budget
from .compare import Comparison, compare
from .data import Dataset
from .errors import InputError
from .export import Personal, beneath, lessons
from .gate import Gated, gate
from .jobs import Job, Pace, platform_of, train_on
from .lean import lean
from .ledger import Ledger
from .model import resolve
from .platform import Order
from .plugins import build, names
from .record import Run
from .run import Progress, run
from .stack import Stack
from .task import Task
from .trainer import held_out
from .training import base_of, trained, trainer_of


@dataclass(frozen=True)
class Ported:
    """The stack on its new base, and how it does beside the old one."""

    to: str
    rows: int
    """Demonstrations that the tune was run again from; 0 where nothing was tuned."""
    stack: Stack | None
    """None where what was tuned cannot be asked from here."""
    old: Run | None = None
    new: Run | None = None
    comparison: Comparison | None = None
    gated: Gated | None = None
    """Whether the new stack is proven not worse by the margin; None where it was not asked."""
    job: Job | None = None
    note: str = ""
    personal: int = 0
    """Demonstrations among them that hold personal data."""

    @property
    def holds(self) -> bool:
        """Whether the new stack is proven not worse."""
        return self.gated is not None and self.gated.decision == "not_worse"


@dataclass(frozen=True, slots=True)
class How:
    """Where runs are kept, what may be spent, and who watches."""

    ledger: Ledger
    budget: Budget | None = None
    """Caps the asking. A model tuned on a platform has no list price: cap its calls, not its money."""
    usd: float | None = None
    """The most that tuning on a platform may cost."""
    workers: int | None = None
    progress: Callable[[Progress], object] | None = None
    watch: Callable[[Job], object] | None = None
    pace: Pace | None = None
    personal: Personal = "keep"
    """Whether rows with personal data are learned from."""


def port(
    task: Task,
    stack: Stack,
    to: str,
    how: How,
    *,
    part: Dataset | None = None,
    data: Path | None = None,
    order: Order | None = None,
    margin: float = 0.05,
    seed: int = 0,
) -> Ported:
    """Move a stack to the model address or the platform `to`, tune there from the neutral data, and compare on `part`.

    `data` is a file of demonstrations; without it they are worded anew from the task's pool, as the stack on the new
    base would send them. `part` is test unless another is given. `order` names the base model, on a platform.
    """
    if "student" in stack.names:
        raise InputError("a student learned from the stack beneath it", hint="port that, then distil it again")
    if to in names("platforms"):
        moved = _on_platform(task, stack, to, how, data, order or Order(""))
    else:
        moved = _here(task, stack, to, how, data)
    return moved if moved.stack is None else _beside(moved, stack, part or task.parts.test, how, margin, seed)


def _here(task: Task, stack: Stack, to: str, how: How, data: Path | None) -> Ported:
    """On a model at an address: the adapter, if there is one, is trained again on its weights."""
    fresh = stack.over(resolve(to, folder=task.folder))
    if "adapter" not in stack.names:
        return Ported(to, 0, fresh, note="nothing was tuned: the stack asks another model as it is")
    below = beneath(fresh)
    base = base_of(below.model)
    if base is None:
        raise InputError(
            f"the weights of `{to}` are not here to be trained",
            hint=f"name hf:PATH or gguf:PATH, or a platform: {', '.join(names('platforms'))}",
        )
    found = lessons(task, fresh, data, how.personal)
    at = stack.names.index("adapter")
    layer: Any = stack.layers[at]
    taught = held_out(found.rows, seed=int(layer.recipe.get("seed", 0)))
    made = trained(trainer_of(layer.trainer, layer.recipe), taught.rows, taught.held, base, task.folder)
    again = replace(layer, adapter=made.artifact, served="")
    moved = replace(fresh, layers=(*fresh.layers[:at], again, *fresh.layers[at + 1 :]))
    return Ported(to, len(found.rows), moved, personal=found.personal)


def _on_platform(task: Task, stack: Stack, to: str, how: How, data: Path | None, order: Order) -> Ported:
    """At a platform: what was tuned is a model with a name of its own, so no adapter stands in the stack any more."""
    found = lessons(task, stack, data, how.personal)
    rows, told = len(found.rows), found.personal
    platform = platform_of(to, task.folder)
    job = train_on(platform, found.rows, order, task.folder, budget=how.usd, watch=how.watch, pace=how.pace)
    if job.stage != "done":
        why = job.report.message if job.report else ""
        return Ported(to, rows, None, job=job, note=f"the job {job.stage}{f': {why}' if why else ''}", personal=told)
    if job.served is None:
        note = f"{job.model} is tuned; record its outputs over the examples, then `suffice compare`. {job.note}"
        return Ported(to, rows, None, job=job, note=note, personal=told)
    plain = stack.without("adapter") if "adapter" in stack.names else lean(stack, task)
    return Ported(to, rows, plain.over(build("models", job.served)), job=job, note=job.note, personal=told)


def _beside(moved: Ported, stack: Stack, part: Dataset, how: How, margin: float, seed: int) -> Ported:
    """Both stacks over the same examples: the old one from its kept replies where its model is gone."""
    asked: dict[str, Any] = {
        "ledger": how.ledger,
        "budget": how.budget,
        "workers": how.workers,
        "progress": how.progress,
    }
    assert moved.stack is not None  # noqa: S101  # checked by the caller
    old, new = run(stack, part, **asked), run(moved.stack, part, **asked)
    found = compare(old, new, seed=seed)
    return replace(moved, old=old, new=new, comparison=found, gated=gate(old, new, margin=margin, seed=seed))
