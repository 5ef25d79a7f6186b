"""Advice: what to do about a drift that has a name, what that costs, and the duty that it opens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..layer import Duty
from ..pricebook import Book
from ..types import Json
from .naming import UNKNOWN

LABELS = 100
"""Replies or requests to label, where labelling is the first step: docs/framework.md §5 wants 50 to 100."""
TUNED = frozenset({"adapter", "student"})
NOTICE = 14
"""Days from the alarm within which somebody must have looked: ours, no source's."""
STEPS: Mapping[str, tuple[str, str]] = {
    "input": (
        "label {n} recent requests and measure the stack on them; only what fails there needs work",
        "suffice watch --draw {n} --out recent.jsonl",
    ),
    "retrieval": (
        "see what was indexed anew, re-index, and measure the search before the answers: most quality problems of "
        "retrieval are there (docs/framework.md §3)",
        "suffice index",
    ),
    "label": (
        "have {n} recent requests labelled by who says what is right, correct the examples, and climb again",
        "suffice watch --draw {n} --out recent.jsonl",
    ),
    "judge": (
        "pin the judge's version, and have {n} outputs labelled by people before its scores count again",
        "suffice watch --draw {n} --out labels.jsonl",
    ),
    "model": (
        "pin the version that was measured, or measure the stack on the new one and compare",
        "suffice run --again",
    ),
    UNKNOWN: (
        "send twenty fixed requests a day as canaries and score thirty fixed outputs a day as anchors, and label {n} "
        "recent replies",
        "suffice watch --draw {n} --out labels.jsonl",
    ),
}


@dataclass(frozen=True, slots=True)
class Proposal:
    """What to do about one kind of drift."""

    kind: str
    what: str
    command: str
    cost_usd: tuple[float, float] | None
    """US dollars, low and high; None where nobody knows."""
    reckoned: str
    """What the cost is made of, with its sources."""


def proposals(kinds: Sequence[str], layers: Sequence[str], figures: Book) -> tuple[Proposal, ...]:
    """A proposal a kind; a label drift under a tuned layer costs re-training as well."""
    return tuple(_proposal(kind, bool(TUNED & set(layers)), figures) for kind in dict.fromkeys(kinds))


def _proposal(kind: str, tuned: bool, figures: Book) -> Proposal:
    what, command = (text.format(n=LABELS) for text in STEPS[kind])
    cost, parts = None, []
    if "{n}" in STEPS[kind][0]:
        minutes, minute = figures.figure("review_minutes"), figures.figure("review_minute")
        cost = LABELS * minutes.low * minute.low, LABELS * minutes.high * minute.high
        parts.append(f"{LABELS} labels at {minutes.low:g} to {minutes.high:g} minutes ({minutes.source})")
    if kind in ("input", "label") and tuned:
        weeks, week = figures.figure("lora_refresh_weeks"), figures.figure("engineer_week")
        low, high = cost or (0.0, 0.0)
        high += weeks.high * week.high
        low += weeks.low * week.low if kind == "label" else 0.0
        again = "train again" if kind == "label" else "train again, should the stack fail on them"
        cost, what = (low, high), f"{what}; {again}"
        parts.append(f"{again}: {weeks.low:g} to {weeks.high:g} engineer weeks ({weeks.source})")
    return Proposal(kind, what, command, cost, "; ".join(parts) or "nobody has said what this costs here")


def duty(found: Sequence[Proposal], since: str, why: str, owner: str | None) -> Duty:
    """The duty that an alarm opens; the same alarm says it in the same words."""
    named = " and ".join(p.kind if p.kind != UNKNOWN else "unexplained" for p in found)
    return Duty(
        what=f"see to the {named} drift since {since}",
        why=why,
        when="suffice watch raised an alarm",
        owner=owner,
        command=found[0].command,
        kind="drift",
    )


def evidence(found: Sequence[Proposal], alarm: Mapping[str, Json]) -> dict[str, Json]:
    """What the duty rests on, with its cost where one is known."""
    known = [p.cost_usd for p in found if p.cost_usd is not None]
    cost = [sum(low for low, _ in known), sum(high for _, high in known)] if known else None
    return {"alarm": dict(alarm), **({"cost_usd": cost} if cost else {})}
