"""`suffice climb` and `suffice plan`: from a task folder to a verdict, and what that would take."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import AsJson, Folder, LedgerAt, MaxCalls, Seed, Usd
from .say import tell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..task import Task
    from ..verdict import Verdict

AuditSkips = Annotated[
    bool, typer.Option("--audit-skips", help="Build rungs that were left out for a low estimate, once all is decided.")
]
Force = Annotated[
    list[str],
    typer.Option("--force", metavar="GATE", help="A gate of training that may fail; the verdict records it."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what it would take (the same as `plan`).")]


def climb(
    folder: Folder = Path(),
    dry_run: DryRun = False,
    budget: Usd = None,
    max_calls: MaxCalls = None,
    audit_skips: AuditSkips = False,
    force: Force = [],  # noqa: B006
    ledger_at: LedgerAt = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Climb rung after rung and stop at the lightest stack that suffices; the same command resumes."""
    from ..load import load
    from . import show

    task = load(folder, seed=seed)
    if dry_run:
        _preview(task, as_json)
        return
    verdict = climbed(task, budget, max_calls, audit_skips=audit_skips, forced=force, ledger_at=ledger_at)
    tell(as_json, verdict.body, lambda screen: show.verdict(verdict.body, screen, folder=verdict.folder))


def climbed(
    task: Task,
    budget: float | None,
    max_calls: int | None,
    *,
    audit_skips: bool = False,
    forced: Sequence[str] = (),
    ledger_at: str | None = None,
) -> Verdict:
    """The verdict and its report page, with progress for whoever is watching."""
    from ..climb import climb as go
    from ..report import render
    from .progress import meter
    from .standing import budget_of, ledger_of

    with ledger_of(task, ledger_at) as ledger, meter(task.name) as bar:
        found = go(
            task,
            ledger=ledger,
            budget=budget_of(budget, max_calls),
            watch=bar.watch,
            audit_skips=audit_skips,
            forced=_known(forced),
        )
    if found.folder is not None:
        render(found.body, found.folder / "report.html")
    return found


def _known(forced: Sequence[str]) -> tuple[str, ...]:
    """The gates named, each one that exists and may be forced."""
    from ..readiness import forceable

    return forceable(forced)


def plan(folder: Folder = Path(), seed: Seed = 0, as_json: AsJson = False) -> None:
    """Say what a climb would try, and what it would take in calls, money, time and test items."""
    from ..load import load

    _preview(load(folder, seed=seed), as_json)


def _preview(task: Task, as_json: bool) -> None:
    from ..preview import preview
    from . import show

    body = preview(task)
    tell(as_json, body, lambda screen: show.preview(body, screen))
