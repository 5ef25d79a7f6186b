"""Queueing: response times of a system that requests reach at chance moments, from service times that were measured.

Requests arrive as a Poisson process, wait in one queue, first come first served, and up to `servers` are in progress at
once. Waiting follows Kiefer & Wolfowitz 1955 (Trans. AMS 78:1; for one server Lindley 1952). Where requests in progress
slow each other down, all of them go at the same pace (processor sharing with a limit on how many share: Avi-Itzhak &
Halfin 1988, Teletraffic Science 12). Exact for given arrivals and service times: all chance is in what is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .stats.distribution import t_quantile

Floats = NDArray[np.float64]

ARRIVALS, REPLICATIONS, SETTLING = 2_000, 200, 0.2
"""Requests of a simulated stretch, how many stretches, and the share of each in which the queue may still fill."""
FULLEST = 0.9
"""The share of the capacity up to which a limit is said to be kept: a fuller queue settles more slowly than a simulated
stretch lasts, and its P95 depends on how long the peak does."""
STEPS = 14
"""Halvings of an interval of rates: the answer is within 0.01 % of the capacity."""
MOST_SERVERS = 4_096


@dataclass(frozen=True, slots=True)
class Slowdown:
    """How many times longer a request takes while so many are in progress: 1 alone, then what was measured."""

    levels: tuple[int, ...] = (1,)
    factors: tuple[float, ...] = (1.0,)
    low: tuple[float, ...] = (1.0,)
    high: tuple[float, ...] = (1.0,)
    """95 % limits of each factor before it was set to 1 or drawn level with its neighbour."""

    @property
    def flat(self) -> bool:
        """Whether requests in progress leave each other alone."""
        return max(self.factors) <= 1.0

    def at(self, progress: int) -> float:
        """The factor between the levels on straight lines; beyond the last one along the last line."""
        if progress <= self.levels[-1] or len(self.levels) < 2:
            return float(np.interp(progress, self.levels, self.factors))
        rise = (self.factors[-1] - self.factors[-2]) / (self.levels[-1] - self.levels[-2])
        return self.factors[-1] + rise * (progress - self.levels[-1])


ALONE = Slowdown()


@dataclass(frozen=True, slots=True)
class Predicted:
    """Response times at a rate: waiting and service, in milliseconds."""

    rate_per_s: float
    servers: int
    utilization: float
    """The share of what the servers can take; from 1 on the queue grows without end."""
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    """None where the queue grows without end: the percentiles then depend on how long it lasts."""
    low_ms: float | None
    high_ms: float | None
    """Limits for the P95 of such a stretch: what is not known of the service times, and chance."""
    level: float
    n: int
    """Service times it rests on."""
    arrivals: int

    @property
    def stable(self) -> bool:
        """Whether the servers keep up."""
        return self.utilization < 1.0


def slowdown(levels: Mapping[int, ArrayLike], *, alpha: float = 0.05) -> Slowdown:
    """The curve from times that were measured with 1, 2, … requests in progress; level 1 must be among them.

    The factor of a level is the ratio of geometric means to level 1 with limits by Welch's t on the logarithms; one
    whose limits hold 1 is 1, since chance alone would otherwise slow every prediction, and none lies below the last.
    """
    alone = np.log(np.maximum(_positive(levels[1]), 1e-9))
    found = [(1, 1.0, 1.0, 1.0)]
    for level in sorted(set(levels) - {1}):
        beside = np.log(np.maximum(_positive(levels[level]), 1e-9))
        mean, width = float(beside.mean() - alone.mean()), _welch(alone, beside, alpha)
        factor = math.exp(mean) if mean - width > 0 else 1.0
        found.append((level, max(factor, found[-1][1]), math.exp(mean - width), math.exp(mean + width)))
    at, factors, low, high = zip(*found, strict=True)
    return Slowdown(at, factors, low, high)


def capacity(service_ms: ArrayLike, servers: int, slow: Slowdown = ALONE) -> float:
    """Requests a second that the servers can take: servers / (mean service time, slowed by all of them)."""
    return servers / (float(_positive(service_ms).mean()) / 1000 * slow.at(servers))


def load_limits(service_ms: ArrayLike, utilization: float, level: float = 0.95) -> tuple[float, float | None]:
    """Between what a load that was estimated from these times may lie: their mean by Student's t. None: no limit."""
    times = _positive(service_ms)
    if times.size < 2:
        return 0.0, None
    spread = float(times.std(ddof=1)) / math.sqrt(times.size) / float(times.mean())
    width = t_quantile((1 + level) / 2, times.size - 1) * spread
    return utilization * max(0.0, 1 - width), utilization * (1 + width)


def predicted_p95(
    service_ms: ArrayLike,
    servers: int,
    rate_per_s: float,
    *,
    slow: Slowdown = ALONE,
    schedule_s: ArrayLike | None = None,
    arrivals: int = ARRIVALS,
    replications: int = REPLICATIONS,
    level: float = 0.95,
    seed: int = 0,
) -> Predicted:
    """Percentiles of the response time, an interval around P95.

    With `schedule_s`, for these very moments of arrival, from an empty system on; otherwise for Poisson arrivals at
    the rate once the queue has settled. Each replication of the interval draws the service times anew, so it holds
    what is not known of them and the chance of one stretch.
    """
    times, servers = _positive(service_ms), _servers(servers)
    if not rate_per_s > 0:
        raise ValueError(f"the rate is {rate_per_s}: requests a second lie above 0")
    used = rate_per_s / capacity(service_ms, servers, slow)
    n = arrivals if schedule_s is None else len(np.atleast_1d(schedule_s))
    if schedule_s is None and used >= 1:
        return Predicted(rate_per_s, servers, used, None, None, None, None, None, level, times.size, n)
    draw = np.random.default_rng(seed)
    moments = _poisson(draw, replications, n) / rate_per_s * 1000
    if schedule_s is not None:
        moments = np.broadcast_to(np.asarray(schedule_s, float) * 1000, (replications, n))
    skipped = 0 if schedule_s is not None else int(n * SETTLING)
    plain = responses(moments, draw.choice(times, (replications, n)), servers, slow)[:, skipped:]
    again = responses(moments, _redrawn(draw, times, replications, n), servers, slow)[:, skipped:]
    spread = np.quantile(_nearest(again, 0.95), [(1 - level) / 2, (1 + level) / 2])
    p50, p95, p99 = (float(np.median(_nearest(plain, q))) for q in (0.5, 0.95, 0.99))
    return Predicted(
        *(rate_per_s, servers, used, p50, p95, p99),
        low_ms=float(min(spread[0], p95)),
        high_ms=float(max(spread[1], p95)),
        level=level,
        n=times.size,
        arrivals=n,
    )


def highest_rate(
    service_ms: ArrayLike,
    servers: int,
    slo_ms: float,
    *,
    beside_ms: ArrayLike | None = None,
    slow: Slowdown = ALONE,
    seed: int = 0,
) -> float | None:
    """The highest rate a second, estimated, at which P95 stays within `slo_ms`: `FULLEST` of the capacity at most.

    None where it does not even with nobody waiting. No interval is claimed: few service times may be far off.
    `beside_ms` is what each of these requests takes elsewhere, where no server is held and nobody waits.
    By bisection on one set of draws: with fixed service times, arrivals that lie closer together only wait longer.
    """
    times, servers = _positive(service_ms), _servers(servers)
    draw = np.random.default_rng(seed)
    replications = max(10, REPLICATIONS // 4)
    moments = _poisson(draw, replications, ARRIVALS) * 1000
    which = draw.choice(times.size, moments.shape)
    services, settled = times[which], int(ARRIVALS * SETTLING)
    beside = 0.0 if beside_ms is None else np.asarray(beside_ms, float)[which[:, settled:]]

    def meets(rate: float) -> bool:
        took = responses(moments / rate, services, servers, slow)[:, settled:]
        return float(np.median(_nearest(took + beside, 0.95))) <= slo_ms

    most = FULLEST * capacity(service_ms, servers, slow)
    if meets(most):
        return most
    return _bisected(meets, 0.0, most) if meets(most * 2**-STEPS) else None


def servers_needed(service_ms: ArrayLike, rate_per_s: float, slo_ms: float, *, seed: int = 0) -> int | None:
    """The fewest servers behind one queue whose P95 stays within `slo_ms`, where more of them do not slow each other.

    As an estimate, and no fuller than `FULLEST`.
    None where even a request that never waits is too slow, or more than 4,096 would be needed.
    """
    least = max(1, math.floor(rate_per_s * float(_positive(service_ms).mean()) / 1000))

    def meets(servers: int) -> bool:
        found = predicted_p95(service_ms, servers, rate_per_s, seed=seed, replications=20)
        return found.p95_ms is not None and found.p95_ms <= slo_ms and found.utilization <= FULLEST

    enough = least
    while not meets(enough):
        if enough >= MOST_SERVERS or float(_nearest(_positive(service_ms)[None], 0.95)[0]) > slo_ms:
            return None
        least, enough = enough + 1, min(2 * enough, MOST_SERVERS)
    while least < enough:
        middle = (least + enough) // 2
        least, enough = (least, middle) if meets(middle) else (middle + 1, enough)
    return enough


def responses(arrivals: Floats, services: Floats, servers: int, slow: Slowdown = ALONE) -> Floats:
    """Response times of each row's requests, given when they arrive (in order) and how long each takes alone."""
    arrivals = np.ascontiguousarray(np.broadcast_to(arrivals, services.shape), float)
    servers = min(_servers(servers), services.shape[1])
    if not slow.flat:
        return _sharing(arrivals, services, servers, slow)
    if servers == services.shape[1]:
        return services.copy()
    return _lindley(arrivals, services) if servers == 1 else _kiefer_wolfowitz(arrivals, services, servers)


def _lindley(arrivals: Floats, services: Floats) -> Floats:
    """One server: each request ends a service time after the later of its arrival and the last end."""
    worked = np.cumsum(services, axis=1)
    ended: Floats = worked + np.maximum.accumulate(arrivals - (worked - services), axis=1)
    return ended - arrivals


def _kiefer_wolfowitz(arrivals: Floats, services: Floats, servers: int) -> Floats:
    """Several: each request takes the server that is free first."""
    free, took = np.zeros((len(services), servers)), np.empty_like(services)
    rows = np.arange(len(services))
    for at in range(services.shape[1]):
        first = free.argmin(axis=1)
        ends = np.maximum(arrivals[:, at], free[rows, first]) + services[:, at]
        free[rows, first] = ends
        took[:, at] = ends - arrivals[:, at]
    return took


def _sharing(arrivals: Floats, services: Floats, servers: int, slow: Slowdown) -> Floats:
    """All in progress at one pace: a clock of work runs by 1 / factor, and a request ends when it has run its time."""
    rows, n = np.arange(len(services)), services.shape[1]
    pace = np.array([1.0, *(slow.at(k) for k in range(1, servers + 1))])
    ends = np.full((len(services), servers), np.inf)
    who = np.zeros(ends.shape, int)
    now, clock, busy, came, begun = (np.zeros(len(services), kind) for kind in (float, float, int, int, int))
    due = np.concatenate([arrivals, np.full((len(services), 1), np.inf)], axis=1)
    took = np.empty_like(services)
    for _ in range(2 * n):
        first = ends.argmin(axis=1)
        leaves = now + (ends[rows, first] - clock) * pace[busy]
        arrives = due[rows, came]
        then = np.minimum(leaves, arrives)
        clock += (then - now) / pace[busy]
        now = then
        left = leaves <= arrives
        gone, one = rows[left], first[left]
        took[gone, who[gone, one]] = now[gone] - arrivals[gone, who[gone, one]]
        ends[gone, one] = np.inf
        busy += np.where(left, -1, 0)
        came += np.where(left, 0, 1)
        starts = rows[(begun < came) & (busy < servers)]
        free = ends[starts].argmax(axis=1)
        ends[starts, free] = clock[starts] + services[starts, begun[starts]]
        who[starts, free] = begun[starts]
        busy[starts] += 1
        begun[starts] += 1
    return took


def _poisson(draw: np.random.Generator, replications: int, n: int) -> Floats:
    """Moments of arrival at one a unit of time, a row a replication."""
    return np.cumsum(draw.standard_exponential((replications, n)), axis=1)


def _redrawn(draw: np.random.Generator, times: Floats, replications: int, n: int) -> Floats:
    """A row a replication, each from another distribution that may lie behind the times.

    The shares of the true distribution between neighbouring order statistics are uniform spacings, whatever it is
    (David & Nagaraja 2003, Order Statistics, §2.1), so they are drawn as such. Within one the value is uniform; beyond
    the largest its tail is a power with the exponent of Hill 1975. Plain resampling knows nothing beyond the largest
    value, and its 95 % limits held 81 % of what was then measured. These held 91 to 94 % with 60 times or more
    (lognormal, exponential; 300 stretches each), 88 % with 40 and one server.
    """
    ordered = np.sort(times)
    low = np.concatenate([ordered[:1], ordered])
    width = np.concatenate([np.diff(low), [0.0]])
    edges = np.cumsum(draw.dirichlet(np.ones(ordered.size + 1), replications), axis=1)[:, :-1]
    point, share = draw.random((2, replications, n))
    gap = np.stack([np.searchsorted(e, p) for e, p in zip(edges, point, strict=True)])
    beyond = ordered[-1] * (1 - share) ** -_tail(ordered)
    drawn: Floats = np.where(gap == ordered.size, beyond, low[gap] + width[gap] * share)
    return drawn


def _tail(ordered: Floats) -> float:
    """Hill's exponent of the largest few, at most a half so that there is a variance; 0 where nothing can be said."""
    few = min(ordered.size - 1, math.ceil(ordered.size**0.5))
    if not few or ordered[-few - 1] <= 0:
        return 0.0
    return min(0.5, float(np.log(ordered[-few:] / ordered[-few - 1]).mean()))


def _nearest(rows: Floats, q: float) -> Floats:
    """Each row's quantile by nearest rank, as `stats.quantile` takes it of what was measured."""
    rank = max(math.ceil(rows.shape[1] * q - 1e-9), 1) - 1
    found: Floats = np.partition(rows, rank, axis=1)[:, rank]
    return found


def _welch(one: Floats, other: Floats, alpha: float) -> float:
    """Half the width of the limits for a difference of two means (Welch 1947)."""
    if min(one.size, other.size) < 2:
        return math.inf
    a, b = float(one.var(ddof=1)) / one.size, float(other.var(ddof=1)) / other.size
    if a + b == 0:
        return 0.0
    degrees = (a + b) ** 2 / (a**2 / (one.size - 1) + b**2 / (other.size - 1))
    return float(t_quantile(1 - alpha / 2, degrees)) * math.sqrt(a + b)


def _bisected(holds: Callable[[float], bool], low: float, high: float) -> float:
    """The highest value that still holds; it holds at `low` and below."""
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def _positive(service_ms: ArrayLike) -> Floats:
    times = np.asarray(service_ms, float)
    if times.size == 0 or not np.isfinite(times).all() or (times < 0).any() or not times.sum() > 0:
        raise ValueError("service times are finite, not negative, and at least one lies above 0")
    return times


def _servers(servers: int) -> int:
    if servers < 1:
        raise ValueError(f"{servers} servers: at least one serves")
    return int(servers)
