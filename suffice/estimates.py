"""Estimates: what each rung was predicted to reach before it was built, at what price, and what came of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from .attribution import ceilings, trials_of
from .compare import pairs
from .evidence import Line, Reading
from .plan import LADDER, Ceiling
from .stats.interval import upper_bound
from .stats.predict import Prediction, Trial, interval_score, predicted
from .types import Json

ALPHA = 0.1
"""Nine in ten of what is reached should lie inside."""
REACH: Mapping[str, tuple[float, float]] = {"nearest_examples": (0.8, 1.3), "gold_context": (0.6, 1.1)}
"""The part that nine rungs in ten have of what their probe brings beyond its sham: a search finds less than the gold
passage, and a choice of variants, more examples or a better passage can do more. Set on six tasks with the embedded
model (docs/LOG.md); benchmarks/estimates.py holds others against it."""


@dataclass(frozen=True, slots=True)
class Skip:
    """A rung that was left out for a low estimate, built after all: on test, against the stack beneath it."""

    n: int
    lift: float
    low: float
    high: float
    wrong: bool
    """Whether a lift of `smallest_lift` or more is proven: it should not have been skipped."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """One rung as its probe predicted it, and as it was then measured."""

    rung: str
    probe: str
    of: str
    """The run on dev whose failures were probed: the stack beneath the rung."""
    today: float
    predicted: float
    low: float
    high: float
    level: float
    n: int
    """Test items that the prediction is for."""
    usd_per_1k: float | None
    """The price of the probe's stack; None where it is not known."""
    tokens: float
    """Tokens that a request to it reads."""
    skipped: bool
    reached: float | None
    """On test; None where the rung was not measured there, or another stack was."""
    inside: bool | None
    score: float | None
    """The interval score: the width, and twenty times what it missed by."""
    reached_usd_per_1k: float | None
    reached_tokens: float | None
    audit: Skip | None
    note: str = ""


def estimates_of(reading: Reading) -> tuple[Estimate, ...]:
    """Every rung that a probe spoke of before it was built, in the ladder's order."""
    found = []
    for line in reading.evidence.of("rung"):
        probe = next(r.ceiling for r in LADDER if r.name == line["rung"])
        trials = trials_of(reading, line["estimate_of"]) if line.get("estimate_of") and probe else []
        trial = next((t for t in trials if t["probe"] == probe), None)
        if trial is not None and _lines(reading, trial["probe_runs"]):
            found.append(_estimate(reading, line, trial))
    return tuple(found)


def ceilings_of(reading: Reading, run: str) -> dict[str, Ceiling]:
    """The oracle-context estimates of a run's probes, each with the largest lift that dev leaves possible."""
    trials = {trial["probe"]: trial for trial in trials_of(reading, run)}
    return {probe: replace(c, most=_most(reading, trials[probe])) for probe, c in ceilings(reading, run).items()}


def _most(reading: Reading, trial: Line) -> float:
    judged = [v for v in reading.values(trial["of"]).values() if v is not None]
    gains = _gains(reading, trial["of"], trial["probe_runs"], [*reading.records[trial["of"]]])
    return most_gained(gains, sum(v < 1 - _HAIR for v in judged), len(judged))


def most_gained(gains: Sequence[float], failing: int, n: int) -> float:
    """The largest lift that is possible where these failures gained so much, `failing` of `n` items fail, and those
    not asked about are like those that were: the exact upper limit, at 2.5 %, of the share of items that fail and are
    fixed. Today's own error is in it: few failures on dev do not mean that few are to be had."""
    if not gains or not failing:
        return 1.0
    items = max(len(gains), round(n * len(gains) / failing))
    return upper_bound(min(items, math.ceil(max(0.0, sum(gains)))), items, 0.025)


def foreseen(reading: Reading, run: str, n: int) -> tuple[Estimate, ...]:
    """What the probes of one diagnosed run say of the rungs that could be built on it, for `n` test items."""
    trials = {trial["probe"]: trial for trial in trials_of(reading, run)}
    lines = [({"rung": r.name, "outcome": "not built"}, trials[r.ceiling]) for r in LADDER if r.ceiling in trials]
    return tuple(_estimate(reading, line, t, n) for line, t in lines if _lines(reading, t["probe_runs"]))


def _estimate(reading: Reading, line: Line, trial: Line, n: int = 0) -> Estimate:
    today = [v for v in reading.values(trial["of"]).values() if v is not None]
    audit = next((x for x in reading.evidence.of("audit") if x["rung"] == line["rung"]), None)
    run, note = _measured(reading, line, audit)
    seen = [v for v in reading.values(run).values() if v is not None] if run else []
    told = _predicted(reading, trial, today, len(seen) or n or len(reading.parts.get("test", ())) or 1)
    reached = sum(seen) / len(seen) if seen else None
    price, tokens = _spent(_lines(reading, [*trial["probe_runs"], *trial["passing_runs"]]))
    paid, read = _spent(_lines(reading, [run] if run else []))
    return Estimate(
        rung=line["rung"],
        probe=trial["probe"],
        of=trial["of"],
        today=sum(today) / len(today),
        predicted=told.estimate,
        low=told.low,
        high=told.high,
        level=told.level,
        n=told.n,
        usd_per_1k=price,
        tokens=tokens,
        skipped=line["outcome"] == "skipped",
        reached=reached,
        inside=None if reached is None else told.low - _HAIR <= reached <= told.high + _HAIR,
        score=None if reached is None else interval_score(told.low, told.high, reached, ALPHA),
        reached_usd_per_1k=paid if run else None,
        reached_tokens=read if run else None,
        audit=_skip(reading, audit) if audit else None,
        note=note,
    )


_HAIR = 1e-9
UNMEASURED = {"dev": "no better on dev, so not asked on test", "not_needed": "not needed"}


def _predicted(reading: Reading, trial: Line, today: Sequence[float], n: int) -> Prediction:
    """The prediction from the failures that the probe was asked about; others are taken to be like them."""
    line = [x for x in reading.evidence.of("diagnosis") if x["of"] == trial["of"]][-1]
    arms = [_gains(reading, trial["of"], runs, line["failures"]) for runs in trial["sham_runs"]]
    told = Trial(
        fixed=_gains(reading, trial["of"], trial["probe_runs"], line["failures"]),
        sham=max(arms, key=sum, default=[]),
        broke=[1 - after for after in _after(reading, trial["passing_runs"], trial["passing"]).values()],
    )
    reach = REACH.get(trial["probe"], (0.0, 1.0))
    return predicted(today, told, n=n, reach=reach, alpha=ALPHA, seed=line["seed"])


def _gains(reading: Reading, of: str, runs: Sequence[str], ids: Sequence[str]) -> list[float]:
    """The part of each failure's missing score that these runs brought, where they were asked about it."""
    before = reading.values(of)
    return [(x - y) / (1 - y) for id_, x in _after(reading, runs, ids).items() if (y := before[id_] or 0.0) < 1]


def _after(reading: Reading, runs: Sequence[str], ids: Sequence[str]) -> dict[str, float]:
    """The mean score of each item over the runs that were asked about it."""
    told = {id_: [reading.records[run][id_]["value"] for run in runs if id_ in reading.records[run]] for id_ in ids}
    known = {id_: [v for v in values if v is not None] for id_, values in told.items()}
    return {id_: sum(values) / len(values) for id_, values in known.items() if values}


def _measured(reading: Reading, line: Line, audit: Line | None) -> tuple[str | None, str]:
    """The run on test of the rung as it was predicted, or why there is none."""
    if audit is not None:
        return audit["test"], ""
    if line["outcome"] != "measured":
        return None, UNMEASURED.get(line["outcome"], str(line["outcome"]))
    layers = [layer["use"] for layer in reading.runs[line["test"]]["stack"].get("layers", ())]
    if "classifier" in layers:
        return None, "measured after the classifier: another stack than the one predicted"
    return line["test"], ""


def _skip(reading: Reading, audit: Line) -> Skip:
    before, after = reading.values(audit["against"]), reading.values(audit["test"])
    found = pairs(before, after, reading.parts["test"], alpha=0.05, seed=reading.evidence.one("plan")["seed"])
    smallest = reading.evidence.one("task")["profile"]["smallest_lift"]
    return Skip(found.n, found.lift, found.low, found.high, found.decision == "better" and found.lift >= smallest)


def _lines(reading: Reading, runs: Sequence[str]) -> list[Line]:
    return [x for run in runs for x in reading.records[run].values() if x["output"] is not None]


def _spent(lines: Sequence[Line]) -> tuple[float | None, float]:
    """US dollars for a thousand requests, and tokens read by one."""
    if not lines:
        return None, 0.0
    usd: list[Json] = [x["usd"] for x in lines]
    tokens = sum(x["input_tokens"] for x in lines) / len(lines)
    return None if None in usd else 1000 * sum(usd) / len(usd), tokens
