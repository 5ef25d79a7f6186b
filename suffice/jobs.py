"""Jobs: a tuning job at a platform, from data to a tuned model's name, never uploaded or paid for twice.

.suffice/jobs/<id>.json    how it stands, written whole before and after each step
.suffice/jobs/<id>.jsonl   the data in the platform's form, as it was or will be uploaded
.suffice/jobs/<id>/        the weights, where the platform gives them
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar, cast, get_args

from .artifacts import write_whole
from .demonstrations import Demonstration, digest
from .digest import digest_of, plain
from .errors import BudgetSpent, InputError, ModelError
from .platform import Estimate, Misfit, Order, Platform, Report, Result, Standing, estimate
from .plugins import build, made, name_of, spec_of
from .strict import parse
from .terms import Price, Terms, terms_of
from .types import Json

T = TypeVar("T")

Stage = Literal["new", "uploading", "uploaded", "starting", "started", "done", "failed", "cancelled"]
OVER: tuple[Stage, ...] = ("done", "failed", "cancelled")
FORMAT = 1
KEPT_EVENTS = 200


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a job, as we saw it."""

    time: str
    """UTC, ISO 8601."""
    what: str


@dataclass(frozen=True, slots=True)
class Job:
    """One job and how far it is."""

    id: str
    """Ours: it names the file and the job at the platform, too."""
    platform: Mapping[str, Json]
    """The platform's spec: which plugin, and its fields."""
    order: Order
    rows: int
    data: str
    """A SHA-256 over the rows that are learned from."""
    estimate: Estimate
    stage: Stage = "new"
    file: str = ""
    """The platform's handle of the uploaded data."""
    job: str = ""
    """The platform's handle of the job."""
    quoted: float | None = None
    """What the platform itself said it would cost, in US dollars."""
    report: Report | None = None
    model: str = ""
    """The tuned model's name."""
    served: Mapping[str, Json] | None = None
    weights: str = ""
    """The file, beside the job's."""
    note: str = ""
    events: tuple[Event, ...] = ()

    @property
    def over(self) -> bool:
        """Whether nothing more will happen."""
        return self.stage in OVER

    @property
    def name(self) -> str:
        """The platform's name."""
        return str(self.platform["use"])


Watcher = Callable[[Job], object]


@dataclass(frozen=True, slots=True)
class Pace:
    """How often the platform is asked, and for how long a lost connection is borne. Seconds."""

    first: float = 5.0
    most: float = 120.0
    settle: float = 30.0
    """Between a start whose reply was lost and the next look for the job: lists may lag behind."""
    patience: int = 8
    """Failed looks in a row, each waiting longer, before giving up; the job itself runs on."""
    sleep: Callable[[float], object] = field(default=time.sleep, repr=False, compare=False)


# Begin, go on, look, stop


def train_on(
    platform: Platform,
    rows: Sequence[Demonstration],
    order: Order,
    folder: Path,
    *,
    budget: float | None = None,
    attempt: int = 0,
    wait: bool = True,
    watch: Watcher | None = None,
    pace: Pace | None = None,
    today: date | None = None,
) -> Job:
    """Tune on a platform: the same call goes on where it was broken off, and returns at once what is done.

    `folder` is the task's. `budget` (US dollars) stops before anything is paid where the upper end of the estimate, or
    the platform's own quote, is more. Another `attempt` is another job: a failed one is not repeated by itself.
    Raises InputError for data that the platform would refuse, BudgetSpent, or ModelError where it cannot be reached.
    """
    job, content = _drawn_up(platform, rows, order, folder, attempt)
    with _held(folder, job.id):
        kept = load_job(folder, job.id) if _path(folder, job.id).is_file() else None
        if kept is None:
            warnings = _checked(platform, rows, job, terms_of(job.name, folder), today or datetime.now(UTC).date())
            _afford(job, budget, quotes=getattr(platform, "quotes", True))
            write_whole(_path(folder, job.id).with_suffix(".jsonl"), content)
            kept = _kept(folder, _noted(job, "drawn up", *warnings))
        return _Work(platform, folder, budget, watch, pace or Pace()).advanced(kept, wait)


def resume(
    folder: Path,
    id_: str,
    *,
    budget: float | None = None,
    wait: bool = True,
    watch: Watcher | None = None,
    pace: Pace | None = None,
) -> Job:
    """Go on with a job from its file alone."""
    job = load_job(folder, id_)
    with _held(folder, job.id):
        work = _Work(_plugin(job, folder), folder, budget, watch, pace or Pace())
        return work.advanced(load_job(folder, job.id), wait)


def cancel(folder: Path, id_: str) -> Job:
    """Ask the platform to stop a job; one that was never started is over at once."""
    job = load_job(folder, id_)
    with _held(folder, job.id):
        job, platform = load_job(folder, job.id), _plugin(job, folder)
        if job.over:
            return job
        handle = job.job or (platform.started(job.id) if job.stage == "starting" else None)
        if handle is None:
            return _kept(folder, _noted(replace(job, stage="cancelled"), "cancelled before it was started"))
        platform.cancel(handle)
        job = _reported(replace(job, job=handle, stage="started"), platform.poll(handle))
        return _kept(folder, _noted(job, "asked to stop"))


def jobs(folder: Path) -> tuple[Job, ...]:
    """The jobs of a task folder, the latest first."""
    found = [load_job(folder, path.stem) for path in sorted(_home(folder).glob("suffice-*.json"))]
    return tuple(sorted(found, key=lambda job: job.events[0].time if job.events else "", reverse=True))


def platform_of(name: str, folder: Path | None = None) -> Platform:
    """The platform called `name`, with the fields that the task's platforms.yaml sets under `use`."""
    use = terms_of(name, folder).use if ":" not in name else None
    return cast(Platform, build("platforms", {"use": name, **(use or {})}, beside=folder))


def findings(platform: Platform, rows: Sequence[Demonstration], order: Order) -> tuple[Misfit, ...]:
    """What the platform would refuse or trip over, what is fatal first, then by line."""
    found = platform.misfits(rows, order)
    return tuple(sorted(found, key=lambda m: (not m.fatal, m.line or 0)))


class _Work:
    """One job in progress."""

    def __init__(
        self, platform: Platform, folder: Path, budget: float | None, watch: Watcher | None, pace: Pace
    ) -> None:
        self.platform, self.folder, self.budget, self.pace = platform, folder, budget, pace
        self.watch = watch or (lambda _job: None)
        self.looks = 0

    def advanced(self, job: Job, wait: bool) -> Job:
        """As far as it goes: to its end, or, without `wait`, until it runs there."""
        resumed = job.stage == "starting"
        while not job.over:
            if job.stage in ("new", "uploading"):
                job = self.uploaded(job)
            elif job.stage == "uploaded":
                job = self.allowed(job)
            elif job.stage == "starting":
                job = self.started(job, resumed)
            else:
                job = self.polled(job)
                if not wait and not job.over:
                    break
                if not job.over:
                    self.wait(job.report)
        return job

    def keep(self, job: Job, *what: str) -> Job:
        job = _kept(self.folder, _noted(job, *what) if what else job)
        self.watch(job)
        return job

    def uploaded(self, job: Job) -> Job:
        _afford(job, self.budget, quotes=getattr(self.platform, "quotes", True))
        file = self.insist(lambda: self.platform.uploaded(job.id) or self.sent(job))
        return self.keep(replace(job, stage="uploaded", file=file), f"uploaded as {file}")

    def sent(self, job: Job) -> str:
        """Upload the data; until here the platform was only asked, and a job without a key has sent nothing."""
        content = _path(self.folder, job.id).with_suffix(".jsonl").read_bytes()
        self.keep(replace(job, stage="uploading"))
        return self.platform.upload(content, job.id)

    def allowed(self, job: Job) -> Job:
        """Money is looked at once more, now that the platform knows the data."""
        _afford(job, self.budget, quotes=True)
        quote = self.insist(lambda: self.platform.quote(job.file, job.order))
        if quote is not None:
            job = self.keep(replace(job, quoted=quote.usd), f"quoted at {_usd(quote.usd)}")
            if not quote.allowed:
                raise BudgetSpent(f"{job.name} does not allow the job: {quote.message}", hint="the upload is kept")
        _afford(job, self.budget)
        return self.keep(replace(job, stage="starting"))

    def started(self, job: Job, resumed: bool) -> Job:
        """Whatever was lost, a job that is there already is found before another is started."""
        if resumed:
            self.pace.sleep(self.pace.settle)
        for tried in range(1, self.pace.patience + 1):
            handle = self.insist(partial(self.platform.started, job.id))
            try:
                handle = handle or self.platform.start(job.file, job.order, job.id)
            except ModelError as wrong:
                if not wrong.retryable or tried == self.pace.patience:
                    raise
                job = self.keep(job, f"starting: {wrong}")
                self.pace.sleep(max(self.pace.settle, wrong.retry_after or 0.0))
            else:
                return self.keep(replace(job, stage="started", job=handle), f"started as {handle}")
        raise AssertionError("unreachable")

    def polled(self, job: Job) -> Job:
        report = self.insist(lambda: self.platform.poll(job.job))
        changed = job.report is None or (report.standing, report.told) != (job.report.standing, job.report.told)
        self.looks = 0 if changed else self.looks + 1
        job = _reported(job, _reckoned(job, report))
        if report.standing == "done":
            result = self.insist(lambda: self.platform.fetch(job.job, _path(self.folder, job.id).with_suffix("")))
            return self.keep(_resulted(job, result, self.folder), f"done: {result.model}")
        return self.keep(job, *([f"{report.told or report.standing} {report.message}".strip()] if changed else []))

    def wait(self, report: Report | None) -> None:
        """Ever longer while nothing changes; the end that the platform foresees is not slept through."""
        seconds = min(self.pace.most, self.pace.first * 1.5**self.looks)
        ahead = report.eta if report is not None else None
        self.pace.sleep(seconds if ahead is None else min(seconds, max(self.pace.first, ahead)))

    def insist(self, call: Callable[[], T]) -> T:
        """What may be asked twice is asked again where the failure may pass."""
        for tried in range(self.pace.patience):
            try:
                return call()
            except ModelError as wrong:
                if not wrong.retryable or tried + 1 == self.pace.patience:
                    raise
                self.pace.sleep(wrong.retry_after or min(self.pace.most, self.pace.first * 2**tried))
        raise AssertionError("unreachable")


# What is written down


def load_job(folder: Path, id_: str) -> Job:
    """The job with this id, or the only one whose id begins so."""
    if not id_ or not all(c.isalnum() or c == "-" for c in id_):
        raise InputError(f"`{id_}` is no job's id")
    sought = id_ if id_.startswith("suffice-") else f"suffice-{id_}"
    found = sorted(_home(folder).glob(f"{sought}*.json"))
    if len(found) != 1:
        several = "several jobs" if found else "no job"
        raise InputError(f"{several} `{id_}` in {_home(folder)}", hint="`suffice jobs` lists them")
    try:
        job = _read(parse(found[0].read_text("utf-8")))
        if job.id != found[0].stem:
            raise ValueError("it is another job's, by its id")  # which names the files that are written
        return job
    except (OSError, ValueError, TypeError, KeyError, AttributeError, InputError) as wrong:
        raise InputError(f"the job's file cannot be read: {wrong}", file=str(found[0])) from wrong


def _read(body: Json) -> Job:
    if not isinstance(body, Mapping) or body.get("format") != FORMAT:
        raise ValueError(f"not a job of format {FORMAT}")
    given = {**body}
    del given["format"]
    if given.get("stage") not in get_args(Stage):
        raise ValueError(f"no such stage: {given.get('stage')}")
    price = given["estimate"].get("price")
    estimated = {**given["estimate"], "price": made(Price, price, "the price") if price else None}
    given["estimate"] = Estimate(**estimated)
    given["order"] = made(Order, given["order"], "the order")
    given["report"] = _report(given["report"]) if given.get("report") else None
    given["events"] = tuple(made(Event, e, "an event") for e in given.get("events", ()))
    return Job(**given)


def _report(body: Json) -> Report:
    report = made(Report, body, "the report")
    if report.standing not in get_args(Standing):
        raise ValueError(f"no such standing: {report.standing}")
    return report


def _kept(folder: Path, job: Job) -> Job:
    body = {"format": FORMAT, **plain(asdict(job))}
    write_whole(_path(folder, job.id), json.dumps(body, indent=1, ensure_ascii=False).encode())
    return job


def _noted(job: Job, *what: str) -> Job:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return replace(job, events=(*job.events, *(Event(now, w) for w in what))[-KEPT_EVENTS:])


def _reported(job: Job, report: Report) -> Job:
    over = {"failed": "failed", "cancelled": "cancelled"}.get(report.standing)
    return replace(job, report=report, stage=cast(Stage, over or job.stage))


def _reckoned(job: Job, report: Report) -> Report:
    """With the time to go reckoned from the share that is done, where the platform tells only that."""
    began = next((e.time for e in reversed(job.events) if e.what.startswith("started as")), "")
    if report.eta is not None or not report.progress or not began or report.standing != "running":
        return report
    passed = (datetime.now(UTC) - datetime.fromisoformat(began)).total_seconds()
    return replace(report, eta=max(0.0, passed) * (1 - report.progress) / report.progress)


def _resulted(job: Job, result: Result, folder: Path) -> Job:
    weights = str(result.weights.relative_to(folder)) if result.weights else ""
    return replace(job, stage="done", model=result.model, served=result.served, weights=weights, note=result.note)


def _home(folder: Path) -> Path:
    return folder / ".suffice" / "jobs"


def _path(folder: Path, id_: str) -> Path:
    return _home(folder) / f"{id_}.json"


@contextmanager
def _held(folder: Path, id_: str) -> Iterator[None]:
    """One process at a time goes on with a job; a second one is told so."""
    from filelock import FileLock, Timeout

    _home(folder).mkdir(parents=True, exist_ok=True)
    lock = FileLock(_home(folder) / f".{id_}.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout as busy:
        raise InputError(f"another process is at job {id_}", hint="wait for it, or stop it") from busy
    try:
        yield
    finally:
        lock.release()


# Before anything is sent


def _drawn_up(
    platform: Platform, rows: Sequence[Demonstration], order: Order, folder: Path, attempt: int
) -> tuple[Job, bytes]:
    """The job that these rows, this platform and this order always are, and its data."""
    content, spec = platform.data(rows), plain(spec_of(platform))
    known = digest_of([spec, digest_of(content.decode("utf-8", "surrogatepass")), asdict(order), attempt])
    terms = terms_of(name_of(type(platform)), folder)
    id_ = f"suffice-{known[:20]}"
    return Job(id_, spec, order, len(rows), digest(rows), estimate(rows, order, terms)), content


def _checked(platform: Platform, rows: Sequence[Demonstration], job: Job, terms: Terms, today: date) -> tuple[str, ...]:
    """Refuse what the platform would refuse; return the warnings."""
    if not platform.starts:
        raise InputError(f"{terms.title} is not started from here", hint=f"suffice export --for {job.name} writes how")
    found = findings(platform, rows, job.order)
    if fatal := [m for m in found if m.fatal]:
        first = fatal[0]
        more = f" (and {len(fatal) - 1} more)" if len(fatal) > 1 else ""
        where = f"row {first.line} ({first.id}): " if first.line else ""
        raise InputError(f"{terms.title} would refuse the data: {where}{first.what}{more}", hint=first.fix)
    ends = terms.endings(job.order.model, today)
    if stopped := [e for e in ends if e.stops]:
        raise InputError(f"{terms.title} {stopped[0]}", hint="`suffice platforms` compares those that remain")
    return (*(f"{terms.title} {e}" for e in ends), *(f"row {m.line}: {m.what}" for m in found))


def _afford(job: Job, budget: float | None, *, quotes: bool = False) -> None:
    """The upper end counts, or what the platform itself said; with `quotes`, it may still say so."""
    if budget is None:
        return
    most = job.quoted if job.quoted is not None else job.estimate.usd_high
    if most is None and not quotes:
        raise InputError(
            f"no price of {job.order.model} at {job.name} is known, so --budget cannot hold",
            hint="set one in platforms.yaml, or leave --budget out",
        )
    if most is not None and most > budget:
        told = "is quoted at" if job.quoted is not None else "may cost up to"
        raise BudgetSpent(
            f"the job {told} {_usd(most)}, more than --budget {_usd(budget)}; nothing was started",
            hint="raise --budget, or train on fewer rows or epochs",
        )


def _usd(amount: float | None) -> str:
    return "no price" if amount is None else f"${amount:,.2f}"


def _plugin(job: Job, folder: Path) -> Any:
    return build("platforms", job.platform, beside=folder)
