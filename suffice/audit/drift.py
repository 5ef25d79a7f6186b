"""Drift: whether the later half of a log is what the earlier half was, with one error for all that is tested."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ..stats.distribution import t_below
from ..stats.multiple import holm
from .clusters import text_of
from .collect import Sample
from .found import Drift, Drifts, Period
from .signs import TITLES
from .spans import HOUR, Span, Spans
from .words import bag, moved

ALPHA = 0.05
Floats = NDArray[np.float64]
DAY = 24 * HOUR
FEWEST_CALLS = 20
"""A period with fewer calls says too little to stand beside others."""
FEWEST_PERIODS = 8
SMALLEST_SHARE = 0.005
"""A share that moved by less than half a point, or a mean by less than a tenth, is no drift that matters."""
SMALLEST_RATIO = 0.10
NOISE = 0.01
"""Means of logarithms are taken to vary by a hundredth between periods at least."""
SHARES = tuple(flag for flag in TITLES)
MEANS = ("prompt tokens", "reply tokens", "latency")


def drift(spans: Spans, samples: Sequence[Sample], *, seed: int = 0) -> Drifts | None:
    """What was tested and what moved; None without times.

    A period is the unit, not a call: calls of one day resemble one another. The two halves' means are compared by
    Student's t with the periods' own variance, which is never taken for less than chance alone would give (binomial).
    """
    if not spans.kept:
        return None
    width = _width(spans)
    periods = {at: span for at, span in spans.by(width).items() if span.calls >= FEWEST_CALLS}
    shown = tuple(Period(at * width, span.calls, _values(span)) for at, span in sorted(spans.by(width).items()))
    if len(periods) < FEWEST_PERIODS:
        note = (
            f"cannot tell: {len(periods)} {_named(width)} with {FEWEST_CALLS} calls or more, "
            f"at least {FEWEST_PERIODS} are needed"
        )
        return Drifts(float(width), shown[-200:], (), (), note)
    tested = _adjusted([*_tests(periods, width), *_worded(periods, width, samples, seed)])
    found = tuple(one for one in tested if one.adjusted < ALPHA and _matters(one))
    return Drifts(float(width), shown[-200:], tuple(tested), found, _note(width))


def _width(spans: Spans) -> int:
    """Weeks for a log of four months, days for one of a week, hours for less."""
    places = sorted(spans.kept)
    length = (places[-1] - places[0] + 1) * spans.width
    wanted = 7 * DAY if length >= 120 * DAY else DAY if length >= FEWEST_PERIODS * DAY else HOUR
    return max(wanted, spans.width)


def _named(width: int) -> str:
    return {HOUR: "hours", DAY: "days", 7 * DAY: "weeks"}.get(width, f"periods of {width // HOUR} h")


def _note(width: int) -> str:
    if width < DAY:
        return "the log is shorter than eight days, so what moved may be the rhythm of the day"
    return f"{_named(width)} are taken as independent, the earlier half of them against the later"


def _values(span: Span) -> Mapping[str, float | None]:
    shares = {TITLES[flag][0]: _count(span, flag) / span.calls for flag in SHARES}
    means = {name: None if (v := _mean(span, name)) is None else math.exp(v) for name in MEANS}
    return {**shares, **means}


def _count(span: Span, flag: int) -> int:
    return sum(n for flags, n in span.flags.items() if flags & flag)


def _mean(span: Span, name: str) -> float | None:
    sums = {
        "prompt tokens": (span.inputs, span.calls),
        "reply tokens": (span.outputs, span.replies),
        "latency": (span.ms, span.timed),
    }
    total, n = sums[name]
    return total / n if n >= FEWEST_CALLS // 2 else None


def _tests(periods: Mapping[int, Span], width: int) -> list[Drift]:
    """One test a sign, a mean and a model, where there is something to see."""
    found = [_share(TITLES[flag][1].lower(), periods, _counting(flag), width) for flag in SHARES]
    models = {model for span in periods.values() for model in span.models}
    top = sorted(models, key=lambda m: (-sum(s.models[m] for s in periods.values()), m))[:3]
    if len(models) > 1:
        found += [_share(f"share of {model}", periods, _using(model), width) for model in top]
    found += [_level(name, periods, width) for name in MEANS]
    return [one for one in found if one is not None]


def _counting(flag: int) -> Callable[[Span], int]:
    return lambda span: _count(span, flag)


def _using(model: str) -> Callable[[Span], int]:
    return lambda span: span.models[model]


def _share(name: str, periods: Mapping[int, Span], count: Callable[[Span], int], width: int) -> Drift | None:
    places = sorted(periods)
    counts = np.array([count(periods[at]) for at in places], float)
    calls = np.array([periods[at].calls for at in places], float)
    if not counts.sum():
        return None
    whole = counts.sum() / calls.sum()
    least = whole * (1 - whole) * float(np.mean(1 / calls))
    made = _halves(name, places, counts / calls, least, width)
    words = f"{made.before:.1%} of calls before, {made.after:.1%} after"
    return _saying(made, words)


def _level(name: str, periods: Mapping[int, Span], width: int) -> Drift | None:
    places = [at for at in sorted(periods) if _mean(periods[at], name) is not None]
    if len(places) < FEWEST_PERIODS:
        return None
    logs = np.array([_mean(periods[at], name) for at in places], float)
    made = _halves(name, places, logs, NOISE**2, width)
    before, after = math.exp(made.before), math.exp(made.after)
    unit = " ms" if name == "latency" else ""
    words = f"typically {before:,.0f}{unit} before, {after:,.0f}{unit} after (geometric means)"
    return Drift(name, before, after, made.p, made.p, made.since, made.unit, words)


def _saying(made: Drift, words: str) -> Drift:
    return Drift(made.name, made.before, made.after, made.p, made.p, made.since, made.unit, words)


def _halves(name: str, places: Sequence[int], values: Floats, least: float, width: int) -> Drift:
    """Student's t of two halves over periods, with a floor under the variance."""
    half = len(values) // 2
    before, after = values[:half], values[half:]
    freedom = len(values) - 2
    own = (((before - before.mean()) ** 2).sum() + ((after - after.mean()) ** 2).sum()) / freedom
    error = math.sqrt(max(float(own), least) * (1 / len(before) + 1 / len(after)))
    t = abs(float(after.mean() - before.mean())) / error if error else 0.0
    p = 2 * (1 - t_below(t, freedom))
    return Drift(
        name, float(before.mean()), float(after.mean()), p, p, _since(places, values, width), _named(width), ""
    )


def _since(places: Sequence[int], values: Floats, width: int) -> float | None:
    """The start of the period that splits the log into the two most different parts (least squares)."""
    n = len(values)
    gains = [(i * (n - i) / n * float(values[:i].mean() - values[i:].mean()) ** 2, i) for i in range(2, n - 1)]
    return float(places[max(gains)[1]] * width) if gains else None


def _worded(periods: Mapping[int, Span], width: int, samples: Sequence[Sample], seed: int) -> list[Drift]:
    """Whether requests use other words."""
    middle = sorted(periods)[len(periods) // 2] * width
    kept = [s for s in samples if s.exchange.time is not None and s.exchange.messages]
    texts = [text_of(s) for s in kept]
    later = np.array([(s.exchange.time or 0.0) >= middle for s in kept], bool)
    if later.sum() < 30 or (~later).sum() < 30:
        return []
    p, found = moved(bag(texts), later, seed=seed)
    words = "; ".join(f"“{one.word}” in {one.before:.0%} of requests before, {one.after:.0%} after" for one in found)
    first = found[0] if found else None
    before, after = (first.before, first.after) if first else (0.0, 0.0)
    return [Drift("words of requests", before, after, p, p, None, "sampled requests", words or "no word stands out")]


def _adjusted(tests: Sequence[Drift]) -> list[Drift]:
    """Holm 1979 over all of them."""
    held = holm([one.p for one in tests])
    return [
        Drift(o.name, o.before, o.after, o.p, adjusted, o.since, o.unit, o.words)
        for o, adjusted in zip(tests, held, strict=True)
    ]


def _matters(one: Drift) -> bool:
    if one.name in MEANS:
        return abs(math.log(max(one.after, 1e-9) / max(one.before, 1e-9))) >= math.log1p(SMALLEST_RATIO)
    return abs(one.after - one.before) >= SMALLEST_SHARE
