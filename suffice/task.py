"""What is wanted: goal, output contract, target, profile, and the examples that say what is right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from .data import Dataset, Output
from .labels import Labels
from .split import Parts, split
from .types import Json

Looks = Literal["pocock", "obrien_fleming", "none"]
Change = Literal["never", "yearly", "quarterly", "monthly", "weekly", "daily", "hourly"]


@dataclass(frozen=True, slots=True)
class Target:
    """What counts as enough. `quality` None means: as good as proven lifts can make it."""

    quality: float | None = None
    tolerance: float = 0.02
    p95_ms: float | None = None
    usd_per_1k: float | None = None
    stages: Mapping[str, float] = field(default_factory=dict, hash=False, repr=False)
    """P95 limits in milliseconds by layer, or `model`: told by `suffice latency`; no verdict rests on them."""


@dataclass(frozen=True, slots=True)
class Profile:
    """The task's surroundings: volume, how fast things change, and who answers for it."""

    requests_per_day: float | None = None
    knowledge_changes: Change | None = None
    stable_months: float | None = None
    must_cite: bool = False
    owner: str | None = None
    smallest_lift: float = 0.02


@dataclass(frozen=True, slots=True)
class Training:
    """How a climb may train, where the gates of fine-tuning hold."""

    trainer: str = "lora"
    recipe: Mapping[str, Json] = field(default_factory=dict)
    """The trainer's fields that differ from its defaults."""
    minutes: float = 60.0
    """What all training of a climb may take; what would take longer is not begun."""


@dataclass(frozen=True)
class Task:
    """One task folder, read and checked."""

    name: str
    goal: str
    dataset: Dataset
    model: str = "embedded"
    strong_model: str | None = None
    cheaper_model: str | None = None
    """A model that the way down tries beneath the stack that was kept."""
    documents: Path | None = None
    tables: Path | None = None
    prompt: str | None = None
    """The text of the prompt in use today."""
    output: Output = Output()
    score: str = "exact"
    rules: Path | None = None
    target: Target = Target()
    profile: Profile = Profile()
    training: Training = Training()
    looks: Looks = "pocock"
    """When decisions may fall on test: at looks that stop early, at looks of full power, or once, on everything."""
    labels: Labels | None = None
    """What people say of outputs, where a model judges."""
    confirmation: Dataset | None = None
    """Fresh examples: asked once, when everything is decided, to confirm it."""
    folder: Path = field(default=Path(), compare=False)
    seed: int = 0

    @cached_property
    def parts(self) -> Parts:
        """The dataset's parts, by the task's seed."""
        return split(self.dataset, self.seed)

    @property
    def state(self) -> Path:
        """Where the ledger, the artifacts and the reply cache live."""
        return self.folder / ".suffice"
