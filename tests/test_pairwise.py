"""Preferences between two arms are asked in both orders, at the same time, paid once, and end with the money."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from suffice.budget import Budget
from suffice.calls import Calls
from suffice.data import Example
from suffice.errors import BudgetSpent, InputError, ModelError
from suffice.labels import Arm
from suffice.ledger import Ledger
from suffice.models.scripted import Said, Scripted
from suffice.pairwise import preferences
from suffice.scorers.exact import Exact
from suffice.scorers.judge import Judge
from suffice.types import Request

EXAMPLES = [Example(f"q{n}", f"question {n}") for n in range(30)]
BEFORE = Arm({e.id: None if e.id == "q0" else "short" for e in EXAMPLES}, {})
AFTER = Arm({e.id: "short" if e.id == "q1" else f"long and good {e.id}" for e in EXAMPLES}, {})


def longest(request: Request) -> str:
    first, second = (request.input.split(f"<{place} ")[1].split(f"</{place}")[0] for place in ("first", "second"))
    return json.dumps({"reason": "longer", "better": "first" if len(first) > len(second) else "second"})


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.db") as opened:
        yield opened


def test_each_pair_is_asked_in_both_orders_and_bought_once(ledger: Ledger) -> None:
    model = Scripted(longest)
    for _ in range(2):
        found = preferences(Judge(), EXAMPLES, BEFORE, AFTER, calls=Calls(model, ledger))
        assert set(found) == {e.id for e in EXAMPLES} - {"q0"} and found["q1"].value == 0.5
        assert all((p.value, p.shown_first, p.shown_second) == (1.0, 1.0, 1.0) for i, p in found.items() if i != "q1")
    assert model.calls == 2 * 28


def test_a_spent_budget_ends_it_and_keeps_what_was_paid_for(ledger: Ledger) -> None:
    model = Scripted(longest)
    with pytest.raises(BudgetSpent):
        preferences(Judge(), EXAMPLES, BEFORE, AFTER, calls=Calls(model, ledger, Budget(calls=20)))
    ledger.flush()
    assert model.calls == ledger.totals().replies == 20
    preferences(Judge(), EXAMPLES, BEFORE, AFTER, calls=Calls(model, ledger))
    assert model.calls == 56


def test_one_pair_that_cannot_be_asked_about_is_told_and_nobody_there_ends_it() -> None:
    def said(request: Request) -> Said:
        return ModelError("too long", fault="rejected") if "q7" in request.input else longest(request)

    found = preferences(Judge(), EXAMPLES, BEFORE, AFTER, calls=Calls(Scripted(said)))
    assert found["q7"].value is None and "too long" in found["q7"].reason and found["q8"].value == 1.0
    gone = Calls(Scripted(lambda _: ModelError("no key", fault="unauthorized")))
    with pytest.raises(ModelError, match="no key"):
        preferences(Judge(), EXAMPLES, BEFORE, AFTER, calls=gone)


def test_a_scorer_that_compares_nothing_is_one_clear_error() -> None:
    with pytest.raises(InputError, match="cannot compare two replies"):
        preferences(Exact(), EXAMPLES, BEFORE, AFTER, calls=Calls(Scripted(longest)))
