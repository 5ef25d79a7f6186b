"""Calls: a model that is never paid twice for a reply, survives a provider's faults, and keeps to a budget.

The order of a call: reply cache, breaker, budget, attempt. It is itself a model, so it stands wherever a model does.
"""

from __future__ import annotations

import copy
import hashlib
import json
import random
import threading
import time
from dataclasses import dataclass, replace

from .breaker import OUTAGE, Breaker, Patience, Stopped
from .budget import Budget
from .digest import plain
from .errors import ModelError
from .ledger import Attempt, Ledger
from .model import Around, Model
from .price import most, usd
from .types import Answer, Json, Request, Step, Usage
from .writer import Ticket


class Calls(Around):
    """A model with a reply cache, retries, a circuit breaker and a budget around it."""

    def __init__(
        self,
        model: Model,
        ledger: Ledger | None = None,
        budget: Budget | None = None,
        *,
        patience: Patience = Patience(),
    ) -> None:
        super().__init__(model)
        self.ledger = ledger
        self.budget = budget or Budget()
        self.patience = patience
        self.run = ""
        self.stop = threading.Event()
        self._breaker = Breaker(patience)
        self._flights: dict[str, _Flight] = {}
        self._sent: dict[int, _Try] = {}
        self._pending = threading.local()
        self._draw = random.Random()

    def during(self, run: str, *, ledger: Ledger | None = None, budget: Budget | None = None) -> Calls:
        """The same calls and breaker for one run: its attempts are filed under it, and it can be stopped alone.

        `ledger` serves where these calls have none; `budget`, where given, takes the place of theirs.
        """
        mine = copy.copy(self)
        mine.run, mine.stop, mine._sent = run, threading.Event(), {}
        mine.ledger, mine.budget = self.ledger or ledger, budget or self.budget
        return mine

    def __call__(self, request: Request) -> Answer:
        """The reply, from the ledger where it was bought before; its model step then notes `cached`."""
        key = reply_key(self.digest, self.model.payload(request), request.sampling.sample)
        flight = _Flight()
        first = self._flights.setdefault(key, flight)
        if first is not flight:
            return _cached(first.wait())
        try:
            found = self.ledger.reply(key) if self.ledger else None
            flight.answer = self._buy(key, request) if found is None else found
            return flight.answer if found is None else _cached(found)
        except BaseException as wrong:
            flight.wrong = wrong
            raise
        finally:
            del self._flights[key]
            flight.landed.set()

    def warm(self) -> None:
        """Load the price list now, while the first replies are on their way."""
        self._price(Usage())

    def settled(self) -> None:
        """Return once this thread's replies and attempts outlive the process."""
        ticket: Ticket | None = getattr(self._pending, "ticket", None)
        if ticket is not None:
            ticket.wait(committed=True)
            self._pending.ticket = None

    def given_up(self) -> tuple[Attempt, ...]:
        """File every call that is still on its way as dropped, and billed at its most: nobody waits for its reply."""
        waiting = [tried for at in list(self._sent) if (tried := self._sent.pop(at, None)) is not None]
        return tuple(self._lost(tried, "dropped", billed=True) for tried in waiting)

    def _buy(self, key: str, request: Request) -> Answer:
        """Attempt until answered; the answer's cost covers the failures that were billed on the way."""
        number, lost = 1, 0.0
        while True:
            attempt = self._ready(key, request, number)
            self._sent[id(attempt)] = attempt
            try:
                answer = self._timed(request)
            except ModelError as wrong:
                lost += self._failed(attempt, wrong)
                if not wrong.retryable or (number >= self.patience.attempts and not attempt.probe):
                    raise
                self._rest(attempt, wrong)
                number += not attempt.probe
            except BaseException:
                self._breaker.left(attempt.probe)
                if self._back(attempt):
                    self.budget.settle(attempt.reserved, attempt.reserved)
                raise
            else:
                return self._answered(attempt, answer, lost)

    def _ready(self, key: str, request: Request, number: int) -> _Try:
        """Wait until what was bought cannot be lost with the process, the endpoint is up and the money is there."""
        self.settled()
        probe = self._breaker.enter(self.stop)
        try:
            reserved = self.budget.reserve(self._most(request) if self.budget.usd is not None else 0.0)
        except BaseException:
            self._breaker.left(probe)
            raise
        return _Try(key, request, number, probe, reserved, time.perf_counter())

    def _timed(self, request: Request) -> Answer:
        start = time.perf_counter()
        answer = self.model(request)
        if answer.trace:
            return answer
        step = Step("model", (time.perf_counter() - start) * 1000, 0, answer.notes)
        return replace(answer, trace=(step,), notes={})

    def _answered(self, tried: _Try, answer: Answer, lost: float) -> Answer:
        self._breaker.passed()
        cost = self._cost(tried.request, answer) if answer.cost is None else answer.cost
        awaited = self._back(tried)
        if awaited:
            self.budget.settle(tried.reserved, cost)
        total = None if cost is None else cost + lost
        answer = answer if total == answer.cost else replace(answer, cost=total)
        if self.ledger:
            filed = self._filed(tried, "", usd=cost, ms=answer.ms) if awaited else None
            self._pending.ticket = self.ledger.post_reply(tried.key, answer, filed)
        return answer

    def _failed(self, tried: _Try, wrong: ModelError) -> float:
        """File the failure; return what it can have cost."""
        if wrong.retryable and wrong.fault in OUTAGE:
            self._breaker.failed(wrong, tried.probe)
        else:
            self._breaker.passed()
        if not self._back(tried):
            return tried.reserved
        return self._lost(tried, wrong.fault, billed=wrong.billed).usd or 0.0

    def _back(self, tried: _Try) -> bool:
        """Whether the call was still waited for; from here on its thread accounts for it, and nobody else."""
        return self._sent.pop(id(tried), None) is not None

    def _lost(self, tried: _Try, fault: str, *, billed: bool) -> Attempt:
        """Count and file a call without a reply, at the most that it can have cost where it is billed."""
        cost = self._most(tried.request) if billed else 0.0
        self.budget.settle(tried.reserved, cost)
        took = (time.perf_counter() - tried.start) * 1000
        filed = self._filed(tried, fault, usd=cost, ms=took, billed=billed)
        if self.ledger:
            self._pending.ticket = self.ledger.post_attempt(filed)
        return filed

    def _filed(self, tried: _Try, fault: str, *, usd: float | None, ms: float, billed: bool = True) -> Attempt:
        example = tried.request.id or ""
        return Attempt(tried.key, self.name, tried.number, fault, billed, usd, ms, self.run, example)

    def _rest(self, tried: _Try, wrong: ModelError) -> None:
        """Wait before the next attempt; a probe does not: the breaker says when the next one is due."""
        asked = wrong.retry_after
        if asked is not None and asked > self.patience.longest_retry_after:
            raise wrong
        if self.stop.wait((asked or 0.0) if tried.probe else self.patience.wait(tried.number, asked, self._draw)):
            raise Stopped

    def _most(self, request: Request) -> float | None:
        return most(self.model, request) if hasattr(self.model, "most") or hasattr(self.model, "price_name") else 0.0

    def _cost(self, request: Request, answer: Answer) -> float | None:
        """What a reply cost, as counted; where the server counted nothing, the most that it can have cost."""
        return self._most(request) if answer.uncounted else self._price(answer.usage)

    def _price(self, usage: Usage) -> float | None:
        """By list price; models that do not say by which name are free."""
        name: str | None = getattr(self.model, "price_name", None)
        return usd(name, usage) if name else None


@dataclass(frozen=True, slots=True)
class _Try:
    """One attempt about to be made."""

    key: str
    request: Request
    number: int
    probe: bool
    reserved: float
    start: float


class _Flight:
    """A purchase that others who ask for the same reply wait for."""

    def __init__(self) -> None:
        self.answer: Answer | None = None
        self.wrong: BaseException | None = None
        self.landed = threading.Event()

    def wait(self) -> Answer:
        self.landed.wait()
        if self.answer is None:
            raise self.wrong or Stopped
        return self.answer


def reply_key(digest: str, payload: Json, sample: int) -> str:
    """What a reply is kept under: the weights or endpoint, the wire payload and the sample's number."""
    text = json.dumps([digest, payload, sample], sort_keys=True, separators=(",", ":"), default=plain)
    return hashlib.sha256(text.encode()).hexdigest()


def _cached(answer: Answer) -> Answer:
    """The answer, its model steps marked as not paid for now."""
    return replace(answer, trace=tuple(replace(s, notes={**s.notes, "cached": True}) for s in answer.trace))
