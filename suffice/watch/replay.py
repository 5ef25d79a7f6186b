"""Replay: the stack against a strong model without tuning, on the same recent requests (docs/framework.md §9).

A stack may have been kept below the strong model: then a gap is no drift. So both are held against one another on the
task's test items too, each comparison at half the error, and drift is a gap that is proven to be larger than it was.
"""

from __future__ import annotations

from collections.abc import Callable
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
from ..record import Run
from ..run import Progress, run
from ..score import AskingScorer
from ..stack import Stack
from ..task import Task


@dataclass(frozen=True, slots=True)
class Replay:
    """What came of it."""

    headline: str
    drifted: bool | None
    """Whether a gap in the strong model's favour is proven to be larger than on test; None where nothing is proven."""
    comparison: Comparison
    """Strong model minus stack, paired over the recent requests."""
    before: float | None
    """The stack's quality on them."""
    after: float | None
    strong: str
    on_test: Comparison | None = None
    """The same over the test items; None where they were not asked, because no gap in its favour is proven."""


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
    progress: Callable[[Progress], object] | None = None,
) -> Replay:
    """Ask both everything and compare; what the ledger holds is not asked again. Nothing is learned from it.

    Where the strong model is proven better, both are asked about the test items as well, within the same budget.
    """
    strong = zero_shot(task)

    def both(asked: Dataset) -> tuple[Run, Run]:
        old, new = (
            run(s, asked, ledger=ledger, budget=budget, workers=workers, progress=progress) for s in (stack, strong)
        )
        return old, new

    old, new = both(requests)
    found = compare(old, new, alpha=alpha / 2, seed=task.seed)
    unverified = isinstance(task.dataset.scorer, AskingScorer)
    first = None
    if found.decision == "better" and not unverified and len(task.parts.test):
        first = compare(*both(task.parts.test), alpha=alpha / 2, seed=task.seed)
    headline, drifted = _said(found, first, task.strong_model or "", unverified)
    return Replay(headline, drifted, found, old.quality, new.quality, task.strong_model or "", first)


def _said(found: Comparison, first: Comparison | None, strong: str, unverified: bool) -> tuple[str, bool | None]:
    """The verdict in words, and whether there is drift."""
    numbers = f"{_numbers(found)} over {found.n} recent requests"
    if unverified:
        return f"cannot tell: an unverified judge scored {strong} against the stack: {numbers}", None
    if found.decision == "worse":
        return f"the stack is still proven better than {strong} without tuning: {numbers}", False
    if found.decision == "undecided":
        return f"cannot tell the stack from {strong} without tuning: {numbers}", None
    better = f"{strong} without tuning is proven better than the stack: {numbers}"
    before = "there are no test items" if first is None else f"on test it was {_numbers(first)} over {first.n} items"
    if first is not None and first.n and found.low > first.high:
        return f"data drift: {better}, and the gap grew ({before})", True
    return f"{better}; that the gap grew is not shown ({before})", None


def _numbers(found: Comparison) -> str:
    return f"{found.lift:+.3f} [{found.low:+.3f}, {found.high:+.3f}]"
