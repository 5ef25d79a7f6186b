"""A budget is never exceeded, whoever asks, however many at once."""

from __future__ import annotations

import threading
import time

import pytest

from suffice.budget import Budget
from suffice.errors import BudgetSpent, InputError


def spend(budget: Budget, most: float, cost: float, threads: int = 64) -> list[float]:
    """What so many threads spend until each meets the end of the budget."""
    spent: list[float] = []

    def work() -> None:
        try:
            while True:
                reserved = budget.reserve(most)
                time.sleep(0.0005)
                spent.append(cost)
                budget.settle(reserved, cost)
        except BudgetSpent:
            pass

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return spent


def test_64_threads_make_exactly_the_calls_allowed() -> None:
    budget = Budget(calls=100)
    assert len(spend(budget, 0.0, 0.0)) == budget.spent_calls == 100


def test_64_threads_never_spend_more_money_than_allowed() -> None:
    budget = Budget(usd=1.0)
    spent = spend(budget, most=0.04, cost=0.01)
    assert sum(spent) == pytest.approx(budget.spent_usd)
    assert 0.96 < budget.spent_usd <= 1.0 + 1e-9


def test_a_call_waits_for_those_in_flight_before_it_gives_up() -> None:
    budget = Budget(usd=0.10)
    reserved = budget.reserve(0.08)
    later = threading.Timer(0.05, budget.settle, (reserved, 0.01))
    later.start()
    assert budget.reserve(0.08) == 0.08
    later.join()


def test_a_spent_budget_says_what_to_raise_and_exits_3() -> None:
    with pytest.raises(BudgetSpent) as spent:
        Budget(calls=0).reserve(0.0)
    assert spent.value.exit_code == 3
    assert "--max-calls" in spent.value.hint
    with pytest.raises(BudgetSpent, match=r"\$0\.0000 of \$0\.0100"):
        Budget(usd=0.01).reserve(0.02)


def test_a_cap_on_money_needs_a_price() -> None:
    with pytest.raises(InputError, match="no price is known"):
        Budget(usd=1.0).reserve(None)
    assert Budget(calls=1).reserve(None) == 0.0


@pytest.mark.parametrize("cap", [-1.0, float("nan")])
def test_a_cap_below_zero_is_refused(cap: float) -> None:
    with pytest.raises(InputError, match="--budget must be zero or more"):
        Budget(usd=cap)
