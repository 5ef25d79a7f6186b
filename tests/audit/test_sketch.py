"""Sketches against the exact answer, and the memory that they promise."""

from __future__ import annotations

import random

import numpy as np
import pytest

from suffice.audit.sketch import Histogram, Repeats, Reservoir
from suffice.stats.quantile import percentile


def test_percentiles_are_within_one_percent_and_limits_those_of_order_statistics() -> None:
    draw = random.Random(1)
    values = [draw.lognormvariate(6, 1.5) for _ in range(5000)]
    made = Histogram()
    for value in values:
        made.add(value)
    found = made.spread()
    assert found is not None and found.n == 5000
    assert found.total == pytest.approx(sum(values)) and found.largest == max(values)
    for limits, q in ((found.p50, 0.5), (found.p95, 0.95), (found.p99, 0.99)):
        exact = percentile(values, q)
        assert limits.estimate == pytest.approx(exact.estimate, rel=0.0101)
        assert limits.low == pytest.approx(exact.low, rel=0.0101)
        assert limits.high == pytest.approx(exact.high, rel=0.0101)


def test_a_few_values_have_no_limit_where_none_can_be_told() -> None:
    made = Histogram()
    for value in (1.0, 2.0, 3.0):
        made.add(value)
    found = made.spread()
    assert found is not None and found.p99.high is None and found.p99.estimate == pytest.approx(3.0, rel=0.01)
    assert Histogram().spread() is None


def test_a_histogram_of_a_billion_times_a_billion_has_few_buckets() -> None:
    made = Histogram()
    for at in range(-9, 13):
        for step in range(1, 100):
            made.add(10.0**at * step / 10)
    made.add(0.0)
    made.add(-5.0)
    assert len(made.counts) < 3000 and made.at(1) == 0.0


def test_two_histograms_joined_are_one() -> None:
    whole, one, other = Histogram(), Histogram(), Histogram()
    for value in range(1, 200):
        whole.add(value)
        (one if value % 3 else other).add(value)
    one.join(other)
    assert one.spread() == whole.spread() and one.counts == whole.counts


def test_bars_hold_every_positive_value() -> None:
    made = Histogram()
    for value in range(1, 1000):
        made.add(value)
    assert sum(n for _, _, n in made.bars()) == 999


def test_every_item_of_a_stream_is_kept_alike() -> None:
    hits = np.zeros(100)
    for seed in range(600):
        kept: Reservoir[int] = Reservoir(10, seed)
        for item in range(100):
            if (at := kept.place()) >= 0:
                kept.put(at, item)
        hits[kept.items] += 1
        assert len(kept.items) == 10 and kept.seen == 100
    assert abs(hits[:50].mean() - hits[50:].mean()) < 4 and hits.min() > 30


def test_repeats_are_exact_while_they_fit() -> None:
    made = Repeats()
    for key in (1, 2, 1, 3, 1):
        made.add(key, reply=key * 7)
    assert made.exact and sorted((e.count, w) for e, w in made.weighted()) == [(1, 1), (1, 1), (3, 1)]


def test_a_request_whose_replies_differ_is_told() -> None:
    made = Repeats()
    for reply in (5, 5, 6, 0):
        made.add(9, reply)
    (entry, _), *_ = made.weighted()
    assert (entry.count, entry.differing) == (4, 1)


def test_repeats_of_more_requests_than_fit_are_estimated_without_bias() -> None:
    """Ten frequent requests, and 40,000 others of which a fifth come twice; 2,000 are followed."""
    wanted, found = 10 * 399 + 8_000, []
    for seed in range(20):
        draw = random.Random(seed)
        once = [draw.getrandbits(64) for _ in range(40_000)]
        often = [draw.getrandbits(64) for _ in range(10)]
        stream = [*once, *once[:8_000], *(often * 400)]
        draw.shuffle(stream)
        made = Repeats(most=2_000)
        for key in stream:
            made.add(key, 0)
        assert len(made.entries) <= 2_500 + made.settled and not made.exact
        found.append(sum((e.count - 1) * w for e, w in made.weighted()))
    assert np.mean(found) == pytest.approx(wanted, rel=0.08)
