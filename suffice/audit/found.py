"""What an audit found: frozen values, each number with its limits, its n and how it was come by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ..digest import plain
from ..version import __version__

FORMAT = 1
"""Of audit.json: fields may be added to a format, never changed."""

Basis = Literal["exact", "sampled", "estimated"]
"""Counted over the whole log, over a uniform sample of it, or worked out under an assumption that is stated."""


@dataclass(frozen=True, slots=True)
class Limits:
    """A value with what it may be for the traffic that this log is a sample of; None where too few were seen."""

    estimate: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Spread:
    """A distribution: n, mean, total, largest, and percentiles with 95 % limits. Percentiles are within 1 %."""

    n: int
    mean: float
    total: float
    largest: float
    p50: Limits
    p95: Limits
    p99: Limits


@dataclass(frozen=True, slots=True)
class Sign:
    """Something that went wrong: how often, of how many, how it was found, and some exchanges that show it."""

    name: str
    title: str
    count: int
    n: int
    """Calls in which it could have been."""
    share: float | None
    low: float | None
    high: float | None
    """95 % limits of Clopper & Pearson, calls taken as independent."""
    how: str
    kinds: Mapping[str, int]
    """The same count by what exactly was found."""
    basis: Basis = "exact"
    shown: tuple[Shown, ...] = ()


@dataclass(frozen=True, slots=True)
class Shown:
    """One exchange as it may be shown: shortened, secrets masked."""

    id: str
    asked: str
    replied: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Lenient:
    """Of the replies that broke their format: those that a forgiving reader reads all the same (a sample)."""

    fixed: int
    n: int
    share: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Repeated:
    """Requests that were made more than once, word for word."""

    requests: int
    distinct: float
    again: float
    """Calls that repeat an earlier one."""
    share: float | None
    differing: float
    """Calls whose reply was not what the first such call got."""
    differing_share: float | None
    """Of the calls that repeat an earlier one."""
    basis: Basis
    most: tuple[tuple[int, str], ...]
    """The most frequent of those followed: how often, and how it begins."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of the application: a name in the log, or the kind of work where it names none."""

    name: str
    kind: str
    models: tuple[str, ...]
    calls: int
    errors: int
    failing: int
    """Calls that show a sign of failure, errors among them."""
    ms: Spread | None
    first_ms: Spread | None
    input_tokens: Spread | None
    output_tokens: Spread | None
    usd: float | None
    """None where no call had a price."""
    priced: int
    """Calls whose cost was logged, or could be worked out from tokens and list prices."""
    ms_share: float | None
    usd_share: float | None


@dataclass(frozen=True, slots=True)
class Cost:
    """What the log cost, and where that figure comes from."""

    usd: float | None
    logged: int
    """Calls whose cost stands in the log."""
    listed: int
    """Calls priced by their tokens and list prices."""
    unpriced: int
    per_1k: float | None
    per_day: float | None


@dataclass(frozen=True, slots=True)
class Part:
    """One part of prompts: its share of their characters (a sample), and the tokens that is worth on average."""

    name: str
    share: float
    low: float
    high: float
    tokens: float | None
    how: str


@dataclass(frozen=True, slots=True)
class Prefix:
    """How much of each prompt had begun an earlier one, and what reading it from a provider's cache would save."""

    share: float | None
    """Of all prompt tokens, whenever the earlier request was made."""
    soon: float | None
    """Of all prompt tokens, where an earlier request was made within five minutes; None without times."""
    usable: float | None
    """The last known of these, prefixes under 1,024 tokens left out, which providers do not cache."""
    cached: float | None
    """Read from a cache already, as the log says."""
    usd: float | None
    """What the usable part that was not cached would have saved over the log at list prices; None without prices."""
    usd_share: float | None
    """Of the cost of all prompt tokens."""
    unstable: tuple[Broken, ...]
    basis: Basis
    how: str


@dataclass(frozen=True, slots=True)
class Broken:
    """A stage whose system prompts are mostly the same, but begin to differ early: a date or a name at the top."""

    stage: str
    same: float
    """Share of the prompt's characters in lines that nearly all calls have."""
    prefix: float
    """Share that two calls have in common from the beginning on, on average."""
    where: str
    other: str
    """The text around that place in two calls."""


@dataclass(frozen=True, slots=True)
class Pressure:
    """Context pressure: calls with more prompt tokens than where quality begins to suffer (docs/framework.md §3)."""

    over: int
    n: int
    tokens: int
    share: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Period:
    """One period of the log in numbers."""

    start: float
    calls: int
    values: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Drift:
    """Something that is not what it was: earlier against later, and whether chance explains it."""

    name: str
    before: float
    after: float
    p: float
    adjusted: float
    """By Holm over all that was tested."""
    since: float | None
    """The period from which it differs most: descriptive."""
    unit: str
    """What was taken as independent."""
    words: str


@dataclass(frozen=True, slots=True)
class Drifts:
    """What was tested between the earlier and the later half of the log, and what moved."""

    width_s: float
    periods: tuple[Period, ...]
    tested: tuple[Drift, ...]
    moved: tuple[Drift, ...]
    note: str


@dataclass(frozen=True, slots=True)
class Cluster:
    """Failing requests that read alike."""

    words: tuple[str, ...]
    """What sets them apart."""
    n: int
    share: float
    """Of the failing requests that were sampled."""
    signs: Mapping[str, int]
    rate: float | None
    """Share of failing ones among all requests that read like this (a sample)."""
    typical: Shown


@dataclass(frozen=True, slots=True)
class Hour:
    """An hour of the day (UTC): its calls."""

    hour: int
    calls: int


@dataclass(frozen=True, slots=True)
class Traffic:
    """When calls were made, how many at once, and how large they were."""

    start: float | None
    end: float | None
    calls: int
    """Those that have a time."""
    per_second: float | None
    peak_per_second: int | None
    """None where the log is so long that buckets of time are longer than that; so for the minute."""
    peak_per_minute: int | None
    peak_at: float | None
    concurrent: float | None
    """Mean number of calls at once: arrivals × duration (Little 1961)."""
    peak_low: int | None
    peak_high: int | None
    """Between these lies the most calls at once; they differ by what arrived within one bucket of time."""
    bucket_s: float
    durations: Literal["logged", "assumed", "mixed", "none"]
    how: str
    input_tokens: Spread | None
    output_tokens: Spread | None
    input_bars: tuple[tuple[float, float, int], ...]
    output_bars: tuple[tuple[float, float, int], ...]
    hours: tuple[Hour, ...]
    minutes: tuple[tuple[float, int], ...]
    """Calls over the time of the log, at most 96 bars: start and count."""
    peak_tokens_per_minute: int | None


@dataclass(frozen=True, slots=True)
class Advice:
    """What to try first for one signal: the row of the decision matrix, what was measured, what not to do."""

    row: str
    signal: str
    measured: str
    first: str
    then: str
    not_: str
    how_sure: str


@dataclass(frozen=True, slots=True)
class Audit:
    """Everything that was found. `basis` says of each part what is exact and what is estimated."""

    sources: tuple[str, ...]
    calls: int
    """Calls of a model."""
    others: Mapping[str, int]
    """Searches, tools and the like, by kind."""
    unusable: Mapping[str, int]
    """Rows that could not be used, by reason."""
    models: Mapping[str, int]
    headline: str
    signs: tuple[Sign, ...]
    lenient: Lenient | None
    repeated: Repeated | None
    stages: tuple[Stage, ...]
    cost: Cost
    anatomy: tuple[Part, ...]
    anatomy_n: int
    prefix: Prefix
    pressure: Pressure | None
    traffic: Traffic
    drift: Drifts | None
    clusters: tuple[Cluster, ...]
    advice: tuple[Advice, ...]
    scored: Limits | None
    """The mean of scores in the log, where it has some."""
    scored_n: int
    notes: tuple[str, ...]
    basis: Mapping[str, str]
    seed: int


def body_of(found: Audit) -> dict[str, Any]:
    """The content of `audit.json`."""
    return {"format": FORMAT, "version": __version__, **plain(found)}
