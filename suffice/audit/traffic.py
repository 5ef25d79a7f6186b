"""Traffic: when calls were made and how many at once, in a bounded number of buckets of time."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .found import Hour, Traffic
from .sketch import Histogram

Floats = NDArray[np.float64]
MOST = 65_536
"""Buckets of time: an eighth of a second at first, twice as long whenever there would be more."""
FINEST = 1 / 8
FIRST_S, TOKEN_S = 0.5, 0.02
"""Where a log tells no durations: half a second to the first token and 50 tokens a second from then on."""
BARS = 96
TOGETHER = 1_024
LONGEST_MS, MOST_TOKENS = 1e9, 10**9
"""A call of more than twelve days, or of a billion tokens, is a mistake in the log."""
LATEST = 4_102_444_800.0
"""The year 2100: what claims to be later, or before 1970, has no time that could be used."""


class Clock:
    """Arrivals, ends and tokens by bucket of time."""

    def __init__(self) -> None:
        self.width = FINEST
        self.starts: dict[int, int] = {}
        self.ends: dict[int, int] = {}
        self.tokens: dict[int, int] = {}
        self.hours = [0] * 24
        self.logged = self.assumed = 0
        self.busy_s = 0.0
        self.first, self.last = float("inf"), float("-inf")
        self._waiting: list[tuple[float, float, int]] = []

    @property
    def calls(self) -> int:
        """Calls that have a time."""
        return self.logged + self.assumed

    def add(self, time: float, ms: float | None, tokens: int, replied: int) -> None:
        """A call: when it was asked, how long it took, its tokens in both directions and those of the reply."""
        if not 0 <= time <= LATEST:
            return
        if ms is not None and 0 <= ms <= LONGEST_MS:
            seconds = ms / 1000
            self.logged += 1
        else:
            seconds = FIRST_S + TOKEN_S * min(replied, MOST_TOKENS)
            self.assumed += 1
        self._waiting.append((time, seconds, min(tokens, MOST_TOKENS)))
        if len(self._waiting) >= TOGETHER:
            self.count()

    def count(self) -> None:
        """Calls are counted some at a time: in numpy that takes a fifth of the time."""
        if not self._waiting:
            return
        times, seconds, tokens = np.array(self._waiting, float).T
        self._waiting.clear()
        self.busy_s += float(seconds.sum())
        self.first, self.last = min(self.first, float(times.min())), max(self.last, float(times.max()))
        for hour, n in enumerate(np.bincount((times // 3600).astype(int) % 24, minlength=24).tolist()):
            self.hours[hour] += n
        starts = np.floor(times / self.width)
        _into(self.starts, starts)
        _into(self.ends, np.floor((times + seconds) / self.width))
        _into(self.tokens, starts, tokens)
        while len(self.starts) > MOST or len(self.ends) > MOST:
            self.width *= 2
            self.starts, self.ends, self.tokens = (_halved(kept) for kept in (self.starts, self.ends, self.tokens))

    def traffic(self, inputs: Histogram, outputs: Histogram) -> Traffic:
        """What it comes to, beside the distributions of tokens."""
        self.count()
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


def _into(kept: dict[int, int], places: Floats, weights: Floats | None = None) -> None:
    """Add to the buckets at these places, by one or by weights."""
    at, which = np.unique(places, return_inverse=True)
    for key, n in zip(at.tolist(), np.bincount(which, weights).tolist(), strict=True):
        kept[int(key)] = kept.get(int(key), 0) + int(n)


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
