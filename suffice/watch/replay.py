"""Replay: the stack against a strong model without tuning, on the same recent requests (docs/framework.md §9)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .. import rows
from ..asking import sampling_for
from ..budget import Budget
from ..compare import Comparison, compare
from ..data import Dataset
from ..errors import InputError
from ..ledger import Ledger
from ..model import resolve
from ..plugins import find
from ..run import run
from ..score import AskingScorer
from ..stack import Stack
from ..task import Task


@dataclass(frozen=True, slots=True)
class Replay:
    """What came of it."""

    headline: str
    drifted: bool | None
    """Whether a gap in the strong model's favour is proven; None where nothing is."""
    comparison: Comparison
    """Strong model minus stack, paired over the recent requests."""
    before: float | None
    """The stack's quality on them."""
    after: float | None
    strong: str


def recent(path: Path, task: Task) -> Dataset:
    """Recent requests with their right answers, as an examples file of the task's own output."""
    found = rows.read(path, task.dataset.output)
    return Dataset(found, task.dataset.output, task.dataset.scorer, path.stem)


def zero_shot(task: Task) -> Stack:
    """The strong model beneath the task's prompt alone."""
    if task.strong_model is None:
        raise InputError(
            "no strong model is named", hint="strong_model: PROVIDER/NAME in suffice.yaml", file=str(task.folder)
        )
    prompt = find("layers", "prompt").for_task(task)
    return Stack(resolve(task.strong_model, folder=task.folder), (prompt,), sampling_for(task, task.parts.dev))


def replay(
    task: Task,
    stack: Stack,
    requests: Dataset,
    *,
    ledger: Ledger | None = None,
    budget: Budget | None = None,
    workers: int | None = None,
    alpha: float = 0.05,
) -> Replay:
    """Ask both everything and compare; what the ledger holds is not asked again. Nothing is learned from it."""
    strong = zero_shot(task)
    old, new = (run(s, requests, ledger=ledger, budget=budget, workers=workers) for s in (stack, strong))
    found = compare(old, new, alpha=alpha, seed=task.seed)
    unverified = isinstance(task.dataset.scorer, AskingScorer)
    headline, drifted = _said(found, task.strong_model or "", unverified)
    return Replay(headline, drifted, found, old.quality, new.quality, task.strong_model or "")


def _said(found: Comparison, strong: str, unverified: bool) -> tuple[str, bool | None]:
    """The verdict in words, and whether there is drift."""
    numbers = f"{found.lift:+.3f} [{found.low:+.3f}, {found.high:+.3f}] over {found.n} recent requests"
    if unverified:
        return f"cannot tell: an unverified judge scored {strong} against the stack: {numbers}", None
    if found.decision == "better":
        return f"data drift: {strong} without tuning is proven better than the stack: {numbers}", True
    if found.decision == "worse":
        return f"no sign of data drift: the stack is proven better than {strong} without tuning: {numbers}", False
    return f"cannot tell the stack from {strong} without tuning: {numbers}", None
