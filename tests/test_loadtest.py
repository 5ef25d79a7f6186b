"""A load test keeps its rate whatever replies do, spends only what was allowed, and says how its prediction fared."""

from __future__ import annotations

import json
import threading
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from suffice.budget import Budget
from suffice.data import Dataset, Example
from suffice.errors import BudgetSpent, InputError, ModelError
from suffice.layers.prompt import Prompt
from suffice.ledger import Ledger
from suffice.loadtest import Drive, loadtest
from suffice.models.openai import Openai
from suffice.models.scripted import Scripted
from suffice.openloop import Bought, schedule
from suffice.queueing import responses
from suffice.scorers.exact import Exact
from suffice.stack import Stack
from suffice.stats.quantile import percentile
from suffice.types import UNCOUNTED, Answer, Request, Step

ITEMS = Dataset(tuple(Example(f"q{n}", f"what {n}", str(n)) for n in range(20)), scorer=Exact())
QUICK = Drive(100.0, seconds=0.5, sample=10)


def stack(parallel: int = 4, **more: object) -> Stack:
    return Stack(Scripted({}, otherwise="yes it is", parallel=parallel, **more), (Prompt("Say yes."),))  # type: ignore[arg-type]


def test_arrivals_are_poisson_at_the_rate_and_the_same_for_the_same_seed() -> None:
    moments = schedule(50.0, 100.0, 1)
    assert abs(len(moments) - 5_000) < 4 * 5_000**0.5 and moments == schedule(50.0, 100.0, 1)
    gaps = [b - a for a, b in pairwise(moments)]
    assert min(gaps) > 0 and moments[-1] < 100 and moments != schedule(50.0, 100.0, 2)
    mean = sum(gaps) / len(gaps)
    spread = (sum((g - mean) ** 2 for g in gaps) / len(gaps)) ** 0.5
    assert spread == pytest.approx(mean, rel=0.1)


def test_a_stall_is_charged_to_every_request_that_was_due_meanwhile() -> None:
    """One worker, one reply of 0.4 s: a closed loop would count that once, and some twenty requests waited."""
    stalled, asked = threading.Event(), []

    def says(request: Request) -> str:
        asked.append(request.id)
        if len(asked) == 30:  # 8 or fewer to warm up, 20 to predict from: this one is under load
            stalled.set()
            time.sleep(0.4)
        return "fine"

    found = loadtest(Stack(Scripted(says, parallel=1)), ITEMS, Drive(100.0, seconds=1.0, sample=20))
    assert stalled.is_set() and found.workers == 1
    assert found.measured.p95.estimate > 200 > 10 * found.service.p95.estimate
    assert found.answered == found.requests == len(schedule(100.0, 1.0, 0))


def test_every_request_leaves_a_record_and_none_is_answered_from_the_cache(tmp_path: Path) -> None:
    model = Scripted({}, otherwise="yes", parallel=4)
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        found = loadtest(Stack(model), ITEMS, QUICK, ledger=ledger)
        again = loadtest(Stack(model), ITEMS, QUICK, ledger=ledger)
        records = ledger.records(found.run)
        assert again.run != found.run and len(records) == model.calls / 2
        assert ledger.totals().replies == 0 and ledger.totals(found.run).attempts == len(records)
    loaded = [r for r in records if r.id.startswith("load ")]
    assert len(loaded) == found.requests and all(r.answer and r.answer.notes["load"]["due_s"] >= 0 for r in loaded)
    assert {r.value for r in records} == {None}


def test_tokens_and_money_come_to_what_was_predicted(tmp_path: Path) -> None:
    found = loadtest(stack(usd=0.01), ITEMS, Drive(100.0, 0.5, sample=20, paid=True), budget=Budget(usd=5.0))
    tokens, money = found.amounts["input_tokens"], found.amounts["usd"]
    assert tokens.measured and tokens.ratio == pytest.approx(1.0, abs=0.02) and money.ratio == pytest.approx(1.0)
    assert money.measured == pytest.approx(0.01 * found.requests)


def test_nothing_is_paid_for_that_was_not_allowed_and_capped() -> None:
    dear = stack(usd=0.01)
    with pytest.raises(InputError, match="buys some"):
        loadtest(dear, ITEMS, QUICK, budget=Budget(usd=5.0))
    with pytest.raises(InputError, match="without a cap"):
        loadtest(dear, ITEMS, Drive(100.0, 0.5, sample=10, paid=True))
    with pytest.raises(InputError, match="--max-calls allows 20"):
        loadtest(stack(), ITEMS, QUICK, budget=Budget(calls=20))
    with pytest.raises(BudgetSpent):
        loadtest(dear, ITEMS, Drive(100.0, 0.5, sample=10, paid=True), budget=Budget(usd=0.205))
    assert isinstance(dear.model, Scripted) and dear.model.calls == 20
    with pytest.raises(InputError, match="buys some"):
        loadtest(Stack(Openai("gpt-4o", "https://api.openai.com/v1")), ITEMS, QUICK)


def test_a_reply_without_token_counts_costs_the_most_it_can() -> None:
    reply = Answer("yes", cost=None, trace=(Step("model", 1.0, 0, UNCOUNTED),))
    model = Scripted(lambda _: reply, usd=0.01)
    with pytest.raises(BudgetSpent):
        loadtest(Stack(model), ITEMS, Drive(100.0, 0.5, sample=10, paid=True), budget=Budget(usd=0.205))
    assert model.calls == 20


def test_calls_that_are_given_up_are_filed_at_their_most() -> None:
    with Ledger.open() as ledger:
        budget = Budget(usd=1.0)
        asked, let = threading.Barrier(4), threading.Event()

        def says(_: Request) -> str:
            asked.wait(60)
            let.wait(60)
            return "yes"

        bought = Bought(Scripted(says, usd=0.01), budget, ledger, "r", True)
        threads = [threading.Thread(target=bought, args=(Request(f"q{n}"),)) for n in range(3)]
        for thread in threads:
            thread.start()
        asked.wait(60)
        assert bought.given_up() == 3 and bought.given_up() == 0
        let.set()
        for thread in threads:
            thread.join()  # their replies come after all, and are counted once
        assert [(a.fault, a.billed, a.usd) for a in ledger.attempts()] == [("dropped", True, 0.01)] * 3
        assert budget.spent_usd == pytest.approx(0.03)


def test_failures_are_counted_and_a_stack_that_never_answers_is_an_error() -> None:
    found = loadtest(stack(faults={"server_error": 0.3}), ITEMS, Drive(200.0, 0.5, sample=20))
    assert 0 < found.faults["server_error"] == found.requests - found.answered
    with pytest.raises(ModelError, match="were answered"):
        loadtest(Stack(Scripted({})), ITEMS, QUICK)
    with pytest.raises(ModelError):
        loadtest(Stack(Openai("m", "http://127.0.0.1:9/v1")), ITEMS, QUICK)


def test_a_stack_that_fails_quickly_does_not_keep_its_limit() -> None:
    """To leave failures out would excuse them as coordinated omission excuses waiting."""
    failing = loadtest(stack(faults={"server_error": 0.3}), ITEMS, Drive(400.0, 0.5, sample=20), slo_ms=60_000.0)
    assert failing.measured.p95.estimate < 60_000.0 and failing.kept == "broken" and not failing.cut_off
    sound = loadtest(stack(), ITEMS, Drive(400.0, 0.5, sample=20), slo_ms=60_000.0)
    assert sound.kept == "met" and sound.answered == sound.requests


def test_what_was_measured_under_load_is_a_fact_without_limits() -> None:
    """Order statistics of requests that queue together would hold 16 to 57 % where they say 95 %."""
    found = loadtest(stack(latency_ms=2.0), ITEMS, Drive(200.0, 1.0, sample=20), slo_ms=60_000.0)
    for told in (found.measured, found.service, found.stages.whole, *(s.own for s in found.stages.stages)):
        for one in (told.p50, told.p95, told.p99):
            assert (one.low, one.high) == (None, None) and "not independent" in one.reason and one.n > 100
    assert {(s.tail_low, s.tail_high, s.leads) for s in found.stages.stages} == {(None, None, None)}
    assert "%" in found.stages.words and "None" not in found.stages.words
    assert found.alone.p50.low is not None, "one at a time, they are independent"
    assert found.kept == "met"


def test_a_p95_of_requests_that_never_came_back_is_at_least_that() -> None:
    """Two workers, and from the tenth request of the load on no reply until the test has ended."""
    let, asked = threading.Event(), []

    def says(request: Request) -> str:
        asked.append(request.id)
        if len(asked) > 44:  # 4 to warm up, 30 to predict from, 10 of the load
            let.wait(30)
        return "fine"

    try:
        drive = Drive(100.0, 0.5, sample=10, grace_s=0.3)
        found = loadtest(Stack(Scripted(says, parallel=2)), ITEMS, drive, slo_ms=60_000.0)
    finally:
        let.set()
    assert found.unfinished > 10 and found.cut_off and found.kept == "broken"
    assert found.ratio_p95 is None and found.measured.p95.estimate > 300


def test_what_is_measured_is_the_queue_that_these_arrivals_and_services_make(tmp_path: Path) -> None:
    """Each request takes what the first free of two workers makes of it, and never less: this machine adds its lag."""
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        found = loadtest(stack(2, latency_ms=10.0), ITEMS, Drive(120.0, 1.0, sample=20), ledger=ledger)
        loads = [r.answer.notes["load"] for r in ledger.records(found.run) if r.answer]
    at = sorted((n["due_s"], n["sent_s"], n["ended_s"]) for n in loads if n["phase"] == "load")
    due, sent, ended = np.array(at).T * 1000
    assert len(due) == found.requests
    assert percentile((ended - due).tolist()).estimate == pytest.approx(found.measured.p95.estimate)
    worked_out = responses(due[None], (ended - sent)[None], 2)[0]
    assert (ended - due >= worked_out - 1e-6).all() and (worked_out >= 10.0).all()
    assert found.predicted.p95_ms and found.predicted.p95_ms >= 10.0 and 0.3 < found.busy <= 1.0
    assert {s.name for s in found.stages.stages} == {"prompt", "model"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"rate_per_s": 0.0},
        {"rate_per_s": 1.0, "seconds": -1.0},
        {"rate_per_s": 1.0, "sample": 1},
        {"rate_per_s": 1e308},
        {"rate_per_s": 10.0, "seconds": 1e12},
        {"rate_per_s": 1e-300},
        {"rate_per_s": 1e5, "seconds": 60.0},
        {"rate_per_s": 1.0, "sample": 10**9},
    ],
)
def test_what_cannot_be_driven_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError):
        Drive(**wrong)  # type: ignore[arg-type]


def test_what_was_found_is_json(tmp_path: Path) -> None:
    from suffice.digest import plain

    json.dumps(plain(loadtest(stack(), ITEMS, QUICK)), allow_nan=False)
