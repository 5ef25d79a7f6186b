"""Migration: dated steps back from the day on which a base ends, or from today where it does not.

The lead times are ours, no source's: two weeks beside the old base show a weekly rhythm twice, a month is left for
going back.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from .types import Json

BACK_DAYS = 30
"""Between the switch and the end of the old base: while both answer, one can go back."""
BESIDE_DAYS = 14
"""Both on the same traffic before the switch."""
DECIDE_DAYS = 14
"""For deciding and preparing, before both run."""
LABEL_DAYS = 28
"""For collecting the test items that a proof still needs."""


def migration(line: Mapping[str, Json], decision: str, missing: int) -> list[dict[str, Json]]:
    """The steps of a migration in order, each with the day it must be done by; none where nothing moves or ends.

    `line` is a swap's own line of evidence, `missing` how many more test items would tell.
    """
    ends, today = line["ends"], date.fromisoformat(line["day"])
    if ends is None and decision != "moved":
        return []
    end = date.fromisoformat(ends["on"]) if ends else None
    switch = end - timedelta(days=BACK_DAYS) if end else today + timedelta(days=DECIDE_DAYS + BESIDE_DAYS)
    beside, decided = switch - timedelta(days=BESIDE_DAYS), switch - timedelta(days=BESIDE_DAYS + DECIDE_DAYS)
    to, old = line["to"], line["from"]
    steps = [*([] if decision == "moved" else _unproven(decided, to, decision, missing, ends or {}))]
    steps += [
        (decided, f"decide for the new stack over {to}, and say who did", "suffice swap . --accept --by NAME"),
        (beside, "ask both about the same recent requests; the old one answers", "suffice run --stack DIGEST"),
        (switch, "hold both against each other on these, then let the new one answer", "suffice gate"),
    ]
    if end is not None:
        steps.append((end - timedelta(days=1), f"{old} ends: nothing may ask it any more", "suffice due"))
    return [_step(day, what, command, today) for day, what, command in steps]


def _unproven(
    decided: date, to: str, decision: str, missing: int, ends: Mapping[str, Json]
) -> list[tuple[date, str, str]]:
    """What must come before anything can move."""
    instead = f" (its maker names {ends['instead']})" if ends.get("instead") else ""
    if decision == "cannot tell" and missing:
        by = decided - timedelta(days=DECIDE_DAYS)
        told = f"add about {missing:,} test items, so that {to} can be judged"
        return [(by, told, "suffice data"), (decided, "swap again with them", f"suffice swap . --model {to}")]
    by = decided - timedelta(days=LABEL_DAYS)
    return [(by, f"climb the whole ladder on {to}, or on another base{instead}", f"suffice swap . --model {to} --full")]


def _step(day: date, what: str, command: str, today: date) -> dict[str, Json]:
    return {"by": day.isoformat(), "what": what, "command": command, "late": day < today}
