"""Pupils: a scripted model that can be trained, and a trainer without arithmetic, for climbs that train."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy
from safetensors.numpy import save
from worlds import GOAL, as_record, number_of, point, truth, world

from suffice.asking import sampling_for
from suffice.demonstrations import Demonstration
from suffice.errors import Unreachable
from suffice.model import resolve
from suffice.models.scripted import Scripted
from suffice.plugins import find
from suffice.stack import Stack
from suffice.task import Profile, Task, Training
from suffice.trainer import Base, Point, Stage, Trained, tell
from suffice.types import Answer, Request, Step, Usage, wording

HERE = str(Path(__file__))
SKILL: dict[str, float] = {}
"""How often an adapter is right, by its digest: written by the trainer, read by the model."""


@dataclass(frozen=True)
class Pupil:
    """Is right with a rate that grows with its rows, and sure where it is right."""

    kind: str = "lora"
    seed: int = 0
    ceiling: float = 0.99
    slow: float = 0.9

    def train(self, rows: Sequence[Demonstration], held: Sequence[Demonstration], base: Base, work: Path) -> Trained:
        assert not {r.id for r in rows} & {r.id for r in held}
        tell(Stage(1, 2, Point(1, 0.5, 10, 1.0), 100.0, 1.0))
        skill = self.ceiling - self.slow * len(rows) ** -0.5 if rows else 0.0
        metrics = {"seconds": len(rows) / 10, "cpu_seconds": len(rows) / 10, "tokens": 20 * len(rows), "epochs": 1.0}
        known = [self.seed, [r.digest for r in rows]]
        card = {"kind": self.kind, "base": {"name": base.name, "digest": base.digest}, "metrics": metrics, "of": known}
        content = save({"a.lora_A.weight": numpy.zeros((1, 1), "float32")}, metadata={"suffice": json.dumps(card)})
        SKILL[hashlib.sha256(content).hexdigest()] = skill
        work.mkdir(parents=True, exist_ok=True)
        (work / "adapter.safetensors").write_bytes(content)
        return Trained(work / "adapter.safetensors", card, (Point(1, 1.0, 20, 0.5),))


@dataclass(frozen=True)
class Trainable(Scripted):
    """A scripted model whose weights are here."""

    def base(self) -> Base:
        return Base(self.name, hashlib.sha256(self.name.encode()).hexdigest(), Path())


def learner() -> Trainable:
    """Knows little, and half of that in the wrong form, whatever it is shown; trained, it knows."""
    return Trainable(_knowing(0.1, shown=0.1, fenced=0.5), name="learner", usd=0.001)


def wordy() -> Trainable:
    """Right with a long prompt; trained, without one as well."""
    return Trainable(_knowing(0.1, shown=0.1, long=0.97), name="wordy", usd=0.001)


def scholar() -> Trainable:
    """Another base, which knows untrained what others have to be taught."""
    return Trainable(_knowing(0.99, shown=0.99), name="scholar", usd=0.001)


def dunce() -> Trainable:
    """Another base, which knows less and can be taught as well."""
    return Trainable(_knowing(0.3, shown=0.3), name="dunce", usd=0.001)


def attentive() -> Trainable:
    """Another base, which knows where it is shown some examples."""
    return Trainable(_knowing(0.3, shown=0.99), name="attentive", usd=0.001)


def peer() -> Trainable:
    """Another base, as good as one that was taught a few hundred rows, and wrong about other things."""
    return Trainable(_knowing(0.93, shown=0.93, luck="other"), name="peer", usd=0.001)


def middling() -> Trainable:
    """Another base, which is right four times in five."""
    return Trainable(_knowing(0.8, shown=0.8), name="middling", usd=0.001)


def narrow() -> Trainable:
    """Another base, which knows all but what is on the edge."""
    knows = _knowing(0.99, shown=0.99)

    def says(request: Request) -> Answer:
        answer: Answer = knows(request)
        return replace(answer, text="unknown") if number_of(request) >= 1000 else answer

    return Trainable(says, name="narrow", usd=0.001)


def gone() -> Trainable:
    """A base that its maker has ended."""

    def says(_: Request) -> Answer:
        raise Unreachable("this model has been retired", fault="rejected")

    return Trainable(says, name="gone")


def _knowing(bare: float, *, shown: float, long: float | None = None, fenced: float = 0.0, luck: str = "luck") -> Any:
    records = fenced > 0

    def says(request: Request) -> Answer:
        if not (request.id or "").startswith("q"):
            return Answer("Paris", usage=Usage(10, 1), cost=0.001, trace=(Step("model", 1.0),))
        number = number_of(request)
        told = " ".join(request.instructions)
        trained = SKILL.get((request.model or "").removeprefix("adapter:"))
        knows = shown if request.shots else bare
        if long is not None and len(told) > len(GOAL) + 10:
            knows = long
        right = point(luck, number) < (knows if trained is None else trained)
        words = sum(len(m.content.split()) for m in wording(request))
        sure = 0.9 + 0.1 * point("sure", number) if right else 0.5 * point("sure", number)
        whole = as_record(request) if records else truth(request)
        said = whole if right else "unknown"
        if not right and trained is None and point("fenced", number) < fenced:
            said = f"Here you are:\n```json\n{whole}\n```"
        usage = Usage(words, 2)
        return Answer(said, usage=usage, cost=0.001, confidence=sure, trace=(Step("model", 1.0),))

    return says


def tuned(task: Task, *more: Any) -> Stack:
    """The task's stack with an adapter, as a climb would leave it; `more` are layers beneath the adapter."""
    model: Any = resolve(task.model, folder=task.folder)
    below = Stack(model, (*more, find("layers", "prompt").for_task(task)), sampling_for(task, task.parts.dev))
    return below.push(find("layers", "adapter").for_task(task).fit(below, task.parts.pool))


def school(folder: Path, model: str = "learner", *, n: int = 1400, recipe: Any = None, **more: Any) -> Task:
    """A task whose gates of fine-tuning hold."""
    profile = Profile(requests_per_day=20_000, owner="Ada", stable_months=12)
    training = Training(f"{HERE}:Pupil", dict(recipe or {}))
    return world(folder, f"{HERE}:{model}", n=n, profile=profile, training=training, **more)
