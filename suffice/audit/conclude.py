"""Conclude: what was collected, as an Audit. The dear work happens here, on samples of bounded size."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import islice

from ..contract import against
from ..lenient import record_in
from ..stats.interval import proportion
from . import clusters as grouping
from .advice import advice
from .collect import PRESSURE_TOKENS, Collector, Sample, StageSoFar, usable_saving
from .drift import drift
from .found import Audit, Basis, Cost, Drifts, Lenient, Limits, Prefix, Pressure, Repeated, Shown, Sign, Stage
from .parts import parts, unstable
from .shown import clean, shown
from .signs import TITLES, Flag
from .sketch import Histogram

SHOWN = 3
REREAD, REREAD_CHARS = 400, 20_000
"""Broken replies that are read again, and the longest that is: mending JSON takes its time."""
FEWEST_TOKENS = 1_024
"""Providers cache no shorter prefix."""
MOST_STAGES = 30
"""Of more stages, those are one that differ by a number at the end alone, as the steps of traces do."""
MOST_REPEATED = 5
_UNKNOWING = re.compile(
    r"\b(?:i|we) (?:do not|don['’]t|currently do not|currently don['’]t) (?:have|know|find|see)\b.{0,40}?"
    r"\b(?:information|access|details?|data|answer|mention|record|knowledge)"
    r"|\b(?:is|are|was) not (?:mentioned|provided|specified|stated|included|available|found) in (?:the|this|your|any)\b"
    r"|\b(?:the|your) (?:context|documents?|passages?|text|information)(?: provided)? (?:does|do) not (?:mention"
    r"|contain|say|include|provide|specify)|\bi (?:do not|don['’]t) know\b|\bi (?:could not|couldn['’]t) find\b",
    re.IGNORECASE,
)
BASIS = {
    "signs": "exact: every call; those marked sampled: a uniform sample",
    "percentiles": "of every call, within 1 % of the exact one; limits by order statistics",
    "costs": "exact sums of logged costs, else of tokens at list prices",
    "repeats": "exact up to 65,536 different requests, from there on estimated from a sample of them by hash",
    "prefixes": "every call, in steps of 1,024 bytes, against the last gigabyte of different text",
    "anatomy": "sampled: up to 1,500 calls, drawn uniformly; by characters",
    "clusters": "sampled: up to 400 calls a sign",
    "drift": "exact counts by period; words on the sample",
    "concurrency": "exact counts in buckets of time; the peak lies between the two figures",
}


def conclude(c: Collector, sources: Sequence[str] = ()) -> Audit:
    """The audit of all that was added so far."""
    uniform = c.sample.items
    failing = grouping.failing(c.failing)
    inputs, outputs = _merged([s.inputs for s in c.stages.values()]), _merged([s.outputs for s in c.stages.values()])
    spread = inputs.spread()
    traffic = c.clock.traffic(inputs, outputs)
    found = Audit(
        sources=tuple(clean(name, 200) for name in sources),
        calls=c.calls,
        others=dict(c.others.most_common()),
        unusable={clean(reason, 160): n for reason, n in c.unusable.most_common()},
        models={clean(model, 80): n for model, n in c.models.most_common()},
        headline="",
        signs=(*_signs(c), *_sampled(uniform)),
        lenient=_lenient(c),
        repeated=_repeated(c),
        stages=_stages(c),
        cost=_cost(c),
        anatomy=parts(uniform, spread.mean if spread else None),
        anatomy_n=sum(1 for s in uniform if s.whole and s.exchange.messages),
        prefix=_prefix(c, uniform),
        pressure=_pressure(c),
        traffic=traffic,
        drift=drift(c.spans, uniform, seed=c.seed),
        clusters=grouping.clusters(failing, uniform, seed=c.seed),
        advice=(),
        scored=Limits(c.score_sum / c.scored, None, None) if c.scored else None,
        scored_n=c.scored,
        notes=_notes(c),
        basis=BASIS,
        seed=c.seed,
    )
    found = replace(found, drift=_masked(found))
    return replace(found, advice=advice(found), headline=_headline(found))


def _signs(c: Collector) -> tuple[Sign, ...]:
    told = c.calls if c.replied or c.flagged[Flag.ERROR] else 0  # a log of sizes alone says nothing of failures
    chances = {
        Flag.ERROR: told,
        Flag.FORMAT: c.asked["structured"],
        Flag.WORDED: c.asked["words"],
        Flag.FILTERED: told,
        Flag.MARKED: c.scored,
    }
    found = []
    for flag, (name, title, how) in TITLES.items():
        n, count = chances.get(flag, c.replied), c.flagged[flag]
        kinds = {clean(kind, 80): k for kind, k in c.kinds[flag].most_common()}
        examples = tuple(shown(s.exchange, s.kind) for s in c.failing[flag].items[:SHOWN])
        found.append(_sign(name, title, count, n, how, kinds, "exact", examples))
    return tuple(found)


def _sign(
    name: str,
    title: str,
    count: int,
    n: int,
    how: str,
    kinds: Mapping[str, int],
    basis: Basis,
    examples: tuple[Shown, ...] = (),
) -> Sign:
    if not n:
        return Sign(name, title, count, 0, None, None, None, how, kinds, basis, examples)
    found = proportion(min(count, n), n)
    return Sign(name, title, count, n, found.estimate, found.low, found.high, how, kinds, basis, examples)


def _sampled(uniform: Sequence[Sample]) -> tuple[Sign, ...]:
    """Signs that are too dear to look for in every call."""
    called = [s for s in uniform if s.exchange.reply and s.exchange.reply.tool_calls and s.exchange.tools]
    wrong = [(s, why) for s in called if (why := _misfit(s))]
    replied = [s for s in uniform if s.exchange.reply and s.exchange.reply.content]
    lost = [s for s in replied if s.exchange.reply and _UNKNOWING.search(s.exchange.reply.content[:1_000])]
    return (
        _sign(
            "tools",
            "Tool calls that do not fit",
            len(wrong),
            len(called),
            "sampled: the tool does not exist, or its arguments do not satisfy its schema",
            {},
            "sampled",
            tuple(shown(s.exchange, why) for s, why in wrong[:SHOWN]),
        ),
        _sign(
            "unknowing",
            "Says that it does not know",
            len(lost),
            len(replied),
            "sampled: phrases in English in the first 1,000 characters of a reply",
            {},
            "sampled",
            tuple(shown(s.exchange) for s in lost[:SHOWN]),
        ),
    )


def _misfit(sample: Sample) -> str:
    tools = {tool.name: tool for tool in sample.exchange.tools}
    for call in sample.exchange.reply.tool_calls if sample.exchange.reply else ():
        if call.name not in tools:
            return f"no tool is called {call.name[:60]}"
        try:
            if wrong := against(dict(call.arguments), tools[call.name].parameters):
                return wrong
        except ValueError:
            continue  # the log's own schema is none: nothing to hold a call against
    return ""


def _lenient(c: Collector) -> Lenient | None:
    """Broken replies read again, forgivingly: is the value there and does it satisfy the schema?"""
    kept = [*c.failing[Flag.FORMAT].items, *c.failing[Flag.WORDED].items]
    fitting = (s for s in kept if s.whole and s.exchange.reply and len(s.exchange.reply.content) <= REREAD_CHARS)
    broken = list(islice(fitting, REREAD))
    if not broken:
        return None
    fixed = sum(_readable(s) for s in broken)
    found = proportion(fixed, len(broken))
    return Lenient(fixed, len(broken), found.estimate, found.low, found.high)


def _readable(sample: Sample) -> bool:
    e = sample.exchange
    if e.reply is None or sample.flag & Flag.TRUNCATED:  # what is cut off can be closed, but not completed
        return False
    value = record_in(e.reply.content, e.schema or {})
    if value is None or not value:
        return False
    try:
        return not e.schema or against(value, e.schema) is None
    except ValueError:
        return False


def _repeated(c: Collector) -> Repeated | None:
    if not c.repeats.entries:
        return None
    entries = list(c.repeats.weighted())
    again = float(sum((e.count - 1) * w for e, w in entries))
    differing = float(sum(e.differing * w for e, w in entries))
    distinct = float(sum(w for _, w in entries))
    total = again + distinct
    most = sorted((e for e, _ in entries if e.count > 1), key=lambda e: -e.count)[:MOST_REPEATED]
    return Repeated(
        requests=c.calls,
        distinct=distinct,
        again=again,
        share=again / total if total else None,
        differing=differing,
        differing_share=differing / again if again else None,
        basis="exact" if c.repeats.exact else "estimated",
        most=tuple((e.count, clean(e.shown, 160)) for e in most),
    )


def _stages(c: Collector) -> tuple[Stage, ...]:
    stages = sorted(_named(c.stages.values()), key=lambda s: (-s.ms.total, -s.calls, s.name))
    ms, paid = sum(s.ms.total for s in stages), sum(s.usd for s in stages)
    return tuple(_stage(s, ms, paid) for s in stages)


def _named(stages: Collection[StageSoFar]) -> Collection[StageSoFar]:
    if len(stages) <= MOST_STAGES:
        return stages
    found: dict[tuple[str, str], StageSoFar] = {}
    for s in stages:
        name = re.sub(r"[-_#:. ]\d{1,9}$", "", s.name)
        found.setdefault((name, s.kind), StageSoFar(name, s.kind)).join(s)
    return list(found.values())


def _stage(s: StageSoFar, ms: float, paid: float) -> Stage:
    return Stage(
        name=clean(s.name, 80),
        kind=s.kind,
        models=tuple(clean(model, 80) for model, _ in s.models.most_common(3)),
        calls=s.calls,
        errors=s.errors,
        failing=s.failing,
        ms=s.ms.spread(),
        first_ms=s.first_ms.spread(),
        input_tokens=s.inputs.spread(),
        output_tokens=s.outputs.spread(),
        usd=s.usd if s.priced else None,
        priced=s.priced,
        ms_share=s.ms.total / ms if ms else None,
        usd_share=s.usd / paid if paid and s.priced else None,
    )


def _cost(c: Collector) -> Cost:
    priced = c.logged + c.listed
    usd = c.logged_usd + c.listed_usd if priced else None
    c.clock.count()
    days = (c.clock.last - c.clock.first) / 86_400 if c.clock.calls > 1 else 0.0
    return Cost(
        usd=usd,
        logged=c.logged,
        listed=c.listed,
        unpriced=c.calls - priced,
        per_1k=None if usd is None else 1000 * usd / priced,
        per_day=usd / days if usd is not None and days >= 1 / 24 else None,
    )


def _prefix(c: Collector, uniform: Sequence[Sample]) -> Prefix:
    if not c.tokens:
        how = _textless(_merged([s.inputs for s in c.stages.values()]))
        return Prefix(None, None, None, None, None, None, (), "exact", how)
    timed = c.clock.calls > 0
    usable, cached = (sum(getattr(p, name) for p in c.by_model.values()) for name in ("usable", "cached"))
    inputs = sum(p.inputs for p in c.by_model.values())
    savings = [found for model, p in c.by_model.items() if (found := usable_saving(model, p))]
    paid = sum(cost for _, cost in savings)
    broken = tuple(
        replace(b, stage=clean(b.stage, 80), where=clean(b.where, 130), other=clean(b.other, 130))
        for b in unstable(uniform)
    )
    how = (
        "each prompt's beginning held against earlier prompts to the same model, "
        + ("within five minutes, " if timed else "whenever they were made (the log has no times), ")
        + "from 1,024 tokens on; what writing to a cache may cost is not counted"
    )
    return Prefix(
        share=c.repeated_ever / c.tokens,
        soon=c.repeated_soon / c.tokens if timed else None,
        usable=usable / inputs if inputs else None,
        cached=cached / inputs if inputs else None,
        usd=sum(saved for saved, _ in savings) if savings else None,
        usd_share=sum(saved for saved, _ in savings) / paid if paid else None,
        unstable=broken,
        basis="exact",
        how=how,
    )


def _textless(inputs: Histogram) -> str:
    """What sizes alone say of caching."""
    total, long = inputs.total, inputs.total_over(FEWEST_TOKENS)
    how = "the log holds no prompts, so nobody can tell what they have in common"
    if not total:
        return how
    return (
        f"{how}; prompts of {FEWEST_TOKENS:,} tokens or more, the only ones that providers cache, hold "
        f"{long / total:.0%} of all prompt tokens, and a cache can serve no more than that"
    )


def _pressure(c: Collector) -> Pressure | None:
    if not c.calls:
        return None
    found = proportion(c.over, c.calls)
    return Pressure(c.over, c.calls, PRESSURE_TOKENS, found.estimate, found.low, found.high)


def _merged(several: Sequence[Histogram]) -> Histogram:
    whole = Histogram()
    for one in several:
        whole.join(one)
    return whole


def _masked(found: Audit) -> Drifts | None:
    """The names and words in the drift, which come from the log."""
    if found.drift is None:
        return None
    tested, moved = (
        tuple(replace(d, name=clean(d.name, 100), words=clean(d.words, 400)) for d in some)
        for some in (found.drift.tested, found.drift.moved)
    )
    return replace(found.drift, tested=tested, moved=moved)


def _notes(c: Collector) -> tuple[str, ...]:
    notes = []
    if c.calls and c.no_usage:
        per = c.known_bytes / c.known_tokens if c.known_tokens else 4.0
        how = "as this log's other calls have" if c.known_tokens else "a rule of thumb"
        notes.append(
            f"{c.no_usage:,} of {c.calls:,} calls have no token counts; taken as {per:.1f} characters a token, {how}"
        )
    if c.scored:
        mean = c.score_sum / c.scored
        notes.append(f"{c.scored:,} of {c.calls:,} calls have a score in the log: {mean:.2f} on average")
    if c.retries:
        notes.append(f"{c.retries:,} calls repeat one that had failed; {c.recovered:,} of them then succeeded")
    if c.twice:
        notes.append(f"{c.twice:,} calls are told twice, inside one another, and counted once")
    if c.calls and not c.clock.calls:
        notes.append("the log has no times: nothing can be said of rates, concurrency and drift")
    if c.unusable:
        rows = sum(c.unusable.values())
        notes.append(f"{rows:,} {'row' if rows == 1 else 'rows'} could not be used: the audit does not speak of them")
    return tuple(notes)


def _headline(found: Audit) -> str:
    """What a busy person should know."""
    if not found.calls:
        return "No call of a model was found in this log."
    bad = [s for s in found.signs if s.share and s.low is not None and s.count]
    worst = sorted(bad, key=lambda s: -(s.share or 0))[:2]
    calls = f"{found.calls:,} calls"
    if not any(s.n for s in found.signs):
        return f"{calls}. The log holds sizes and no replies, so it tells of traffic alone."
    if not worst:
        return f"{calls}, and no sign of failure in them; whether replies are right, only labelled examples can tell."
    said = " and ".join(f"{_lower(s.title)} in {s.share:.1%}" for s in worst)
    return f"{calls}: {said}."


def _lower(title: str) -> str:
    """As it stands inside a sentence: JSON stays JSON."""
    return title if title[1:2].isupper() else title[:1].lower() + title[1:]
