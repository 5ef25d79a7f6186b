"""Measures: the numbers of one stack and of two side by side, computed from stored evidence alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .compare import Comparison, clusters, pairs
from .data import Example
from .evidence import Line, Reading
from .stats.interval import mean_interval
from .stats.quantile import percentile
from .stats.regress import regression
from .types import Json


@dataclass(frozen=True)
class Quality:
    """The mean score on test with the one-sided limits that the target is judged by."""

    estimate: float
    low: float
    high: float
    """Limits that hold however the unjudged items would have been judged."""
    n: int
    alpha: float
    method: str
    unjudged: int
    meets: bool | None
    reason: str = ""


@dataclass(frozen=True)
class Held:
    """A stack that has been measured on test: the one to beat."""

    rung: str
    test: str
    edge: str | None
    quality: Quality


@dataclass(frozen=True)
class Measures:
    """The arithmetic of runs, levels and margins as declared."""

    reading: Reading

    @property
    def task(self) -> Line:
        """What was wanted."""
        return self.reading.evidence.one("task")

    @property
    def plan(self) -> Line:
        """What was declared before test was opened."""
        return self.reading.evidence.one("plan")

    def examples(self, part: str) -> tuple[Example, ...]:
        """A part's examples, in the order they are judged in."""
        return self.reading.parts.get(part, ())

    def floor(self) -> Held:
        """Always the most common answer: what no intelligence at all reaches."""
        line = self.reading.evidence.one("floor")
        return Held("floor", line["test"], line["edge"], self.quality(line["test"]))

    def held(self, line: Line) -> Held:
        """What is held once this rung is kept."""
        return Held(line["rung"], line["test"], line["edge"], self.quality(line["test"]))

    def quality(self, run: str) -> Quality:
        """The target test of one stack: exact for 0/1 scores; unjudged items count against whatever is claimed."""
        values, examples = self.reading.values(run), self.examples("test")
        alpha, target = self.plan["alpha_target"], self.task["target"]
        judged = [e for e in examples if values[e.id] is not None]
        if not judged:
            return Quality(0.0, 0.0, 1.0, 0, alpha, "none", len(examples), None, "no answer could be judged")
        seed = self.plan["seed"]
        found = mean_interval([values[e.id] or 0.0 for e in judged], clusters(judged), alpha=2 * alpha, seed=seed)
        worst = [
            mean_interval([_or(values[e.id], x) for e in examples], clusters(examples), alpha=2 * alpha, seed=seed)
            for x in (0.0, 1.0)
        ]
        low, high = worst[0].low, worst[1].high
        meets, unjudged = _meets(low, high, target), len(examples) - len(judged)
        return Quality(found.estimate, low, high, found.n, alpha, found.method, unjudged, meets, found.reason)

    def against(self, run: str, held: str, part: str) -> Comparison:
        """A run compared with what is held, pair by pair, at the declared level."""
        before, after = self.reading.values(held), self.reading.values(run)
        return pairs(before, after, self.examples(part), alpha=self.plan["alpha_claim"], seed=self.plan["seed"])

    def edge(self, line: Line, held: Held) -> dict[str, Json] | None:
        """The edge partition apart: its lift, and whether it is proven, or likely, to lose more than the tolerance."""
        if line["edge"] is None or held.edge is None:
            return None
        found = self.against(line["edge"], held.edge, "edge")
        before, after = self.reading.values(held.edge), self.reading.values(line["edge"])
        judged = [e for e in self.examples("edge") if before[e.id] is not None and after[e.id] is not None]
        told = {"n": found.n, "lift": found.lift, "low": found.low, "high": found.high, "losses": found.losses}
        if not judged:
            return {**told, "quality": None, "hidden_loss": 1.0, "decision": "nothing could be judged"}
        loss = regression(
            [before[e.id] or 0.0 for e in judged],
            [after[e.id] or 0.0 for e in judged],
            clusters(judged),
            tolerance=self.task["target"]["tolerance"],
            alpha=self.plan["alpha_claim"],
            seed=self.plan["seed"],
        )
        word = "proven to regress" if loss.proven else "likely to regress" if loss.likely else "no regression seen"
        quality = sum(after[e.id] or 0.0 for e in judged) / len(judged)
        return {**told, "quality": quality, "hidden_loss": loss.hidden_loss, "decision": word}

    def speed(self, run: str, unloaded: str | None) -> dict[str, Json]:
        """Latency, tokens and money of a run; latency from the unloaded sample where there is one."""
        records = self._answered(run)
        timed = self._answered(unloaded) if unloaded else records
        spent = [r["ms"] for r in timed]
        p50, p95 = (percentile(spent, q) for q in (0.5, 0.95)) if spent else (None, None)
        usd = [r["usd"] for r in records]
        return {
            "p50_ms": p50.estimate if p50 else None,
            "p95_ms": p95.estimate if p95 else None,
            "p95_low_ms": p95.low if p95 else None,
            "p95_high_ms": p95.high if p95 else None,
            "usd_per_1k": None if not usd or None in usd else 1000 * sum(usd) / len(usd),
            "input_tokens": sum(r["input_tokens"] for r in records),
            "output_tokens": sum(r["output_tokens"] for r in records),
            "stages": _stages(timed),
        }

    def _answered(self, run: str) -> list[Line]:
        return [r for r in self.reading.records[run].values() if r["output"] is not None]

    def calls(self, line: Line) -> int:
        """How often the model answered for this rung, cached replies included."""
        runs = {*line["dev_runs"], line["test"], line["edge"], line["unloaded"]} - {None}
        return sum(r.get("asked", 0) for run in runs for r in self.reading.records[run].values())


def _meets(low: float, high: float, target: Mapping[str, Json]) -> bool | None:
    """Proven above quality − tolerance, proven below quality, or None: both or neither."""
    if target["quality"] is None:
        return None
    above, below = low > target["quality"] - target["tolerance"], high < target["quality"]
    return None if above == below else above


def _or(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value


def _stages(records: Sequence[Line]) -> list[dict[str, Json]]:
    """P50 and P95 of each layer's own time, outermost first."""
    times: dict[str, list[float]] = {}
    for record in records:
        spent: dict[str, float] = {}
        for name, ms in record["stages"]:
            spent[name] = spent.get(name, 0.0) + ms
        for name, ms in spent.items():
            times.setdefault(name, []).append(ms)
    return [
        {"name": name, "p50_ms": percentile(ms, 0.5).estimate, "p95_ms": percentile(ms, 0.95).estimate}
        for name, ms in times.items()
    ]
