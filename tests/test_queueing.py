"""The simulated queue against closed forms, a queue worked out by hand, and laws that any queue keeps."""

from __future__ import annotations

import heapq
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suffice.queueing import (
    Slowdown,
    capacity,
    highest_rate,
    load_limits,
    predicted_p95,
    responses,
    servers_needed,
    slowdown,
)

SHARED = Slowdown((1, 2, 4), (1.0, 2.0, 4.0), (1.0, 1.9, 3.9), (1.0, 2.1, 4.1))
"""One processor that all share: two take twice as long, four take four times as long."""


def erlang_c(servers: int, load: float) -> float:
    """The chance to wait in M/M/c (Erlang 1917)."""
    last = load**servers / math.factorial(servers) * servers / (servers - load)
    return last / (sum(load**k / math.factorial(k) for k in range(servers)) + last)


def drawn(servers: int, rho: float, seed: int, n: int = 20_000, rows: int = 30, *, fixed: bool = False) -> np.ndarray:
    """Response times in M/M/c (or M/D/c) with mean service 1, settled."""
    draw = np.random.default_rng(seed)
    arrivals = np.cumsum(draw.exponential(1 / (servers * rho), (rows, n)), axis=1)
    services = np.ones((rows, n)) if fixed else draw.exponential(1.0, (rows, n))
    return responses(arrivals, services, servers)[:, n // 10 :]


@pytest.mark.parametrize(("servers", "rho"), [(1, 0.5), (1, 0.8), (2, 0.7), (5, 0.8)])
def test_exponential_queues_are_those_of_erlang(servers: int, rho: float) -> None:
    took = drawn(servers, rho, seed=servers)
    wait, left = erlang_c(servers, servers * rho), servers * (1 - rho)
    means = took.mean(axis=1)
    error = means.std(ddof=1) / len(means) ** 0.5
    assert abs(means.mean() - (1 + wait / left)) < 4 * error
    point = 2.0
    beyond = math.exp(-point) * (1 + wait / (1 - left) * (math.exp(point * (1 - left)) - 1)) if left != 1 else None
    if beyond is not None:  # P(response > t), Gross & Harris, Fundamentals of Queueing Theory, §2.3
        shares = (took > point).mean(axis=1)
        assert abs(shares.mean() - beyond) < 4 * shares.std(ddof=1) / len(shares) ** 0.5 + 1e-3


@pytest.mark.parametrize("rho", [0.3, 0.7])
def test_fixed_service_times_wait_half_as_long(rho: float) -> None:
    means = drawn(1, rho, seed=3, fixed=True).mean(axis=1)
    error = means.std(ddof=1) / len(means) ** 0.5
    assert abs(means.mean() - (1 + rho / (2 * (1 - rho)))) < 4 * error  # Pollaczek & Khinchine


@pytest.mark.parametrize("fixed", [False, True])
def test_a_shared_processor_takes_s_over_one_minus_rho_whatever_the_service_times(fixed: bool) -> None:
    draw, rho, n = np.random.default_rng(8), 0.5, 4_000
    arrivals = np.cumsum(draw.exponential(1 / rho, (40, n)), axis=1)
    services = np.ones((40, n)) if fixed else draw.exponential(1.0, (40, n))
    means = responses(arrivals, services, 40, SHARED)[:, n // 10 :].mean(axis=1)
    assert abs(means.mean() - 1 / (1 - rho)) < 4 * means.std(ddof=1) / len(means) ** 0.5  # Kleinrock 1967


def by_hand(arrivals: list[float], services: list[float], servers: int) -> list[float]:
    free = [0.0] * servers
    took = []
    for arrived, service in zip(arrivals, services, strict=True):
        end = max(arrived, heapq.heappop(free)) + service
        heapq.heappush(free, end)
        took.append(end - arrived)
    return took


TIMES = st.lists(st.tuples(st.integers(0, 50), st.integers(1, 30)), min_size=1, max_size=40)


@settings(deadline=None, max_examples=60)
@given(TIMES, st.integers(1, 6))
def test_every_request_takes_what_it_takes_by_hand(pairs: list[tuple[int, int]], servers: int) -> None:
    gaps, services = zip(*pairs, strict=True)
    arrivals = list(map(float, np.cumsum(gaps)))
    found = responses(np.array([arrivals]), np.array([services], float), servers)[0]
    assert found == pytest.approx(by_hand(arrivals, list(map(float, services)), servers))


@settings(deadline=None, max_examples=40)
@given(TIMES, st.integers(1, 6))
def test_one_that_all_share_is_never_idle_and_ends_when_one_server_would(
    pairs: list[tuple[int, int]], servers: int
) -> None:
    """Work is conserved: whoever shares, the last request is done when a single server would be done."""
    gaps, services = zip(*pairs, strict=True)
    arrivals, work = np.array([np.cumsum(gaps)], float), np.array([services], float)
    shared = responses(arrivals, work, servers, SHARED)
    alone = responses(arrivals, work, 1)
    assert (arrivals + shared).max() == pytest.approx((arrivals + alone).max())
    assert (shared >= work - 1e-6).all()


@settings(deadline=None, max_examples=40)
@given(TIMES, st.integers(1, 5))
def test_more_servers_and_longer_gaps_never_make_it_slower(pairs: list[tuple[int, int]], servers: int) -> None:
    gaps, services = zip(*pairs, strict=True)
    arrivals, work = np.array([np.cumsum(gaps)], float), np.array([services], float)
    now = responses(arrivals, work, servers)
    assert (responses(arrivals, work, servers + 1) <= now + 1e-9).all()
    assert (responses(arrivals * 2, work, servers) <= now + 1e-9).all()


def test_slowdown_is_found_where_it_is_and_not_where_chance_looks_like_it() -> None:
    draw = np.random.default_rng(5)
    alone = draw.lognormal(3, 0.2, 80)
    found = slowdown({1: alone, 2: 1.5 * draw.lognormal(3, 0.2, 80), 4: 3 * draw.lognormal(3, 0.2, 80)})
    assert found.at(2) == pytest.approx(1.5, rel=0.1) and found.at(4) == pytest.approx(3, rel=0.1)
    assert found.at(3) == pytest.approx((found.at(2) + found.at(4)) / 2)
    assert found.at(8) == pytest.approx(found.at(4) + 2 * (found.at(4) - found.at(2)))
    false = sum(not slowdown({1: draw.lognormal(3, 0.5, 40), 3: draw.lognormal(3, 0.5, 40)}).flat for _ in range(400))
    assert false <= 22  # 2.5 % promised: more than 22 of 400 would be one in a thousand


def test_a_queue_that_grows_without_end_has_no_percentiles() -> None:
    found = predicted_p95([100.0] * 50, 2, 25.0)
    assert not found.stable and found.utilization == pytest.approx(1.25) and found.p95_ms is None
    short = predicted_p95([100.0] * 50, 2, 25.0, schedule_s=[n / 25 for n in range(100)])
    assert short.p95_ms is not None and short.p95_ms > 500


def test_the_interval_holds_what_a_stretch_then_shows() -> None:
    """Service times measured anew for 120 stretches; were it 92 %, fewer than 100 were one in a thousand."""
    held, draw = 0, np.random.default_rng(11)
    for seed in range(120):
        measured = draw.lognormal(3, 0.6, 60)
        moments = np.cumsum(draw.exponential(1 / 30, 300))
        found = predicted_p95(measured, 2, 30.0, schedule_s=moments, replications=100, seed=seed)
        took = responses(moments[None] * 1000, draw.lognormal(3, 0.6, (1, 300)), 2)[0]
        seen = float(np.sort(took)[math.ceil(0.95 * 300) - 1])
        held += found.low_ms is not None and found.high_ms is not None and found.low_ms <= seen <= found.high_ms
    assert held >= 100


def test_the_highest_rate_meets_the_limit_and_a_little_more_does_not() -> None:
    draw = np.random.default_rng(2)
    times = draw.exponential(100.0, 4_000)
    found = highest_rate(times, 1, 1_000.0)
    # In M/M/1 the response is exponential with rate mu − lambda: P95 = ln 20 / (mu − lambda).
    assert found == pytest.approx(1000 / times.mean() - math.log(20), rel=0.06)
    assert highest_rate(times, 1, 200.0) is None
    assert found is not None and capacity(times, 1) > found


def test_no_rate_is_answered_for_that_fills_the_queue() -> None:
    """In M/M/1 P95 is ln 20 / (mu − lambda): 400 settling requests do not reach it at 0.95 of the capacity or more."""
    times = -100 * np.log(1 - (np.arange(2_000) + 0.5) / 2_000)
    most = capacity(times, 1)
    for limit in (5_000.0, 20_000.0):
        assert highest_rate(times, 1, limit) == pytest.approx(0.9 * most)
    enough = servers_needed(times, 0.95 * most, 60_000.0)
    assert enough == 2, "one would do by a stretch that is too short to settle"


def test_what_a_load_may_be_holds_it_as_often_as_it_says() -> None:
    """Lognormal times, 95 % by Student's t: fewer than 360 of 400 would be below 90 %."""
    draw, held = np.random.default_rng(6), 0
    for _ in range(400):
        times = draw.lognormal(0, 0.4, 60)
        low, high = load_limits(times, 0.8 * times.mean() / math.exp(0.08))
        held += high is not None and low <= 0.8 <= high
    assert held >= 360 and load_limits([5.0], 0.5) == (0.0, None)


def test_the_fewest_servers_are_found() -> None:
    times = np.random.default_rng(4).exponential(100.0, 4_000)
    enough = servers_needed(times, 50.0, 400.0)
    assert enough is not None and enough > 50 * times.mean() / 1000
    for servers, met in ((enough, True), (enough - 1, False)):
        p95 = predicted_p95(times, servers, 50.0, replications=20).p95_ms
        assert (p95 is not None and p95 <= 400.0) is met
    assert servers_needed(times, 50.0, 100.0) is None


@pytest.mark.parametrize("wrong", [[], [0.0], [1.0, math.nan], [-1.0, 2.0]])
def test_what_is_no_service_time_is_refused(wrong: list[float]) -> None:
    with pytest.raises(ValueError, match="service times"):
        predicted_p95(wrong, 1, 1.0)
