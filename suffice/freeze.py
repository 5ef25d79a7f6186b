"""Freeze: leave a verdict, the records it rests on and its stack in the task's folder, each whole or not at all."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from .artifacts import write_whole
from .ledger import Ledger
from .stack import Stack
from .task import Task
from .types import Json
from .verdict import Verdict
from .version import __version__

RECORDS = "records.jsonl"


def freeze(verdict: Verdict, task: Task, ledger: Ledger, stack: Stack, *, now: datetime | None = None) -> Verdict:
    """Write records.jsonl, verdict.json and, where a rung was kept, stack.yaml; the verdict with dates and paths.

    The ledger remembers it, and its duties get their days from `now` (UTC).
    """
    from .undertake import undertake

    folder, now = task.folder, now or datetime.now(UTC)
    body = dated(verdict, ledger, folder / RECORDS, now)
    if verdict.stop_at:
        stacks = task.state / "stacks"
        stacks.mkdir(parents=True, exist_ok=True)
        stack.save(stacks / f"{stack.digest}.yaml")
        stack.save(folder / "stack.yaml")
    else:
        (folder / "stack.yaml").unlink(missing_ok=True)
    write_whole(folder / "verdict.json", json.dumps(body, indent=1, ensure_ascii=False).encode() + b"\n")
    undertake(ledger, body, now, folder)
    return replace(verdict, body=body, folder=folder)


def dated(verdict: Verdict, ledger: Ledger, records: Path, now: datetime | None = None) -> dict[str, Json]:
    """Write the records; the verdict's body with their SHA-256, its day (UTC), its version and what was spent."""
    totals = ledger.totals()
    told = {"path": records.name, "sha256": verdict.evidence.write(records)}
    spent = {"attempts": totals.attempts, "usd": totals.usd, "faults": totals.faults}
    made = {"version": __version__, "created": (now or datetime.now(UTC)).isoformat(timespec="seconds")}
    return {**verdict.body, **made, "ledger": spent, "records": told}
