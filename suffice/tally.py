"""Tally: what a stack costs that was run and never climbed with, from the ledger's records."""

from __future__ import annotations

from dataclasses import replace

from .bills import bill_of, prices_of
from .cost import METHOD, cost_of
from .data import Dataset
from .digest import digest_of
from .economics import known_words, stack_told
from .errors import InputError
from .evidence import Evidence, Reading
from .ledger import Ledger
from .quote import Changes, changed
from .record import Run
from .run import manifest_of
from .stack import Stack
from .task import Task
from .types import Json
from .ways import Ways


def tally(
    task: Task, stack: Stack, ledger: Ledger, *, model: str | None = None, changes: Changes | None = None
) -> dict[str, Json]:
    """The stack's cost and other ways to run it, as a quote's body.

    `InputError` where it was never run on test or dev.
    """
    told = changes or {}
    prices = prices_of(task)
    figures = prices.book.having(**{k: v for k, v in told.items() if k in prices.book.figures})
    prices = replace(prices, book=figures)
    evidence = _evidence(task, stack, ledger)
    reading = Reading(evidence)
    run = next(iter(reading.runs))
    bill = bill_of(reading, run, prices, title="as it was run")
    bill = changed(bill, {k: v for k, v in told.items() if k not in figures.figures})
    ways = Ways(bill, prices.tariff(reading.runs[run]["stack"]["model"]).price, prices, model)
    notes = [*bill.notes, *known_words(bill, ways.draws)]
    row = {"title": bill.title, "run": run, "kept": True, "notes": notes}
    cost = cost_of(bill, ways.draws) if bill.basis else None
    body: dict[str, Json] = {"stacks": [{**row, **stack_told(bill, cost)}], "frontier": [], "break_even": []}
    return ways.body({**body, "method": METHOD.format(draws=f"{ways.draws.n:,}")}, [bill])


def _evidence(task: Task, stack: Stack, ledger: Ledger) -> Evidence:
    """The stack's runs on test and on dev, as the ledger holds them."""
    evidence = Evidence()
    evidence.add("task", profile=task.profile, target=task.target)
    for name, dataset in (("test", task.parts.test), ("select", task.parts.dev)):
        run = _kept(stack, dataset, ledger)
        if run is not None:
            evidence.add_examples(dataset, name)
            evidence.add_run(run, name)
    if not any(evidence.of("run")):
        raise InputError(
            "there is no verdict, and this stack was never run", file=str(task.folder), hint="suffice run, or climb"
        )
    return evidence


def _kept(stack: Stack, dataset: Dataset, ledger: Ledger) -> Run | None:
    """The run of the stack over a part, with the records that there are."""
    scorer = dataset.scorer
    if scorer is None or not len(dataset):
        return None
    manifest = manifest_of(stack, dataset, scorer)
    records = ledger.records(digest_of(manifest))
    return Run(digest_of(manifest), stack, dataset, records, manifest) if records else None
