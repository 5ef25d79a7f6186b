"""Open loop: requests sent when they are due, whatever became of those before, each timed from when it was due.

A closed loop, which sends the next request when one is answered, asks a stalled system less and so excuses it
(coordinated omission: Tene 2013, "How not to measure latency"). Replies are bought anew: one attempt each, past the
reply cache, within the budget, noted in the ledger.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from .budget import Budget
from .data import Dataset, Example
from .errors import InputError, ModelError, SufficeError
from .ledger import Attempt, Ledger
from .left import worker
from .model import Around, Model
from .price import most, usd
from .record import Record
from .run import FATAL, Progress
from .score import Score
from .stack import Stack
from .types import Answer, Ask, Json, Request, Usage

GRACE_S = 60.0
"""How long after the last arrival replies are waited for, or as long as the arrivals took where that is longer."""
TICK_S = 0.1
LANDING_S = 5.0
"""How long replies that are paid for and on their way are waited for when a test ends early."""
UNFINISHED = "unfinished"
"""Stands where a fault stands, for requests that had no reply when waiting ended."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One request: when it was due, sent and answered, in seconds since its phase began."""

    example: str
    due_s: float
    sent_s: float
    ended_s: float
    record: Record

    @property
    def service_ms(self) -> float:
        """From being sent to being answered."""
        return (self.ended_s - self.sent_s) * 1000

    @property
    def response_ms(self) -> float:
        """From being due to being answered: waiting counts."""
        return (self.ended_s - self.due_s) * 1000


def schedule(rate_per_s: float, seconds: float, seed: int) -> tuple[float, ...]:
    """The moments of arrival, in seconds: exponential gaps, at least one arrival."""
    draw, now = random.Random(f"arrivals {seed}"), 0.0
    moments: list[float] = []
    while (now := now + draw.expovariate(rate_per_s)) < seconds or not moments:
        moments.append(now)
    return tuple(moments)


def costs(stack: Stack, request: Request) -> bool:
    """Whether a reply may cost money: the model has a list price to be looked up, or says what it costs at most."""
    if getattr(stack.model, "price_name", None) is not None:
        return True
    return hasattr(stack.model, "most") and bool(stack.model.most(request))


def passes(dataset: Dataset, seed: int) -> Iterator[Example]:
    """The examples without end: each pass asks every one once, in another order."""
    draw = random.Random(f"examples {seed}")
    while True:
        order = list(dataset)
        draw.shuffle(order)
        yield from order


class Phase:
    """Requests in their order; each worker takes the next, waits until it is due, and asks."""

    def __init__(
        self,
        name: str,
        asked: Ask,
        bought: Bought,
        examples: Sequence[Example],
        due: Sequence[float] | None = None,
        *,
        pause_s: float = 0.0,
        grace_s: float = GRACE_S,
    ) -> None:
        self.name, self.asked, self.bought, self.examples, self.due = name, asked, bought, examples, due
        """`due` in seconds from the start; None: each request is due a pause after its worker's last was answered."""
        self.pause_s, self.grace_s = pause_s, grace_s
        self.sent: list[Sent] = []
        self.unfinished = 0
        self.todo: Iterator[int] = iter(range(len(examples)))
        self.begun: dict[int, float] = {}
        self.stop = threading.Event()
        self.moved = threading.Condition()
        self.wrong: BaseException | None = None
        self.start = 0.0

    def driven(self, workers: int, progress: Callable[[Progress], object] | None) -> Phase:
        """Send everything; return when all is answered, or waiting has an end. Raises what no request can survive."""
        threads = [worker(self._work, f"{self.name} {n}") for n in range(workers)]
        self.start = time.perf_counter()
        for thread in threads:
            thread.start()
        try:
            self._watch(progress)
        finally:
            self.stop.set()
            if self.bought.pays and not self.unfinished:
                self._landed(threads)
            if self.bought.pays:
                self.bought.given_up()
            if self.bought.ledger:
                self.bought.ledger.flush()
        if self.wrong is not None:
            raise self.wrong
        return self

    def _landed(self, threads: Sequence[threading.Thread]) -> None:
        """Wait until what is paid for is noted, but not for ever: whoever sends no reply may never send one."""
        until = time.monotonic() + LANDING_S
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _work(self) -> None:
        try:
            for number in self.todo:
                due = time.perf_counter() - self.start + self.pause_s if self.due is None else self.due[number]
                if self._wait(due):
                    return
                self._one(number, due)
        except BaseException as wrong:
            with self.moved:
                self.wrong = self.wrong or wrong
                self.stop.set()
                self.moved.notify_all()

    def _wait(self, due: float) -> bool:
        """Sleep until the request is due; whether to stop instead."""
        left = self.start + due - time.perf_counter()
        return self.stop.wait(left) if left > 0 else self.stop.is_set()

    def _watch(self, progress: Callable[[Progress], object] | None) -> None:
        last = self.due[-1] if self.due else 0.0
        deadline = self.start + last + max(self.grace_s, last)
        while len(self.sent) < len(self.examples) and not self.stop.is_set():
            if self.due is not None and time.perf_counter() > deadline:
                self._cut_off()
                return
            with self.moved:
                self.moved.wait(TICK_S)
            if progress is not None:
                progress(self._progress(last))

    def _one(self, number: int, due: float) -> None:
        example = self.examples[number]
        sent = self.begun[number] = time.perf_counter() - self.start
        answer, fault, error = self._asked(example)
        ended = time.perf_counter() - self.start
        record = _record(self.name, number, example, answer, fault, error)
        self.bought.keep(record, {"phase": self.name, "due_s": due, "sent_s": sent, "ended_s": ended})
        with self.moved:
            if not self.stop.is_set():
                self.sent.append(Sent(example.id, due, sent, ended, record))
            if len(self.sent) == len(self.examples):
                self.moved.notify_all()

    def _asked(self, example: Example) -> tuple[Answer | None, str, str]:
        """The answer, or the class of the failure and what it said; what ends a test is raised."""
        request = example.request
        try:
            return self.asked(request if request.id is not None else replace(request, id=example.id)), "", ""
        except ModelError as wrong:
            if wrong.fault in FATAL:
                raise
            return None, wrong.fault, str(wrong)
        except SufficeError:
            raise
        except Exception as wrong:
            return None, "stack", f"{type(wrong).__name__}: {wrong}"

    def _cut_off(self) -> None:
        """Whoever has no reply by now has waited this long at least."""
        with self.moved:
            self.stop.set()
            now, known = time.perf_counter() - self.start, {s.record.id for s in self.sent}
            self.unfinished = len(self.examples) - len(known)
            for number, due in enumerate(self.due or ()):
                record = _record(self.name, number, self.examples[number], None, UNFINISHED, "no reply in time")
                if record.id not in known:
                    self.sent.append(Sent(self.examples[number].id, due, self.begun.get(number, now), now, record))

    def _progress(self, last: float) -> Progress:
        done, took, budget = len(self.sent), time.perf_counter() - self.start, self.bought.budget
        eta = took / done * (len(self.examples) - done) if done else None
        left = eta if self.due is None else max(0.0, last - took)
        return Progress(done, len(self.examples), budget.spent_usd, budget.spent_calls, took, left)


class Bought(Around):
    """The model, each call bought anew: one attempt, within the budget, noted in the ledger; no cache, no retries."""

    def __init__(self, model: object, budget: Budget, ledger: Ledger | None, run: str, pays: bool) -> None:
        if not isinstance(model, Model):
            raise InputError("the stack's model is not a model", hint="use models/scripted to try things out")
        super().__init__(model)
        self.budget, self.ledger, self.run, self.pays = budget, ledger, run, pays
        self._sent: dict[object, tuple[Request, float]] = {}

    def __call__(self, request: Request) -> Answer:
        reserved, call = self.budget.reserve(self._most(request) if self.budget.usd is not None else 0.0), object()
        self._sent[call] = (request, reserved)
        try:
            answer = self.model(request)
        except ModelError as wrong:
            self._back(call, wrong.fault, self._most(request) if wrong.billed else 0.0, 0.0)
            raise
        except BaseException:
            if self._sent.pop(call, None):
                self.budget.settle(reserved, reserved)
            raise
        cost = self._cost(request, answer) if answer.cost is None else answer.cost
        self._back(call, "", cost, answer.ms)
        return answer if cost == answer.cost else replace(answer, cost=cost)

    def given_up(self) -> int:
        """Count and file the calls that are still on their way as dropped, each billed at its most; how many."""
        waiting = [(call, self._most(request)) for call, (request, _) in list(self._sent.items())]
        return sum(self._back(call, "dropped", most_usd, 0.0, billed=True) for call, most_usd in waiting)

    def _back(self, call: object, fault: str, cost: float | None, ms: float, *, billed: bool = False) -> bool:
        """Count and file a call once, whoever comes first: its reply, or the end of waiting for it."""
        found = self._sent.pop(call, None)
        if found is None:
            return False
        self.budget.settle(found[1], cost)
        self._note(found[0], fault, cost, ms, billed=billed)
        return True

    def keep(self, record: Record, at: Mapping[str, Json]) -> None:
        """Leave the record with its moments; on the disk at once where it was paid for."""
        if self.ledger is None:
            return
        answer = None if record.answer is None else record.answer.noting(load=at)
        ticket = self.ledger.post_record(self.run, replace(record, answer=answer))
        if self.pays:
            ticket.wait(committed=True)

    def _note(self, request: Request, fault: str, cost: float | None, ms: float, *, billed: bool) -> None:
        if self.ledger:
            paid = billed or bool(cost) or not fault
            self.ledger.post_attempt(Attempt("", self.name, 1, fault, paid, cost, ms, self.run, request.id or ""))

    def _most(self, request: Request) -> float | None:
        known = hasattr(self.model, "most") or getattr(self.model, "price_name", None)
        return most(self.model, request) if known else 0.0

    def _cost(self, request: Request, answer: Answer) -> float | None:
        """What a reply cost, as counted; where the server counted nothing, the most that it can have cost."""
        return self._most(request) if answer.uncounted else self._priced(answer.usage)

    def _priced(self, usage: Usage) -> float | None:
        name: str | None = getattr(self.model, "price_name", None)
        return usd(name, usage) if name else 0.0


def _record(phase: str, number: int, example: Example, answer: Answer | None, fault: str, error: str) -> Record:
    return Record(f"{phase} {number:06d} {example.id}", answer, Score(None, "a load test does not judge"), error, fault)
