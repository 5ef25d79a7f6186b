"""Sizing: how much of a rented machine may be taken at the peak so that P95 keeps its limit, from stored records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .cost import Quantity
from .evidence import Line, Reading

if TYPE_CHECKING:
    from .pricebook import Figure

BY_THE_MEAN = (
    "machines are counted for the mean of the busiest minutes: nothing says how long one may wait (target.p95_ms)"
)

FULL = ", by estimate and never more, since beyond that P95 depends on how long the peak lasts"


def sized(
    reading: Reading, run: str, held: Sequence[str], slots: Figure, slo_ms: float | None
) -> tuple[Quantity | None, str]:
    """The share of its capacity up to which a machine of so many slots keeps the limit, and in words what that means.

    `held` are the stages that take a slot; the other layers' time counts into the response alone. Requests reach each
    machine by chance and wait in one queue there (see queueing.py). None where no limit is set, or none can be kept.
    """
    from .queueing import FULLEST

    if slo_ms is None:
        return None, BY_THE_MEAN
    found = [_share(timed(reading, run), held, at, slo_ms) for at in (slots.low, slots.estimate, slots.high)]
    low, middle, high = found
    if low is None or middle is None or high is None:
        said = f"no number of machines keeps P95 within {slo_ms:g} ms, which requests that wait for nobody take already"
        return None, f"{said}: they are counted for the mean of the busiest minutes"
    low, high = min(low, middle), max(middle, high)
    span = f"{low:.0%}" if low == high else f"{low:.0%} to {high:.0%}"
    words = (
        f"machines are counted so that P95 keeps {slo_ms:g} ms in the busiest minutes: {span} of their time is taken"
    )
    return Quantity(middle, low, high, figure=slots.name), words + (FULL if high >= FULLEST else "")


def timed(reading: Reading, run: str) -> list[Line]:
    """The answered requests of a run's stack: those asked one at a time where there are any, else the run's own."""
    lines = (line for line in reading.evidence.lines if line.get("test") == run)
    alone = next((line["unloaded"] for line in lines if line.get("unloaded")), None)
    return [r for r in reading.records[alone or run].values() if r["output"] is not None and r["stages"]]


def _share(lines: Sequence[Line], held: Sequence[str], slots: float, slo_ms: float) -> float | None:
    from .queueing import capacity, highest_rate

    taken = [sum(ms for name, ms in line["stages"] if name in held) for line in lines]
    beside = [sum(ms for name, ms in line["stages"] if name not in held) for line in lines]
    servers = max(1, int(slots))
    if not sum(taken) > 0:
        return None
    rate = highest_rate(taken, servers, slo_ms, beside_ms=beside)
    return None if rate is None else rate / capacity(taken, servers)
