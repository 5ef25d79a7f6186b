"""The margin test is exact: no loss rate makes it wrong oftener than its level."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from suffice.stats.margin import margin_limits, margin_p, score_statistic


@pytest.mark.parametrize(("p_win", "p_loss"), [(0.05, 0.05), (0.2, 0.1), (0.15, 0.0), (0.02, 0.08)])
def test_the_error_summed_over_every_outcome_stays_within_its_level(p_win: float, p_loss: float) -> None:
    n, alpha, error = 30, 0.05, 0.0
    likely = stats.multinomial(n, [p_win, p_loss, 1 - p_win - p_loss])
    for wins in range(n + 1):
        for losses in range(n - wins + 1):
            mass = likely.pmf([wins, losses, n - wins - losses])
            if mass > 1e-5 and margin_p(wins, losses, n, p_win - p_loss) <= alpha:
                error += mass
    assert error <= alpha + 1e-4


def test_the_statistic_at_no_margin_is_mcnemars() -> None:
    assert float(score_statistic(16, 7, 100, 0.0)) == pytest.approx((16 - 7) / np.sqrt(16 + 7))


def test_the_statistic_has_the_constrained_variance() -> None:
    # the loss rate that maximises the trinomial likelihood under win rate = loss rate + margin, by brute force
    wins, losses, n, margin = 12, 5, 80, 0.03
    rates = np.linspace(1e-6, 0.4, 400_001)
    score = wins * np.log(rates + margin) + losses * np.log(rates)
    best = rates[np.argmax(score + (n - wins - losses) * np.log(1 - 2 * rates - margin))]
    expected = (wins - losses - n * margin) / np.sqrt(n * (2 * best + margin - margin**2))
    assert float(score_statistic(wins, losses, n, margin)) == pytest.approx(expected, abs=1e-4)


@given(st.integers(1, 120), st.data())
@settings(max_examples=25, deadline=None)
def test_the_limits_enclose_the_lift_and_mirror_when_the_systems_swap(n: int, data: st.DataObject) -> None:
    wins = data.draw(st.integers(0, n))
    losses = data.draw(st.integers(0, n - wins))
    low, high = margin_limits(wins, losses, n, 0.05)
    assert -1 <= low <= (wins - losses) / n <= high <= 1
    assert (-high, -low) == pytest.approx(margin_limits(losses, wins, n, 0.05), abs=1e-9)


def test_no_difference_seen_in_twenty_allows_what_one_sided_clopper_pearson_allows() -> None:
    low, high = margin_limits(0, 0, 20, 0.05)
    assert (low, high) == pytest.approx((0.025 ** (1 / 20) - 1, 1 - 0.025 ** (1 / 20)), abs=1e-4)


def test_a_margin_that_no_lift_can_pass_is_never_passed() -> None:
    assert (margin_p(20, 0, 20, 1.0), margin_p(0, 20, 20, -1.0)) == (1.0, 0.0)
