"""Traffic: when calls were made and how many at once, in a bounded number of buckets of time."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from typing import Literal

from .found import Hour, Traffic
from .sketch import Histogram

MOST = 65_536
"""Buckets of time: an eighth of a second at first, twice as long whenever there would be more."""
FINEST = 1 / 8
FIRST_S, TOKEN_S = 0.5, 0.02
"""Where a log tells no durations: half a second to the first token and 50 tokens a second from then on."""
BARS = 96
LATEST = 4_102_444_800.0
"""The year 2100: what claims to be later, or before 1970, has no time that could be used."""


class Clock:
    """Arrivals, ends and tokens by bucket of time."""

    __slots__ = ("assumed", "busy_s", "calls", "ends", "first", "hours", "last", "logged", "starts", "tokens", "width")

    def __init__(self) -> None:
        self.width = FINEST
        self.starts: dict[int, int] = {}
        self.ends: dict[int, int] = {}
        self.tokens: dict[int, int] = {}
        self.hours = [0] * 24
        self.calls = self.logged = self.assumed = 0
        self.busy_s = 0.0
        self.first, self.last = float("inf"), float("-inf")

    def add(self, time: float, ms: float | None, tokens: int, replied: int) -> None:
        """A call: when it was asked, how long it took, its tokens in both directions and those of the reply."""
        if not 0 <= time <= LATEST:
            return
        if ms is not None and ms >= 0:
            seconds = ms / 1000
            self.logged += 1
        else:
            seconds = FIRST_S + TOKEN_S * replied
            self.assumed += 1
        self.calls += 1
        self.busy_s += seconds
        if time < self.first:
            self.first = time
        if time > self.last:
            self.last = time
        self.hours[int(time // 3600) % 24] += 1
        start, end = int(time / self.width), int((time + seconds) / self.width)
        starts, ends, held = self.starts, self.ends, self.tokens
        starts[start] = starts.get(start, 0) + 1
        ends[end] = ends.get(end, 0) + 1
        held[start] = held.get(start, 0) + tokens
        if len(starts) > MOST or len(ends) > MOST:
            self._coarser()

    def _coarser(self) -> None:
        while len(self.starts) > MOST // 2 or len(self.ends) > MOST // 2:
            self.width *= 2
            self.starts, self.ends, self.tokens = (_halved(kept) for kept in (self.starts, self.ends, self.tokens))

    def traffic(self, inputs: Histogram, outputs: Histogram) -> Traffic:
        """What it comes to, beside the distributions of tokens."""
        if not self.calls:
            return _timeless(inputs, outputs)
        span = max(self.last - self.first, self.width)
        seconds, minutes = (self._by(max(s, self.width)) for s in (1.0, 60.0))
        peak_at, peak = max(minutes.items(), key=lambda item: (item[1], -item[0]))
        most_per_second = max(seconds.values()) / max(1.0, self.width)
        low, high = self._at_once()
        return Traffic(
            start=self.first,
            end=self.last,
            calls=self.calls,
            per_second=self.calls / span,
            peak_per_second=most_per_second,
            peak_per_minute=peak if self.width <= 60 else None,
            peak_at=peak_at * max(60.0, self.width),
            concurrent=self.busy_s / span,
            peak_low=low,
            peak_high=high,
            bucket_s=self.width,
            durations="logged" if not self.assumed else "assumed" if not self.logged else "mixed",
            how=self._how(),
            input_tokens=inputs.spread(),
            output_tokens=outputs.spread(),
            input_bars=tuple(inputs.bars()),
            output_bars=tuple(outputs.bars()),
            hours=tuple(Hour(hour, n) for hour, n in enumerate(self.hours)),
            minutes=self._bars(span),
            peak_tokens_per_minute=max(self._by(60.0, self.tokens).values()) if self.width <= 60 else None,
        )

    def _by(self, width: float, kept: Mapping[int, int] | None = None) -> dict[int, int]:
        """Counts by longer buckets."""
        found: dict[int, int] = {}
        for at, n in (self.starts if kept is None else kept).items():
            key = int(at * self.width / width)
            found[key] = found.get(key, 0) + n
        return found

    def _at_once(self) -> tuple[int, int]:
        """The most calls at once: at least what lives where one bucket ends, at most that and all that arrives next."""
        places = sorted(self.starts.keys() | self.ends.keys())
        came = [self.starts.get(at, 0) for at in places]
        alive = list(accumulate(n - self.ends.get(at, 0) for n, at in zip(came, places, strict=True)))
        high = max(before + n for before, n in zip([0, *alive], came, strict=False))
        return max(1, *alive) if alive else 1, high

    def _bars(self, span: float) -> tuple[tuple[float, int], ...]:
        width = max(span / BARS, self.width)
        counts = [0] * (BARS + 1)
        for at, n in self.starts.items():
            counts[min(BARS, max(0, int((at * self.width - self.first) / width)))] += n
        counts[BARS - 1] += counts.pop()
        used = min(BARS, int(span / width) + 1)
        return tuple((self.first + at * width, n) for at, n in enumerate(counts[:used]))

    def _how(self) -> str:
        if not self.assumed:
            return "from the durations in the log"
        share = "no call says" if not self.logged else f"{self.assumed} of {self.calls} calls do not say"
        return (
            f"{share} how long it took; taken as {FIRST_S:g} s and {TOKEN_S * 1000:g} ms a token of the reply, "
            "so read the number of calls at once as an order of size"
        )


def _halved(kept: Mapping[int, int]) -> dict[int, int]:
    found: dict[int, int] = {}
    for at, n in kept.items():
        found[at >> 1] = found.get(at >> 1, 0) + n
    return found


def _timeless(inputs: Histogram, outputs: Histogram) -> Traffic:
    none: Literal["none"] = "none"
    return Traffic(
        *(None, None, 0, None, None, None, None, None, None, None),
        bucket_s=FINEST,
        durations=none,
        how="the log has no times",
        input_tokens=inputs.spread(),
        output_tokens=outputs.spread(),
        input_bars=tuple(inputs.bars()),
        output_bars=tuple(outputs.bars()),
        hours=(),
        minutes=(),
        peak_tokens_per_minute=None,
    )
