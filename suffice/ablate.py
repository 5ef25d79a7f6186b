"""Ablate: what each layer of a stack is worth, by leaving it out, and which layers need or hurt each other.

Nothing is fitted again: the stacks are the given one without some of its layers, each as it was learned.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from math import prod

from .ablation import Ablation, Layers, Values, ablation_of
from .budget import Budget
from .data import Dataset
from .digest import digest_of
from .errors import InputError
from .ledger import Ledger
from .record import Run
from .run import Progress, manifest_of, run
from .stack import Stack
from .stats.factorial import MOST, subsets

Watch = Callable[[str, Progress | None], None]
"""Told the stage in words, and how far its run is."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What an ablation would take at most."""

    stacks: int
    """To run, the whole stack included."""
    items: int
    held: int
    """Records of these runs that the ledger holds already."""
    calls_at_most: int
    """Of the stack's model, without retries of failed calls and without what a judge is asked."""


def ablate(
    stack: Stack,
    dataset: Dataset,
    *,
    ledger: Ledger,
    budget: Budget | None = None,
    workers: int | None = None,
    full: bool = False,
    unused: bool = False,
    alpha: float = 0.05,
    seed: int = 0,
    watch: Watch | None = None,
) -> Ablation:
    """Run the stack without each of its layers, or with `full` every combination of them, and say what each is worth.

    `unused` is for the caller to tell: nobody had looked at these examples when the stack was chosen. Raises
    `InputError` for a stack without layers, over a recording or, with `full`, with more than six layers, and
    `BudgetSpent` where the budget ends; what was paid for is kept, and the same ablation goes on from there.
    """
    if getattr(stack.model, "fixed", False):
        raise InputError(
            "the model is a recording: it says the same without any layer", hint="name a model that replies"
        )
    within, told = budget or getattr(stack.model, "budget", None) or Budget(), watch or _quietly
    before = within.spent_calls
    values: dict[Layers, Values] = {}
    for layers, one in stacks(stack, full=full).items():
        title = _title(layers, stack)
        told(title, None)
        values[layers] = values_of(
            run(one, dataset, ledger=ledger, budget=within, workers=workers, progress=partial(told, title))
        )
    found = ablation_of(values, dataset.examples, layers=layers_of(stack), unused=unused, alpha=alpha, seed=seed)
    return replace(found, calls=within.spent_calls - before)


def stacks(stack: Stack, *, full: bool = False) -> dict[Layers, Stack]:
    """The stacks to run by the layers they have: the whole one first, then without each layer, or every combination.

    Layers of one name are left out together.
    """
    names = layers_of(stack)
    if not names:
        raise InputError("the stack has no layers: there is nothing to leave out")
    if full and len(names) > MOST:
        hint = f"leave the layers out one at a time: that takes {len(names) + 1} stacks"
        raise InputError(f"{len(names)} layers make {2 ** len(names)} stacks, and {2**MOST} are the most", hint=hint)
    whole = frozenset(names)
    wanted = reversed(subsets(names)) if full else [whole, *(whole - {name} for name in names)]
    return {kept: _with(stack, kept) for kept in wanted}


def layers_of(stack: Stack) -> tuple[str, ...]:
    """The names of a stack's layers, outermost first, each once."""
    return tuple(dict.fromkeys(stack.names))


def values_of(made: Run) -> dict[str, float | None]:
    """A run's scores by example id; None where the scorer could not judge."""
    return {r.id: r.value for r in made.records}


def cost(stack: Stack, dataset: Dataset, ledger: Ledger | None = None, *, full: bool = False) -> Cost:
    """What an ablation would take at most, before anything is spent."""
    wanted, ids, held, calls = stacks(stack, full=full), {e.id for e in dataset}, 0, 0
    for one in wanted.values():
        records = ledger.records(_run_id(one, dataset)) if ledger else ()
        kept = len(ids & {r.id for r in records if not r.error})
        held += kept
        calls += (len(dataset) - kept) * prod(1 + getattr(layer, "retries", 0) for layer in one.layers)
    return Cost(len(wanted), len(dataset), held, calls)


# Stacks and scores


def _with(stack: Stack, kept: Layers) -> Stack:
    for name in layers_of(stack):
        stack = stack if name in kept else stack.without(name)
    return stack


def _title(kept: Layers, stack: Stack) -> str:
    names = layers_of(stack)
    if kept == frozenset(names):
        return "the whole stack"
    gone = [name for name in names if name not in kept]
    return f"without {', '.join(gone)}" if kept else "the bare model"


def _run_id(stack: Stack, dataset: Dataset) -> str:
    if dataset.scorer is None:
        raise InputError("no scorer", hint="give the dataset one")
    return digest_of(manifest_of(stack, dataset, dataset.scorer))


def _quietly(_: str, __: Progress | None) -> None:
    return None
