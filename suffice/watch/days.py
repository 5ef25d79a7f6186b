"""Days: what is kept of each day of a log, a bounded sample and the fixed inputs, however often the log is read.

A day is closed when a call of a later day has been read. What is told of a closed day afterwards changes nothing: it
was read before, or it comes too late and is counted. So reading a growing log daily keeps what reading it once would.
"""

from __future__ import annotations

import json
import math
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Generic, Literal, TypeVar

from ..artifacts import write_whole
from ..digest import plain
from ..errors import InputError
from ..exchange import Exchange
from ..secrets import masked
from ..types import Json
from .seen import (
    ANCHOR,
    BUCKETS,
    CANARY,
    DOCUMENTS,
    Seen,
    Sought,
    hash_of,
    identity,
    index_version,
    question,
    searches,
    seen,
    version,
)

T = TypeVar("T")
VERSION = 1
SAMPLED = 256
"""Calls of a day that are kept, chosen by a hash of what they say: any other reading chooses the same."""
FIXED, MOST_NAMES = 400, 32
"""Canaries and anchors a day, and versions of models and indexes a day, at most."""
LATEST = 4_102_444_800.0
AHEAD = 86_400.0
"""Seconds by which a log's clock may be ahead of this one's."""
OLDEST = 800
"""Days that are kept at most; then the baseline moves on."""
SPACE = float(1 << 48)


@dataclass(frozen=True, slots=True)
class Calendar:
    """How time is cut: days, of which every weekday is a kind of its own; or shorter blocks that are all alike."""

    width: int = 86_400
    """Seconds of a block."""
    kinds: int = 7
    horizon: int = 28
    """The blocks for which the rate of false alarms is stated."""

    def block(self, time: float) -> int:
        """The number of a block."""
        return int(time // self.width)

    def kind(self, block: int) -> int:
        """What a block is compared within: its weekday."""
        return block % self.kinds

    def when(self, block: int) -> str:
        """A block's day, or the minute it begins, in UTC."""
        at = datetime.fromtimestamp(block * self.width, UTC)
        return at.date().isoformat() if self.width == 86_400 else at.isoformat(timespec="seconds")

    @property
    def unit(self) -> str:
        """A block in a word."""
        return "day" if self.width == 86_400 else "minute" if self.width == 60 else f"{self.width}-second block"


WEEK = Calendar()


def steady(seconds: int) -> Calendar:
    """Blocks of so many seconds without a rhythm: for logs that are too short to show one; an hour of minutes, say."""
    if not 1 <= seconds <= 86_400:
        raise InputError(f"blocks of {seconds} seconds", hint="from 1 second to a day")
    return Calendar(seconds, 1, 60)


@dataclass
class Sample(Generic[T]):
    """The items of the smallest identities: the same ones in whatever order, and however often, they come."""

    held: dict[int, T] = field(default_factory=dict)
    last: int = -1
    """The largest identity that is still taken; -1 while all are."""

    def wants(self, mark: int) -> bool:
        """Whether an item of this identity would be new here."""
        return mark not in self.held and (self.last < 0 or mark < self.last)

    def keep(self, mark: int, item: T) -> None:
        """Take an item in."""
        self.held[mark] = item
        if len(self.held) > 2 * SAMPLED:
            self.trim()

    def trim(self) -> None:
        """Leave the smallest identities."""
        if len(self.held) >= SAMPLED:
            self.held = {mark: self.held[mark] for mark in sorted(self.held)[:SAMPLED]}
            self.last = max(self.held)

    @property
    def estimate(self) -> int:
        """About how many there were: exact while all are kept, else from the largest identity kept."""
        n = len(self.held)
        return n if n < SAMPLED else round((n - 1) / (max(self.held) / SPACE))


@dataclass
class Day:
    """One block's calls: samples of the calls and of the searches, and what is asked again every day."""

    calls: Sample[Seen] = field(default_factory=Sample)
    searches: Sample[Sought] = field(default_factory=Sample)
    canaries: dict[int, int] = field(default_factory=dict)
    """Input → reply, hashed."""
    anchors: dict[int, float] = field(default_factory=dict)
    """What was judged, hashed → the judge's score."""
    names: dict[int, str] = field(default_factory=dict)
    """The versions of models and indexes that calls and searches refer to."""
    hours: int = 0
    """Hours in which something was asked, a bit each."""

    def trim(self) -> None:
        """Leave what is kept in the end."""
        self.calls.trim()
        self.searches.trim()
        used = {c.served for c in self.calls.held.values()} | {s.index for s in self.searches.held.values()}
        self.names = {key: self.names[key] for key in sorted(used & self.names.keys())}

    def versions(self, what: Literal["models", "indexes"]) -> Mapping[str, float]:
        """Each version's share of the calls, or searches, that tell theirs."""
        calls = (c.served for c in self.calls.held.values())
        told = calls if what == "models" else (s.index for s in self.searches.held.values())
        counts = Counter(self.names[key] for key in told if key in self.names)
        return {name: n / counts.total() for name, n in counts.most_common()}


class Days:
    """All blocks, filled from logs and kept in a file."""

    def __init__(self, calendar: Calendar = WEEK, stage: str = "") -> None:
        self.calendar = calendar
        self.stage = stage
        self.kept: dict[int, Day] = {}
        self.closed = -1
        """The last block that is closed."""
        self.settings: dict[str, Json] = {}
        """What was said once and holds on: since, without, baseline, alpha, the seed; and the draws."""
        self.late = self.known = self.timeless = 0
        """Calls of closed blocks that no sample holds, those it holds, and calls without a time."""

    def take(self, exchanges: Iterable[Exchange]) -> None:
        """Read calls in any order, then close every block but the last, and none that this clock says is not over.

        What claims to be from after tomorrow has no time that could be used: it would close days that are yet to come.
        """
        now = time.time()
        until = min(LATEST, now + AHEAD)
        for e in exchanges:
            if e.time is None or not 0 <= e.time < until:
                self.timeless += 1
            else:
                self._add(e, e.time)
        if self.kept:
            self.closed = max(self.closed, min(max(self.kept), self.calendar.block(now)) - 1)
        for day in self.kept.values():
            day.trim()
        for old in sorted(self.kept)[:-OLDEST]:
            del self.kept[old]

    def excused(self, block: int) -> bool:
        """Whether somebody has said that a block is to be left out: a drift that was put right."""
        return any(first <= block <= last for first, last in self.settings.get("without", []))

    def _add(self, e: Exchange, at: float) -> None:
        if self.stage and e.kind == "model" and e.name != self.stage and not _fixed(e):
            return
        block = self.calendar.block(at)
        if block <= self.closed:
            self._after(block, e)
            return
        day = self.kept.setdefault(block, Day())
        if e.kind == "model":
            day.hours |= 1 << int(at % 86_400 // 3_600)
            self._model(day, e)
        self._search(day, e)

    def _after(self, block: int, e: Exchange) -> None:
        """A call of a closed block: known from before where the sample holds it, or could not have."""
        day = self.kept.get(block)
        mark = identity(e)
        if day is not None and e.kind == "model" and not _fixed(e) and day.calls.wants(mark):
            self.late += 1
        else:
            self.known += 1

    def _model(self, day: Day, e: Exchange) -> None:
        if _fixed(e):
            _again(day, e)
        elif day.calls.wants(mark := identity(e)):
            day.calls.keep(mark, seen(e))
            _name(day, version(e))

    def _search(self, day: Day, e: Exchange) -> None:
        for sought in searches(e):
            if day.searches.wants(mark := identity(e)):
                day.searches.keep(mark, sought)
                _name(day, index_version(e))


def _fixed(e: Exchange) -> bool:
    return e.name.lower().startswith((CANARY, ANCHOR))


def _again(day: Day, e: Exchange) -> None:
    """A canary's reply, or the judge's score of an anchor; the last of the day counts."""
    key = hash_of(question(e) + "\x1e" + (e.reply.content if e.name.lower().startswith(ANCHOR) and e.reply else ""))
    if e.name.lower().startswith(CANARY):
        if (key in day.canaries or len(day.canaries) < FIXED) and not e.error:
            day.canaries[key] = hash_of(e.reply.content.strip() if e.reply else "")
    elif e.score is not None and (key in day.anchors or len(day.anchors) < FIXED):
        day.anchors[key] = e.score


def _name(day: Day, name: str) -> None:
    if name and len(day.names) < MOST_NAMES:
        day.names[hash_of(name)] = masked(name)


# In a file


def save(days: Days, path: Path) -> None:
    """Write what is kept; no text of any request is in it."""
    body = {
        "version": VERSION,
        "calendar": plain(days.calendar),
        "stage": days.stage,
        "closed": days.closed,
        "settings": days.settings,
        "days": {str(block): _told(day) for block, day in sorted(days.kept.items())},
    }
    write_whole(path, json.dumps(body, separators=(",", ":"), allow_nan=False).encode("utf-8", "replace"))


def read(path: Path, calendar: Calendar = WEEK, stage: str = "") -> Days:
    """What was kept, or nothing where nothing was; a file of other blocks or another stage is refused."""
    if not path.is_file():
        return Days(calendar, stage)
    try:
        body = json.loads(path.read_text("utf-8"))
        days = _read(body)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as wrong:
        raise InputError("not what `suffice watch` keeps", file=str(path), hint="delete it to begin anew") from wrong
    if (days.calendar, days.stage) != (calendar, stage):
        raise InputError("kept of other blocks, or of another stage", file=str(path), hint="delete it to begin anew")
    return days


def _told(day: Day) -> dict[str, Json]:
    return {
        "calls": [[mark, *plain(astuple(call))] for mark, call in sorted(day.calls.held.items())],
        "searches": [[mark, *plain(astuple(sought))] for mark, sought in sorted(day.searches.held.items())],
        "full": [day.calls.last, day.searches.last],
        "canaries": sorted(day.canaries.items()),
        "anchors": sorted(day.anchors.items()),
        "names": sorted(day.names.items()),
        "hours": day.hours,
    }


def _read(body: Mapping[str, Json]) -> Days:
    if body["version"] != VERSION:
        raise ValueError("another version")
    days = Days(Calendar(**body["calendar"]), str(body["stage"]))
    days.closed = int(body["closed"])
    days.settings = _settings(body["settings"])
    days.kept = {int(block): _day(told) for block, told in body["days"].items()}
    return days


def _settings(told: Mapping[str, Json]) -> dict[str, Json]:
    """What was said before, each of its own type."""
    kinds = (("baseline", int), ("alpha", float), ("seed", int), ("revised", int))
    made: dict[str, Json] = {k: kind(told[k]) for k, kind in kinds if k in told}
    if "since" in told:
        made["since"] = None if told["since"] is None else str(told["since"])
    if "without" in told:
        made["without"] = [[int(first), int(last)] for first, last in told["without"]]
    if "draws" in told:
        made["draws"] = [{k: int(one[k]) for k in ("first", "last", "n", "seed")} for one in told["draws"]]
    return made


def _day(told: Mapping[str, Json]) -> Day:
    """A day as it was written; places beyond what is counted are refused."""
    day = _unchecked(told)
    words = [w for c in day.calls.held.values() for w in (*c.words, c.tongue)]
    documents = [d for s in day.searches.held.values() for d in s.documents]
    if not all(0 <= w < BUCKETS for w in words) or not all(0 <= d < DOCUMENTS for d in documents):
        raise ValueError("a place that is not there")
    numbers = [x for c in day.calls.held.values() for x in (c.length, c.out, c.ms, c.score)]
    if not all(x is None or math.isfinite(x) for x in numbers):
        raise ValueError("not a number")
    return day


def _unchecked(told: Mapping[str, Json]) -> Day:
    calls = {int(mark): Seen(tuple(words), *rest) for mark, words, *rest in told["calls"]}
    found = {int(mark): Sought(top, n, tuple(docs), index) for mark, top, n, docs, index in told["searches"]}
    first, second = told["full"]
    return Day(
        calls=Sample(calls, int(first)),
        searches=Sample(found, int(second)),
        canaries={int(k): int(v) for k, v in told["canaries"]},
        anchors={int(k): float(v) for k, v in told["anchors"]},
        names={int(k): str(v) for k, v in told["names"]},
        hours=int(told["hours"]),
    )
