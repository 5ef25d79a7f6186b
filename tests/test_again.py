"""Again: a stack against itself shows its own noise, is asked past the cache, and resumes without paying twice."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest

from suffice import Dataset, Example, Request, Stack
from suffice.again import again
from suffice.budget import Budget
from suffice.errors import BudgetSpent, InputError
from suffice.ledger import Ledger
from suffice.models.scripted import Scripted
from suffice.plugins import find

EXAMPLES = tuple(Example(f"q{n}", f"question {n}", "yes", partition="core") for n in range(60))


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with Ledger.open() as opened:
        yield opened


def moody(request: Request) -> str:
    """Another answer with every repeat, by the luck of its sample number."""
    drawn = hashlib.sha256(f"{request.input}{request.sampling.sample}".encode()).digest()
    return ("yes", "no")[drawn[0] % 2]


def dataset() -> Dataset:
    return Dataset(EXAMPLES, scorer=find("scorers", "exact")())


def test_a_model_that_always_says_the_same_shows_no_noise(ledger: Ledger) -> None:
    found = again(Stack(Scripted({}, otherwise="yes")), dataset(), ledger=ledger)
    assert (found.reworded, found.rescored, found.comparison.lift) == ((), (), 0.0)
    assert found.comparison.decision == "undecided"


def test_a_model_that_draws_lots_shows_which_answers_move(ledger: Ledger) -> None:
    found = again(Stack(Scripted(moody)), dataset(), ledger=ledger)
    assert 15 <= len(found.rescored) <= 45 and found.rescored == found.reworded
    assert found.comparison.wins + found.comparison.losses == len(found.rescored)


def test_every_repeat_is_asked_anew_and_the_first_run_only_once(ledger: Ledger) -> None:
    stack = Stack(Scripted(moody))
    first, second = again(stack, dataset(), ledger=ledger), again(stack, dataset(), ledger=ledger)
    assert (first.times, second.times) == (1, 2)
    assert first.first.id == second.first.id and first.second.id != second.second.id
    assert ledger.totals().attempts == 180


def test_a_repeat_that_was_cut_off_goes_on_where_it_stopped(ledger: Ledger) -> None:
    stack = Stack(Scripted({}, otherwise="yes"))
    with pytest.raises(BudgetSpent):
        again(stack, dataset(), ledger=ledger, budget=Budget(None, 90))
    assert again(stack, dataset(), ledger=ledger).times == 1
    assert ledger.totals().attempts == 120


def test_a_recording_cannot_be_asked_again(ledger: Ledger) -> None:
    class Recording(Scripted):
        fixed = True

    with pytest.raises(InputError, match="recording"):
        again(Stack(Recording({}, otherwise="yes")), dataset(), ledger=ledger)
