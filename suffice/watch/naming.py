"""Naming: which kind of drift it is, by which monitors moved and which, being there, did not.

| moved                                   | and            | is                                                       |
|-----------------------------------------|----------------|----------------------------------------------------------|
| anchors                                 |                | judge: the same outputs are scored otherwise             |
| words, length, languages or scope       |                | input: what is asked is something else                   |
| passage scores, low retrieval, documents| no input       | retrieval                                                |
| canaries, or a version that is new      | no retrieval   | model: the same requests are answered otherwise          |
| right labels                            | no input       | label: what is right for the same requests has changed   |
| labels                                  | canaries still | label                                                    |
| labels                                  | no canaries    | cannot tell label from model                             |
| reply length or latency                 | no canaries    | model; with canaries that are still: cannot tell         |
| scores of replies alone                 |                | cannot tell quality from judge                           |

What lies downstream of a kind that is named is explained by it. A name is no test: the error that is stated is that of
an alarm at all. How often names are right was measured (`benchmarks/drift.py`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Literal

from .days import Day
from .monitors import BY_NAME
from .vigil import Vigil, Watched

UNKNOWN = "cannot tell"
MOVED, MOVED_FIXED = 100.0, 30.0
"""The wealth, from 1, from which on a monitor is taken to have moved once there is an alarm; less is asked of canaries
and anchors, which nothing but their own kind moves."""
SETTLE, OPEN = 2, 7
"""Blocks after an alarm for which a name is still open, what moves slowly has not moved yet; and so many more for an
alarm that nothing explains."""
BEFORE = 7
"""Blocks before the change that is dated in which a new version counts as part of it."""
LATER = 2
"""Blocks after the dated change by which another monitor's may lag."""
INPUT = ("words", "length", "languages", "scope", "sizes")
RETRIEVAL = ("passage scores", "low retrieval", "documents")
REPLIES = ("labels", "reply length", "latency", "scores")
NEW = 0.1
"""The share of a day's calls from which on a version that the baseline never saw is told."""


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that a log says outright: a version that the baseline never saw. No test, so no error."""

    what: str
    """model or index"""
    version: str
    block: int
    share: float


@dataclass(frozen=True, slots=True)
class Name:
    """What an alarm is taken for."""

    kind: str
    """input, retrieval, label, judge, model, or "cannot tell"."""
    why: str
    moved: tuple[str, ...]
    """The monitors that say so."""


@dataclass(frozen=True, slots=True)
class Named:
    """An alarm, named: more than one kind where more than one thing moved that does not explain the other."""

    names: tuple[Name, ...]
    at: int
    """The place up to which was looked."""
    since: int
    """The place at which the change is dated."""
    settled: bool
    """Whether more days will not change the name: while nothing explains it, it is left open a little longer."""
    moved: Mapping[str, Watched]
    still: tuple[str, ...]
    """Monitors that were there and did not move."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds, in the order of what explains what."""
        return tuple(name.kind for name in self.names)


def named(found: Vigil, facts: Sequence[Fact] = ()) -> Named | None:
    """Name an alarm by what is known some blocks after it; None where there is none."""
    if found.alarm is None:
        return None
    last, first = len(found.blocks) - 1, found.alarm + SETTLE
    for at in range(min(first, last), min(first + OPEN, last) + 1):
        made = _named(found, facts, at)
        if UNKNOWN not in made.kinds:
            break
    return made


def _named(found: Vigil, facts: Sequence[Fact], at: int) -> Named:
    """The name by what is known at a place."""
    watched = found.watched(at)
    leading = max(watched.values(), key=lambda w: w.evidence)
    since, leader = leading.since, leading.monitor.name
    here = {n: leading if n == leader else _since(found, n, since, at) for n in watched}
    moved = {n: w for n, w in here.items() if w.matters and (n == leader or w.evidence >= _enough(w))}
    block = found.blocks[max(0, since - BEFORE)]
    versions = {fact.what for fact in facts if block <= fact.block <= found.blocks[at]}
    still = tuple(n for n in watched if n not in moved)
    names = told(set(moved), set(still), versions)
    open_for = SETTLE + (OPEN if any(name.kind == UNKNOWN for name in names) else 0)
    return Named(names, at, since, at >= (found.alarm or 0) + open_for, moved, still)


def _since(found: Vigil, name: str, since: int, at: int) -> Watched:
    """A monitor's evidence and effect since the dated change, which it may lag a little."""
    evidence = max(found.bets[name].since(start, at) for start in range(since, min(since + LATER, at) + 1))
    return Watched(BY_NAME[name], evidence, since, found.effect(name, since, at))


def _enough(watched: Watched) -> float:
    return math.log(MOVED if watched.monitor.weekly else MOVED_FIXED)


def told(moved: Set[str], still: Set[str], versions: Set[str] = frozenset()) -> tuple[Name, ...]:
    """The table, from what explains to what is explained: monitors that moved, that did not, versions that are new."""
    return tuple(_names(moved, still, versions))


def _names(moved: Set[str], still: Set[str], versions: Set[str]) -> Iterator[Name]:
    rest = set(moved)
    found = False
    for name, explained in _table(moved, still, versions):
        if not rest & set(name.moved) and name.moved:
            continue
        yield name
        found, rest = True, rest - {*name.moved, *explained}
    if not found:
        yield Name(UNKNOWN, "something moved, and no monitor by itself says what", ())
    elif rest:
        yield Name(UNKNOWN, "this moved too, and nothing above explains it", _of(rest, sorted(rest)))


def _table(moved: Set[str], still: Set[str], versions: Set[str]) -> Iterator[tuple[Name, tuple[str, ...]]]:
    input_, retrieval = _of(moved, INPUT), _of(moved, RETRIEVAL)
    if "anchors" in moved:
        yield Name("judge", "the same outputs are scored otherwise", ("anchors",)), ("scores",)
    if input_:
        yield Name("input", "what is asked has changed", input_), (*RETRIEVAL, *REPLIES, "right labels")
    if retrieval and not input_:
        why = "what is found has changed, and what is asked has not"
        yield Name("retrieval", why, retrieval), (*REPLIES, *(() if "model" in versions else ("canaries",)))
    if "canaries" in moved and ("model" in versions or not retrieval or input_):
        yield Name("model", "the same requests are answered otherwise", ("canaries",)), REPLIES
    elif "model" in versions and _of(moved, REPLIES):
        why = "another version of the model answers, and replies have changed"
        yield Name("model", why, _of(moved, REPLIES)), REPLIES
    yield from _labels(moved, still)
    yield from _replies(moved, still)


def _labels(moved: Set[str], still: Set[str]) -> Iterator[tuple[Name, tuple[str, ...]]]:
    if "right labels" in moved:
        told = _of(moved, ("right labels", "labels"))
        yield Name("label", "what is right for requests like these has changed", told), ("scores",)
    elif "labels" in moved and "canaries" in still:
        why = "requests like these get other labels, and fixed requests do not"
        yield Name("label", why, ("labels",)), ("scores", "reply length", "latency")
    elif "labels" in moved:
        why = "requests like these get other labels; without canaries, label and model drift look alike"
        yield Name(UNKNOWN, why, ("labels",)), ("scores", "reply length", "latency")


def _replies(moved: Set[str], still: Set[str]) -> Iterator[tuple[Name, tuple[str, ...]]]:
    told = _of(moved, ("reply length", "latency"))
    if told and "canaries" not in still:
        yield Name("model", "requests like these get replies of another length, or at another speed", told), ("scores",)
    elif told:
        why = "replies have another length or speed, and fixed requests are answered as before"
        yield Name(UNKNOWN, why, told), ("scores",)
    if "scores" in moved:
        why = "scores have changed; " + (
            "the judge has not, so quality has, and nothing says by what"
            if "anchors" in still
            else "without anchors, quality and the judge look alike"
        )
        yield Name(UNKNOWN, why, ("scores",)), ()


def _of(moved: Set[str], names: tuple[str, ...] | list[str]) -> tuple[str, ...]:
    return tuple(n for n in names if n in moved)


def facts(found: Vigil, days: Mapping[int, Day]) -> tuple[Fact, ...]:
    """Versions that the baseline never saw, each with the first block that holds enough of it."""
    return tuple(sorted((*_new(found, days, "models"), *_new(found, days, "indexes")), key=lambda f: f.block))


def _new(found: Vigil, days: Mapping[int, Day], what: Literal["models", "indexes"]) -> Iterator[Fact]:
    told = [days[block].versions(what) for block in found.blocks]
    known = {version for shares in told[: found.baseline] for version in shares}
    for block, shares in zip(found.blocks[found.baseline :], told[found.baseline :], strict=True):
        for version, share in shares.items():
            if known and version not in known and share >= NEW:
                known.add(version)
                yield Fact("model" if what == "models" else "index", version, block, share)
