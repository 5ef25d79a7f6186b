"""The contract that every layer meets, and what the ladder must know of it: causes, gates and duties."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from .types import Answer, Ask, Request

if TYPE_CHECKING:
    from .data import Dataset
    from .task import Task

Cause = Literal[
    "format",
    "input",
    "context",
    "knowledge",
    "retrieval",
    "coverage",
    "instruction",
    "behaviour",
    "tool use",
    "reasoning",
    "capability",
    "label suspect",
    "consistency",
    "undiagnosed",
]


Kind = Literal[
    "re-index",
    "re-embed",
    "re-judge",
    "re-tune",
    "re-measure",
    "retirement",
    "terms",
    "edge set",
    "owner",
    "review",
    "drift",
]
"""What a duty is about: it says what doing it costs, and which of them an event makes due."""


@dataclass(frozen=True, slots=True)
class Gate:
    """A hard condition for trying a rung: what was measured, what is needed, and who says so."""

    name: str
    passed: bool
    measured: str
    needed: str
    source: str = ""
    forced: bool = False
    """Whether somebody had the rung tried although this does not hold."""
    assumed: bool = False
    """Whether it passes only because nothing was stated or could be told: the verdict says so."""


@dataclass(frozen=True, slots=True)
class Duty:
    """A dated obligation that a kept layer creates."""

    what: str
    why: str
    every_days: int | None = None
    """Days between two times it is due; None when an event, not the calendar, makes it due."""
    when: str = ""
    """The event that makes it due, where there is one."""
    owner: str | None = None
    command: str = ""
    kind: Kind = "re-measure"
    about: str = ""
    """The model it is about, where its terms or its end make it due."""


@dataclass(frozen=True)
class Layer(ABC):
    """One customization. A frozen dataclass: what it learned is in its fields, so it can be saved and compared."""

    treats: ClassVar[tuple[Cause, ...]] = ()
    """The causes of failure this layer can remove."""

    @classmethod
    def for_task(cls, task: Task) -> Self | None:
        """The unfitted layer for a task, or None where the task gives it nothing to work with."""
        return cls()

    def variants(self, train: Dataset) -> Sequence[Self]:
        """Candidates for the climb to judge; each is fitted, run on dev and compared. Default: this one."""
        return (self,)

    def fit(self, below: Ask, train: Dataset) -> Self:
        """Learn from `train`, given everything beneath; return the fitted layer. Default: nothing to learn."""
        return self

    def gates(self, task: Task, train: Dataset) -> Sequence[Gate]:
        """What must hold before this layer is worth trying. Default: nothing."""
        return ()

    def duties(self, task: Task) -> Sequence[Duty]:
        """What somebody must keep doing once this layer is kept. Default: nothing."""
        return ()

    @abstractmethod
    def __call__(self, request: Request, ask: Ask) -> Answer:
        """Answer `request`; call `ask` zero, one or several times to use what is beneath."""
