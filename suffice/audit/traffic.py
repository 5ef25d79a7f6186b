"""Traffic: when calls were made and how many at once, in a bounded number of buckets of time."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .found import Hour, Traffic
from .sketch import Histogram

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
MOST = 131_072
"""Buckets of time: an eighth of a second at first, twice as long whenever there would be more."""
FINEST = 1 / 8
FIRST_S, TOKEN_S = 0.5, 0.02
"""Where a log tells no durations: half a second to the first token and 50 tokens a second from then on."""
BARS = 96
TOGETHER = 8_192
LONGEST_MS, MOST_TOKENS = 1e9, 10**9
"""A call of more than twelve days, or of a billion tokens, is a mistake in the log."""
LATEST = 4_102_444_800.0
"""The year 2100: what claims to be later, or before 1970, has no time that could be used."""


class Clock:
    """Arrivals, ends and tokens by bucket of time: three rows of numbers beside the sorted places of the buckets."""

    def __init__(self) -> None:
        self.width = FINEST
        self.places: Integers = np.empty(0, np.int64)
        self.rows: Floats = np.empty((3, 0))
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
        one, none = np.ones(len(times)), np.zeros(len(times))
        asked, ended = (np.floor(at / self.width).astype(np.int64) for at in (times, times + seconds))
        self._join(np.concatenate([asked, ended]), np.array([[*one, *none], [*none, *one], [*tokens, *none]]))
        while len(self.places) > MOST:
            self.width *= 2
            places, self.places = self.places >> 1, self.places[:0]
            rows, self.rows = self.rows, self.rows[:, :0]
            self._join(places, rows)

    def _join(self, places: Integers, rows: Floats) -> None:
        """Add numbers to their buckets."""
        self.places, which = np.unique(np.concatenate([self.places, places]), return_inverse=True)
        self.rows = np.stack(
            [np.bincount(which, np.concatenate([mine, new])) for mine, new in zip(self.rows, rows, strict=True)]
        )

    def traffic(self, inputs: Histogram, outputs: Histogram) -> Traffic:
        """What it comes to, beside the distributions of tokens."""
        self.count()
        if not self.calls:
            return _timeless(inputs, outputs)
        span = max(self.last - self.first, self.width)
        places, minutes = self._by(max(60.0, self.width))
        low, high = self._at_once()
        return Traffic(
            start=self.first,
            end=self.last,
            calls=self.calls,
            per_second=self.calls / span,
            peak_per_second=self._most(1.0),
            peak_per_minute=self._most(60.0),
            peak_at=float(places[int(minutes.argmax())] * max(60.0, self.width)),
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
            peak_tokens_per_minute=self._most(60.0, 2),
        )

    def _most(self, width: float, row: int = 0) -> int | None:
        """The largest sum within such a stretch of time; None where buckets are longer."""
        return None if self.width > width else int(self._by(width, row)[1].max())

    def _by(self, width: float, row: int = 0) -> tuple[Integers, Floats]:
        """A row's numbers by longer buckets: their places and the sums."""
        at, which = np.unique(np.floor(self.places * (self.width / width)).astype(np.int64), return_inverse=True)
        return at, np.bincount(which, self.rows[row]).astype(np.float64)

    def _at_once(self) -> tuple[int, int]:
        """The most calls at once: at least what lives where one bucket ends, at most that and all that arrives next."""
        came, ended, _ = self.rows
        alive = np.cumsum(came - ended)
        before = np.concatenate([[0.0], alive[:-1]])
        return max(1, int(alive.max())), int((before + came).max())

    def _bars(self, span: float) -> tuple[tuple[float, int], ...]:
        width = max(span / BARS, self.width)
        used = min(BARS, int(span / width) + 1)
        at = np.clip(((self.places * self.width - self.first) / width).astype(int), 0, used - 1)
        counts = np.bincount(at, self.rows[0], minlength=used).tolist()
        return tuple((self.first + bar * width, int(n)) for bar, n in enumerate(counts))

    def _how(self) -> str:
        if not self.assumed:
            return "from the durations in the log"
        share = "no call says" if not self.logged else f"{self.assumed} of {self.calls} calls do not say"
        return (
            f"{share} how long it took; taken as {FIRST_S:g} s and {TOKEN_S * 1000:g} ms a token of the reply, "
            "so read the number of calls at once as an order of size"
        )


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
