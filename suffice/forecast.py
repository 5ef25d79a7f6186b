"""Forecast: how a stack responds at the profile's peak, the highest rate that keeps its limit, and what it takes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .latency import Peak, in_words
from .queueing import (
    ALONE,
    FULLEST,
    Predicted,
    Slowdown,
    capacity,
    highest_rate,
    load_limits,
    predicted_p95,
    servers_needed,
)


@dataclass(frozen=True, slots=True)
class Forecast:
    """Response times at a rate, by service times that were measured; what it rests on is said in `assumes`."""

    peak: Peak
    at_peak: Predicted
    capacity_per_s: float
    """Requests a second that the servers can take at all."""
    slo_ms: float | None
    highest_per_s: float | None
    """The highest rate whose P95 keeps the limit, estimated; None without one, or where no rate does."""
    machines: int | None
    """How many like this one keep it at the peak, requests sent to each of them by chance; None where none do."""
    servers: int | None
    """How many requests at once one machine would have to serve instead, where they do not slow each other."""
    assumes: tuple[str, ...]
    load_low: float
    load_high: float | None
    """95 % limits of the utilization at the peak, by the mean of the service times; None: no limit."""

    @property
    def kept(self) -> bool | None:
        """Whether P95 at the peak keeps the limit; None without one, or where that cannot be told.

        That is where its interval holds the limit, where the servers may or may not keep up, and where they are so
        full that it depends on how long the peak lasts.
        """
        if self.slo_ms is None:
            return None
        if not self.at_peak.stable:
            return False if self.load_low >= 1 else None
        low, high = self.at_peak.low_ms or 0.0, self.at_peak.high_ms or math.inf
        if low > self.slo_ms:
            return False
        return True if high <= self.slo_ms and not self.full else None

    @property
    def full(self) -> bool:
        """Whether the servers are fuller at the peak than P95 can be told for."""
        return self.at_peak.utilization > FULLEST

    @property
    def capped(self) -> bool:
        """Whether a higher rate than the highest may keep the limit too, by how long the peak lasts."""
        return self.highest_per_s is not None and self.highest_per_s >= FULLEST * self.capacity_per_s

    @property
    def words(self) -> str:
        """What a person would say of it."""
        return " ".join((_at_peak(self), *_what_it_takes(self)))


def forecast(
    service_ms: Sequence[float],
    servers: int,
    peak: Peak,
    *,
    slo_ms: float | None = None,
    slow: Slowdown | None = None,
    seed: int = 0,
) -> Forecast:
    """What the peak does to a stack that has so many requests in progress at once.

    Without `slow`, requests in progress are taken to leave each other alone, and that is said.
    """
    curve = slow or ALONE
    at_peak = predicted_p95(service_ms, servers, peak.rate_per_s, slow=curve, seed=seed)
    highest = None if slo_ms is None else highest_rate(service_ms, servers, slo_ms, slow=curve, seed=seed)
    needed = None
    if slo_ms is not None and curve.flat:
        needed = servers_needed(service_ms, peak.rate_per_s, slo_ms, seed=seed)
    return Forecast(
        peak,
        at_peak,
        capacity(service_ms, servers, curve),
        slo_ms,
        highest,
        None if highest is None else math.ceil(peak.rate_per_s / highest),
        needed,
        _assumes(curve, measured=slow is not None),
        *load_limits(service_ms, at_peak.utilization),
    )


def _assumes(slow: Slowdown, *, measured: bool) -> tuple[str, ...]:
    shared = "requests in progress do not slow each other (not measured: `suffice loadtest` does)"
    if measured and slow.flat:
        shared = f"requests in progress do not slow each other (measured up to {slow.levels[-1]} at once)"
    elif measured:
        told = ", ".join(f"{f:.2f} with {k}" for k, f in zip(slow.levels, slow.factors, strict=True) if k > 1)
        shared = f"requests in progress slow each other as measured: times {told}"
    return ("arrivals are independent (Poisson) at a steady peak", "service times are those of the sample", shared)


def _at_peak(found: Forecast) -> str:
    at, peak = found.at_peak, found.peak
    told = f"At {peak.rate_per_s:.3g} requests a second ({peak.per_day:,.0f} a day, peak × {peak.factor:.2g})"
    if at.p95_ms is None or at.low_ms is None or at.high_ms is None:
        sure = "" if found.load_low >= 1 else f" by estimate; with the mean's limits {_load(found)} of that are asked"
        can = f"{at.servers} at once can take {found.capacity_per_s:.3g} a second"
        return f"{told} the queue grows without end: {can}{sure}."
    limits = f"{in_words(at.low_ms)} to {in_words(at.high_ms)}"
    used = f"{at.utilization:.0%} of what {at.servers} at once take"
    long = ", so full that it depends on how long the peak lasts" if found.full else ""
    return f"{told} P95 would be {in_words(at.p95_ms)} ms ({limits}), {used}{long}."


def _load(found: Forecast) -> str:
    return f"{found.load_low:.0%} {'or more' if found.load_high is None else f'to {found.load_high:.0%}'}"


def _what_it_takes(found: Forecast) -> list[str]:
    if found.slo_ms is None:
        return []
    if found.highest_per_s is None:
        return [f"No rate keeps P95 within {found.slo_ms:g} ms: service alone takes longer."]
    most = f" ({FULLEST:.0%} of what they take: beyond, P95 depends on how long the peak lasts)" if found.capped else ""
    told = [f"P95 keeps {found.slo_ms:g} ms up to an estimated {found.highest_per_s:.3g} a second{most}."]
    if found.machines is not None and found.machines > 1:
        other = f", or {found.servers} at once on one" if found.servers is not None else ""
        told.append(f"The peak takes {found.machines} machines like this{other}.")
    return told
