"""`suffice diagnose`: why a stack fails, by what fixes it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .options import AsJson, Folder, MaxCalls, Seed, StackFile, Usd
from .say import tell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from ..estimates import Estimate
    from ..record import Diagnosis


def diagnose(
    folder: Folder = Path(),
    stack: StackFile = None,
    budget: Usd = None,
    max_calls: MaxCalls = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Run the stack on dev and find what fixes each failure: causes with their proof, and what rungs would reach."""
    from ..calls import Calls
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
    with ledger_of(task) as ledger, meter("diagnose") as bar:
        calls = Calls(asked.model, ledger, budget_of(budget, max_calls))  # type: ignore[arg-type]  # a Model
        made = run(asked.over(calls), task.parts.select, progress=bar.progress)
        evidence = Evidence()
        found = explain(made, task=task, pool=task.parts.pool, evidence=evidence, seed=seed)
    rungs = foreseen(Reading(evidence), made.id, len(task.parts.test)) if found.failures else ()
    tell(as_json, {**plain(found), "estimates": plain(rungs)}, lambda screen: show(found, screen, rungs))


def show(found: Diagnosis, screen: Console, rungs: Sequence[Estimate] = ()) -> None:
    """A row a cause, largest share first; then what rungs would reach on test, and at what price."""
    from rich.table import Table

    screen.print(f"{found.failures} failures" + (f"; {found.note}" if found.note else ""))
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("cause", "share", "interval", "fixed", "sham fixed", "proved by", "examples"):
        table.add_column(name, overflow="fold")
    for one in found.findings:
        between = "–" if one.low is None or one.high is None else f"{one.low:.0%} to {one.high:.0%}"
        fixed, sham = (f"{count} of {one.failures}" if one.proved_by else "–" for count in (one.fixed, one.sham_fixed))
        ids = " ".join(one.record_ids[:4]) + (" …" if len(one.record_ids) > 4 else "")
        table.add_row(one.cause, f"{one.share:.0%}", between, fixed, sham, one.proved_by or "–", ids)
    if found.findings:
        screen.print(table)
    for one in rungs:
        price = "price not known" if one.usd_per_1k is None else f"${one.usd_per_1k:.2f} for 1,000"
        between = f"{one.low:.2f} to {one.high:.2f} on {one.n} test items"
        screen.print(f"{one.rung} would reach {between} (today {one.today:.2f}), {one.tokens:.0f} tokens, {price}")
