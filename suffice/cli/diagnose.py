"""`suffice diagnose`: why a stack fails, by what fixes it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import AsJson, Folder, LedgerAt, MaxCalls, Seed, StackFile, Usd
from .say import tell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console
    from rich.table import Table

    from ..data import Dataset
    from ..estimates import Estimate
    from ..record import Diagnosis, Run
    from ..stack import Stack

FAILURES = 30
Failures = Annotated[int, typer.Option("--failures", min=1, metavar="N", help="Probe so many failures at most.")]


def diagnose(
    folder: Folder = Path(),
    stack: StackFile = None,
    budget: Usd = None,
    max_calls: MaxCalls = None,
    failures: Failures = FAILURES,
    ledger_at: LedgerAt = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Run the stack on dev and find what fixes each failure: causes with their proof, and what rungs would reach."""
    from ..diagnose import CALLS_A_FAILURE
    from ..diagnose import diagnose as explain
    from ..digest import plain
    from ..estimates import foreseen
    from ..evidence import Evidence, Reading
    from ..load import load
    from ..run import run
    from .progress import meter
    from .standing import budget_of, ledger_of, standing

    task = load(folder, seed=seed)
    asked, _ = standing(task, stack)
    caps = budget_of(budget, max_calls)
    with ledger_of(task, ledger_at) as ledger, meter("diagnose") as bar:

        def ask(stack: Stack, examples: Dataset, sample: int = 0) -> Run:
            return run(stack, examples, ledger=ledger, budget=caps, sample=sample, progress=bar.progress)

        made, evidence = ask(asked, task.parts.select), Evidence()
        left = CALLS_A_FAILURE * failures if max_calls is None or caps is None else max_calls - caps.spent_calls
        asking = {"runner": ask, "evidence": evidence, "at_most": failures, "calls": left, "seed": seed}
        found = explain(made, task=task, pool=task.parts.pool, **asking)  # type: ignore[arg-type]
    rungs = foreseen(Reading(evidence), made.id, len(task.parts.test)) if found.failures else ()
    tell(as_json, {**plain(found), "estimates": plain(rungs)}, lambda screen: show(found, screen, rungs))


def show(found: Diagnosis, screen: Console, rungs: Sequence[Estimate] = ()) -> None:
    """What a person would say; the causes, largest share first; what was tried; what rungs would reach."""
    screen.print(f"{found.failures} failures" + (f"; {found.note}" if found.note else ""))
    for sentence in found.words:
        screen.print(f"• {sentence}")
    if found.findings:
        _causes(found, screen)
    if found.tried:
        _tried(found, screen)
    for one in found.overlaps:
        counts = f"{one.fixed} and {one.other_fixed} of {one.asked} drawn at random, both fix {one.both}"
        screen.print(f"{one.probe} and {one.other} overlap: {counts}", style="dim")
    for rung in rungs:
        price = "price not known" if rung.usd_per_1k is None else f"${rung.usd_per_1k:.2f} for 1,000"
        between = f"{rung.low:.2f} to {rung.high:.2f} on {rung.n} test items"
        screen.print(f"{rung.rung} would reach {between} (today {rung.today:.2f}), {rung.tokens:.0f} tokens, {price}")


def _causes(found: Diagnosis, screen: Console) -> None:
    table = _table("cause", "share", "interval", "fixed", "sham fixed", "proved by", "examples")
    for one in found.findings:
        between = "–" if one.low is None or one.high is None else f"{one.low:.0%} to {one.high:.0%}"
        fixed, sham = (f"{count} of {one.failures}" if one.proved_by else "–" for count in (one.fixed, one.sham_fixed))
        ids = " ".join(one.record_ids[:4]) + (" …" if len(one.record_ids) > 4 else "")
        cause = " and ".join((one.cause, *one.also))
        table.add_row(cause, f"{one.share:.0%}", between, fixed, sham, one.proved_by or "–", ids)
    screen.print(table)


def _tried(found: Diagnosis, screen: Console) -> None:
    screen.print()
    table = _table("tried", "asked", "fixed", "sham", "broke", "calls", "price")
    for one in found.tried:
        if one.note:
            table.add_row(one.probe, "–", one.note, "", "", "", "")
            continue
        broke = f"{one.broke} of {one.passing}" if one.passing else "–"
        price = "not known" if one.usd is None else f"${one.usd:.4f}"
        counts = (str(n) for n in (one.asked, one.fixed, one.sham_fixed))
        table.add_row(one.probe, *counts, broke, str(one.calls), price)
    screen.print(table)


def _table(*names: str) -> Table:
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in names:
        table.add_column(name, overflow="fold")
    return table
