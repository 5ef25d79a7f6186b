"""What a run leaves behind: one record per example, all of them with a manifest, and what failed because of what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from .data import Dataset
from .layer import Cause
from .score import Score
from .stack import Stack
from .types import Answer, Json


@dataclass(frozen=True, slots=True)
class Record:
    """One example's outcome. A failed call has no answer, scores 0, and says why in `error`.

    Where the scorer's own model failed, the answer is there and its score's value is None.
    """

    id: str
    """The example's id."""
    answer: Answer | None
    score: Score
    error: str = ""
    fault: str = ""
    """The class of the failure (see `errors.Fault`), where there was one."""
    cached: bool = False
    """Whether every reply came from the ledger, at no new cost."""
    judged: tuple[Answer, ...] = ()
    """What the scorer's own model replied, where it asked one."""

    @property
    def value(self) -> float | None:
        """The score's value: None when it could not be judged, 0 when the call failed."""
        return self.score.value

    @property
    def passed(self) -> bool:
        """Whether the example is fully solved."""
        return self.score.value is not None and self.score.value >= 1.0 - 1e-12


@dataclass(frozen=True)
class Run:
    """A stack over a dataset: records in the dataset's order, and a manifest complete enough to replay them."""

    id: str
    stack: Stack
    dataset: Dataset
    records: tuple[Record, ...]
    manifest: Mapping[str, Json] = field(default_factory=dict)

    @cached_property
    def by_id(self) -> Mapping[str, Record]:
        """The records by example id."""
        return {r.id: r for r in self.records}

    @cached_property
    def values(self) -> Mapping[str, float]:
        """Judged values by example id: failed calls are 0, unjudged ones are left out (see `unjudged`)."""
        return {r.id: r.value for r in self.records if r.value is not None}

    @property
    def unjudged(self) -> tuple[str, ...]:
        """Ids of the examples that the scorer could not judge."""
        return tuple(r.id for r in self.records if r.value is None)

    @property
    def quality(self) -> float | None:
        """The mean of the judged values; None when there are none."""
        return sum(self.values.values()) / len(self.values) if self.values else None


@dataclass(frozen=True, slots=True)
class Finding:
    """A cause, how much of the failures it explains, the probe that proved it and the records behind it."""

    cause: Cause
    share: float
    low: float | None
    high: float | None
    """None under 30 failures: then the counts say all that can be said."""
    proved_by: str
    record_ids: tuple[str, ...]
    failures: int
    fixed: int
    sham_fixed: int
    broke: int = 0
    passing: int = 0
    """Of `passing` solved items the probe was tried on, it broke `broke`."""
    also: tuple[Cause, ...] = ()
    """The further causes, where only several interventions together fixed it."""


@dataclass(frozen=True, slots=True)
class Tried:
    """One probe, or two together: what it came to, whether it found anything or not."""

    probe: str
    proves: tuple[Cause, ...]
    asked: int
    """Failures it was asked about; the others it says nothing about, or something lighter had fixed them."""
    fixed: int
    sham_fixed: int
    broke: int
    passing: int
    calls: int
    usd: float | None
    """None where a reply has no known price."""
    note: str = ""
    """Why it was not tried, where it was not."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """On failures drawn at random, which both probes were asked about: how many each fixed, and how many both did."""

    probe: str
    other: str
    asked: int
    fixed: int
    other_fixed: int
    both: int


@dataclass(frozen=True, slots=True)
class Slice:
    """The causes among some of the failures: those of one partition, label, length, time or group."""

    by: str
    value: str
    failures: int
    findings: tuple[Finding, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All findings about one run's failures, largest share first, `undiagnosed` last."""

    run: str
    failures: int
    findings: tuple[Finding, ...]
    note: str = ""
    tried: tuple[Tried, ...] = ()
    overlaps: tuple[Overlap, ...] = ()
    slices: tuple[Slice, ...] = ()
    words: tuple[str, ...] = ()
    """What a person would say of it, in two or three sentences."""
