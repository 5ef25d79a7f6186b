"""Dear: whether a rung can be paid for with what is left of a budget, said before anything of it is asked."""

from __future__ import annotations

from .budget import Budget
from .ledger import Ledger
from .plan import Rung, calls_of
from .task import Task


def too_dear(rung: Rung, task: Task, plan: str, *, budget: Budget, ledger: Ledger) -> str:
    """Why a rung cannot be paid for, or nothing; a rung once begun under this plan is never too dear again."""
    begun = {"plan": plan, "rung": rung.name}
    if rung.name == "classifier" or any(d.body == begun for d in ledger.declared("begun")):
        return ""
    if not (dear := _price(rung, task, budget, ledger)):
        ledger.declare("begun", begun)
    return dear


def _price(rung: Rung, task: Task, budget: Budget, ledger: Ledger) -> str:
    calls = calls_of(task, 5 if rung.name in ("prompt", "few_shot") else 3)
    left = None if budget.usd is None else budget.usd - budget.spent_usd
    bought = ledger.totals()
    if left is None or not bought.attempts or not bought.usd:
        return ""
    price = calls * bought.usd / bought.attempts
    return f"about {calls} calls would cost ${price:.2f}, and ${left:.2f} are left" if price > left else ""
