"""Tuning: train on growing slices of dev, stop where more would not pay, and hand the climb what came of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from .asking import Asking
from .compare import clusters
from .curate import deserving
from .data import Dataset
from .evidence import Line
from .lean import held_to, lean
from .places import placed
from .plan import LADDER, layer_of
from .record import Run
from .run import Progress
from .split import seeded
from .stack import Stack
from .stats.curve import At, Curve, learned
from .trainer import Stage, listening
from .types import Json

SHARES = (1 / 8, 1 / 4, 1 / 2, 1.0)
"""The slices of a learning curve, as shares of what there is to learn from."""
Z = 1.645
"""Standard errors of a limit that holds at 95 % on one side."""
SMALLEST = 40
"""Demonstrations under which a slice is left out."""


@dataclass
class Tuning:
    """One adapter for one task, trained beside the stack that the climb stands on."""

    asking: Asking
    base: Stack
    best: Run | None = None
    """What is held, on dev: a curve that cannot reach it is not followed to its end."""
    rows: Dataset | None = None
    """What to learn from in the place of the task's pool."""
    whole: bool = False
    """Train on everything at once, without a learning curve."""

    def stacks(self) -> list[Stack]:
        """The stacks that came of it: the tuned model alone, and held to the output contract where there is one."""
        points: list[dict[str, Json]] = []
        stopped, adapter = "", self.unfitted
        for share in self._shares:
            if stopped := self._enough(points, share):
                break
            adapter = self._fitted(share)
            points.append(self._measured(adapter))
        told = {"rung": "fine_tuning", "items": [e.id for e in self.held], "points": points, "stopped": stopped}
        self.asking.evidence.add("curve", **told)
        if self.rows is not None:
            self.asking.evidence.add_examples(self.held, "held")
        return [*self._with(adapter)]

    @cached_property
    def lean(self) -> Stack:
        """What the tuned model stands in."""
        return lean(self.base, self.asking.task)

    @cached_property
    def unfitted(self) -> Any:
        """The layer before it has learned."""
        return layer_of(next(r for r in LADDER if r.name == "fine_tuning"), self.asking.task)

    @cached_property
    def held(self) -> Dataset:
        """Pool items that no slice learns from."""
        out = {row.id for row in self.unfitted.taught(self.lean, self.pool).held}
        return self.pool.only((e for e in self.pool if e.id in out), "held")

    @cached_property
    def pool(self) -> Dataset:
        """What there is to learn from, without what a training set would leave out, in the order of the seed.

        Rows that were given come from anywhere, dev included: what repeats `select`, which chooses, is left out, and a
        file that is sorted by label would make slices of few labels.
        """
        task = self.asking.task
        if self.rows is None:
            return deserving(task.parts.pool, task)
        return deserving(self.rows.only(seeded(self.rows, task.seed)), task, beside=task.parts.select)

    @property
    def _shares(self) -> Iterator[float]:
        rows = len(self.unfitted.taught(self.lean, self.pool).rows)
        return (share for share in SHARES if share == 1 or (share * rows >= SMALLEST and not self.whole))

    def _fitted(self, share: float) -> Any:
        """The adapter trained on a share of what there is."""
        what = f"fine-tuning: training on {share:.0%}"
        self.asking.watch(what, None)
        adapter = replace(self.unfitted, share=share)
        with listening(lambda stage: self.asking.watch(what, told_by(stage))):
            return adapter.fit(self.lean, self.pool)

    def _measured(self, adapter: Any) -> dict[str, Json]:
        """The slice on the held-out items, as the climb would serve it; and what training took."""
        share = adapter.share
        stack = [*self._with(adapter)][-1]
        found = self.asking.run(stack, self.held, "held", f"fine-tuning: trained on {share:.0%}, held-out items")
        done = adapter.learned(self.lean, self.pool)
        metrics = done.card.get("metrics", {})
        rows = len(adapter.taught(self.lean, self.pool).rows)
        told = {k: metrics[k] for k in ("tokens", "epochs", "cpu_seconds", "loss", "held_loss") if k in metrics}
        return {"rows": rows, "share": share, "run": found.id, "seconds": done.seconds, **told}

    def _enough(self, points: Sequence[Line], share: float) -> str:
        """Why the next slice is not trained: it would take too long, the curve stays behind, or it is flat."""
        if not points:
            return ""
        minutes, last = self.asking.task.training.minutes, points[-1]
        spent = sum(p["seconds"] for p in points)
        due = last["seconds"] * share / last["share"]
        if (spent + due) / 60 > minutes:
            return f"training on {share:.0%} would take {due / 60:.0f} minutes more than the {minutes:g} that it may"
        found = self._curve(points)
        ahead = next((p for p in found.predicted if p.rows >= last["rows"] * share / last["share"]), None)
        return (self._behind(ahead) if ahead is not None else "") or self._flat(found)

    def _behind(self, ahead: At) -> str:
        """Whether what is predicted stays behind what is held, at 95 %: both were measured, on other dev items each."""
        values = [r.value or 0.0 for r in self.best.records] if self.best else []
        if not values:
            return ""
        best = sum(values) / len(values)
        error = Z * math.sqrt(sum((v - best) ** 2 for v in values)) / len(values)
        if best - ahead.estimate <= math.hypot(error, ahead.high - ahead.estimate):
            return ""
        return f"on {ahead.rows} rows it would reach {ahead.high:.2f} at most, and {best:.2f} is held already"

    def _flat(self, found: Curve) -> str:
        """Whether twice the rows are worth their training, by the curve's own word."""
        if found.gain is None or found.pays != "does not pay":
            return ""
        smallest = self.asking.task.profile.smallest_lift
        return f"twice the rows would add {found.gain.high:+.3f} at most, and {smallest:g} is the least worth having"

    def _curve(self, points: Sequence[Line]) -> Curve:
        records: dict[str, dict[str, float]] = {p["run"]: {} for p in points}
        for line in self.asking.evidence.of("record"):
            if line["run"] in records:
                records[line["run"]][line["id"]] = line["value"] or 0.0
        values = [[records[p["run"]][e.id] for e in self.held] for p in points]
        task, sizes = self.asking.task, [p["rows"] for p in points]
        smallest = task.profile.smallest_lift
        return learned(sizes, values, clusters(self.held.examples), smallest=smallest, seed=task.seed)

    def _with(self, adapter: Any) -> Iterator[Stack]:
        tuned = placed(self.lean, adapter)
        yield tuned
        if (held := held_to(tuned, self.asking.task)) is not None:
            yield held


def told_by(stage: Stage) -> Progress:
    """Training as the meter of a run shows it: steps in the place of items."""
    spent = stage.point.tokens / stage.tokens_per_second if stage.tokens_per_second else 0.0
    return Progress(stage.step, stage.steps, 0.0, 0, spent, stage.eta)
