"""A run leaves one durable record per example, in order, and goes on from where it was stopped."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from suffice.breaker import Patience
from suffice.budget import Budget
from suffice.calls import Calls
from suffice.data import Dataset, Example, Output
from suffice.errors import BudgetSpent, InputError, ModelError, Unreachable
from suffice.layer import Layer
from suffice.ledger import Ledger
from suffice.models.scripted import Said, Scripted
from suffice.run import GIVEN_UP, Progress, manifest_of, run
from suffice.score import Score
from suffice.scorers.exact import Exact
from suffice.stack import Stack
from suffice.types import Answer, Ask, Request

SQUARES = {str(n): str(n * n) for n in range(40)}
DATASET = Dataset(tuple(Example(f"e{n}", str(n), str(n * n)) for n in range(40)), scorer=Exact())


@dataclass(frozen=True)
class Twice(Layer):
    """Asks twice, and says what it heard last."""

    def __call__(self, request: Request, ask: Ask) -> Answer:
        ask(replace(request, input=f"{request.input} first"))
        return ask(request)


@dataclass(frozen=True)
class Clumsy(Layer):
    """Has a bug that some inputs show."""

    def __call__(self, request: Request, ask: Ask) -> Answer:
        return Answer(str(1 // (int(request.input) % 10)))


@dataclass(frozen=True)
class Blind:
    """A scorer with a bug."""

    def __call__(self, example: Example, answer: Answer) -> Score:
        raise KeyError(example.id)

    def misfit(self, output: Output) -> str | None:
        return None


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.db") as opened:
        yield opened


def test_records_come_in_the_datasets_order(ledger: Ledger) -> None:
    done = run(Stack(Scripted(SQUARES, latency_ms=2.0)), DATASET, ledger=ledger)
    assert [r.id for r in done.records] == [e.id for e in DATASET]
    assert (done.quality, done.unjudged) == (1.0, ())
    assert {r.id for r in ledger.records(done.id)} == set(done.by_id)
    assert ledger.finished(done.id)


def test_one_worker_and_64_leave_the_same_records() -> None:
    one, many = (run(Stack(Scripted(SQUARES), (Twice(),)), DATASET, workers=n) for n in (1, 64))
    still = [[replace(r.answer, trace=()) for r in done.records if r.answer] for done in (one, many)]
    assert still[0] == still[1]
    assert (one.id, [r.score for r in one.records]) == (many.id, [r.score for r in many.records])


def test_a_run_that_is_done_asks_and_scores_nothing_again(ledger: Ledger) -> None:
    model = Scripted(SQUARES)
    first = run(Stack(model), DATASET, ledger=ledger)
    second = run(Stack(model), DATASET, ledger=ledger)
    assert model.calls == 40
    assert second == first


def test_another_run_pays_for_no_reply_again_and_says_so(ledger: Ledger) -> None:
    model = Scripted(SQUARES)
    first = run(Stack(model), DATASET, ledger=ledger)
    part = run(Stack(model), DATASET[:10], ledger=ledger)
    assert model.calls == 40
    assert part.id != first.id
    assert not any(r.cached for r in first.records)
    assert all(r.cached for r in part.records)
    assert [r.answer for r in part.records] == [r.answer for r in first.records[:10]]


def test_a_record_is_cached_only_if_every_reply_was(ledger: Ledger) -> None:
    model = Scripted(SQUARES)
    run(Stack(model), DATASET[:3], ledger=ledger)
    done = run(Stack(model, (Twice(),)), DATASET[:3], ledger=ledger)
    assert [r.cached for r in done.records] == [False] * 3
    assert model.calls == 6


def test_a_failed_call_is_a_record_with_score_0_that_is_made_again_on_resume(ledger: Ledger) -> None:
    failing = {"7"}

    def said(request: Request) -> Said:
        dead = request.input in failing
        return ModelError("no end", fault="truncated", retryable=True) if dead else SQUARES[request.input]

    model = Calls(Scripted(said), ledger, patience=Patience(first_wait=0.001, longest_wait=0.001))
    bad = run(Stack(model), DATASET)
    assert (bad.by_id["e7"].value, bad.by_id["e7"].fault, bad.by_id["e7"].error) == (0.0, "truncated", "no end")
    assert bad.quality == pytest.approx(39 / 40)
    failing.clear()
    good = run(Stack(model), DATASET)
    assert (good.id, good.quality) == (bad.id, 1.0)
    assert ledger.totals().attempts == 39 + 8 + 1


def test_a_rejected_call_is_not_made_again(ledger: Ledger) -> None:
    model = Scripted(lambda _: ModelError("too long", fault="rejected"))
    for _ in range(2):
        assert run(Stack(model), DATASET[:2], ledger=ledger).records[0].fault == "rejected"
    assert model.calls == 2


def test_a_bug_in_a_layer_or_scorer_spoils_one_record_not_the_run() -> None:
    clumsy = run(Stack(Scripted({}), (Clumsy(),)), DATASET[8:12])
    assert [r.error[:17] for r in clumsy.records] == ["", "", "ZeroDivisionError", ""]
    assert clumsy.records[2].value == 0.0
    blind = run(Stack(Scripted(SQUARES)), DATASET[:2], scorer=Blind())
    assert [r.score for r in blind.records] == [Score(None, f"the scorer failed: KeyError: 'e{n}'") for n in (0, 1)]


def test_a_spent_budget_keeps_what_was_paid_for(ledger: Ledger) -> None:
    model = Scripted(SQUARES, latency_ms=1.0)
    with pytest.raises(BudgetSpent) as spent:
        run(Stack(model), DATASET, ledger=ledger, budget=Budget(calls=15))
    assert (spent.value.done, spent.value.total, model.calls) == (15, 40, 15)
    assert run(Stack(model), DATASET, ledger=ledger, budget=Budget(calls=25)).quality == 1.0
    assert model.calls == 40


def test_a_runs_own_budget_and_ledger_hold_for_calls_made_elsewhere(ledger: Ledger) -> None:
    model = Scripted(SQUARES)
    with pytest.raises(BudgetSpent):
        run(Stack(Calls(model)), DATASET, ledger=ledger, budget=Budget(calls=3))
    assert ledger.totals().replies == model.calls == 3


@pytest.mark.parametrize("fault", ["unauthorized", "unreachable"])
def test_what_would_meet_every_example_ends_the_run(ledger: Ledger, fault: str) -> None:
    model = Scripted(lambda _: ModelError("no", fault=fault), latency_ms=5.0)  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="no") as wrong:
        run(Stack(model), DATASET, ledger=ledger)
    assert wrong.value.exit_code == 4
    assert model.calls < 40
    assert ledger.totals().records == 0


def test_a_provider_that_dies_midway_ends_the_run_and_keeps_the_rest(ledger: Ledger) -> None:
    def said(request: Request) -> Said:
        dead = ModelError("refused", fault="unreachable", retryable=True)
        return SQUARES[request.input] if int(request.input) < 20 else dead

    patience = Patience(first_wait=0.02, longest_wait=0.1, outage=0.5)
    model = Calls(Scripted(said, parallel=4), ledger, patience=patience)
    with pytest.raises(Unreachable, match="gave up after"):
        run(Stack(model), DATASET)
    assert 17 <= ledger.totals().records <= 20
    assert ledger.totals().faults["unreachable"] < 20


def test_an_interrupt_keeps_what_is_done(ledger: Ledger) -> None:
    model = Scripted(SQUARES, latency_ms=20.0, parallel=2)
    threading.Timer(0.15, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        run(Stack(model), DATASET, ledger=ledger)
    done = ledger.totals()
    assert 2 <= done.records == done.replies == model.calls < 40
    assert run(Stack(model), DATASET, ledger=ledger).quality == 1.0
    assert model.calls == 40


@pytest.mark.slow
def test_replies_given_up_are_counted_at_their_most(ledger: Ledger) -> None:
    asked, let = threading.Barrier(3, lambda: os.kill(os.getpid(), signal.SIGINT)), threading.Event()

    def says(_: Request) -> str:
        asked.wait(60)
        let.wait(60)
        return "4"

    model, budget = Scripted(says, parallel=3, usd=0.01), Budget(usd=1.0)
    with pytest.raises(KeyboardInterrupt) as stopped:
        run(Stack(model), DATASET, ledger=ledger, budget=budget)
    assert stopped.value.__notes__ == [f"3 {GIVEN_UP}, up to $0.0300"]
    assert [(a.fault, a.billed, a.usd) for a in ledger.attempts()] == [("dropped", True, 0.01)] * 3
    assert (budget.spent_calls, budget.spent_usd) == (3, pytest.approx(0.03))
    let.set()  # a reply that comes after all is kept, and counted once
    deadline = time.monotonic() + 60
    while ledger.totals().replies < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert ledger.totals().replies == 3 and len(ledger.attempts()) == 3
    assert budget.spent_usd == pytest.approx(0.03)


def test_progress_is_told_now_and_then_and_ends_at_the_total() -> None:
    told: list[Progress] = []
    run(Stack(Scripted(SQUARES, latency_ms=30.0, parallel=4, usd=0.5)), DATASET, progress=told.append)
    assert 3 <= len(told) <= 10
    assert (told[-1].done, told[-1].total, told[-1].usd, told[-1].calls) == (40, 40, 20.0, 40)
    assert told[-1].eta == 0.0
    assert [p.done for p in told] == sorted(p.done for p in told)


def test_no_more_calls_are_in_flight_than_the_model_serves() -> None:
    now, most, lock = 0, 0, threading.Lock()

    def said(request: Request) -> str:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.005)
        with lock:
            now -= 1
        return "x"

    run(Stack(Scripted(said, parallel=3)), DATASET, workers=16)
    assert most == 3


def test_another_sample_is_another_run_with_replies_of_its_own(ledger: Ledger) -> None:
    model = Scripted(SQUARES)
    assert run(Stack(model), DATASET, ledger=ledger).id != run(Stack(model), DATASET, ledger=ledger, sample=1).id
    assert model.calls == 80


def test_the_manifest_changes_with_what_the_records_depend_on_and_names_no_person() -> None:
    stack = Stack(Scripted(SQUARES))
    manifest = manifest_of(stack, DATASET, Exact())
    changed = [
        manifest_of(Stack(Scripted({})), DATASET, Exact()),
        manifest_of(stack, DATASET[:3], Exact()),
        manifest_of(stack, DATASET.only(reversed(DATASET.examples)), Exact()),
        manifest_of(stack, DATASET, Blind()),
        manifest_of(stack, DATASET, Exact(), sample=1),
    ]
    assert all(other != manifest for other in changed)
    assert manifest == manifest_of(stack, DATASET, Exact())
    assert str(Path.home()) + "/" not in str(manifest)
    assert "test_run.py" in str(changed[3]["own_code"])


def test_a_dataset_without_a_scorer_is_one_clear_error() -> None:
    with pytest.raises(InputError, match="no scorer"):
        run(Stack(Scripted({})), replace(DATASET, scorer=None))
