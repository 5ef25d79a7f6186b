"""`suffice diagnose`: why a stack fails, by what fixes it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .options import AsJson, Folder, MaxCalls, Seed, StackFile, Usd
from .say import tell

if TYPE_CHECKING:
    from rich.console import Console

    from ..record import Diagnosis


def diagnose(
    folder: Folder = Path(),
    stack: StackFile = None,
    budget: Usd = None,
    max_calls: MaxCalls = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Run the stack on dev and find what fixes each failure: causes with shares, intervals and their proof."""
    from ..calls import Calls
    from ..diagnose import diagnose as explain
    from ..load import load
    from ..run import run
    from .progress import meter
    from .standing import budget_of, ledger_of, standing

    task = load(folder, seed=seed)
    asked, _ = standing(task, stack)
    with ledger_of(task) as ledger, meter("diagnose") as bar:
        calls = Calls(asked.model, ledger, budget_of(budget, max_calls))  # type: ignore[arg-type]  # a Model
        made = run(asked.over(calls), task.parts.select, progress=bar.progress)
        found = explain(made, task=task, pool=task.parts.pool, seed=seed)
    tell(as_json, found, lambda screen: show(found, screen))


def show(found: Diagnosis, screen: Console) -> None:
    """A row a cause, largest share first."""
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
