"""Again: a stack against itself, asked anew, so that whatever differs is noise and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .budget import Budget
from .compare import Comparison, compare
from .data import Dataset
from .digest import digest_of
from .errors import InputError
from .ledger import Ledger
from .record import Record, Run
from .run import Progress, manifest_of, run
from .stack import Stack

SAMPLES = 2_000_000
"""Where the sample numbers of repeats begin, so that no reply kept for anything else answers for one."""


@dataclass(frozen=True, slots=True)
class Again:
    """Two runs of one stack over the same examples, and how far they are apart."""

    first: Run
    second: Run
    comparison: Comparison
    """Second − first: any lift here is one that no change made (an A/A test)."""
    reworded: tuple[str, ...]
    """Ids whose answer reads differently."""
    rescored: tuple[str, ...]
    """Ids whose score differs: what a comparison of two stacks sees as wins and losses of a change that is none."""
    times: int
    """How often the stack has been asked again over these examples, this time included."""


def again(
    stack: Stack,
    dataset: Dataset,
    *,
    ledger: Ledger,
    budget: Budget | None = None,
    workers: int | None = None,
    progress: Callable[[Progress], object] | None = None,
    alpha: float = 0.05,
    seed: int = 0,
) -> Again:
    """Ask everything once more, past the reply cache, and compare; an interrupted repeat goes on where it stopped.

    Raises `InputError` for recorded replies, which cannot be asked again.
    """
    if getattr(stack.model, "fixed", False):
        raise InputError("the model is a recording: it can only say the same again", hint="name a model that replies")
    first = run(stack, dataset, ledger=ledger, budget=budget, workers=workers, progress=progress)
    times = _times(stack, dataset, ledger)
    second = run(
        stack,
        dataset,
        ledger=ledger,
        budget=budget,
        workers=workers,
        progress=progress,
        sample=SAMPLES + times,
    )
    pairs = list(zip(first.records, second.records, strict=True))
    return Again(
        first,
        second,
        compare(first, second, alpha=alpha, seed=seed),
        tuple(a.id for a, b in pairs if _said(a) != _said(b)),
        tuple(a.id for a, b in pairs if a.value != b.value),
        times,
    )


def _times(stack: Stack, dataset: Dataset, ledger: Ledger) -> int:
    """The number of the first repeat that is not complete."""
    times = 1
    while ledger.finished(_id(stack, dataset, SAMPLES + times)):
        times += 1
    return times


def _id(stack: Stack, dataset: Dataset, sample: int) -> str:
    if dataset.scorer is None:
        raise InputError("no scorer", hint="give the dataset one")
    return digest_of(manifest_of(stack, dataset, dataset.scorer, sample=sample))


def _said(record: Record) -> str | None:
    return record.answer.text if record.answer else None
