"""An error budget is shared before the test opens and charged to the test set however often it is used."""

from __future__ import annotations

import numpy as np
import pytest

from suffice.stats.budget import charge, split
from suffice.stats.power import provable


def test_six_candidates_get_a_sixth_of_two_and_a_half_percent_each() -> None:
    shared = split(0.05, candidates=6, claims=5)
    assert shared.per_candidate == pytest.approx(0.025 / 6)
    assert shared.per_claim == pytest.approx(0.004) and shared.down == pytest.approx(0.005)
    assert 6 * (shared.per_candidate or 0) + 5 * (shared.per_claim or 0) + shared.down == pytest.approx(0.05)


@pytest.mark.parametrize(("total", "candidates", "claims"), [(0.05, 6, 6), (0.05, 1, 2), (0.1, 9, 18), (0.01, 3, 3)])
def test_all_shares_together_are_the_total_with_a_tenth_of_it_for_the_way_down(
    total: float, candidates: int, claims: int
) -> None:
    shared = split(total, candidates=candidates, claims=claims)
    assert shared.down == pytest.approx(total / 10)
    spent = candidates * (shared.per_candidate or 0) + claims * (shared.per_claim or 0) + shared.down
    assert spent == pytest.approx(total)


def test_the_way_down_has_its_share_even_where_nothing_else_is_claimed() -> None:
    assert split(candidates=0, claims=0).down == pytest.approx(0.005)


def test_without_candidates_or_claims_there_is_no_share() -> None:
    shared = split(candidates=0, claims=0)
    assert (shared.per_candidate, shared.per_claim) == (None, None)


def test_a_climb_of_six_rungs_at_the_boundary_ships_one_in_at_most_two_and_a_half_percent() -> None:
    rng, runs, n = np.random.default_rng(6), 20_000, 300
    least = provable(0.88, n, split(candidates=6, claims=1).per_candidate or 0)
    passed = rng.binomial(n, 0.88, (runs, 6)) >= least
    assert passed.any(axis=1).mean() <= 0.025 + 3 * np.sqrt(0.025 / runs)
    unshared = rng.binomial(n, 0.88, (runs, 6)) >= provable(0.88, n, 0.05)
    assert unshared.any(axis=1).mean() > 0.16  # what a full 5 % for each rung would do


def test_the_first_plan_has_the_whole_budget() -> None:
    first = charge("a")
    assert (first.use, first.charged, first.left, first.within, first.reason) == (1, 0.05, 0.0, True, "")


def test_an_unchanged_plan_costs_nothing() -> None:
    again = charge("a", earlier=[("a", 0.05)])
    assert (again.use, again.charged, again.spent, again.within) == (1, 0.0, 0.05, True)


def test_a_second_plan_is_not_refused_but_says_what_its_claims_are_worth() -> None:
    second = charge("b", earlier=[("a", 0.05), ("a", 0.05)])
    assert (second.use, second.within, second.false_claim_at_most) == (2, False, pytest.approx(0.1))
    assert "2 plans" in second.reason
    assert "10%" in second.reason


def test_plans_that_were_modest_leave_room_for_another() -> None:
    assert charge("c", 0.02, earlier=[("a", 0.01), ("b", 0.02)]).within


def test_numbers_that_are_no_budget_are_refused() -> None:
    with pytest.raises(ValueError, match="candidates"):
        split(candidates=-1, claims=0)
    with pytest.raises(ValueError, match="alpha"):
        charge("a", 0.0)
