"""Run: a stack over a dataset, one durable record per example, resumable at any moment."""

from __future__ import annotations

import platform
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from .breaker import Stopped
from .budget import Budget
from .calls import Calls
from .data import Dataset, Example
from .digest import digest_of, file_digest, plain
from .errors import BudgetSpent, InputError, ModelError, SufficeError
from .ledger import Ledger
from .left import worker
from .model import Model, resolve
from .plugins import spec_of
from .record import Record, Run
from .score import AskingScorer, Score, Scorer
from .stack import Stack
from .types import Answer, Json, Request

LIBRARIES = ("numpy", "scikit-learn", "xllamacpp", "onnxruntime", "tokenizers", "jsonschema-rs", "json-repair")
"""Libraries whose version can change a result."""
FATAL = frozenset({"unauthorized", "unreachable"})
"""Faults that every other example would meet as well."""
LASTING = frozenset({"rejected", "refused"})
"""Faults that trying again will not mend; records with any other are made again on resume."""
PROGRESS_SECONDS = 0.1
GIVEN_UP = "without a reply yet were given up and may be billed"
"""Ends the note on what stopped a run, after how many calls."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is."""

    done: int
    total: int
    usd: float
    calls: int
    seconds: float
    eta: float | None
    """Seconds to go; None before anything can be said."""


def run(
    stack: Stack,
    dataset: Dataset,
    *,
    scorer: Scorer | None = None,
    ledger: Ledger | None = None,
    budget: Budget | None = None,
    workers: int | None = None,
    progress: Callable[[Progress], object] | None = None,
    sample: int = 0,
    first: int | None = None,
) -> Run:
    """Ask the stack every example and score its answers; what the ledger already holds is neither asked nor scored.

    With `first`, only so many examples of the dataset, in its order: the same run goes on where more are asked for.
    Raises `BudgetSpent`, or `ModelError` where no example could be answered (nobody there, no access). What was paid
    for is kept, and the same run goes on from there.
    """
    judge = scorer or dataset.scorer
    if judge is None:
        raise InputError("no scorer", hint="give the dataset or the run one")
    if isinstance(stack.model, Calls) and ledger is None:
        ledger = stack.model.ledger
    with _or_passing(ledger) as kept:
        return _Work(stack, dataset, judge, kept, budget, sample).done(workers, progress, first)


@contextmanager
def _or_passing(ledger: Ledger | None) -> Iterator[Ledger]:
    if ledger is not None:
        yield ledger
        return
    with Ledger.open() as passing:
        yield passing


class _Work:
    """One run in progress."""

    def __init__(
        self, stack: Stack, dataset: Dataset, scorer: Scorer, ledger: Ledger, budget: Budget | None, sample: int
    ) -> None:
        self.stack, self.dataset, self.scorer, self.ledger, self.sample = stack, dataset, scorer, ledger, sample
        self.manifest = manifest_of(stack, dataset, scorer, sample=sample)
        self.id = ledger.begin(self.manifest)
        self.calls = self._calls().during(self.id, ledger=ledger, budget=budget)
        self.asked = stack.over(self.calls)
        self.judge = self._judge(budget)
        self.records = {r.id: r for r in ledger.records(self.id) if (not r.fault and not r.error) or r.fault in LASTING}
        self.resumed = self.wanted = len(self.records)
        self.before = self._spent()
        self.wrong: BaseException | None = None
        self.moved = threading.Condition()
        self.working = 0

    def _calls(self) -> Calls:
        model = self.stack.model
        if isinstance(model, Calls):
            return model
        if not isinstance(model, Model):
            raise InputError("the stack's model is not a model", hint="use models/scripted to try things out")
        return Calls(model)

    def _judge(self, budget: Budget | None) -> Calls | None:
        """The calls of the scorer's own model: of this run, in the same ledger, within the same caps."""
        model = judge_of(self.scorer)
        if model is None:
            return None
        calls = model if isinstance(model, Calls) else Calls(model, budget=self.calls.budget)
        mine = calls.during(self.id, ledger=self.ledger, budget=budget)
        mine.stop = self.calls.stop
        return mine

    def done(self, workers: int | None, progress: Callable[[Progress], object] | None, first: int | None) -> Run:
        asked = self.dataset[:first]
        self.wanted = len({*self.records, *(e.id for e in asked)})
        todo = [e for e in asked if e.id not in self.records]
        most = min(calls.parallel for calls in (self.calls, self.judge) if calls is not None)
        width = min(len(todo), most if workers is None else max(1, min(workers, most)))
        started = time.monotonic()
        try:
            self._start(width, iter(todo))
            self.calls.warm()
            self._watch(started, progress)
        except BaseException as stopped:
            self._ended(stopped)
            raise
        self._ended(None)
        if self.wrong is not None:
            raise self._told(self.wrong)
        if len(asked) == len(self.dataset):
            self.ledger.finish(self.id)
        return Run(self.id, self.stack, asked, tuple(self.records[e.id] for e in asked), self.manifest)

    def _start(self, width: int, todo: Iterator[Example]) -> None:
        self.working = width
        for number in range(width):
            worker(self._worker, f"run-{number}", todo).start()

    def _worker(self, todo: Iterator[Example]) -> None:
        """Take the next example until there is none; `next` of a list's iterator is atomic."""
        try:
            for example in todo:
                if self.calls.stop.is_set():
                    break
                record = self._record(example)
                self.ledger.post_record(self.id, record)
                self.records[example.id] = record
            self.calls.settled()
            if self.judge is not None:
                self.judge.settled()
        except Stopped:
            pass
        except BaseException as wrong:
            self.wrong = self.wrong or wrong
            self.calls.stop.set()
        finally:
            with self.moved:
                self.working -= 1
                self.moved.notify_all()

    def _watch(self, started: float, progress: Callable[[Progress], object] | None) -> None:
        while self.working:
            with self.moved:
                self.moved.wait_for(lambda: not self.working, PROGRESS_SECONDS)
            if progress is not None and self.working:
                progress(self._progress(time.monotonic() - started))
        if progress is not None:
            progress(self._progress(time.monotonic() - started))

    def _ended(self, stopped: BaseException | None) -> None:
        """Keep what comes home; what does not is filed as billed, and said so beside what stopped the run."""
        self.calls.stop.set()
        try:
            self._drain()
        except BaseException as hurried:
            stopped = hurried
            raise
        finally:
            given_up = [a for calls in (self.calls, self.judge) if calls is not None for a in calls.given_up()]
            self.ledger.flush()
            if stopped is not None and (dear := [a.usd for a in given_up if a.usd != 0.0]):
                most = "" if None in dear else f", up to ${sum(usd or 0.0 for usd in dear):.4f}"
                stopped.add_note(f"{len(dear)} {GIVEN_UP}{most}")

    def _drain(self, seconds: float = 5.0) -> None:
        """Let calls in flight come home, so that what is paid for is kept."""
        deadline = time.monotonic() + seconds
        with self.moved:
            while self.working and time.monotonic() < deadline:
                self.moved.wait(0.1)

    def _progress(self, seconds: float) -> Progress:
        done, total, (usd, calls) = len(self.records), self.wanted, self._spent()
        fresh = done - self.resumed
        eta = seconds / fresh * (total - done) if fresh else None
        return Progress(done, total, usd - self.before[0], calls - self.before[1], seconds, eta)

    def _spent(self) -> tuple[float, int]:
        """Dollars and calls so far, of the stack and of the scorer's own model."""
        budgets = [self.calls.budget]
        if self.judge is not None and self.judge.budget is not self.calls.budget:
            budgets.append(self.judge.budget)
        return sum(b.spent_usd for b in budgets), sum(b.spent_calls for b in budgets)

    def _told(self, wrong: BaseException) -> BaseException:
        if isinstance(wrong, BudgetSpent):
            wrong.done, wrong.total = len(self.records), self.wanted
        return wrong

    def _record(self, example: Example) -> Record:
        try:
            answer, cached = _uncached(self.asked(self._request(example)))
        except ModelError as wrong:
            if wrong.fault in FATAL:
                raise
            return Record(example.id, None, Score(0.0, "the call failed"), str(wrong), wrong.fault)
        except (SufficeError, Stopped):
            raise
        except Exception as wrong:
            return Record(example.id, None, Score(0.0, "the stack failed"), f"{type(wrong).__name__}: {wrong}")
        if self.judge is None or not isinstance(self.scorer, AskingScorer):
            return Record(example.id, answer, _judged(self.scorer, example, answer), cached=cached)
        return self._asked_about(example, answer, cached, _Heard(self.judge), self.scorer)

    def _asked_about(
        self, example: Example, answer: Answer, cached: bool, heard: _Heard, scorer: AskingScorer
    ) -> Record:
        """The record of an answer that the scorer asks its own model about; what is bought is safe before that."""
        self.calls.settled()
        try:
            score = _judged(scorer.over(heard), example, answer)
        except ModelError as wrong:
            if wrong.fault in FATAL:
                raise
            unjudged = Score(None, f"the judge could not be asked: {wrong.message}")
            return Record(example.id, answer, unjudged, str(wrong), wrong.fault, cached)
        return Record(example.id, answer, score, cached=cached and heard.cached, judged=tuple(heard.answers))

    def _request(self, example: Example) -> Request:
        request = example.request
        if self.sample:
            request = replace(request, sampling=replace(request.sampling, sample=self.sample))
        return request if request.id is not None else replace(request, id=example.id)


class _Heard:
    """The scorer's own model during one record: what it replied, and whether at no new cost."""

    def __init__(self, model: Calls) -> None:
        self.model, self.cached = model, True
        self.answers: list[Answer] = []

    def __call__(self, request: Request) -> Answer:
        answer, cached = _uncached(self.model(request))
        self.answers.append(answer)
        self.cached = self.cached and cached
        return answer


def judge_of(scorer: Scorer) -> Model | None:
    """The model that a scorer asks: the one it is over, else the one at its address; None where it asks nobody."""
    if not isinstance(scorer, AskingScorer):
        return None
    if scorer.ask is None and not scorer.model:
        raise InputError("the scorer asks a model, and none is named", hint="name one: judge: {model: …}")
    asked = resolve(scorer.model, folder=scorer.folder) if scorer.ask is None else scorer.ask
    if not isinstance(asked, Model):
        raise InputError("what the scorer asks is not a model", hint="use models/scripted to try things out")
    return asked


def manifest_of(stack: Stack, dataset: Dataset, scorer: Scorer, *, sample: int = 0) -> Mapping[str, Json]:
    """What a run's records depend on: equal manifests are one run. No personal path and no key is in it."""
    judge = judge_of(scorer)
    manifest = {
        "stack": stack.spec,
        "stack_digest": stack.digest,
        "model_digest": getattr(stack.model, "digest", None),
        "dataset": {"fingerprint": dataset.fingerprint, "ids": digest_of([e.id for e in dataset])},
        "scorer": spec_of(scorer),
        "sample": sample,
        **({"judge_digest": judge.digest} if judge is not None else {}),
        "own_code": _own_code((*stack.layers, scorer, stack.model, *([judge] if judge is not None else []))),
        "versions": {"suffice": _own_version(), "python": platform.python_version(), **_versions()},
        "platform": f"{sys.platform}-{platform.machine()}",
    }
    home = str(Path.home())
    shown: Mapping[str, Json] = _without(plain(manifest), home)
    return shown


def _without(value: Json, home: str) -> Json:
    """The value with the home folder written as `~`."""
    if isinstance(value, dict):
        return {key: _without(item, home) for key, item in value.items()}
    if isinstance(value, list):
        return [_without(item, home) for item in value]
    return "~" + value[len(home) :] if isinstance(value, str) and value.startswith(f"{home}/") else value


def _own_code(plugins: Sequence[object]) -> Mapping[str, str]:
    """The digests of the files that plugins from outside Suffice come from: editing one makes another run."""
    modules = {type(p).__module__ for p in plugins} - {None}
    files = {m: getattr(sys.modules.get(m), "__file__", None) for m in modules if not m.startswith("suffice.")}
    return {Path(f).name: file_digest(Path(f)) for f in files.values() if f}


@lru_cache
def _own_version() -> str:
    """The release, and a digest of its source: another code may judge otherwise."""
    from importlib.metadata import version

    files = sorted(Path(__file__).parent.rglob("*.py"))
    return f"{version('suffice')}+{digest_of([file_digest(f) for f in files])[:12]}"


@lru_cache
def _versions() -> Mapping[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for library in LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found


def _judged(scorer: Scorer, example: Example, answer: Answer) -> Score:
    try:
        return scorer(example, answer)
    except (SufficeError, Stopped):
        raise
    except Exception as wrong:
        return Score(None, f"the scorer failed: {type(wrong).__name__}: {wrong}")


def _uncached(answer: Answer) -> tuple[Answer, bool]:
    """The answer without the marks of the reply cache, and whether every reply came from it."""
    marks = [step.notes.get("cached") is True for step in answer.trace if step.name == "model"]
    if not any(marks):
        return answer, False
    steps = (replace(s, notes={k: v for k, v in s.notes.items() if k != "cached"}) for s in answer.trace)
    return replace(answer, trace=tuple(steps)), all(marks)
