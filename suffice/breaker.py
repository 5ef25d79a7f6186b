"""A breaker: when an endpoint is down, one caller looks now and then whether it is back; the others wait."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass

from .errors import ModelError, Unreachable

OUTAGE = frozenset({"unreachable", "unavailable", "server_error", "timeout", "dropped"})
"""Faults that a dead endpoint shows."""


class Stopped(Exception):
    """The run was stopped while a call was waiting. Not an error: nothing was sent."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to go on trying. Waits grow by doubling, and are drawn between zero and that (full jitter)."""

    attempts: int = 8
    """Attempts at one call, the first included."""
    first_wait: float = 0.25
    longest_wait: float = 20.0
    longest_retry_after: float = 120.0
    """Seconds a provider may ask us to wait; a longer request ends the call."""
    failures: int = 5
    """Consecutive failures, over all threads, that open the breaker."""
    outage: float = 60.0
    """Seconds an endpoint that has worked may be down before the run gives up."""
    absence: float = 10.0
    """The same for an endpoint that has never answered."""
    hurry: float = 0.25
    """Seconds that the very first call goes ahead of the others, so that a dead endpoint is met by one."""

    def wait(self, number: int, retry_after: float | None, draw: random.Random) -> float:
        """Seconds to wait after attempt `number` failed."""
        backoff = draw.uniform(0.0, min(self.longest_wait, self.first_wait * 2.0 ** (number - 1)))
        return backoff if retry_after is None else max(0.0, retry_after) + min(backoff, 1.0)


class Breaker:
    """Shared by all threads that call one endpoint. Every `enter` is followed by one `passed`, `failed` or `left`."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._changed = threading.Condition()
        self._answered = False
        self._clear = False
        self._inside = 0
        self._row = 0
        self._first: float | None = None
        self._opened: float | None = None
        self._probing = False
        self._period = 0.0
        self._next = 0.0
        self._last: ModelError | None = None

    def enter(self, stop: threading.Event) -> bool:
        """Wait for leave to call; true for the one caller that probes a broken endpoint. Raises `Unreachable`."""
        if self._clear:
            return False
        with self._changed:
            while not stop.is_set():
                wait = self._leave()
                if wait is None:
                    self._inside += 1
                    self._probing = self._opened is not None
                    return self._probing
                self._changed.wait(min(wait, 0.5))
        raise Stopped

    def passed(self) -> None:
        """The call was answered (even if by a refusal): the endpoint is up."""
        if self._clear and not self._row:
            return
        with self._changed:
            self._answered = self._clear = True
            self._row, self._opened, self._probing = 0, None, False
            self._changed.notify_all()

    def failed(self, wrong: ModelError, probe: bool) -> None:
        """The call failed in a way that a dead endpoint shows."""
        with self._changed:
            self._last = wrong
            self._row += 1
            self._inside = max(0, self._inside - 1)
            now = time.monotonic()
            if self._opened is None and self._row >= self._patience.failures:
                self._open(now)
            elif probe:
                self._probing = False
                self._period = min(2.0 * self._period, self._patience.longest_wait)
                self._next = now + self._period * random.uniform(0.5, 1.0)
            self._changed.notify_all()

    def left(self, probe: bool) -> None:
        """The call ended without showing whether the endpoint is up."""
        with self._changed:
            self._inside = max(0, self._inside - 1)
            self._probing = self._probing and not probe
            self._changed.notify_all()

    def _open(self, now: float) -> None:
        self._opened, self._clear = now, False
        self._period = 2.0 * self._patience.first_wait
        self._next = now + self._period

    def _leave(self) -> float | None:
        """None where the caller may call, else seconds to wait before asking again."""
        now = time.monotonic()
        if self._opened is not None:
            return self._leave_to_probe(now, self._opened)
        if self._answered or not self._inside:
            self._first = now if self._first is None else self._first
            return None
        early = (self._first or now) + self._patience.hurry - now
        return None if early <= 0 and not self._row else max(early, 0.02)

    def _leave_to_probe(self, now: float, opened: float) -> float | None:
        patience = self._patience.outage if self._answered else self._patience.absence
        if now - opened > patience and (now < self._next or self._probing):
            last = self._last or "no answer"
            raise Unreachable(
                f"gave up after {now - opened:.0f} s: {last}",
                fault="unreachable",
                hint="start the model's server, or check its address; what was paid for is kept",
            )
        return max(self._next - now, 0.0) if now < self._next or self._probing else None
