"""A completed reply is never bought again, faults are survived and filed, and nobody spends what is not there."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from suffice.breaker import Patience
from suffice.budget import Budget
from suffice.calls import Calls
from suffice.errors import BudgetSpent, Fault, ModelError, Unreachable
from suffice.ledger import Ledger
from suffice.models.scripted import Said, Scripted
from suffice.types import Json, Request, Sampling

QUICK = Patience(first_wait=0.001, longest_wait=0.01, outage=0.3, absence=0.2)


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with Ledger.open() as passing:
        yield passing


def failing(*faults: Fault, then: str = "ok", billed: bool = False, retry_after: float | None = None) -> Scripted:
    errors = [ModelError(f, fault=f, retryable=True, billed=billed, retry_after=retry_after) for f in faults]
    return Scripted([*errors, then], usd=0.01)


def test_a_reply_is_bought_once_and_keeps_its_latency(ledger: Ledger) -> None:
    model = Scripted({"q": "a"}, latency_ms=5.0)
    calls = Calls(model, ledger)
    first, second = calls(Request("q")), calls(Request("q"))
    assert model.calls == 1
    assert (first.text, first.ms) == (second.text, second.ms) == ("a", 5.0)
    assert first.trace[0].notes == {}
    assert second.trace[0].notes == {"cached": True}


def test_another_sample_and_another_model_are_other_replies(ledger: Ledger) -> None:
    model = Scripted({}, otherwise="a")
    calls, again = Calls(model, ledger), Request("q", sampling=Sampling(sample=1))
    assert [calls(r).text for r in (Request("q"), again, again)] == ["a"] * 3
    assert model.calls == 2
    assert Calls(replace(model, otherwise="b"), ledger)(Request("q")).text == "b"


def test_the_examples_id_is_no_part_of_the_key(ledger: Ledger) -> None:
    model = Scripted({}, otherwise="a")
    for name in ("1", "2"):
        Calls(model, ledger)(Request("q", id=name))
    assert model.calls == 1


def test_threads_that_ask_the_same_at_once_buy_it_once(ledger: Ledger) -> None:
    model = Scripted({}, otherwise="a", latency_ms=30.0)
    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(Calls(model, ledger), [Request("q")] * 64))
    assert model.calls == 1
    assert {a.text for a in answers} == {"a"}
    assert sum(not a.trace[0].notes for a in answers) == 1


def test_who_waits_for_a_failing_call_fails_with_it(ledger: Ledger) -> None:
    asked = threading.Semaphore(0)

    class Asked(Scripted):
        def payload(self, request: Request) -> Json:
            asked.release()
            return super().payload(request)

    def refuse(_: Request) -> ModelError:
        """Fail once all eight have asked and had a while to queue up behind the first."""
        assert all(asked.acquire(timeout=60) for _ in range(8))
        time.sleep(0.3)
        return ModelError("no", fault="rejected")

    model = Asked(refuse)
    calls = Calls(model, ledger)

    def fault(request: Request) -> str:
        with pytest.raises(ModelError) as wrong:
            calls(request)
        return wrong.value.fault

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(fault, [Request("q")] * 8)) == {"rejected"}
    assert model.calls == 1


def test_faults_are_retried_and_filed_with_what_they_cost(ledger: Ledger) -> None:
    model = failing("rate_limited", "malformed", billed=True)
    answer = Calls(model, ledger, patience=QUICK)(Request("q", id="e7"))
    filed = [(a.number, a.fault, a.usd, a.example) for a in ledger.attempts()]
    assert filed == [(1, "rate_limited", 0.01, "e7"), (2, "malformed", 0.01, "e7"), (3, "", 0.01, "e7")]
    assert answer.cost == pytest.approx(0.03)
    assert ledger.totals().usd == pytest.approx(0.03)
    cached = Calls(model, ledger)(Request("q"))
    assert (cached.cost, len(ledger.attempts())) == (answer.cost, 3)


@pytest.mark.parametrize(("fault", "retryable", "attempts"), [("rejected", False, 1), ("rate_limited", True, 8)])
def test_trying_again_ends(ledger: Ledger, fault: Fault, retryable: bool, attempts: int) -> None:
    model = Scripted(lambda _: ModelError("no", fault=fault, retryable=retryable))
    with pytest.raises(ModelError, match="no"):
        Calls(model, ledger, patience=QUICK)(Request("q"))
    assert model.calls == attempts == ledger.totals().faults[fault]


def test_the_providers_wish_to_wait_is_honoured_within_reason(ledger: Ledger) -> None:
    start = time.monotonic()
    Calls(failing("rate_limited", retry_after=0.2), ledger, patience=QUICK)(Request("q"))
    assert time.monotonic() - start >= 0.2
    with pytest.raises(ModelError, match="rate_limited"):
        Calls(failing("rate_limited", retry_after=3600.0, then="late"), ledger)(Request("r"))


def test_the_default_patience_survives_a_bad_day(ledger: Ledger) -> None:
    mix = {"rate_limited": 0.05, "server_error": 0.02, "unavailable": 0.01, "dropped": 0.01}
    model = Scripted({}, otherwise="a", faults=mix | {"malformed": 0.01, "truncated": 0.01, "empty": 0.005})
    calls = Calls(model, ledger, patience=replace(QUICK, outage=60.0, absence=60.0))
    with ThreadPoolExecutor(16) as pool:
        assert [a.text for a in pool.map(calls, [Request(str(n)) for n in range(1000)])] == ["a"] * 1000
    totals = ledger.totals()
    assert totals.replies == 1000
    assert totals.attempts == model.calls == 1000 + sum(totals.faults.values())
    assert set(totals.faults) == {*mix, "malformed", "truncated", "empty"}


def test_64_threads_never_make_a_call_too_many(ledger: Ledger) -> None:
    model = Scripted({}, otherwise="a", latency_ms=1.0, faults={"rate_limited": 0.2})
    calls = Calls(model, ledger, Budget(calls=50), patience=QUICK)

    def ask(number: int) -> bool:
        try:
            return bool(calls(Request(str(number))))
        except BudgetSpent:
            return False

    with ThreadPoolExecutor(64) as pool:
        bought = sum(pool.map(ask, range(200)))
    assert model.calls == ledger.totals().attempts == 50
    assert bought == ledger.totals().replies


def test_64_threads_never_spend_a_cent_too_many(ledger: Ledger) -> None:
    model = Scripted({}, otherwise="a", latency_ms=1.0, usd=0.01, faults={"malformed": 0.2})
    calls = Calls(model, ledger, Budget(usd=0.305), patience=QUICK)

    def ask(number: int) -> None:
        with pytest.raises(BudgetSpent):
            while True:
                calls(Request(f"{number} {model.calls} {time.monotonic()}"))

    with ThreadPoolExecutor(64) as pool:
        list(pool.map(ask, range(64)))
    assert ledger.totals().usd == pytest.approx(0.30)


def test_a_reply_from_the_ledger_needs_no_budget(ledger: Ledger) -> None:
    model = Scripted({}, otherwise="a")
    Calls(model, ledger)(Request("q"))
    assert Calls(model, ledger, Budget(calls=0))(Request("q")).text == "a"


def test_a_dead_provider_costs_few_probes_however_many_ask(ledger: Ledger) -> None:
    model = Scripted(lambda _: ModelError("refused", fault="unreachable", retryable=True))
    calls = Calls(model, ledger, patience=Patience(first_wait=0.05, longest_wait=1.0, absence=1.0))

    def ask(number: int) -> None:
        with pytest.raises(Unreachable, match="gave up after"):
            calls(Request(str(number)))

    with ThreadPoolExecutor(64) as pool:
        list(pool.map(ask, range(64)))
    assert 5 <= model.calls <= 12


def test_a_short_outage_is_survived(ledger: Ledger) -> None:
    down = threading.Event()

    def said(request: Request) -> Said:
        return ModelError("503", fault="unavailable", retryable=True) if down.is_set() else "a"

    calls = Calls(Scripted(said, latency_ms=1.0), ledger, patience=Patience(first_wait=0.02, longest_wait=0.2))
    calls(Request("first"))
    down.set()
    threading.Timer(1.0, down.clear).start()
    with ThreadPoolExecutor(32) as pool:
        assert {a.text for a in pool.map(calls, [Request(str(n)) for n in range(100)])} == {"a"}
    assert Counter(a.fault for a in ledger.attempts())["unavailable"] < 32 + 5 + 20


def test_a_model_that_breaks_gives_its_budget_back_in_full_account(ledger: Ledger) -> None:
    def said(request: Request) -> Said:
        raise ZeroDivisionError

    budget = Budget(usd=1.0)
    with pytest.raises(ZeroDivisionError):
        Calls(Scripted(said, usd=0.25), ledger, budget)(Request("q"))
    assert budget.spent_usd == 0.25
    assert budget.reserve(0.75) == 0.75


def test_calls_stand_wherever_their_model_does(ledger: Ledger) -> None:
    model = Scripted({"q": "a"})
    calls = Calls(model, ledger)
    assert (calls.name, calls.digest, calls.parallel) == (model.name, model.digest, model.parallel)
    assert (calls.spec, calls.payload(Request("q"))) == (model.spec, model.payload(Request("q")))
