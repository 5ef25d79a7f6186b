"""Load test: requests at a steady rate against a stack, and what was predicted of them beside what was measured.

Arrivals are an open Poisson process. The prediction is made beforehand, from requests asked one at a time and a few at
a time; replies are bought anew, and every request leaves a record.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from .budget import Budget
from .calls import Calls
from .data import Dataset
from .errors import InputError, ModelError
from .latency import Kept, Latency, Percentiles, latency, timings
from .ledger import Ledger
from .openloop import GRACE_S, UNFINISHED, Bought, Phase, Sent, costs, passes, schedule
from .queueing import Predicted, Slowdown, predicted_p95, slowdown
from .record import Record
from .run import Progress
from .stack import Stack
from .stats.distribution import t_quantile
from .stats.quantile import percentile
from .types import Answer, Json

WARM = 8
"""Requests at most that go ahead unmeasured: connections, caches and lanes are open when measuring begins."""
MOST_WORKERS = 512
QUEUED = "requests that queue together are not independent"
"""Why nothing that was measured under load has limits: order statistics and the bootstrap take requests to be."""
MOST_REQUESTS = 1_000_000
"""Requests of one load test that are expected at most: each is kept until it ends."""
LONGEST_S = 7 * 86_400.0
NEVER_MS = 1e15
"""Stands for the response time of a request that has no reply: later than any limit."""
PAUSE_S, QUICK_MS = 0.05, 50.0
"""The longest pause before a request of the sample, so that it meets a system at rest as most arrivals do, and is timed
from when it was due as they are. Where requests are quicker than this, the clock's lag shows: how much they slow each
other is then taken from requests without pauses alone."""


@dataclass(frozen=True, slots=True)
class Drive:
    """How a stack is driven."""

    rate_per_s: float
    seconds: float = 60.0
    sample: int = 60
    """Requests that are asked one at a time beforehand, and as many again a few at a time."""
    workers: int | None = None
    """Requests in progress at once at most; None takes what the model says that it serves well."""
    paid: bool = False
    """Whether replies may cost money."""
    grace_s: float = GRACE_S
    """How long after the last arrival replies are waited for, or as long as the arrivals took where that is longer."""
    seed: int = 0

    def __post_init__(self) -> None:
        for name, value in (("--rate", self.rate_per_s), ("--seconds", self.seconds), ("--grace", self.grace_s)):
            if not (math.isfinite(value) and value > 0):
                raise InputError(f"{name} must be above zero, not {value:g}")
        if self.sample < 2:
            raise InputError("--sample must be two or more")
        if self.seconds > LONGEST_S or 1 / self.rate_per_s > LONGEST_S:
            raise InputError("a load test of more than a week", hint="give a higher --rate, or fewer --seconds")
        if max(self.sample, self.rate_per_s * self.seconds) > MOST_REQUESTS:
            said = f"{max(self.sample, self.rate_per_s * self.seconds):.3g} requests are more than one load test holds"
            raise InputError(said, hint=f"{MOST_REQUESTS:,} at most: lower --rate, --seconds or --sample")


@dataclass(frozen=True, slots=True)
class Amount:
    """Something that requests use up: what was predicted for all of them, its 95 % limits, and what it came to."""

    predicted: float | None
    low: float | None
    high: float | None
    measured: float | None

    @property
    def ratio(self) -> float | None:
        """Predicted over measured; None where either is unknown or nothing was used."""
        return self.predicted / self.measured if self.predicted is not None and self.measured else None


@dataclass(frozen=True)
class Loadtest:
    """What was predicted and what was measured."""

    run: str
    stack_digest: str
    rate_per_s: float
    seconds: float
    workers: int
    seed: int
    requests: int
    answered: int
    faults: Mapping[str, int]
    unfinished: int
    """Requests without a reply when waiting ended: they count with the time until then, which is too short."""
    times_each: float
    """How often each example was asked: an engine that keeps prompts answers one that it knows sooner."""
    alone: Percentiles
    """Service times, one request at a time."""
    slow: Slowdown
    predicted: Predicted
    measured: Percentiles
    """Response times under load, from when each request was due: what this run saw, without limits."""
    service: Percentiles
    """Service times under load: what would be said if waiting did not count. Without limits."""
    busy: float
    """The share of the workers' time that was spent serving."""
    stages: Latency
    """Where service time went under load. Without limits."""
    amounts: Mapping[str, Amount]
    """Input, output and cached tokens, and US dollars by list price."""
    samples_ms: tuple[float, ...] = field(repr=False)
    """The service times that the prediction rests on."""
    cut_off: bool = False
    """Whether the measured P95 is that of requests still unfinished when waiting ended: the true one is later."""
    kept: Kept | None = None
    """Whether this run's P95 was within the limit, a fact and no inference: `met` or `broken`, None without a limit.
    A request that failed or never came back counts as later than any limit."""

    @property
    def ratio_p95(self) -> float | None:
        """Predicted over measured P95; None where either is not known."""
        if self.cut_off or not self.predicted.p95_ms:
            return None
        return self.predicted.p95_ms / self.measured.p95.estimate

    @property
    def held(self) -> bool | None:
        """Whether the measured P95 lies within the predicted limits; None where that cannot be told."""
        p, seen = self.predicted, self.measured.p95.estimate
        if p.low_ms is None or p.high_ms is None or (self.cut_off and seen <= p.high_ms):
            return None
        return p.low_ms <= seen <= p.high_ms


def loadtest(
    stack: Stack,
    dataset: Dataset,
    drive: Drive,
    *,
    ledger: Ledger | None = None,
    budget: Budget | None = None,
    slo_ms: float | None = None,
    progress: Callable[[Progress], object] | None = None,
) -> Loadtest:
    """Measure the stack unloaded, predict its response times at the rate, then drive it at that rate and compare.

    Raises `InputError` where replies cost money and that was not allowed or not capped, or the caps hold too few calls;
    `BudgetSpent` where a cap is hit midway (what was bought is recorded); `ModelError` where nobody can answer.
    """
    if not len(dataset):
        raise InputError("there is nothing to ask", hint="the task has no examples in that part")
    return _Test(stack, dataset, drive, ledger, budget or Budget(), progress).done(slo_ms)


class _Test:
    """One load test in progress."""

    def __init__(
        self,
        stack: Stack,
        dataset: Dataset,
        drive: Drive,
        ledger: Ledger | None,
        budget: Budget,
        progress: Callable[[Progress], object] | None,
    ) -> None:
        self.stack = stack.over(stack.model.model) if isinstance(stack.model, Calls) else stack
        self.dataset, self.drive, self.budget, self.progress = dataset, drive, budget, progress
        self.workers = max(1, min(drive.workers or stack.parallel, MOST_WORKERS))
        self.due = schedule(drive.rate_per_s, drive.seconds, drive.seed)
        self.examples = passes(dataset, drive.seed)
        self.asks = 0
        self.pays = costs(self.stack, dataset[0].request)
        self._allowed()
        self.run = ledger.begin(self._manifest()) if ledger else ""
        self.bought = Bought(self.stack.model, budget, ledger, self.run, self.pays)
        self.asked = self.stack.over(self.bought)

    @property
    def warm(self) -> int:
        return min(WARM, 2 * self.workers)

    def done(self, slo_ms: float | None) -> Loadtest:
        self._closed("warm-up", self.workers, self.warm)
        pause = min(PAUSE_S, 1 / self.drive.rate_per_s)
        quiet = self._phase("sample", 1, self.drive.sample, pause_s=pause).sent
        alone = _served(quiet, "one at a time", of=lambda s: s.response_ms)
        slow, beside = self._slowed(alone)
        predicted = predicted_p95(
            alone, self.workers, self.drive.rate_per_s, slow=slow, schedule_s=self.due, seed=self.drive.seed
        )
        load = self._phase("load", self.workers, len(self.due), self.due)
        return self._found(alone, slow, predicted, [*quiet, *beside], load, slo_ms)

    def _slowed(self, alone: Sequence[float]) -> tuple[Slowdown, list[Sent]]:
        """How requests slow each other, and the requests that told."""
        levels, asked = {1: alone}, list[Sent]()
        wanted = self._levels(alone)
        if wanted and sum(alone) / len(alone) < QUICK_MS:
            wanted = [1, *wanted]
        for level in wanted:
            sent = self._closed(f"{level} at a time", level, self.drive.sample)
            levels[level] = _served(sent, f"{level} at a time")
            asked += sent
        return slowdown(levels), asked

    def _allowed(self) -> None:
        """Money is spent only where that was said, and capped; calls only where the caps hold all of them."""
        drive, budget = self.drive, self.budget
        wanted = self.warm + 4 * drive.sample + len(self.due)
        if self.pays:
            if not drive.paid:
                raise InputError(
                    f"a load test of this model buys some {wanted} replies, none from the cache",
                    hint="allow it: --paid, with --budget USD or --max-calls N",
                )
            if budget.usd is None and budget.calls is None:
                raise InputError("paid replies without a cap", hint="add --budget USD or --max-calls N")
        if budget.calls is not None and budget.calls - budget.spent_calls < wanted:
            raise InputError(
                f"the test takes up to {wanted} requests ({self.warm} to warm up, {4 * drive.sample} to predict from, "
                f"{len(self.due)} at the rate), and --max-calls allows {budget.calls - budget.spent_calls}",
                hint="raise --max-calls, or lower --rate, --seconds or --sample",
            )

    def _manifest(self) -> Mapping[str, Json]:
        """What was driven, and when: every load test is a run of its own."""
        return {
            "loadtest": {"rate_per_s": self.drive.rate_per_s, "seconds": self.drive.seconds, "seed": self.drive.seed},
            "stack": self.stack.spec,
            "stack_digest": self.stack.digest,
            "dataset": {"fingerprint": self.dataset.fingerprint},
            "at": time.time(),
        }

    def _levels(self, alone: Sequence[float]) -> list[int]:
        """How many at once to try: what will be in progress on average, and twice that; 2 at least."""
        load = self.drive.rate_per_s * sum(alone) / len(alone) / 1000
        wanted = {max(2, round(load)), max(2, math.ceil(2 * load) + 1)}
        return sorted({min(level, self.workers) for level in wanted} - {1})

    def _closed(self, name: str, level: int, count: int) -> list[Sent]:
        """So many requests at a time, each sent when another is answered."""
        return self._phase(name, level, count).sent

    def _phase(
        self, name: str, workers: int, count: int, due: Sequence[float] | None = None, pause_s: float = 0.0
    ) -> Phase:
        self.asks += count
        examples = [next(self.examples) for _ in range(count)]
        phase = Phase(name, self.asked, self.bought, examples, due, pause_s=pause_s, grace_s=self.drive.grace_s)
        return phase.driven(workers, self.progress)

    def _found(
        self,
        alone: Sequence[float],
        slow: Slowdown,
        predicted: Predicted,
        quiet: Sequence[Sent],
        load: Phase,
        slo_ms: float | None,
    ) -> Loadtest:
        sent = load.sent
        answered = [s for s in sent if s.record.answer is not None or s.record.fault == UNFINISHED]
        served = _served(sent, "under load")
        measured = _percentiles([s.response_ms for s in answered], slo_ms).observed(QUEUED)
        faults = Counter(s.record.fault or "failed" for s in sent if s.record.answer is None)
        lasted = max(s.ended_s for s in sent) * self.workers
        return Loadtest(
            run=self.run,
            stack_digest=self.stack.digest,
            rate_per_s=self.drive.rate_per_s,
            seconds=self.drive.seconds,
            workers=self.workers,
            seed=self.drive.seed,
            requests=len(sent),
            answered=len(served),
            faults={k: n for k, n in faults.items() if k != UNFINISHED},
            unfinished=load.unfinished,
            times_each=self.asks / len(self.dataset),
            alone=_percentiles(alone),
            slow=slow,
            predicted=predicted,
            measured=measured,
            service=_percentiles(served).observed(QUEUED),
            busy=sum(s.ended_s - s.sent_s for s in sent) / lasted if lasted else 0.0,
            stages=latency(timings(s.record for s in sent), seed=self.drive.seed).observed(QUEUED),
            amounts=_amounts([s.record for s in quiet], [s.record for s in sent]),
            samples_ms=tuple(alone),
            cut_off=_p95(answered) > measured.p95.estimate,
            kept=None if slo_ms is None else "met" if _p95(sent) <= slo_ms else "broken",
        )


def _served(sent: Sequence[Sent], when: str, of: Callable[[Sent], float] = lambda s: s.service_ms) -> list[float]:
    """Service times of what was answered; an error where nothing was."""
    found = [of(s) for s in sent if s.record.answer is not None]
    if len(found) >= min(2, len(sent)):
        return found
    first = next(s.record for s in sent if s.record.answer is None)
    raise ModelError(
        f"of {len(sent)} requests {when} {len(found)} were answered: {first.error or first.fault}",
        fault="unavailable",
        hint="a lower --rate" if first.fault == UNFINISHED else "ask one by hand first: suffice ask FOLDER QUESTION",
    )


def _percentiles(ms: Sequence[float], slo_ms: float | None = None) -> Percentiles:
    p50, p95, p99 = (percentile(ms, q) for q in (0.5, 0.95, 0.99))
    return Percentiles(p50, p95, p99, slo_ms)


def _p95(sent: Sequence[Sent]) -> float:
    """P95 of the response times in milliseconds, each request without a reply later than any limit."""
    return percentile([s.response_ms if s.record.answer else NEVER_MS for s in sent], 0.95).estimate


def _amounts(quiet: Sequence[Record], loaded: Sequence[Record]) -> Mapping[str, Amount]:
    before, after = ([r.answer for r in records if r.answer is not None] for records in (quiet, loaded))
    told: Mapping[str, Callable[[Answer], float | None]] = {
        "input_tokens": lambda a: a.usage.input_tokens,
        "output_tokens": lambda a: a.usage.output_tokens,
        "cached_tokens": lambda a: a.usage.cached_tokens,
        "usd": lambda a: a.cost,
    }
    return {name: _amount([of(a) for a in before], [of(a) for a in after]) for name, of in told.items()}


def _amount(before: Sequence[float | None], after: Sequence[float | None]) -> Amount:
    """The mean of the sample times the number of requests, with Student's limits for such a sum."""
    known = [v for v in before if v is not None]
    measured = None if None in after else math.fsum(v for v in after if v is not None)
    if len(known) < len(before) or len(known) < 2:
        return Amount(None, None, None, measured)
    n, m = len(after), len(known)
    mean, spread = float(np.mean(known)), float(np.std(known, ddof=1))
    width = t_quantile(0.975, m - 1) * spread * math.sqrt(n + n * n / m)
    return Amount(n * mean, max(0.0, n * mean - width), n * mean + width, measured)
