"""A probe is an intervention: a stack changed in one way, beside a sham changed as much to no purpose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal, Protocol

from .data import Dataset, Output
from .documents import Corpus
from .layer import Cause
from .stack import Stack
from .types import Answer, Ask

Reads = Literal["passes", "agreement"]


@dataclass(frozen=True)
class Setting:
    """What a probe may use. Nothing of it comes from the test items."""

    stack: Stack
    """The stack whose failures are being explained."""
    failures: Dataset
    pool: Dataset
    """Solved examples that are not among the failures."""
    output: Output
    goal: str = ""
    corpus: Corpus | None = None
    folder: Path = Path()
    seed: int = 0
    strong: Ask | None = None
    """The task's stronger model, where it names one."""
    replies: Mapping[str, Answer] = field(default_factory=dict)
    """What the stack replied to each failure, where its call did not fail."""


@dataclass(frozen=True)
class Arms:
    """A probe's stack and its shams', each asked about the same failures; the best sham counts."""

    probe: Stack
    shams: tuple[Stack, ...]
    causes: Mapping[str, Cause] = field(default_factory=dict)
    """The cause that a fix proves, by example id, where it depends on the example."""
    applies: frozenset[str] | None = None
    """Ids of the failures the probe says anything about; None means all."""
    repeats: int = 1
    """How often each is asked; a majority of passes counts as one pass."""
    open_only: bool = False
    """Whether only failures that no earlier probe fixed are asked about, and a few drawn at random."""
    at_most: int | None = None
    """Asks about so many of the failures drawn at random, and about no other: of probes whose replies are long."""
    reads: Reads = "passes"
    """What counts as fixed: that the probe's reply passes, or that it says what the failing reply said.

    With "agreement" no stack is a sham: the sham is the agreement with what was replied to another failure.
    """


class Probe(Protocol):
    """A frozen dataclass; the file's name is the probe's."""

    order: ClassVar[int]
    """Its place in the frozen order: lighter interventions first."""
    proves: ClassVar[tuple[Cause, ...]]
    """The causes a fix can prove, the usual one first; none where a fix tells something but proves no cause."""

    def arms(self, setting: Setting) -> Arms | None:
        """The stacks to ask, or None where the task gives the probe nothing to work with."""
        ...
