"""The rule table as JSON: everything that `decide` reads, so that a page may decide by the same rules."""

from __future__ import annotations

from dataclasses import asdict

from ..types import Json
from .advice import BUILT, TRIES, Like
from .avoid import AVOID
from .condition import DAYS
from .doors import CONDITIONS, DOORS
from .facts import FACTS, SIGNALS
from .levers import LEVERS
from .money import STUDENT, YEAR, Spans, shipped
from .topics import CASE, START, TOPICS


def table(spans: Spans | None = None) -> dict[str, Json]:
    """Facts, signals, levers, topics with their rows, gates, what to avoid, values to try, figures of money."""
    return {
        "facts": [asdict(fact) for fact in FACTS.values()],
        "signals": [asdict(sign) for sign in SIGNALS.values()],
        "levers": {name: asdict(lever) for name, lever in LEVERS.items()},
        "case": asdict(CASE),
        "start": asdict(START),
        "topics": [asdict(topic) for topic in TOPICS],
        "avoid": [asdict(wrong) for wrong in AVOID],
        "doors": {approach: [asdict(door) for door in doors] for approach, doors in DOORS.items()},
        "conditions": dict(CONDITIONS),
        "tries": {name: [_tried(value) for value in values] for name, values in TRIES.items()},
        "spans": {name: list(span) for name, span in (spans or shipped()).items()},
        "student": list(STUDENT),
        "built": BUILT,
        "days": DAYS,
        "year": YEAR,
    }


def _tried(value: Json) -> Json:
    return {"like": value.fact, "times": value.times} if isinstance(value, Like) else value
