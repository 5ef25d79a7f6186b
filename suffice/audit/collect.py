"""Collect: one pass over the exchanges of a log, in constant memory. What is dear is done later, on samples."""

from __future__ import annotations

import hashlib
from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar
from zlib import crc32

import orjson

from ..exchange import Exchange
from ..price import usd
from ..types import Json, Message, Usage
from .formats import Asked, Formats
from .prefix import FEWEST_BYTES, Prefixes
from .signs import LOW, TITLES, Flag, first_choice, flags_of
from .sketch import Entry, Histogram, Repeats, Reservoir
from .spans import Spans
from .traffic import Clock

T = TypeVar("T")
SAMPLED, FAILING = 1500, 400
"""Exchanges that are kept: of all, drawn uniformly, and of those that show a sign, as many for each sign."""
HELD_CHARS = 24_000_000
"""Characters of all that is kept; beyond them a sample keeps its beginnings only."""
LONGEST_HELD = 400_000
BEGINNING = 4_000
MOST_STAGES, MOST_MODELS, MOST_KINDS = 100, 200, 40
OTHERS = "(others)"
LINEAR_TOKENS = 100_000
"""Up to here a price is taken as a price a token; longer calls are looked up one by one."""
PRESSURE_TOKENS = 50_000
"""docs/framework.md §3: context pressure."""
CHARS_PER_TOKEN = 4.0
"""Until a call of the log says better."""
REMEMBERED = 4_096


@dataclass(slots=True)
class Sample:
    """An exchange that is kept, and what was seen of it. `whole` is False where texts were shortened."""

    exchange: Exchange
    stage: str
    flag: int
    kind: str
    tokens: int
    chars: int
    asked: Asked
    size: int = 0
    """Characters that it holds."""
    whole: bool = True
    text: str = ""
    """The beginning of its last turn, masked, once somebody has asked for it."""
    differs: bool = False
    """An identical request got another reply."""


@dataclass(slots=True)
class StageSoFar:
    """What is known of one stage."""

    name: str
    kind: str
    calls: int = 0
    errors: int = 0
    failing: int = 0
    """Calls that show a sign, errors among them."""
    models: Counter[str] = field(default_factory=Counter)
    ms: Histogram = field(default_factory=Histogram)
    first_ms: Histogram = field(default_factory=Histogram)
    inputs: Histogram = field(default_factory=Histogram)
    outputs: Histogram = field(default_factory=Histogram)
    usd: float = 0.0
    priced: int = 0

    def join(self, other: StageSoFar) -> None:
        """Take in all that is known of another one."""
        self.calls += other.calls
        self.errors += other.errors
        self.failing += other.failing
        self.models += other.models
        self.usd += other.usd
        self.priced += other.priced
        for mine, theirs in (
            (self.ms, other.ms),
            (self.first_ms, other.first_ms),
            (self.inputs, other.inputs),
            (self.outputs, other.outputs),
        ):
            mine.join(theirs)


@dataclass(slots=True)
class Priced:
    """Prompt tokens of one model: all, those a cache could have held, those it did."""

    inputs: float = 0.0
    usable: float = 0.0
    cached: float = 0.0


class Collector:
    """Everything that an audit needs to know of a log; `add` takes a call, `skip` a row that is none."""

    def __init__(self, *, seed: int = 0) -> None:
        self.seed = seed
        self.calls = 0
        self.others: Counter[str] = Counter()
        self.unusable: Counter[str] = Counter()
        self.models: Counter[str] = Counter()
        self.stages: dict[tuple[str, str], StageSoFar] = {}
        self.flagged: Counter[int] = Counter()
        self.kinds: dict[int, Counter[str]] = {flag: Counter() for flag in TITLES}
        self.asked: Counter[str] = Counter()
        self.replied = 0
        self.retries = self.recovered = 0
        self.over = 0
        self.no_usage = 0
        self.known_bytes = self.known_tokens = 0
        self.logged_usd = self.listed_usd = 0.0
        self.logged = self.listed = 0
        self.tokens = self.repeated_ever = self.repeated_soon = 0.0
        self.by_model: dict[str, Priced] = {}
        self.score_sum, self.scored = 0.0, 0
        self.formats, self.prefixes, self.repeats = Formats(), Prefixes(), Repeats()
        self.clock, self.spans = Clock(), Spans()
        self.sample: Reservoir[Sample] = Reservoir(SAMPLED, seed)
        self.failing: dict[int, Reservoir[Sample]] = {f: Reservoir(FAILING, seed + f) for f in TITLES}
        self.failed: OrderedDict[int, None] = OrderedDict()
        self.parents: OrderedDict[str, None] = OrderedDict()
        self.inside: OrderedDict[str, None] = OrderedDict()
        self.twice = 0
        self.held = 0
        self._rates: dict[str, tuple[float, float, float] | None] = {}

    def skip(self, reason: str, rows: int = 1) -> None:
        """Count rows that could not be used."""
        self.unusable[reason if reason in self.unusable or len(self.unusable) < MOST_KINDS else OTHERS] += rows

    def take(self, some: Iterable[Exchange]) -> None:
        """Take several exchanges in."""
        for e in some:
            self.add(e)

    def add(self, e: Exchange) -> None:
        """Take one exchange in."""
        if e.kind != "model":
            self._other(e, self._stage(e))
            return
        if (e.trace or e.parent or self.parents) and self._told_twice(e):
            self.twice += 1
            return
        stage = self._stage(e)
        self.calls += 1
        raw = _worded(e)
        flag, kind, asked = self._look(e)
        usage = e.usage
        tokens, replied = self._tokens(raw, e, usage)
        cost = self._cost(e, usage)
        self._time(e, stage, flag, cost, tokens, replied)
        entry = self._again(e, raw, flag)
        self._prefix(e, raw, tokens, usage)
        self._keep(e, stage, flag, kind, tokens, len(raw), asked, entry)

    # one call

    def _stage(self, e: Exchange) -> StageSoFar:
        key = (e.name, e.kind)
        stage = self.stages.get(key)
        if stage is None:
            if len(self.stages) >= MOST_STAGES:
                key = (OTHERS, e.kind)
            stage = self.stages.setdefault(key, StageSoFar(key[0] or e.kind, e.kind))
        return stage

    def _told_twice(self, e: Exchange) -> bool:
        """Whether a call of a model around this one, or inside it, has been counted: the first one told counts."""
        if e.parent in self.inside or e.id in self.parents:
            return True
        if e.parent:
            _remember(self.parents, e.parent)
        _remember(self.inside, e.id)
        return False

    def _other(self, e: Exchange, stage: StageSoFar) -> None:
        self.others[e.kind] += 1
        stage.calls += 1
        if e.error:
            stage.errors += 1
            stage.failing += 1
        if e.ms is not None and e.ms >= 0:
            stage.ms.add(e.ms)
        if e.cost is not None:
            stage.usd, stage.priced = stage.usd + e.cost, stage.priced + 1
            self.logged_usd += e.cost

    def _look(self, e: Exchange) -> tuple[int, str, Asked]:
        """The signs that this call shows."""
        flag, kind = flags_of(e)
        asked: Asked = ""
        broken, reply = "", e.reply
        if reply is not None and not flag & Flag.ERROR:
            self.replied += 1
            asked = self.formats.asked(e)
            if asked:
                self.asked[asked] += 1
                broken = self.formats.broken(reply.content, e.schema, cut=bool(flag & Flag.TRUNCATED))
        if e.score is not None:
            self.score_sum += e.score
            self.scored += 1
            if e.score < LOW:
                flag |= Flag.MARKED
                kind = kind or f"scored {e.score:.1f}"
        if flag or broken:
            flag, kind = self._flagged(flag, kind, asked, broken)
        return flag, kind, asked

    def _flagged(self, flag: int, kind: str, asked: Asked, broken: str) -> tuple[int, str]:
        """Count the signs of a call, each by its kind."""
        for one in TITLES:
            if flag & one:
                self.flagged[one] += 1
                _count(self.kinds[one], kind or "seen")
        if broken:
            bad = Flag.FORMAT if asked == "structured" else Flag.WORDED
            self.flagged[bad] += 1
            _count(self.kinds[bad], broken)
            return flag | bad, f"{broken}; {kind}" if kind else broken
        return flag, kind

    def _tokens(self, raw: bytes, e: Exchange, usage: Usage | None) -> tuple[int, int]:
        """Tokens of the prompt and of the reply: as logged, else by this log's own characters a token."""
        if usage is not None and usage.input_tokens:
            if raw:
                self.known_bytes += len(raw)
                self.known_tokens += usage.input_tokens
            return usage.input_tokens, usage.output_tokens
        self.no_usage += 1
        per = self.known_bytes / self.known_tokens if self.known_tokens else CHARS_PER_TOKEN
        reply = len(e.reply.content) if e.reply else 0
        return int(len(raw) / per), usage.output_tokens if usage is not None else int(reply / per)

    def _cost(self, e: Exchange, usage: Usage | None) -> float | None:
        if e.cost is not None:
            self.logged += 1
            self.logged_usd += e.cost
            return e.cost
        if usage is None or not e.model:
            return None
        found = self.priced(e.model, usage)
        if found is not None:
            self.listed += 1
            self.listed_usd += found
        return found

    def priced(self, model: str, usage: Usage) -> float | None:
        """The list price of one call; None where no price is known."""
        if model not in self._rates:
            self._rates[model] = _rates(model) if len(self._rates) < MOST_MODELS else None
        rates = self._rates[model]
        if rates is None:
            return None
        if usage.input_tokens > LINEAR_TOKENS:
            return usd(model, usage)
        cached = min(usage.cached_tokens, usage.input_tokens)
        return (usage.input_tokens - cached) * rates[0] + usage.output_tokens * rates[1] + cached * rates[2]

    def _time(self, e: Exchange, s: StageSoFar, flag: int, cost: float | None, tokens: int, replied: int) -> None:
        s.calls += 1
        model = e.model
        if model:
            _count(s.models, model, MOST_MODELS)
            _count(self.models, model, MOST_MODELS)
        s.failing += bool(flag)
        if flag & Flag.ERROR:
            s.errors += 1
        elif e.ms is not None and e.ms >= 0:
            s.ms.add(e.ms)
            if e.first_ms is not None:
                s.first_ms.add(e.first_ms)
        if cost is not None:
            s.usd += cost
            s.priced += 1
        s.inputs.add(tokens)
        if replied or e.reply is not None:
            s.outputs.add(replied)
        if tokens > PRESSURE_TOKENS:
            self.over += 1
        if e.time is not None:
            self.clock.add(e.time, e.ms, tokens + replied, replied)
            self.spans.add(e.time, flag, tokens, replied, e.ms, model)

    def _again(self, e: Exchange, raw: bytes, flag: int) -> Entry | None:
        """Count the request among those made before, and whether it repeats one that failed."""
        if not raw:
            return None
        key = _hash(raw, e.model)
        reply = e.reply
        said = hash(reply.content) if reply is not None and reply.content else 0  # only held against another one
        entry = self.repeats.add(key, said)
        if entry is not None and entry.count == 2:
            entry.shown = e.messages[-1].content[:1_000] if e.messages else ""
        if self.failed and key in self.failed:
            self.retries += 1
            if not flag & Flag.ERROR:
                self.recovered += 1
                del self.failed[key]
        elif flag & Flag.ERROR:
            _remember(self.failed, key)
        return entry

    def _prefix(self, e: Exchange, raw: bytes, tokens: int, usage: Usage | None) -> None:
        if not raw:
            return
        ever, soon = self.prefixes.seen(raw, e.time, crc32(e.model.encode("utf-8", "surrogatepass")))
        per = tokens / len(raw)
        self.tokens += tokens
        self.repeated_ever += ever * per
        self.repeated_soon += soon * per
        usable = ever if e.time is None else soon
        kept = self.by_model.get(e.model)
        if kept is None:
            kept = self.by_model.setdefault(e.model if len(self.by_model) < MOST_MODELS else OTHERS, Priced())
        kept.inputs += tokens
        if usable >= FEWEST_BYTES:
            kept.usable += usable * per
        if usage is not None:
            kept.cached += usage.cached_tokens

    # samples

    def _keep(
        self,
        e: Exchange,
        stage: StageSoFar,
        flag: int,
        kind: str,
        tokens: int,
        chars: int,
        asked: Asked,
        entry: Entry | None,
    ) -> None:
        places = [(self.sample, at)] if (at := self.sample.place()) >= 0 else []
        if flag:
            places += [(kept, kept.place()) for one, kept in self.failing.items() if flag & one]
        if not places:
            return
        differs = entry is not None and entry.differing > 0
        made: Sample | None = None
        for kept, at in places:
            if at < 0:
                continue
            made = made or self._sampled(Sample(e, stage.name, flag, kind, tokens, chars, asked, differs=differs))
            self.held += made.size
            old = kept.put(at, made)
            if old is not None:
                self.held -= old.size

    def _sampled(self, sample: Sample) -> Sample:
        """The sample as it may be kept: without the log's other fields, shortened where all of it is too much."""
        e = sample.exchange
        error = e.error[:BEGINNING]
        kept = {k: v for k, v in e.extra.items() if k in ("logprobs", "logprob", "avg_logprob")}
        if "choices" in e.extra and (found := first_choice(e.extra)[0]):
            kept["logprobs"] = found
        sample.exchange = replace(e, extra=kept, error=error)
        sample.size = _size(sample)
        if self.held + sample.size <= HELD_CHARS and sample.size <= LONGEST_HELD:
            return sample
        sample.whole = False
        few = tuple(Message(m.role, m.content[:BEGINNING]) for m in (*e.messages[:1], *e.messages[-1:]))
        reply = Message(e.reply.role, e.reply.content[:BEGINNING]) if e.reply else None
        named = Exchange(e.id[:200], few, reply, model=e.model, name=e.name, trace=e.trace[:200])
        sample.exchange = replace(named, time=e.time, error=error, finish=e.finish, score=e.score)
        sample.size = sum(len(m.content) for m in few) + len(error) + (len(reply.content) if reply else 0)
        return sample


def _worded(e: Exchange) -> bytes:
    """All that was sent, as one text: the tools' descriptions first, as providers place them."""
    parts = [f"{tool.name} {tool.description}" for tool in e.tools] if e.tools else []
    for m in e.messages:
        parts.append(m.content)
        if m.tool_calls:
            parts += [f"{call.name} {call.arguments}" for call in m.tool_calls]
    return "\x1e".join(parts).encode("utf-8", "surrogatepass")


def _size(sample: Sample) -> int:
    """Characters of all that an exchange holds."""
    e = sample.exchange
    texts = sample.chars + len(e.error) + (len(e.reply.content) if e.reply else 0)
    calls = [dict(call.arguments) for m in (*e.messages, *((e.reply,) if e.reply else ())) for call in m.tool_calls]
    held = (calls, [dict(tool.parameters) for tool in e.tools], e.schema and dict(e.schema), e.expected, e.extra)
    return texts + sum(length_of(part) for part in held if part)


def length_of(value: Json) -> int:
    """Characters of a value as JSON, or about as many where it cannot be written as such."""
    try:
        return len(orjson.dumps(value, default=str))
    except TypeError:
        return len(repr(value))


def _hash(text: bytes, model: str) -> int:
    made = hashlib.sha1(text, usedforsecurity=False)
    if model:
        made.update(model.encode("utf-8", "surrogatepass"))
    return int.from_bytes(made.digest()[:8], "little")


def _remember(kept: OrderedDict[T, None], key: T) -> None:
    """The last few thousand."""
    kept[key] = None
    if len(kept) > REMEMBERED:
        kept.popitem(last=False)


def _count(kept: Counter[str], name: str, most: int = MOST_KINDS) -> None:
    """Count a name that comes from a log, where there may be any number of them."""
    kept[name if name in kept or len(kept) < most else OTHERS] += 1


def _rates(model: str) -> tuple[float, float, float] | None:
    """US dollars a token: read, written, read from a cache."""
    n = LINEAR_TOKENS
    read, written, cached = (usd(model, Usage(*given)) for given in ((n, 0, 0), (0, n, 0), (n, 0, n)))
    if read is None or written is None:
        return None
    return read / n, written / n, (read if cached is None else cached) / n


def usable_saving(model: str, priced: Priced) -> tuple[float, float] | None:
    """What a cache would have saved on one model's prompts at list prices, and what all its prompts cost."""
    rates = _rates(model)
    if rates is None:
        return None
    more = max(0.0, priced.usable - priced.cached)
    paid = (priced.inputs - priced.cached) * rates[0] + priced.cached * rates[2]
    return more * (rates[0] - rates[2]), paid


Prices = Mapping[str, Priced]
