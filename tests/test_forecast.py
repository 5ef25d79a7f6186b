"""At the peak a stack keeps its limit, breaks it or cannot keep up; how many it takes is said, and why."""

from __future__ import annotations

import numpy as np
import pytest

from suffice.forecast import forecast
from suffice.latency import Peak
from suffice.queueing import Slowdown, predicted_p95

TIMES = np.random.default_rng(1).lognormal(5, 0.4, 200).tolist()
"""Some 160 ms each."""


def at(rate: float) -> Peak:
    return Peak(rate, rate * 86_400 / 3, 3.0, "as given")


@pytest.mark.parametrize(("rate", "kept"), [(1.0, True), (40.0, False), (11.0, False)])
def test_the_limit_is_kept_below_the_highest_rate_and_broken_above(rate: float, kept: bool) -> None:
    found = forecast(TIMES, 2, at(rate), slo_ms=500.0)
    assert found.kept is kept and found.highest_per_s is not None
    assert (rate < found.highest_per_s) is kept and found.at_peak.stable is (rate < found.capacity_per_s)
    assert found.machines is not None and (found.machines == 1) is kept


def test_so_many_machines_keep_it_and_one_less_does_not() -> None:
    found = forecast(TIMES, 2, at(60.0), slo_ms=500.0)
    assert found.machines is not None and found.machines > 5 and found.servers is not None
    for machines, met in ((found.machines, True), (found.machines - 1, False)):
        p95 = predicted_p95(TIMES, 2, 60.0 / machines, seed=9, replications=400).p95_ms
        assert p95 is not None and (p95 <= 510.0) is met
    assert found.servers < 2 * found.machines  # one queue for all wastes less
    assert f"{found.machines} machines" in found.words and "without end" in found.words


def test_no_rate_keeps_a_limit_that_service_alone_breaks() -> None:
    found = forecast(TIMES, 2, at(1.0), slo_ms=100.0)
    assert (found.highest_per_s, found.machines, found.servers, found.kept) == (None, None, None, False)
    assert "No rate keeps" in found.words


def test_requests_that_slow_each_other_take_more_machines_and_that_is_said() -> None:
    shared = Slowdown((1, 2), (1.0, 1.8), (1.0, 1.7), (1.0, 1.9))
    alone, slowed = (forecast(TIMES, 2, at(30.0), slo_ms=500.0, slow=s) for s in (None, shared))
    assert alone.machines is not None and slowed.machines is not None and slowed.machines > alone.machines
    assert "not measured" in alone.assumes[-1] and "1.80 with 2" in slowed.assumes[-1] and slowed.servers is None


def test_without_a_limit_only_the_response_is_told() -> None:
    found = forecast(TIMES, 4, at(5.0))
    assert found.kept is None and found.highest_per_s is None and "P95 would be" in found.words


def test_whether_it_is_kept_cannot_be_told_where_only_the_estimated_load_is_too_much() -> None:
    """Forty times leave their mean open by a sixth or so: the servers may well keep up."""
    times = np.random.default_rng(2).lognormal(5, 0.6, 40).tolist()
    most = 1000 / float(np.mean(times))
    found = forecast(times, 1, at(1.05 * most), slo_ms=60_000.0)
    assert not found.at_peak.stable and found.load_low < 1 < 1.05 < (found.load_high or 0)
    assert found.kept is None and "by estimate" in found.words
    surely = forecast(times, 1, at(2 * most), slo_ms=60_000.0)
    assert surely.kept is False and "by estimate" not in surely.words


def test_a_nearly_full_queue_is_not_answered_for() -> None:
    found = forecast(TIMES, 2, at(0.96 * 2000 / float(np.mean(TIMES))), slo_ms=60_000.0)
    assert found.at_peak.high_ms is not None and found.at_peak.high_ms < 60_000 and found.kept is None
    assert found.highest_per_s == pytest.approx(0.9 * found.capacity_per_s) and found.machines == 2
    assert "90%" in found.words and "how long the peak lasts" in found.words and "estimated" in found.words
    assert "how long" not in forecast(TIMES, 2, at(1.0), slo_ms=500.0).words
