"""Taught: what the frozen stack knows, put into lighter weights: its long prompt, or all of it in a student."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from .afterwards import SAVED
from .asking import Asking
from .compare import clusters
from .curate import deserving
from .data import Dataset, Example
from .descend import Change
from .digest import digest_of
from .layer import Gate
from .lean import held_to, lean
from .model import resolve
from .places import placed
from .plan import LADDER, plan
from .plugins import find
from .readiness import readiness, refused
from .record import Run
from .stack import Stack
from .stats.defer import chosen
from .strict import parse
from .task import Task
from .trainer import listening
from .training import missing, trainable
from .tuning import told_by
from .types import Json

RISK = 0.02
"""The loss against its teacher that a student's threshold is chosen for, and that neither may exceed on test."""


@dataclass
class Teaching:
    """The frozen stack as a teacher."""

    asking: Asking
    teacher: Stack
    over: Stack | None = None
    """What a student stands on, where another than its teacher."""
    risk: float = RISK

    @property
    def beneath(self) -> Stack:
        """Whom a student asks that is not sure."""
        return self.over or self.teacher

    def weights(self, stack: Stack) -> Stack:
        """Prompt into weights: the frozen stack's own answers, learned under the bare goal.

        What the way down found superfluous stays away, and where that leaves little to spare, nothing is trained.
        """
        task = self.asking.task
        if stack.model != self.teacher.model or not _saves(task, stack):
            return stack
        layer = replace(find("layers", "adapter").for_task(task), replies="own")
        below = lean(stack, task)
        with listening(lambda s: self.asking.watch("prompt into weights: training", told_by(s))):
            tuned = placed(below, layer.fit(below, self.lessons))
        return held_to(tuned, task) or tuned if "structure" in stack.names else tuned

    def student(self, stack: Stack) -> Stack:
        """A student over the stack, answering itself where dev shows that little is lost by it.

        Where the prompt is in weights already there is nothing left to spare, and over another model it knows nothing.
        """
        idle = "adapter" in stack.names or stack.model != self.beneath.model
        fitted = None if idle else self.fitted
        if fitted is None:
            return stack
        found = self._threshold(fitted, stack)
        return stack if found is None else placed(stack, replace(fitted, threshold=found))

    @cached_property
    def fitted(self) -> Any:
        """The student, taught; None where the task has no use for one."""
        layer = find("layers", "student").for_task(self.asking.task)
        if layer is None:
            return None
        with listening(lambda s: self.asking.watch("distillation: training", told_by(s))):
            return layer.fit(self.beneath, self.lessons)

    @cached_property
    def pool(self) -> Dataset:
        """What there is to learn from: pool without what a training set would leave out."""
        return deserving(self.asking.task.parts.pool, self.asking.task)

    @cached_property
    def answers(self) -> Run:
        """What the teacher says of all that there is to learn from."""
        title = "what the frozen stack answers on dev, for others to learn"
        return self.asking.run(self.teacher, self.pool, "pool", title)

    @cached_property
    def lessons(self) -> Dataset:
        """The teacher's answers in the place of the expected ones; what the scorer rejects is left out."""
        pool, right = self.pool, {}
        for record in self.answers.records:
            if record.answer is not None and record.score.value is not None and record.score.value >= 1 - 1e-9:
                right[record.id] = record.answer
        kept = [replace(e, expected=_said(e, right[e.id], pool)) for e in pool if e.id in right]
        return pool.only(kept, "the stack's own answers")

    @property
    def wrote(self) -> str:
        """The teacher's model, where it replied to some of what is learned; empty where it was never asked."""
        learned = [r.answer for r in self.answers.records if r.id in self.lessons.by_id and r.answer is not None]
        asked = any(step.name == "model" for answer in learned for step in answer.trace)
        return str(getattr(self.teacher.model, "name", "a model")) if asked else ""

    def _threshold(self, fitted: Any, stack: Stack) -> float | None:
        """Chosen against the stack that the student is to stand on, where neither has learned."""
        items = self._unlearned(fitted, stack)
        own = self.asking.run(placed(stack, fitted), items, "select", "distillation: how sure the student is")
        other = self.asking.run(stack, items, "select", "distillation: whom it asks")
        sure = [(r.answer.confidence if r.answer else None) or 0.0 for r in own.records]
        values = [[r.value or 0.0 for r in run.records] for run in (own, other)]
        found = chosen(sure, values[0], values[1], clusters(items.examples), risk=self.risk)
        told = {"student": own.id, "teacher": other.id, "items": [e.id for e in items], "risk": self.risk}
        self.asking.evidence.add("deferral", **told, threshold=found.threshold)
        return found.threshold

    def _unlearned(self, fitted: Any, stack: Stack) -> Dataset:
        """All of select; what the student held out, which said when its training stopped and flatters it a little; and
        as large a share of what the teacher got wrong. A classifier in the stack has learned all of pool."""
        select = self.asking.task.parts.select
        held = fitted.taught(self.beneath, self.lessons).held
        wrong = [e.id for e in self.pool if e.id not in self.lessons.by_id]
        seed = int(fitted.recipe.get("seed", 0))
        out = {*(row.id for row in held), *missed(wrong, len(held), len(self.lessons), seed)}
        pool = () if "classifier" in stack.names else self.pool
        return select.only((*select, *(e for e in pool if e.id in out)), "what neither has learned")


def missed(wrong: Sequence[str], held: int, lessons: int, seed: int) -> set[str]:
    """Of the items that the teacher got wrong, as large a share as was held out of those that it got right.

    Held-out lessons alone are all right by their making: beside them the teacher would look perfect.
    """
    order = sorted(wrong, key=lambda i: digest_of([seed, i]))
    return set(order[: round(len(wrong) * held / lessons)])


def lessons_for(asking: Asking, stack: Stack, forced: Sequence[str] = ()) -> tuple[Change, ...]:
    """What the frozen stack could teach: its prompt to an adapter, all of it to a student, where the gates hold."""
    teaching, found = Teaching(asking, stack), []
    if "adapter" not in stack.names and (gates := _open(asking.task, forced)) and _saves(asking.task, stack):
        told = "with its prompt learned into weights"
        found.append(Change("prompt into weights", told, teaching.weights, RISK, trains=True, gates=gates))
    if "student" not in stack.names and (gates := _distils(asking.task, forced)):
        told = "with a student that answers where it is sure"
        found.append(Change("student", told, teaching.student, RISK, trains=True, gates=gates))
    return tuple(found)


def _distils(task: Task, forced: Sequence[str]) -> tuple[Gate, ...]:
    """The gates of distillation, with the frozen stack as the teacher; none where one neither holds nor is forced."""
    here = trainable(resolve(task.model, folder=task.folder)) and not missing()
    gates = readiness(task, "distillation", teacher="the frozen stack", forced=forced) if here else ()
    return () if refused(gates) else gates


def _open(task: Task, forced: Sequence[str]) -> tuple[Gate, ...]:
    """Those of fine-tuning but for its wall, which is cost here, and not a behaviour."""
    gates = plan(next(r for r in LADDER if r.name == "fine_tuning"), task, forced=forced).gates
    gates = tuple(g for g in gates if g.name != "behaviour wall")
    return () if refused(gates) else gates


def _saves(task: Task, stack: Stack) -> bool:
    """Whether the bare goal is shorter than today's wording by as much as must be saved, in characters."""
    bare, some = lean(stack, task), task.parts.pool[:20]
    before, after = (sum(_length(s, e) for e in some) for s in (stack, bare))
    return 0 < after <= (1 - SAVED) * before


def _length(stack: Stack, example: Example) -> int:
    return sum(len(m.content) for m in stack.wording(example.request))


def _said(example: Example, answer: Any, pool: Dataset) -> Json:
    """The teacher's answer in the form that examples expect."""
    if answer.tool_calls:
        return [{"name": c.name, "arguments": dict(c.arguments)} for c in answer.tool_calls]
    if pool.output.kind != "schema":
        return answer.text.strip()
    try:
        return answer.value if answer.value is not None else parse(answer.text)
    except ValueError:
        return example.expected
