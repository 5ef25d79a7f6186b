"""Measures: the numbers of one stack and of two side by side, computed from stored evidence alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from .compare import Comparison, Decision, clusters, pairs
from .data import Example
from .evidence import Line, Reading
from .looks import asked_of, scores_of
from .people import People
from .stats import rung
from .stats.interval import mean_interval
from .stats.power import smallest_visible_effect, smallest_visible_mean
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

    @property
    def judge(self) -> str | None:
        """The model that judged, where the scorer asked one."""
        found: str | None = self.plan.get("judge")
        return found

    @cached_property
    def people(self) -> People:
        """What people say of outputs that a model judged."""
        return People(self.reading, self.examples("test"), self.plan["seed"])

    def examples(self, part: str) -> tuple[Example, ...]:
        """A part's examples, in the order they are judged in."""
        return self.reading.parts.get(part, ())

    def floor(self) -> Held:
        """Always the most common answer: what no intelligence at all reaches."""
        line = self.reading.evidence.one("floor")
        return Held("floor", line["test"], line["edge"], self.quality(line["test"]))

    def held(self, line: Line) -> Held:
        """What is held once this rung is kept."""
        return Held(line["rung"], line["test"], line["edge"], self.quality_of(line))

    def quality_of(self, line: Line) -> Quality:
        """The target test of the stack that a line measured, at its looks or all at once."""
        if line.get("items") is None:
            return self.quality(line["test"])
        return self.looked(line["test"], line["items"], line["graded"])

    def looked(self, run: str, items: int, graded: bool, alpha: float | None = None) -> Quality:
        """The target test of a stack after the looks up to `items`; limits hold wherever it was stopped."""
        examples = self.examples("test")[:items]
        values, asked = self.reading.values(run), self.asked(graded, alpha_target=alpha)
        found = rung.quality(asked, scores := scores_of(values, examples))
        unjudged = sum(values[e.id] is None for e in examples)
        proven = rung.decided(asked, scores)
        both = (proven == "above" and found.high < (asked.ceiling or 0)) or (
            proven == "below" and found.low > (asked.bound or 0)
        )
        meets = None if both else {"above": True, "below": False}.get(proven or "")
        reason = f"stopped at {items} of {asked.lift.n} items" if items < asked.lift.n else ""
        method = found.method
        return Quality(
            found.estimate, found.low, found.high, items, asked.target.alpha, method, unjudged, meets, reason
        )

    def asked(self, graded: bool, *, alpha_target: float | None = None, alpha_lift: float | None = None) -> rung.Asked:
        """What is asked of one stack on test."""
        return asked_of(
            self.plan,
            self.task["target"],
            self.examples("test"),
            graded=graded,
            alpha_target=alpha_target,
            alpha_lift=alpha_lift,
        )

    def quality(self, run: str) -> Quality:
        """The target test of one stack: exact for 0/1 scores; unjudged items count against whatever is claimed.

        Where a model judged, it is people's mean, prediction-powered, once they labelled enough.
        """
        values, examples = self.reading.values(run), self.examples("test")
        alpha, target = self.plan["alpha_target"], self.task["target"]
        if self.judge and (told := self.people.mean(run, 2 * alpha)):
            unknown, meets = sum(values[e.id] is None for e in examples), _meets(told.low, told.high, target)
            return Quality(told.estimate, told.low, told.high, told.n, alpha, told.method, unknown, meets, told.reason)
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
        if self.judge and part == "test" and (told := self.people.lift(held, run, self.plan["alpha_claim"])):
            return told
        before, after = self.reading.values(held), self.reading.values(run)
        return pairs(before, after, self.examples(part), alpha=self.plan["alpha_claim"], seed=self.plan["seed"])

    def compared(self, line: Line, held: str) -> Comparison:
        """The stack that a line measured compared with a held one on test, at its looks or all at once."""
        if line.get("items") is None:
            return self.against(line["test"], held, "test")
        examples = self.examples("test")[: line["pairs"][held]]
        before, after = (self.reading.values(run) for run in (held, line["test"]))
        old, new = scores_of(before, examples), scores_of(after, examples)
        asked = self.asked(line["graded"])
        found, stood = rung.lift(asked, old, new), rung.judge(asked, old, new)
        decision: Decision = stood.lift if stood.lift in ("better", "worse") else "undecided"
        won, lost = int((new.low > old.high).sum()), int((new.high < old.low).sum())
        unjudged = sum(before[e.id] is None or after[e.id] is None for e in examples)
        return Comparison(
            n=len(examples),
            lift=found.estimate,
            low=found.low,
            high=found.high,
            alpha_spent=self.plan["alpha_claim"],
            smallest_visible_effect=_visible(asked, old, new, won, lost),
            method=found.method,
            p_value=None,
            wins=won,
            losses=lost,
            ties=len(examples) - won - lost - unjudged,
            decision=decision,
            unjudged=unjudged,
            groups=len({e.cluster for e in examples}) if asked.groups else None,
        )

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

    def meets(self, low: float, high: float) -> bool | None:
        """Whether a mean between these limits is proven to meet the target, or not to."""
        return _meets(low, high, self.task["target"])

    def too_slow(self, speed: Mapping[str, Json]) -> str:
        """What of the target's latency and price is exceeded, in words, or nothing."""
        target = self.task["target"]
        if target["p95_ms"] is not None and (speed["p95_ms"] or 0) > target["p95_ms"]:
            return f"P95 is {speed['p95_ms']:.0f} ms, the target {target['p95_ms']:g} ms"
        if target["usd_per_1k"] is not None and speed["usd_per_1k"] is None:
            return f"its price is not known, the target is ${target['usd_per_1k']:.2f} for 1,000 requests"
        if target["usd_per_1k"] is not None and speed["usd_per_1k"] > target["usd_per_1k"]:
            return f"1,000 requests cost ${speed['usd_per_1k']:.2f}, the target is ${target['usd_per_1k']:.2f}"
        return ""

    def calls(self, line: Line) -> int:
        """How often the model answered for this rung, cached replies included."""
        runs = {*line["dev_runs"], line["test"], line["edge"], line["unloaded"]} - {None}
        return sum(r.get("asked", 0) for run in runs for r in self.reading.records[run].values())


def _visible(asked: rung.Asked, old: rung.Scores, new: rung.Scores, won: int, lost: int) -> float | None:
    """The smallest lift that as many items, looked at once, find four times in five."""
    n = old.low.size
    if asked.exact:
        return smallest_visible_effect(n, (won + lost) / n, 2 * asked.lift.alpha)
    spread = float((new.low - old.high).std())
    units = n if asked.groups is None else len(set(asked.groups[:n]))
    return smallest_visible_mean(spread / units**0.5, asked.lift.alpha, sided="greater") if spread else None


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
