"""Confirm: the stack that a climb stopped at, asked about fresh examples that nobody has looked at."""

from __future__ import annotations

from .asking import Asking
from .data import Dataset, Example
from .duplicates import duplicates
from .ledger import Ledger
from .reuse import reused
from .stack import Stack
from .stats.budget import charge
from .types import Json

ALPHA = 0.05
"""The error of a confirmation: one claim, half for each side of the target."""


def fresh(given: Dataset, known: Dataset) -> tuple[Dataset, tuple[str, ...]]:
    """The examples that neither stand in the known ones nor nearly repeat any, and the ids of those that do."""
    marked = [Example(f"known:{e.id}", e.input, e.expected, group=e.group) for e in known]
    pairs = duplicates([*marked, *given])
    repeated = {
        b if a.startswith("known:") else a for a, b in pairs if a.startswith("known:") != b.startswith("known:")
    }
    groups = {e.group for e in known if e.group is not None}
    out = {e.id for e in given if e.id in known.by_id or e.id in repeated or e.group in groups}
    return given.only((e for e in given if e.id not in out), "confirmation"), tuple(sorted(out))


def confirm(asking: Asking, ledger: Ledger, stack: Stack, given: Dataset) -> None:
    """Declare the confirmation, run the stack on all of it, and write that down as evidence."""
    kept, dropped = fresh(given, asking.task.dataset)
    if not len(kept):
        asking.evidence.add("confirmation", run=None, dropped=dropped, uses=0, overspent="", hash="", previous="")
        return
    body: dict[str, Json] = {"fingerprint": kept.fingerprint, "stack": stack.digest, "alpha": ALPHA}
    earlier = reused(ledger, "confirmation", kept.fingerprint, kept)
    same = [d for d in earlier if d.body == body]
    link = same[0].hash if same else ledger.declare("confirmation", body)
    previous = next(d.previous for d in ledger.declared("confirmation") if d.hash == link)
    paid = charge(link, ALPHA, earlier=[(d.hash, ALPHA) for d in earlier])
    asking.evidence.add_examples(kept, "confirmation")
    run = asking.run(stack, kept, "confirmation", "confirming on fresh examples")
    told = {"dropped": dropped, "uses": max(paid.use, len(earlier)), "overspent": paid.reason}
    asking.evidence.add("confirmation", run=run.id, **told, **body, hash=link, previous=previous)
