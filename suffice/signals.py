"""Signals: each row of the decision matrix as something measured, from probes, traces and the task's profile."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from .adherence import Adherence, adherence_of
from .compare import clusters
from .contract import fits
from .data import Output
from .evidence import Line, Reading
from .layer import Cause
from .matrix import LEVERS, ROWS, Row
from .overhead import Overhead, overhead_of
from .record import Diagnosis, Finding
from .stats.interval import Interval, lower_bound, mean_interval
from .strict import parse
from .types import Tool

SCHEMA_FAILURES = (0.005, 0.01)
"""With structured output on: proven above the first, tuning may pay; proven below the second, nothing is wrong."""
CONTEXT_TOKENS = 50_000
LARGE_PROMPT = 1_000
"""Tokens from which a prompt is large: shorter ones are not cached by providers, and are hardly shortened by tuning."""
PROMPT_MS = 200.0
"""What a system prompt of 4,000 tokens adds at P50 (docs/framework.md §7)."""
MONTHLY = 3_000.0
"""US dollars a month: a model at a tenth of the price repays the dearest LoRA project of docs/framework.md §6, $8,000,
within three months."""
RECALL = 0.85
"""Recall below which tuned embeddings have the 15 points to give that docs/framework.md §3 names."""
HANDFUL = 5
"""Rules a prompt carries before their number is to blame."""
STRICT = 0.99
"""The share of replies that must keep all rules where the task sets no target."""


@dataclass(frozen=True, slots=True)
class Signal:
    """One row, measured on one run."""

    row: str
    """M1 to M8 of the decision matrix; P1 and P2 for the two limits of a prompt that it leaves out."""
    name: str
    measured: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    threshold: str
    fired: bool | None
    """None where the records cannot tell, or nothing was measured; `measured` says why."""
    lever: str
    not_lever: str
    source: str


def signals_of(reading: Reading, diagnosis: Diagnosis, counted: str | None = None) -> tuple[Signal, ...]:
    """Every row, measured on the run that was diagnosed; what is counted rather than probed, on the run `counted`.

    Needs the evidence's `task` line, for the contract, the target and the profile; without one there are no signals.
    """
    if not any(True for line in reading.evidence.of("task") if "output" in line):
        return ()
    return _Signals(reading, diagnosis, counted or diagnosis.run).all()


def quoted(signals: Sequence[Signal], rung: str) -> tuple[str, ...]:
    """The rows that fired and that a rung acts on, in words with their number."""
    acts = {row.row for row in ROWS if rung in row.rungs}
    return tuple(f"matrix row {s.row}: {s.measured}" for s in signals if s.fired and s.row in acts)


@dataclass(frozen=True)
class _Signals:
    """The arithmetic of one diagnosed run."""

    reading: Reading
    diagnosis: Diagnosis
    counted: str

    def all(self) -> tuple[Signal, ...]:
        measures: Mapping[str, Callable[[], _Measured]] = {
            "M1": lambda: self._share("knowledge", "coverage"),
            "M2": self._format,
            "M3": self._wrong,
            "M4": lambda: self._share("behaviour", "instruction"),
            "M5": self._tools,
            "M6": self._latency,
            "M7": self._cost,
            "M8": self._search,
            "P1": self._pressure,
            "P2": self._rules,
        }
        return tuple(_signal(row, measures[row.row]()) for row in ROWS)

    # What there is to read

    @cached_property
    def task(self) -> Line:
        return self.reading.evidence.one("task")

    @cached_property
    def output(self) -> Output:
        told = self.task["output"]
        tools = tuple(Tool(**tool) for tool in told.get("tools", ()))
        return Output(told["kind"], tuple(told.get("labels", ())), told.get("schema"), tools)

    @cached_property
    def records(self) -> Sequence[Line]:
        return [*self.reading.records[self.counted].values()]

    @cached_property
    def overhead(self) -> Overhead | None:
        return overhead_of(self.reading, self.counted)

    @cached_property
    def layers(self) -> tuple[str, ...]:
        return tuple(x.get("use", "") for x in self.reading.runs[self.counted]["stack"].get("layers", ()))

    @cached_property
    def failing(self) -> float:
        """The share of the diagnosed run's items that fail."""
        ids = [*self.reading.records[self.diagnosis.run]]
        return 1 - sum(self.reading.passed(self.diagnosis.run, i) for i in ids) / len(ids) if ids else 0.0

    def _rate(self, flags: Mapping[str, bool]) -> Interval:
        examples = [self.reading.examples[i] for i in flags]
        return mean_interval([float(x) for x in flags.values()], clusters(examples))

    # Rows that probes measure

    def _share(self, *causes: Cause) -> _Measured:
        """The share of the failures that interventions prove to be of these causes."""
        worth = self.task["profile"]["smallest_lift"]
        threshold = f"more than its sham fixes, and worth {worth:g} of quality"
        tried = {c for line in self.reading.evidence.of("trial") for c in line["proves"] if line["of"] == self._of}
        if not tried & set(causes):
            return _Measured(f"not measured: no probe for {_either(causes)} had anything to work with", threshold)
        found = [f for f in self.diagnosis.findings if f.cause in causes and f.share > 0]
        if not found:
            return _Measured(
                f"no failure is proven to be {_either(causes)}", threshold, 0.0, n=self._probed, fired=False
            )
        share = min(1.0, sum(f.share for f in found))
        limits = _sum(found)
        fired = self._stands(found, share, worth)
        low, high = limits or (None, None)
        words = f"{_percent(share, limits)} of failures are {_both(found)} ({_counts(found)})"
        return _Measured(words + _doubt(fired), threshold, share, low, high, self._probed, fired)

    @property
    def _of(self) -> str:
        return self.diagnosis.run

    @property
    def _probed(self) -> int:
        return max((f.failures for f in self.diagnosis.findings), default=0)

    def _stands(self, found: Sequence[Finding], share: float, worth: float) -> bool | None:
        """Proven, and worth a rung: by its limits, or under 30 failures by counts that its sham does not explain."""
        if share * self.failing < worth:
            return False
        proven = any(f.low > 0 if f.low is not None else _beats(f) for f in found)
        return True if proven else None

    def _leading(self) -> tuple[Finding, ...]:
        """The proven causes, the largest share first."""
        known = [f for f in self.diagnosis.findings if f.cause != "undiagnosed" and f.share > 0]
        return tuple(f for f in known if (f.low > 0 if f.low is not None else _beats(f)))

    def _tools(self) -> _Measured:
        if self.output.kind != "tools":
            return _Measured("the task calls no tools", "a tool task", fired=False)
        return self._share("tool use")

    def _search(self) -> _Measured:
        threshold = f"retrieval is a proven cause, or recall is proven below {RECALL:g}"
        if "retrieval" not in self._layers_of(self._of):
            return _Measured("the stack searches no documents", threshold, fired=False)
        share = self._share("retrieval")
        told: Mapping[str, float] = next(
            (x["share"] for x in self.reading.evidence.of("recall") if x["of"] == self._of), {}
        )
        if not told:
            return _Measured(
                f"{share.words}; no example names its gold passage, so recall is not known",
                threshold,
                fired=share.fired,
            )
        examples = [self.reading.examples[i] for i in told]
        recall = mean_interval([*told.values()], clusters(examples))
        low = recall.high < RECALL
        fired = True if low or share.fired else None if recall.low < RECALL or share.fired is None else False
        words = f"search shows {_limits(recall)} of the gold text on {recall.n} items; {share.words}"
        return _Measured(words, threshold, recall.estimate, recall.low, recall.high, recall.n, fired)

    def _layers_of(self, run: str) -> tuple[str, ...]:
        return tuple(x.get("use", "") for x in self.reading.runs[run]["stack"].get("layers", ()))

    # Rows that records count

    def _format(self) -> _Measured:
        """Replies that break the output contract, with structured output on or off."""
        held = "structure" in self.layers
        low, high = SCHEMA_FAILURES
        how = f"{'with' if held else 'without'} structured output"
        threshold = f"proven above {low:.1%} {how}"
        if self.output.kind == "text":
            return _Measured("free text has no form to break", threshold, fired=False)
        broken = {x["id"]: not self._well_formed(x) for x in self.records if x["output"] is not None}
        if not broken:
            return _Measured("not measured: nothing was replied", threshold)
        rate = self._rate(broken)
        fired = True if rate.low > low else False if rate.high < high else None
        words = f"{sum(broken.values())} of {len(broken)} replies break the contract {how}, {_limits(rate)}"
        need = f"; about {round(3 / high)} replies without a failure would tell" if fired is None else ""
        return _Measured(words + need, threshold, rate.estimate, rate.low, rate.high, len(broken), fired)

    def _wrong(self) -> _Measured:
        """Wrong answers in good form: the symptom. Their cause is what the probes prove, M1's or another."""
        wanted = self.task["target"]["quality"]
        accepted = self.task["profile"]["smallest_lift"] if wanted is None else 1 - wanted
        threshold = f"proven above {accepted:.0%} of replies"
        judged = {x["id"]: self._wrong_but_fine(x) for x in self.records if x["value"] is not None}
        if not judged:
            return _Measured("not measured: nothing was judged", threshold)
        rate = self._rate(judged)
        fired = True if rate.low > accepted else False if rate.high <= accepted else None
        words = f"{sum(judged.values())} of {len(judged)} replies are well formed and wrong, {_limits(rate)}"
        leading = self._leading()
        told = (
            f"; most that is proven is {leading[0].cause} ({leading[0].share:.0%} of failures)"
            if leading
            else "; no cause is proven"
        )
        lever = LEVERS.get(leading[0].cause) if leading else None
        return _Measured(words + told, threshold, rate.estimate, rate.low, rate.high, len(judged), fired, lever)

    def _wrong_but_fine(self, line: Line) -> bool:
        wrong = line["value"] is not None and line["value"] < 1.0 - 1e-12
        return wrong and line["output"] is not None and line.get("status", "ok") == "ok" and self._well_formed(line)

    def _well_formed(self, line: Line) -> bool:
        """Whether a reply meets the contract to the letter, as a program that reads it would."""
        said, output = line["output"], self.output
        if output.kind == "labels":
            return said.strip() in output.labels
        if output.kind == "tools":
            calls = [{"name": c["name"], "arguments": c["arguments"]} for c in line.get("tool_calls", ())]
            return bool(calls) and fits(calls, output) is None
        if output.kind == "text":
            return bool(said.strip())
        try:
            return fits(parse(said), output) is None
        except ValueError:
            return False

    def _latency(self) -> _Measured:
        """The part of the model's time that goes into reading the prompt."""
        wanted = self.task["target"]["p95_ms"]
        threshold = f"a prompt of {LARGE_PROMPT:,} tokens or more, reading it proven to take {PROMPT_MS:g} ms" + (
            f", and P95 is over {wanted:g} ms" if wanted else ""
        )
        found = self.overhead
        if found is None:
            return _Measured("no model is asked", threshold, fired=False)
        rate = found.prompt_ms
        tokens = f"a prompt of {found.prompt_tokens:,.0f} tokens ({found.cached_tokens:,.0f} read from a cache)"
        if rate.estimate is None:
            fired = False if rate.high < PROMPT_MS else None
            why = f"prompts vary too little over {found.pooled} records"
            words = f"{tokens}; of {found.ms:.0f} ms its part cannot be told from the rest: {why}"
            return _Measured(words, threshold, None, 0.0, rate.high, found.pooled, fired)
        share = rate.estimate / found.ms if found.ms else 0.0
        words = (
            f"{tokens} takes {rate.estimate:.0f} of {found.ms:.0f} ms, {share:.0%} [{rate.low:.0f}, {rate.high:.0f}] ms"
        )
        fired = True if rate.low >= PROMPT_MS else False if rate.high < PROMPT_MS else None
        if found.prompt_tokens < LARGE_PROMPT:
            fired = False
        if wanted and fired and found.calls and not self._slow(wanted):
            return _Measured(
                f"{words}; P95 is within {wanted:g} ms",
                threshold,
                rate.estimate,
                rate.low,
                rate.high,
                found.pooled,
                False,
            )
        return _Measured(words, threshold, rate.estimate, rate.low, rate.high, found.pooled, fired)

    def _slow(self, wanted: float) -> bool:
        times = sorted(x["ms"] for x in self.records if x["output"] is not None)
        return bool(times) and times[min(len(times) - 1, int(0.95 * len(times)))] > wanted

    def _cost(self) -> _Measured:
        """What the volume costs in a month at the measured price, and the prompt's part in it."""
        cap, volume = self.task["target"]["usd_per_1k"], self.task["profile"]["requests_per_day"]
        threshold = f"${MONTHLY:,.0f} a month or more" + (
            f", or over ${cap:g} for 1,000 requests" if cap is not None else ""
        )
        found = self.overhead
        if found is None:
            return _Measured("no model is paid", threshold, 0.0, fired=False)
        if found.usd is None:
            return _Measured("not measured: the model's price is not known", threshold)
        share = (
            f", {found.prompt_usd.estimate / found.usd:.0%} of it for the prompt"
            if found.prompt_usd and found.prompt_usd.estimate is not None
            else ""
        )
        words = f"1,000 requests cost ${1000 * found.usd:.2f}{share}"
        dear = cap is not None and 1000 * found.usd > cap
        if volume is None:
            free = found.usd == 0
            return _Measured(
                f"{words}; requests_per_day is not given",
                threshold,
                n=found.calls,
                fired=True if dear else False if free else None,
            )
        monthly = found.usd * volume * 30
        words = f"{words}; {volume:,.0f} a day make ${monthly:,.0f} a month"
        return _Measured(words, threshold, monthly, n=found.calls, fired=dear or monthly >= MONTHLY)

    def _pressure(self) -> _Measured:
        """Tokens that one call reads."""
        threshold = f"a call in twenty reads more than {CONTEXT_TOKENS:,} tokens"
        found = self.overhead
        if found is None:
            return _Measured("no model is asked", threshold, 0.0, fired=False)
        most = f"one in twenty {found.largest:,.0f} or more, at most {found.most:,}"
        words = f"a call reads {found.tokens:,.0f} tokens, {most}"
        return _Measured(words, threshold, found.largest, n=found.calls, fired=found.largest > CONTEXT_TOKENS)

    def _rules(self) -> _Measured:
        """Replies that keep all rules, and what is left of them as rules are added in the file's order."""
        wanted = self.task["target"]["quality"]
        accepted = STRICT if wanted is None else wanted - self.task["target"]["tolerance"]
        threshold = f"more than {HANDFUL} rules, and all kept by proven less than {accepted:.0%} of replies"
        found = adherence_of(self.reading, self.counted)
        if found is None:
            return _Measured("the task has no rules", threshold, fired=False)
        rate = self._rate(found.whole)
        few = len(found.rules) <= HANDFUL
        fired = False if few or rate.low >= accepted else True if rate.high < accepted else None
        return _Measured(_kept(found, rate), threshold, rate.estimate, rate.low, rate.high, found.n, fired)


@dataclass(frozen=True, slots=True)
class _Measured:
    """A row's number before it is put beside what the framework says."""

    words: str
    threshold: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0
    fired: bool | None = None
    lever: str | None = None


def _signal(row: Row, found: _Measured) -> Signal:
    return Signal(
        row=row.row,
        name=row.name,
        measured=found.words,
        value=found.value,
        low=found.low,
        high=found.high,
        n=found.n,
        threshold=found.threshold,
        fired=found.fired,
        lever=found.lever or row.lever,
        not_lever=row.not_lever,
        source=row.source,
    )


def _beats(finding: Finding) -> bool:
    """Whether more failures were fixed than the sham's share explains, at 5 %, where there are too few for limits."""
    tried = finding.failures
    return tried > 0 and lower_bound(finding.fixed, tried) > finding.sham_fixed / tried


def _sum(found: Sequence[Finding]) -> tuple[float, float] | None:
    """Limits of several shares together: simultaneous limits may be added."""
    lows, highs = [f.low for f in found], [f.high for f in found]
    if None in lows or None in highs:
        return None
    return sum(x or 0.0 for x in lows), min(1.0, sum(x or 0.0 for x in highs))


def _kept(found: Adherence, rate: Interval) -> str:
    first = ", ".join(f"{k / found.n:.0%}" for k in found.together)
    worst = min(range(len(found.rules)), key=lambda k: found.kept[k])
    again = " after asking again" if found.asked_again else ""
    return (
        f"{_limits(rate)} of {found.n} replies keep {_all(len(found.rules))}{again}; as they are added: {first}; "
        f"least kept is {found.rules[worst]} ({found.kept[worst] / found.n:.0%})"
    )


def _all(rules: int) -> str:
    return "the one rule" if rules == 1 else f"all {rules} rules"


def _percent(share: float, limits: tuple[float, float] | None) -> str:
    return f"{share:.0%}" if limits is None else f"{share:.0%} [{limits[0]:.0%}, {limits[1]:.0%}]"


def _limits(found: Interval) -> str:
    return f"{found.estimate:.1%} [{found.low:.1%}, {found.high:.1%}]"


def _counts(found: Sequence[Finding]) -> str:
    return "; ".join(f"{f.proved_by} fixes {f.fixed} of {f.failures}, its sham {f.sham_fixed}" for f in found)


def _both(found: Sequence[Finding]) -> str:
    return " and ".join(dict.fromkeys(f.cause for f in found))


def _either(causes: Sequence[Cause]) -> str:
    return " or ".join(causes)


def _doubt(fired: bool | None) -> str:
    return "" if fired is not None else ", which chance could explain"
