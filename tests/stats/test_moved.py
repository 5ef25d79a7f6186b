"""Moved: an even test without a change, changes found and named, and mixes and noise left alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import kstest

from suffice.stats.moved import _Looking, _p, _seasonal, moved

Points = npt.NDArray[np.float32]
Integers = npt.NDArray[np.intp]
Floats = npt.NDArray[np.float64]


def heaps(n: int, kinds: int, seed: int, *, spread: float = 0.5) -> tuple[Points, Integers, Floats]:
    """Items in heaps around random directions, each heap with its own label, at random times."""
    rng = np.random.default_rng(seed)
    middles = rng.normal(size=(kinds, 32)) / np.sqrt(32)
    own = rng.integers(0, kinds, n)
    points = middles[own] + spread * rng.normal(size=(n, 32)) / np.sqrt(32)
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32), own, rng.random(n)


def noisy(labels: Integers, share: float, seed: int) -> Integers:
    rng = np.random.default_rng(seed)
    return np.where(rng.random(labels.size) < share, rng.integers(0, labels.max() + 1, labels.size), labels)


def test_a_change_is_found_dated_and_named() -> None:
    points, labels, times = heaps(200, 5, 1)
    since = np.where((labels == 2) & (times >= 0.5), 4, labels)
    found = moved(points, since, times)
    assert found.p == 1 / 200 and [(s.old, s.new) for s in found.shifts] == [(2, 4)]
    assert abs(found.when - 0.5) < 0.12 and found.share == pytest.approx((labels == 2).mean(), abs=0.08)
    assert set(found.shifts[0].at) <= set(np.flatnonzero(labels == 2).tolist())


def test_a_new_label_is_a_change_too() -> None:
    points, labels, times = heaps(200, 5, 2)
    found = moved(points, np.where((labels == 0) & (times >= 0.6), 9, labels), times)
    assert found.p < 0.02 and [(s.old, s.new) for s in found.shifts] == [(0, 9)]


@pytest.mark.parametrize("noise", [0.15, 0.3])
def test_without_a_change_the_test_is_even(noise: float) -> None:
    values = []
    for seed in range(100):
        points, labels, times = heaps(50, 4, seed, spread=1.0)
        looking = _Looking.of(points, noisy(labels, noise, seed))
        rng, cuts = np.random.default_rng(seed), np.quantile(times, [0.25, 0.5, 0.75])
        drawn = [looking.exchanged(times, rng) for _ in range(59)]
        values.append(_p(np.stack([looking.evidence(t, cuts) for t in (times, *drawn)])) - rng.random() / 60)
    assert kstest(values, "uniform").pvalue > 0.01


def test_times_are_exchanged_within_kinds() -> None:
    points, labels, times = heaps(80, 4, 5)
    looking = _Looking.of(points, labels)
    drawn = looking.exchanged(times, np.random.default_rng(0))
    assert not np.array_equal(drawn, times)
    for kind in np.unique(looking.kinds):
        at = looking.kinds == kind
        assert np.array_equal(np.sort(drawn[at]), np.sort(times[at]))


def test_the_evidence_is_the_sum_that_it_says() -> None:
    points, labels, times = heaps(40, 3, 7)
    looking, cut = _Looking.of(points, labels), 0.5
    near = np.argsort(-(points @ points.T) + 9 * np.eye(40), axis=1)[:, :5]
    held = np.eye(3)[labels]
    rest = held - np.array([held[near[i]].mean(axis=0) for i in range(40)])
    late = (times >= cut).astype(float)
    left = late - np.array([late[near[i]].mean() for i in range(40)])
    slow = sum((rest[i] @ rest[j]) * left[i] * left[j] for i in range(40) for j in near[i])
    assert looking.evidence(times, np.array([cut]))[0] == pytest.approx(slow, rel=1e-4)


def test_kinds_of_input_that_come_and_go_are_no_change() -> None:
    flagged = 0
    for seed in range(6):
        points, labels, _ = heaps(150, 5, seed)
        rng = np.random.default_rng(seed)
        times = rng.beta(*(np.array([[1, 3], [3, 1], [2, 2], [1, 1], [4, 1]])[labels].T))
        found = moved(points, noisy(labels, 0.05, seed), times)
        flagged += found.p <= 0.02 and found.share >= 0.1
    assert flagged == 0


def test_it_is_told_whether_kinds_come_and_go() -> None:
    points, labels, times = heaps(150, 5, 4)
    assert (found := moved(points, labels, times)).kinds == 5 and not found.seasonal
    assert moved(points, labels, times + labels).seasonal
    even = [_seasonal(np.random.default_rng(s).random(60), np.arange(60) % 6) for s in range(500)]
    assert sum(even) <= 14  # one in a hundred: binomial, 99.9 %


def test_it_is_the_same_each_time_and_in_any_order() -> None:
    points, labels, times = heaps(120, 4, 3)
    assert moved(points, labels, times, seed=1) == moved(points, labels, times, seed=1)
    turned = moved(points[::-1], labels[::-1], times[::-1])
    assert turned.share == pytest.approx(moved(points, labels, times).share, abs=0.05)


def test_what_does_not_fit_together_is_refused() -> None:
    points, labels, times = heaps(20, 2, 0)
    for bad in ((points[:5], labels[:5], times[:5]), (points, labels[:-1], times), (points, labels, times * np.nan)):
        with pytest.raises(ValueError, match=r"points|times"):
            moved(*bad)
