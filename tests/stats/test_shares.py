"""Failures are shared out among causes beyond chance, with limits that hold together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suffice.stats.shares import oracle_estimate, shares

RATES, SHAMS = np.array([0.3, 0.4, 0.1]), np.array([0.05, 0.1, 0.1])


def _failures(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    return rng.random((n, 3)) < RATES, rng.random((n, 3)) < SHAMS


def test_the_chain_multiplies_what_each_probe_leaves() -> None:
    fixed = [[1, 0]] * 40 + [[0, 1]] * 30 + [[0, 0]] * 30
    sham = [[1, 0]] * 10 + [[0, 0]] * 30 + [[0, 1]] * 15 + [[0, 0]] * 45
    found = shares(fixed, sham)
    first, second = found.probes
    assert (first.rate, first.sham_rate) == (0.4, 0.1)
    assert first.rho == pytest.approx(0.3 / 0.9)
    assert (second.tried, second.rate, second.sham_rate) == (60, 0.5, 0.25)
    assert second.share == pytest.approx((0.25 / 0.75) * (1 - 0.3 / 0.9))
    assert found.undiagnosed == pytest.approx((1 - 0.3 / 0.9) * (1 - 0.25 / 0.75))
    assert (first.confidence, second.confidence) == pytest.approx((0.75, 0.5))


@given(st.integers(1, 80), st.integers(1, 5), st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_shares_and_the_undiagnosed_rest_add_up_and_lie_within_their_limits(n: int, k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    found = shares(rng.random((n, k)) < 0.4, rng.random((n, k)) < 0.2, rng.random((n, k)) < 0.8)
    assert sum(p.share for p in found.probes) + found.undiagnosed == pytest.approx(1)
    for p in found.probes:
        assert 0 <= p.share <= 1
        assert p.low is None or p.high is None or p.low <= p.share <= p.high


def test_a_probe_no_better_than_its_sham_explains_nothing() -> None:
    found = shares([[1], [0]] * 30, [[0], [1]] * 30)
    assert (found.probes[0].share, found.probes[0].confidence, found.undiagnosed) == (0.0, 0.0, 1.0)


def test_all_limits_hold_at_once_as_often_as_promised() -> None:
    rng, runs, n = np.random.default_rng(12), 150, 60
    rho = np.clip((RATES - SHAMS) / (1 - SHAMS), 0, 1)
    left = np.cumprod(1 - rho)
    truth = np.append(rho * np.append(1, left[:-1]), left[-1])
    missed = 0
    for seed in range(runs):
        found = shares(*_failures(rng, n), alpha=0.1, seed=seed)
        low = np.array([*(p.low for p in found.probes), found.undiagnosed_low], float)
        high = np.array([*(p.high for p in found.probes), found.undiagnosed_high], float)
        missed += not ((low <= truth + 1e-9) & (truth <= high + 1e-9)).all()
    assert missed / runs <= 0.1 + 3 * np.sqrt(0.09 / runs)


def test_runs_on_items_already_fixed_do_not_count() -> None:
    fixed = np.array([[1, 1]] * 20 + [[0, 1]] * 20)
    once = shares(fixed, np.zeros((40, 2)), np.array([[1, 0]] * 20 + [[1, 1]] * 20))
    assert once == shares(fixed, np.zeros((40, 2)))


def test_under_thirty_failures_or_groups_there_are_counts_and_no_interval() -> None:
    few = shares([[1]] * 29, [[0]] * 29)
    assert (few.method, few.probes[0].fixed, few.probes[0].low) == ("counts only", 29, None)
    grouped = shares([[1]] * 60, [[0]] * 60, groups=[i % 20 for i in range(60)])
    assert grouped.undiagnosed_low is None
    assert "20 groups" in grouped.reason


def test_whole_groups_widen_the_limits() -> None:
    fixed = [[int(g % 2 == 0)] for g in range(40) for _ in range(6)]
    alone = shares(fixed, np.zeros((240, 1))).probes[0]
    together = shares(fixed, np.zeros((240, 1)), groups=[i // 6 for i in range(240)]).probes[0]
    assert None not in (alone.low, alone.high, together.low, together.high)
    assert (together.high or 0) - (together.low or 0) > 1.5 * ((alone.high or 0) - (alone.low or 0))


def test_a_cause_that_was_never_seen_may_still_exist() -> None:
    probe = shares([[0, 1]] * 30, np.zeros((30, 2))).probes[0]
    assert probe.high is not None
    assert 0.1 < probe.high < 0.3


def test_the_oracle_estimate_adds_what_is_fixed_and_takes_what_breaks() -> None:
    found = oracle_estimate(0.6, [1] * 10 + [0] * 10, [1] * 5 + [0] * 45)
    assert found.estimate == pytest.approx(0.6 + 0.4 * 0.5 - 0.6 * 0.1)
    assert 0.6 < found.low < found.estimate < found.high < 0.9


def test_a_probe_that_fixed_none_of_ten_is_not_ruled_out() -> None:
    found = oracle_estimate(0.6, [0] * 10, [0] * 20)
    assert found.estimate == 0.6
    assert found.high > 0.7


def test_an_oracle_that_was_not_tried_cannot_tell() -> None:
    found = oracle_estimate(0.6, [], [0] * 20)
    assert found.high == 1.0
    assert "no item" in found.reason


@pytest.mark.parametrize(
    ("fixed", "sham", "says"),
    [
        ([], [], "items × probes"),
        ([[1]], [[1, 0]], "give items"),
        ([[0.5]], [[0]], "0 and 1"),
        ([[float("nan")]], [[0]], "nan"),
    ],
)
def test_matrices_that_do_not_fit_are_refused(fixed: list[list[float]], sham: list[list[float]], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        shares(fixed, sham)
