"""An error level is spent by the published functions over the items, at looks that were declared."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suffice.stats.spending import Spending, look_plan, look_sizes, spend


@pytest.mark.parametrize(
    ("spending", "share", "spent"),
    [
        ("obrien_fleming", 0.5, 0.00153),
        ("obrien_fleming", 0.25, 0.00001),
        ("pocock", 0.5, 0.01550),
        ("pocock", 1, 0.025),
    ],
)
def test_the_published_values_are_spent(spending: Spending, share: float, spent: float) -> None:
    assert spend(share, 0.025, spending) == pytest.approx(spent, abs=6e-6)


@given(st.integers(1, 3000), st.floats(0.0001, 0.4), st.sampled_from(["pocock", "obrien_fleming"]))
@settings(max_examples=40, deadline=None)
def test_a_plan_grows_to_all_items_and_spends_alpha_by_then(n: int, alpha: float, spending: Spending) -> None:
    plan = look_plan(n, alpha, spending=spending)
    assert plan.sizes[0] >= 1
    assert plan.sizes[-1] == n
    assert list(plan.sizes) == sorted(set(plan.sizes))
    assert list(plan.spent) == sorted(plan.spent)
    assert plan.spent[-1] == alpha


def test_no_look_comes_before_wins_alone_could_decide() -> None:
    for spending in ("pocock", "obrien_fleming"):
        first = look_sizes(1000, 0.05, spending=spending)[0]
        assert 0.5**first <= spend(first / 1000, 0.05, spending)
        assert 0.5 ** (first - 1) > spend((first - 1) / 1000, 0.05, spending)


def test_a_thousand_items_take_about_thirty_looks() -> None:
    sizes = look_sizes(1000)
    assert 20 <= len(sizes) <= 35
    assert max(later - earlier for earlier, later in itertools.pairwise(sizes)) <= 75


def test_the_full_power_mode_keeps_nearly_everything_for_the_end_and_never_gives_up() -> None:
    usual, full = look_plan(500), look_plan(500, spending="obrien_fleming")
    assert spend(0.3, 0.05, "obrien_fleming") < 0.0005 < 0.01 < spend(0.3, 0.05)
    assert (usual.futile_below, full.futile_below) == (0.2, None)


def test_declared_looks_are_kept_and_nothing_is_spent_before_the_first_item() -> None:
    plan = look_plan(100, 0.05, sizes=[20, 50, 100])
    assert plan.sizes == (20, 50, 100)
    assert plan.spent[1] == pytest.approx(0.05 * math.log(1 + (math.e - 1) / 2))
    assert spend(0.0) == 0.0


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: look_plan(0), "at least one item"),
        (lambda: look_plan(10, 0.0), "alpha"),
        (lambda: look_plan(10, 1.0), "alpha"),
        (lambda: look_plan(10, sizes=[5, 5, 10]), "looks grow"),
        (lambda: look_plan(10, sizes=[0, 10]), "looks grow"),
        (lambda: look_plan(10, sizes=[5]), "end at n"),
        (lambda: look_plan(10, sizes=[]), "looks grow"),
        (lambda: spend(1.5), "share"),
        (lambda: spend(0.5, 0.05, "haybittle"), "pocock"),  # type: ignore[arg-type]
    ],
)
def test_what_cannot_be_planned_is_refused_with_the_reason(call: object, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        call()  # type: ignore[operator]
