"""A dead endpoint costs one probe a period; a short outage is waited out."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from random import Random

import pytest

from suffice.breaker import Breaker, Patience, Stopped
from suffice.errors import ModelError, Unreachable

DEAD = ModelError("refused", fault="unreachable", retryable=True)
QUICK = Patience(first_wait=0.05, longest_wait=0.2, failures=3, outage=1.0, absence=0.6, hurry=0.05)


def broken(patience: Patience = QUICK, *, answered: bool = True) -> Breaker:
    breaker, stop = Breaker(patience), threading.Event()
    if answered:
        breaker.enter(stop)
        breaker.passed()
    for _ in range(patience.failures):
        breaker.failed(DEAD, breaker.enter(stop))
    return breaker


def test_the_first_call_goes_ahead_and_the_others_follow_when_it_is_answered() -> None:
    breaker, order = Breaker(Patience(hurry=5.0)), []
    breaker.enter(threading.Event())

    def second() -> None:
        breaker.enter(threading.Event())
        order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    time.sleep(0.05)
    order.append("first")
    breaker.passed()
    thread.join(1)
    assert order == ["first", "second"]


def test_a_slow_first_answer_does_not_hold_the_others_for_long() -> None:
    breaker = Breaker(QUICK)
    breaker.enter(threading.Event())
    start = time.monotonic()
    breaker.enter(threading.Event())
    assert 0.04 < time.monotonic() - start < 0.5


def test_an_open_breaker_lets_one_probe_through_at_a_time() -> None:
    breaker, stop, probes = broken(), threading.Event(), []

    def work() -> None:
        with suppress(Stopped):
            probes.append(breaker.enter(stop))

    workers = [threading.Thread(target=work) for _ in range(16)]
    for worker in workers:
        worker.start()
    time.sleep(0.4)
    stop.set()
    for worker in workers:
        worker.join()
    assert probes == [True]


def test_an_answered_probe_closes_the_breaker() -> None:
    breaker, stop = broken(), threading.Event()
    assert breaker.enter(stop)
    breaker.passed()
    assert not breaker.enter(stop)


@pytest.mark.parametrize(("answered", "seconds"), [(True, 1.0), (False, 0.6)])
def test_a_dead_endpoint_is_given_up_after_few_probes(answered: bool, seconds: float) -> None:
    breaker, stop, start, probes = broken(answered=answered), threading.Event(), time.monotonic(), 0
    with pytest.raises(Unreachable, match=r"gave up after .*refused"):
        while True:
            breaker.failed(DEAD, breaker.enter(stop))
            probes += 1
    assert seconds <= time.monotonic() - start < seconds + 0.5
    assert 2 <= probes <= seconds / 0.05


def test_waits_double_with_jitter_and_honour_what_the_provider_asks() -> None:
    patience, draw = Patience(first_wait=1.0, longest_wait=8.0), Random(0)
    longest = [max(patience.wait(n, None, draw) for _ in range(500)) for n in range(1, 7)]
    assert longest == pytest.approx([1, 2, 4, 8, 8, 8], rel=0.05)
    assert all(30.0 <= patience.wait(5, 30.0, draw) <= 31.0 for _ in range(100))
