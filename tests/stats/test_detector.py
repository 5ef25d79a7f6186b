"""The detector: payoffs average 1, quiet blocks alarm no more often than is stated, and changes are found."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from suffice.stats.detector import Side, apart, bets, memory, payoff, rank, soonest, spreads, threshold
from suffice.stats.interval import proportion

SIDES: tuple[Side, ...] = ("both", "high")


@given(st.integers(1, 60), st.sampled_from(SIDES))
def test_every_bet_pays_one_on_average_over_uniform_ranks(earlier: int, side: Side) -> None:
    cells = 2 * (earlier + 1)  # a payoff changes only at ranks, and at one half
    mean = np.mean([payoff((cell + 0.5) / cells, earlier, side) for cell in range(cells)], axis=0)
    assert mean == pytest.approx(1.0)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=12), st.integers(0, 3))
def test_a_rank_with_ties_is_uniform_over_which_of_the_values_came_last(earlier: list[int], value: int) -> None:
    """Over all choices of the last value and a uniform chance the mean of p is 1/2, and P(p ≤ k/n) is k/n."""
    values = [*earlier, value]
    n = len(values)
    chances = (np.arange(n) + 0.5) / n
    found = [
        rank(last, [v for i, v in enumerate(values) if i != at], c) for at, last in enumerate(values) for c in chances
    ]
    assert np.mean(found) == pytest.approx(0.5)
    for k in range(1, n):
        assert np.mean(np.array(found) <= k / n) == pytest.approx(k / n, abs=1e-9 + 0.5 / n)


@given(st.permutations(range(6)))
def test_how_far_apart_rows_are_does_not_depend_on_their_order(order: list[int]) -> None:
    rows = np.random.default_rng(0).normal(size=(6, 4))
    spread = spreads(rows, [0] * 6, 0.1)
    assert spreads(rows[order], [0] * 6, 0.1) == pytest.approx(spread)
    assert apart(rows[order], spread) == pytest.approx(apart(rows, spread)[order])


def quiet(rng: np.random.Generator, weeks: int, blocks: int) -> float:
    """The largest sum of one quiet month: skewed values with a weekly rhythm and weeks of baseline."""
    values = rng.lognormal(0, 1, weeks * 7 + blocks) * np.tile(np.arange(1, 8), 99)[: weeks * 7 + blocks]
    ps, counts = [], []
    for at in range(weeks * 7, len(values)):
        earlier = values[at % 7 : at : 7]
        ps.append(rank(values[at], earlier, rng.random()))
        counts.append(len(earlier))
    return float(bets(ps, counts, range(len(ps))).sums.max())


def test_quiet_months_alarm_at_most_as_often_as_stated_and_sums_grow_by_one_a_block() -> None:
    rng, months = np.random.default_rng(1), 600
    alarms = sum(quiet(rng, 4, 28) >= threshold(0.05, 28) for _ in range(months))
    assert proportion(alarms, months).low <= 0.05
    alarms = sum(quiet(rng, 4, 28) >= threshold(0.5, 28) for _ in range(months))
    assert 0 < alarms < 0.5 * months  # the detector is alive: at half it speaks, and within its bound


def test_the_mean_sum_after_n_blocks_is_n() -> None:
    rng = np.random.default_rng(2)
    sums = [bets(rng.random(6), [5] * 6, range(6)).sums for _ in range(6_000)]
    assert np.mean(sums, axis=0) == pytest.approx(np.arange(1, 7), rel=0.2)


def test_the_soonest_alarm_is_what_the_largest_change_takes() -> None:
    for earlier, side in ((5, "both"), (12, "high")):
        blocks = soonest(0.05, 28, 4, earlier, side)  # type: ignore[arg-type]
        sums = bets([1e-9] * blocks, [earlier] * blocks, range(blocks), side=side).sums / 4  # type: ignore[arg-type]
        assert sums[-1] >= threshold(0.05, 28) > sums[-2]


def test_the_change_is_dated_where_the_bets_began_to_win() -> None:
    found = bets([0.5, 0.6, 0.4, 0.02, 0.05, 0.01, 0.04], [9] * 7, range(10, 17))
    since, evidence = found.began(16)
    assert since == 13 and evidence > 5
    assert found.since(13, 16) <= evidence and found.since(10, 12) < 1
    assert found.at(9) == 0 and found.at(12) == found.sums[2] and found.at(99) == found.sums[-1]


def test_blocks_that_resemble_their_neighbours_are_bet_on_at_a_distance() -> None:
    rng = np.random.default_rng(3)
    steps = [memory(rng.normal(size=42), [at % 7 for at in range(42)]) for _ in range(300)]
    assert np.mean(np.array(steps) > 1) < 0.1
    walk = rng.normal(size=60)
    for at in range(1, 60):
        walk[at] = 0.9 * walk[at - 1] + 0.44 * walk[at]
    assert memory(walk, [0] * 60) > 5
    assert memory(np.zeros(20), [0] * 20) == 1


@pytest.mark.parametrize("wrong", [lambda: threshold(0.0, 28), lambda: threshold(0.05, 0), lambda: bets([1], [], [])])
def test_nonsense_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError):
        wrong()  # type: ignore[operator]
