"""Student: a tuned model that answers in the stack's place where it is sure, and otherwise asks its teacher."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Self

from ..contract import validator
from ..data import Dataset
from ..demonstrations import demonstrations
from ..layer import Cause, Duty, Gate, Layer
from ..model import resolve
from ..stack import Stack, straight
from ..strict import parse
from ..task import Task
from ..teachers import told
from ..template import WHOLE, fill
from ..trainer import Taught, held_out
from ..training import Adapted, base_of, trainable, trained, trainer_of, usable
from ..types import Answer, Ask, Json, Request

SOURCE = "docs/framework.md §3"


@dataclass(frozen=True)
class Student(Layer):
    """What the whole stack beneath knows, in a small model's weights. Its teacher is everything beneath it."""

    treats: ClassVar[tuple[Cause, ...]] = ()

    adapter: str = ""
    """The artifact that holds what was learned from the teacher."""
    instructions: str = ""
    question: str = WHOLE
    """How the student is asked: its own short prompt, in the place of all that the teacher is told."""
    schema: Mapping[str, Json] | None = None
    """The output contract that its replies are held to."""
    threshold: float = 0.0
    """The confidence under which it asks its teacher; 0 always answers itself."""
    trainer: str = "lora"
    recipe: Mapping[str, Json] = field(default_factory=dict)
    folder: Path = field(default=Path(), repr=False, compare=False)

    @classmethod
    def for_task(cls, task: Task) -> Self | None:
        """Unfitted; None for tool calls, which carry no confidence."""
        if task.output.kind == "tools":
            return None
        known = {"labels": {"enum": list(task.output.labels)}, "schema": task.output.schema}
        return cls(
            instructions=task.goal,
            schema=known.get(task.output.kind),
            trainer=task.training.trainer,
            recipe=dict(task.training.recipe),
            folder=task.folder,
        )

    @property
    def label(self) -> str:
        """The variant in a few words."""
        return f"student ({self.trainer}), sure at {self.threshold:g}"

    def fit(self, below: Ask, train: Dataset) -> Self:
        """Learn from `train`, whose expected answers are the teacher's. Where nothing can be trained, nothing is."""
        found = self.learned(below, train)
        return self if found is None else replace(self, adapter=found.artifact)

    def learned(self, below: Ask, train: Dataset) -> Adapted | None:
        """The trained artifact with its card; None where the model beneath cannot be trained here."""
        model: Any = getattr(below, "model", None)
        base = base_of(model)
        if base is None:
            return None
        taught = self.taught(below, train)
        return trained(trainer_of(self.trainer, self.recipe), taught.rows, taught.held, base, self.folder)

    def taught(self, below: Ask, train: Dataset) -> Taught:
        """What would be learned from, and what held out."""
        asked = Stack(getattr(below, "model", below), (_Asked(self),))
        return held_out(demonstrations(asked, train), seed=int(self.recipe.get("seed", 0)))

    def gates(self, task: Task, train: Dataset) -> Sequence[Gate]:
        """The student's weights are here, and its trainer serves a stack."""
        here = trainable(resolve(task.model, folder=task.folder))
        return (
            Gate(
                "student",
                here,
                "here" if here else "elsewhere",
                "a small model whose weights are here to be trained",
                SOURCE,
            ),
            usable(self.trainer, self.recipe),
        )

    def duties(self, task: Task) -> Sequence[Duty]:
        """A student knows what its teacher knew, then."""
        return (
            Duty(
                what="distil again, and draw the deferral curve on recent requests",
                why="a student stays as its teacher was, and its confidence was measured on older requests",
                every_days=180,
                when="the teacher's stack, its documents or its terms change, or requests change their wording",
                owner=task.profile.owner,
                command="suffice distil",
                kind="re-tune",
            ),
            Duty(
                what=f"read the terms of {task.strong_model or task.model} on training with its replies again",
                why=f"they bind the student that was taught by it: {told(task.strong_model or task.model)}",
                every_days=365,
                when="the maker's terms change",
                owner=task.profile.owner,
                command="suffice due",
                kind="terms",
                about=task.strong_model or task.model,
            ),
        )

    def worded(self, request: Request) -> Request:
        """The request as the student is asked it."""
        told = (self.instructions, *request.instructions) if self.instructions else request.instructions
        asked = replace(request, instructions=told, input=fill(self.question, request.input, request.fields))
        drawn = replace(request.sampling, logprobs=True)
        variant = f"adapter:{self.adapter}" if self.adapter else None
        return replace(asked, schema=self.schema, model=variant, sampling=drawn)

    def __call__(self, request: Request, ask: Ask) -> Answer:
        if not self.adapter:
            return ask(request)
        answer = straight(ask)(self.worded(request))
        sure, value, valid = sureness(answer), answer.text, True
        if self.schema is not None and "enum" not in self.schema:
            value, valid = _read(answer.text, self.schema)
        if valid and sure >= self.threshold:
            return replace(answer, value=value, confidence=sure).noting(sure=round(sure, 4))
        return ask(request).noting(handed_over=True, sure=round(sure, 4))


@dataclass(frozen=True)
class _Asked(Layer):
    """Words requests as a student would, and asks for nothing else."""

    student: Student

    def __call__(self, request: Request, ask: Ask) -> Answer:
        return ask(self.student.worded(request))


def sureness(answer: Answer) -> float:
    """How sure a model was of its whole reply: the probability of its label, or of every token of it."""
    if answer.confidence is not None:
        return answer.confidence
    return math.exp(sum(answer.logprobs)) if answer.logprobs else 0.0


def _read(text: str, schema: Mapping[str, Json]) -> tuple[Json, bool]:
    """The reply as a value, and whether it satisfies the schema."""
    try:
        value = parse(text)
    except ValueError:
        return None, False
    return value, bool(validator(schema).is_valid(value))
