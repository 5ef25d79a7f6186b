"""Adapter: weights learned from demonstrations, switched on for this stack's requests alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar, Literal, Self

from ..data import Dataset
from ..demonstrations import Words, demonstrations
from ..layer import Cause, Duty, Gate, Layer
from ..model import resolve
from ..stack import Stack
from ..task import Task
from ..trainer import Taught, held_out
from ..training import Adapted, base_of, missing, trainable, trained, trainer_of, usable
from ..types import Answer, Ask, Json, Request

PREFIX = "adapter:"
"""How a request names an adapter to the model beneath."""
SOURCE = "docs/framework.md §5"


@dataclass(frozen=True)
class Adapter(Layer):
    """A tuned variant of the model beneath. It is taught what everything beneath it would send, and the right reply."""

    treats: ClassVar[tuple[Cause, ...]] = ("behaviour", "format", "instruction", "tool use", "consistency")

    adapter: str = ""
    """The artifact that holds what was learned (.safetensors, with its card)."""
    served: str = ""
    """The name under which a provider serves the tuned model, where one does, in the place of an artifact."""
    trainer: str = "lora"
    recipe: Mapping[str, Json] = field(default_factory=dict)
    """The trainer's fields that differ from its defaults."""
    share: float = 1.0
    """The share of the demonstrations that is learned from: below 1 for a learning curve."""
    replies: Literal["expected", "own"] = "expected"
    """Whose replies were learned: those that examples expect, or those that a stack gave itself."""
    folder: Path = field(default=Path(), repr=False, compare=False)

    @classmethod
    def for_task(cls, task: Task) -> Self:
        """Unfitted, with the task's trainer and recipe."""
        return cls(trainer=task.training.trainer, recipe=dict(task.training.recipe), folder=task.folder)

    @property
    def label(self) -> str:
        """The variant in a few words."""
        told = ", ".join(f"{key} {value}" for key, value in self.recipe.items())
        return f"{self.trainer}{f' ({told})' if told else ''}"

    def fit(self, below: Ask, train: Dataset) -> Self:
        """Learn from the solved examples, a tenth of them held out to know when to stop.

        Over a model whose weights are not on this machine there is nothing to learn, and requests pass as they are.
        """
        found = self.learned(below, train)
        return self if found is None else replace(self, adapter=found.artifact)

    def learned(self, below: Ask, train: Dataset) -> Adapted | None:
        """The trained artifact with its card; None where the model beneath cannot be trained here."""
        base = base_of(getattr(below, "model", None))
        if base is None or not isinstance(below, Stack):
            return None
        taught = self.taught(below, train)
        return trained(trainer_of(self.trainer, self.recipe), taught.rows, taught.held, base, self.folder)

    def taught(self, below: Words, train: Dataset) -> Taught:
        """What would be learned from, and what held out: the same held-out rows whatever the share."""
        whole = held_out(demonstrations(below, train), seed=int(self.recipe.get("seed", 0)))
        return replace(whole, rows=whole.rows[: max(1, round(self.share * len(whole.rows)))])

    def seeded(self, seed: int) -> Self:
        """The same recipe with another seed."""
        return replace(self, recipe={**self.recipe, "seed": seed}, adapter="")

    def gates(self, task: Task, train: Dataset) -> Sequence[Gate]:
        """The weights are here and can be trained, by a trainer that serves a stack."""
        lacking = missing()
        here = trainable(resolve(task.model, folder=task.folder))
        return (
            Gate(
                "weights",
                here,
                "here" if here else "elsewhere",
                "a model whose weights are here, or a platform that tunes it",
                SOURCE,
            ),
            Gate(
                "training libraries",
                not lacking,
                f"{', '.join(lacking)} not installed" if lacking else "installed",
                "pip install 'suffice[train]'",
                "docs/training.md",
            ),
            usable(self.trainer, self.recipe),
        )

    def duties(self, task: Task) -> Sequence[Duty]:
        """A tuned model is frozen against its base and its data."""
        return (
            Duty(
                what="train again and hold it against the base with a good prompt",
                why="a tuned model stays as it was when its base, its data or the wanted behaviour change",
                every_days=180,
                when="the base model is replaced, labels or formats change, or the edge partition regresses",
                owner=task.profile.owner,
                command="suffice climb",
                kind="re-tune",
            ),
            Duty(
                what=f"read the licence of {task.model} again",
                why="tuned weights are used under the terms of the weights they were made from",
                every_days=365,
                when="the licence or the base changes",
                owner=task.profile.owner,
                command="suffice due",
                kind="terms",
                about=task.model,
            ),
        )

    def __call__(self, request: Request, ask: Ask) -> Answer:
        variant = f"{PREFIX}{self.adapter}" if self.adapter else self.served
        return ask(replace(request, model=variant) if variant else request)
