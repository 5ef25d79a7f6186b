"""Latency: percentiles end to end and by stage from what was measured, their limits, and the stage that is slow."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .digest import digest_of
from .errors import InputError
from .evidence import Evidence, Line, Reading
from .ledger import Ledger
from .pricebook import Figure, book
from .record import Record
from .run import manifest_of
from .stack import Stack
from .stats.quantile import Quantile, percentile
from .strict import read_json
from .task import Task

Floats = NDArray[np.float64]
Kept = Literal["met", "broken", "cannot tell"]

TAIL, FEWEST = 0.05, 5
"""The slowest share of requests, and how many make a tail at least."""
DRAWS = 1_000
LARGEST = 20_000_000
"""Numbers drawn at most for one interval."""
FIGURES: Mapping[tuple[bool, bool], tuple[str, ...]] = {
    (False, False): ("latency_prompt_small", "latency_prompt_large"),
    (True, False): ("latency_retrieval", "latency_reranking"),
    (False, True): ("latency_tuned_api", "latency_lora_gpu"),
    (True, True): ("latency_retrieval_tuned", "latency_reranking"),
}
"""What docs/framework.md §7 has to say, by whether something is retrieved and whether the model was tuned."""


@dataclass(frozen=True, slots=True)
class Timing:
    """One request: its service time and each stage's own part of it, in milliseconds."""

    id: str
    ms: float
    stages: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Percentiles:
    """P50, P95 and P99 with order-statistic limits, and what P95 may be at most."""

    p50: Quantile
    p95: Quantile
    p99: Quantile
    slo_ms: float | None = None

    @property
    def kept(self) -> Kept | None:
        """Whether the limits of P95 lie on one side of what it may be; None where nothing is asked of it."""
        if self.slo_ms is None:
            return None
        if self.p95.low is not None and self.p95.low > self.slo_ms:
            return "broken"
        return "met" if self.p95.high is not None and self.p95.high <= self.slo_ms else "cannot tell"

    def observed(self, reason: str) -> Percentiles:
        """The same without limits, and why there are none."""
        p50, p95, p99 = (replace(q, low=None, high=None, reason=reason) for q in (self.p50, self.p95, self.p99))
        return Percentiles(p50, p95, p99, self.slo_ms)


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage's own time, and its part in the slowest requests."""

    name: str
    n: int
    """Requests that it had a part in."""
    own: Percentiles
    share: float
    """Of the time of all requests."""
    tail_share: float
    """Of the time of the slowest requests: the parts of all stages add up to 1, as their percentiles do not."""
    tail_low: float | None
    tail_high: float | None
    """95 % limits by the bootstrap of requests; None where these are not independent."""
    tail_ms: float
    """Its mean time in the slowest requests."""
    rise_ms: float
    """How much more that is than its mean in all."""
    leads: float | None
    """How often, over the bootstrap, no other stage has a larger part in the slowest requests; None as the limits."""
    p95_without_ms: float
    """P95 end to end if this stage took no time at all: the most that work on it can bring."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Everything that was measured of a stack's service times, queueing left out."""

    n: int
    whole: Percentiles
    stages: tuple[Stage, ...]
    """In the order of the stack, outermost first."""
    tail_n: int
    """The slowest requests that `tail_share` speaks of."""

    @property
    def slowest(self) -> Stage | None:
        """The stage with the largest part in the slowest requests."""
        return max(self.stages, key=lambda s: s.tail_share, default=None)

    @property
    def breaking(self) -> Stage | None:
        """The stage to work on where the limit end to end is not proven to hold; None where it is, or none is set."""
        return self.slowest if self.whole.kept in ("broken", "cannot tell") else None

    @property
    def over(self) -> tuple[Stage, ...]:
        """Stages proven to break their own limit."""
        return tuple(s for s in self.stages if s.own.kept == "broken")

    @property
    def words(self) -> str:
        """What a person would say of it."""
        return " ".join((*_whole_in_words(self), *(_stage_in_words(s) for s in self.stages if s.own.kept)))

    def observed(self, reason: str) -> Latency:
        """The same as a description of these requests alone: no limits, and why there are none."""
        stages = (
            replace(s, own=s.own.observed(reason), tail_low=None, tail_high=None, leads=None) for s in self.stages
        )
        return replace(self, whole=self.whole.observed(reason), stages=tuple(stages))


@dataclass(frozen=True, slots=True)
class Peak:
    """Requests a second in the busiest time, and how that was come by."""

    rate_per_s: float
    per_day: float
    factor: float
    how: str


def timings(records: Iterable[Record]) -> tuple[Timing, ...]:
    """The requests that were answered, by their records."""
    answers = [(r.id, r.answer) for r in records if r.answer is not None]
    return tuple(_timing(id_, [(s.name, s.ms) for s in answer.trace]) for id_, answer in answers)


def timed(lines: Iterable[Line]) -> tuple[Timing, ...]:
    """The requests that were answered, by their lines of evidence."""
    return tuple(
        _timing(line["id"], ((str(name), float(ms)) for name, ms in line["stages"]))
        for line in lines
        if line["output"] is not None and line["stages"]
    )


def latency(
    timed: Sequence[Timing],
    *,
    slo_ms: float | None = None,
    stage_slo_ms: Mapping[str, float] | None = None,
    seed: int = 0,
) -> Latency:
    """What the timings come to. A stage that has a limit and no part in any request is an `InputError`."""
    if not timed:
        raise InputError("nothing was timed", hint="`suffice run FOLDER` or `suffice loadtest FOLDER` measures")
    names = list(dict.fromkeys(name for t in timed for name in t.stages))
    limits = stage_slo_ms or {}
    if missing := [name for name in limits if name not in names]:
        raise InputError(
            f"target.stages names `{missing[0]}`, and no request went through it", hint=f"stages: {', '.join(names)}"
        )
    parts = np.array([[t.stages.get(name, 0.0) for name in names] for t in timed])
    whole = _percentiles([t.ms for t in timed], slo_ms)
    slowest = min(len(timed), max(FEWEST, len(timed) - math.ceil(len(timed) * (1 - TAIL) - 1e-9) + 1))
    tail = _Tail.of(parts, slowest, seed)
    at_all = [[t.stages[name] for t in timed if name in t.stages] for name in names]
    owns = [_percentiles(ms, limits.get(name)) for ms, name in zip(at_all, names, strict=True)]
    stages = (_stage(parts, tail, at, name, owns[at], len(at_all[at])) for at, name in enumerate(names))
    return Latency(len(timed), whole, tuple(stages), slowest)


def stored(task: Task, stack: Stack, ledger: Ledger) -> tuple[tuple[Timing, ...], str]:
    """Timings of this very stack from the task's records, and in words which: those measured one at a time first.

    The verdict's records are read first, then the ledger; of a stack that was never asked there are none. Each example
    counts once, however many runs hold the reply to it: copies of one time would make limits look close.
    """
    found = _in_evidence(task, stack) or _in_ledger(task, stack, ledger)
    alone = _once(t for t, unloaded in found if unloaded)
    timed = alone or _once(t for t, _ in found)
    how = "one request at a time" if alone else "several requests at a time, their waiting left out"
    return timed, f"{len(timed)} requests of stored runs, {how}"


def expected(stack: Stack, folder: Path | None = None) -> tuple[Figure, ...]:
    """The source's working figures for stacks like this one (P50, milliseconds); none for models inside this process.

    From docs/framework.md §7, through the price book: a task's own prices.yaml comes before them.
    """
    if getattr(stack.model, "spec", {}).get("use") != "openai":
        return ()
    retrieves, tuned = not {"retrieval", "long_context"}.isdisjoint(stack.names), "adapter" in stack.names
    figures = book(folder)
    return tuple(figures.figure(name) for name in FIGURES[retrieves, tuned])


def peak(per_day: float, *, factor: float | None = None, audit: Path | None = None, folder: Path | None = None) -> Peak:
    """Requests a second at the busiest time: the mean of the day by a factor that is given, audited, or assumed."""
    if not (math.isfinite(per_day) and per_day > 0):
        raise InputError(f"{per_day:g} requests a day make no traffic", hint="set profile.requests_per_day")
    audited = None if audit is None else busiest(audit)
    if factor is not None:
        times, how = factor, "as given"
    elif audit is not None and audited is not None:
        times, how = audited, f"the busiest hour of the day in {audit.name}, against the day's mean"
    else:
        figure = book(folder).figure("peak")
        times, how = figure.estimate, f"{figure.what} ({figure.source}, {figure.dated or 'undated'})"
    if not times >= 1:
        raise InputError(f"a peak of {times:g} times the mean is below it", hint="give 1 or more")
    return Peak(per_day / 86_400 * times, per_day, times, how)


def busiest(path: Path) -> float:
    """How many times the mean the busiest hour of the day has, in an audit.json; `InputError` for any other file."""
    body = read_json(path, "audit")
    try:
        calls = [float(hour["calls"]) for hour in body["traffic"]["hours"]]
    except (KeyError, TypeError, ValueError) as wrong:
        raise InputError("not an audit with hours", file=str(path), hint="`suffice audit LOG` writes one") from wrong
    if len(calls) != 24 or not sum(calls) > 0 or min(calls) < 0:
        raise InputError("the audited log has no times of day", file=str(path), hint="give --peak instead")
    return 24 * max(calls) / sum(calls)


def _timing(id_: str, steps: Iterable[tuple[str, float]]) -> Timing:
    spent: dict[str, float] = {}
    for name, ms in steps:
        spent[name] = spent.get(name, 0.0) + ms
    return Timing(id_, sum(spent.values()), spent)


def _once(found: Iterable[Timing]) -> tuple[Timing, ...]:
    """The first timing of each example."""
    first: dict[str, Timing] = {}
    for one in found:
        first.setdefault(one.id, one)
    return tuple(first.values())


def _in_evidence(task: Task, stack: Stack) -> list[tuple[Timing, bool]]:
    """From the records beside a verdict: what this stack was asked, and whether one request at a time."""
    path = next((p for p in (task.folder / "records.jsonl", task.state / "records.jsonl") if p.is_file()), None)
    if path is None:
        return []
    reading = Reading(Evidence.read(path))
    alone = {line.get("unloaded") for line in reading.evidence.lines}
    runs = [line["run"] for line in reading.evidence.of("run") if line["stack_digest"] == stack.digest]
    return [(t, run in alone) for run in runs for t in timed(reading.records[run].values())]


def _in_ledger(task: Task, stack: Stack, ledger: Ledger) -> list[tuple[Timing, bool]]:
    """From runs of the parts of the task, whose ids follow from what they ran."""
    from .asking import UNLOADED, UNLOADED_SAMPLE

    scorer, parts = task.dataset.scorer, task.parts
    if scorer is None:
        return []
    alone = digest_of(manifest_of(stack, parts.test[:UNLOADED], scorer, sample=UNLOADED_SAMPLE))
    runs = [digest_of(manifest_of(stack, d, scorer)) for d in (parts.test, parts.dev, parts.edge, task.dataset)]
    found = [(t, False) for run in dict.fromkeys(runs) for t in timings(ledger.records(run))]
    return [*((t, True) for t in timings(ledger.records(alone))), *found]


def _percentiles(ms: Sequence[float], slo_ms: float | None) -> Percentiles:
    p50, p95, p99 = (percentile(ms, q) for q in (0.5, 0.95, 0.99))
    return Percentiles(p50, p95, p99, slo_ms)


@dataclass(frozen=True)
class _Tail:
    """The slowest requests: each stage's share of their time, now and over the bootstrap."""

    times: Floats
    """Of the slowest requests, a column a stage."""
    shares: Floats
    drawn: Floats
    """A row a draw."""

    @classmethod
    def of(cls, parts: Floats, slowest: int, seed: int) -> _Tail:
        total = parts.sum(axis=1)
        times = parts[np.argsort(-total, kind="stable")[:slowest]]
        draw = np.random.default_rng(seed)
        draws = max(100, min(DRAWS, LARGEST // max(1, parts.size)))
        rows = []
        for _ in range(draws):
            again = draw.integers(len(parts), size=len(parts))
            at = again[np.argpartition(-total[again], slowest - 1)[:slowest]]
            rows.append(parts[at].sum(axis=0))
        sums = np.array(rows)
        return cls(times, _shares(times.sum(axis=0)[None])[0], _shares(sums))


def _shares(sums: Floats) -> Floats:
    whole = sums.sum(axis=1, keepdims=True)
    found: Floats = np.divide(sums, whole, out=np.full_like(sums, 1 / sums.shape[1]), where=whole > 0)
    return found


def _stage(parts: Floats, tail: _Tail, at: int, name: str, own: Percentiles, n: int) -> Stage:
    low, high = np.quantile(tail.drawn[:, at], [0.025, 0.975])
    in_tail, in_all = float(tail.times[:, at].mean()), float(parts[:, at].mean())
    rest = parts.sum(axis=1) - parts[:, at]
    return Stage(
        name=name,
        n=n,
        own=own,
        share=float(_shares(parts.sum(axis=0)[None])[0, at]),
        tail_share=float(tail.shares[at]),
        tail_low=float(min(low, tail.shares[at])),
        tail_high=float(max(high, tail.shares[at])),
        tail_ms=in_tail,
        rise_ms=in_tail - in_all,
        leads=float((tail.drawn.argmax(axis=1) == at).mean()),
        p95_without_ms=percentile(rest.tolist(), 0.95).estimate,
    )


def _whole_in_words(found: Latency) -> list[str]:
    p95, slo = found.whole.p95, found.whole.slo_ms
    limits = f"{in_words(p95.low)} to {in_words(p95.high)}, n = {found.n}"
    if p95.low is None or p95.high is None:
        limits = p95.reason if p95.low is None else f"{in_words(p95.low)} or more: {p95.reason}"
    told = [f"P95 is {in_words(p95.estimate)} ms ({limits})."]
    if slo is not None:
        word = {"met": "holds", "broken": "is broken", "cannot tell": "is neither proven to hold nor broken"}
        told.append(f"The limit of {in_words(slo)} ms {word[found.whole.kept or 'cannot tell']}.")
    lead = found.breaking or found.slowest
    if lead is None:
        return told
    told.append(
        f"Of the slowest {found.tail_n} requests {lead.name} takes {lead.tail_share:.0%} of the time"
        f"{_sureness(lead)}; without it P95 would be {in_words(lead.p95_without_ms)} ms."
    )
    riser = max(found.stages, key=lambda s: s.rise_ms)
    if riser.name != lead.name and riser.rise_ms > 0:
        told.append(f"What makes them slower than others is mostly {riser.name}: {in_words(riser.rise_ms)} ms more.")
    return told


def _sureness(lead: Stage) -> str:
    """The limits of its part, and how often another leads; nothing where requests are not independent."""
    if lead.tail_low is None or lead.tail_high is None or lead.leads is None:
        return ""
    sure = "" if lead.leads >= 0.95 else f", though in {1 - lead.leads:.0%} of redrawn samples another leads"
    return f" ({lead.tail_low:.0%} to {lead.tail_high:.0%}{sure})"


def _stage_in_words(stage: Stage) -> str:
    words = {"met": "keeps", "broken": "breaks", "cannot tell": "may or may not keep"}
    said = f"{stage.name} {words[stage.own.kept or 'cannot tell']} its limit of {in_words(stage.own.slo_ms)} ms"
    return f"{said} (P95 {in_words(stage.own.p95.estimate)} ms)."


def in_words(value: float | None) -> str:
    """Milliseconds, two digits below ten."""
    return "?" if value is None else f"{value:.0f}" if value >= 10 else f"{value:.2g}"
