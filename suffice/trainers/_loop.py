"""The loop of training: steps in the seed's order, evaluations, early stopping, going on after a kill."""

from __future__ import annotations

import math
import resource
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ..errors import InputError
from ..trainer import Point, Stage, tell
from ..types import Json
from . import _checkpoint
from ._batches import Batch, Unit, in_order, steps
from ._learner import Learner, Reading, Weigh

if TYPE_CHECKING:
    from torch import Tensor

SAVE_EVERY = 60.0
"""Seconds between two checkpoints; what comes out does not depend on it."""
JUDGING = 0.1
"""The share of training's work that evaluations may take."""
LAST, BEST = "last.safetensors", "best.safetensors"


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast and how long is learned."""

    learning_rate: float
    epochs: float
    tokens_per_step: int
    warmup: float
    """The share of all steps over which the rate rises from zero; then it falls to zero in a line."""
    patience: int
    """Evaluations without a better held loss after which training stops."""
    seed: int
    together: int
    """Tokens that go through the model at once, padding included: steps are made of such batches."""
    weight_decay: float = 0.0
    clip: float = 1.0
    """The longest gradient; longer ones are shortened to it."""


class Objective(Protocol):
    """What is learned: how a step's readings become gradients, and what they say."""

    def weigh(self, step: Sequence[Batch], batch: Batch) -> Weigh:
        """The gradient by each target's negative log-likelihood, for a batch of a step."""
        ...

    def loss(self, batches: Sequence[tuple[Batch, Reading]]) -> tuple[float, float]:
        """The sum of the losses of these batches, and what it is to be divided by."""
        ...

    def right(self, batch: Batch, reading: Reading) -> Sequence[bool]:
        """Of each held-out unit, whether it came out as wanted."""
        ...


@dataclass
class Progress:
    """Where training stands; all of it is in a checkpoint."""

    step: int = 0
    tokens: int = 0
    loss: float = 0.0
    """The sum of losses since the last point, and below it what that is divided by."""
    weight: float = 0.0
    best: float = math.inf
    best_step: int = 0
    waited: int = 0
    curve: list[Point] = field(default_factory=list)
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    resumed: int = 0

    def state(self) -> dict[str, Json]:
        """As JSON; infinity is null."""
        own = asdict(self)
        return own | {"best": None if math.isinf(self.best) else self.best}

    @classmethod
    def of(cls, state: Mapping[str, Json]) -> Progress:
        best = math.inf if state["best"] is None else state["best"]
        return cls(**{**state, "best": best, "curve": [Point(**p) for p in state["curve"]]})


@dataclass(frozen=True, slots=True)
class Outcome:
    """The best weights that were seen, and how they came about."""

    weights: Mapping[str, Tensor]
    progress: Progress
    steps: int
    stopped_early: bool


class Training:
    """One training in one folder."""

    def __init__(
        self, learner: Learner, objective: Objective, rows: Sequence[Unit], held: Sequence[Unit], pace: Pace, work: Path
    ) -> None:
        import torch

        self._learner, self._objective, self._pace, self._work = learner, objective, pace, work
        self._rows, self._most = rows, min(pace.together, pace.tokens_per_step)
        self._held = in_order(held, most=pace.together)
        self._epoch = lru_cache(maxsize=1)(self._steps)
        self._ends = _ends(len(self._epoch(n)) for n in range(math.ceil(pace.epochs)))
        self.steps = max(1, round(self._ends[-1] * pace.epochs / math.ceil(pace.epochs)))
        self._optimizer = torch.optim.AdamW(
            learner.weights.values(), lr=0.0, weight_decay=pace.weight_decay, fused=True
        )
        self._every = self._pause()
        self.progress = self._gone_on() or Progress()

    def run(self) -> Outcome:
        """Train to the end, or until held loss has not become better for long enough."""
        p, saved = self.progress, time.monotonic()
        clock = _Clock(p)
        while p.step < self.steps and p.waited < max(1, self._pace.patience):
            self._step()
            clock.read()
            self._tell(clock)
            if p.step % self._every == 0 or p.step == self.steps:
                self._judge()
                clock.read()
                self._tell(clock)
            if time.monotonic() - saved > SAVE_EVERY:
                self._save()
                saved = time.monotonic()
        best = _checkpoint.read(self._work / BEST) if p.best_step else None
        weights = best[0] if best else self._learner.weights
        return Outcome(weights, p, self.steps, p.step < self.steps)

    def _steps(self, epoch: int) -> list[list[Batch]]:
        pace = self._pace
        return steps(self._rows, epoch, seed=pace.seed, size=pace.tokens_per_step, most=self._most)

    def _at(self, step: int) -> list[Batch]:
        """The batches of a step, counted from 0 over all epochs."""
        epoch = next(n for n, end in enumerate(self._ends) if step < end)
        return self._epoch(epoch)[step - (self._ends[epoch - 1] if epoch else 0)]

    def _step(self) -> None:
        import torch

        batches, p = self._at(self.progress.step), self.progress
        for tensor in self._learner.weights.values():
            tensor.grad.zero_()
        readings = [(b, self._learner.learn(b, self._objective.weigh(batches, b))) for b in batches]
        torch.nn.utils.clip_grad_norm_(self._learner.weights.values(), self._pace.clip)
        for group in self._optimizer.param_groups:
            group["lr"] = self._rate(p.step)
        self._optimizer.step()
        self._learner.refresh()
        loss, weight = self._objective.loss(readings)
        p.step, p.tokens = p.step + 1, p.tokens + sum(b.tokens for b in batches)
        p.loss, p.weight = p.loss + loss, p.weight + weight

    def _rate(self, step: int) -> float:
        rising = max(1, round(self._pace.warmup * self.steps))
        falling = (self.steps - step) / max(1, self.steps - rising)
        return self._pace.learning_rate * min((step + 1) / rising, falling, 1.0)

    # Judging

    def _pause(self) -> int:
        """Steps between evaluations: four an epoch, fewer where they would take more than their share of the work."""
        own = sum(row_length for row_length in map(_tokens, self._rows)) * 3
        price = sum(batch.tokens for batch in self._held)
        a_epoch = min(4.0, JUDGING * own / price) if price else 1.0
        return max(1, round(self.steps / max(1.0, self._pace.epochs * a_epoch)))

    def _judge(self) -> None:
        p = self.progress
        held = [(b, self._learner.judge(b)) for b in self._held]
        loss, weight = self._objective.loss(held) if held else (0.0, 0.0)
        if not math.isfinite(loss) or not math.isfinite(p.loss):
            raise InputError(f"training came apart by step {p.step}: its loss is no number", hint="lower learning_rate")
        right = [r for batch, reading in held for r in self._objective.right(batch, reading)]
        point = Point(
            p.step,
            p.step / self.steps * self._pace.epochs,
            p.tokens,
            p.loss / p.weight if p.weight else 0.0,
            loss / weight if weight else None,
            sum(right) / len(right) if right else None,
        )
        p.loss = p.weight = 0.0
        p.curve.append(point)
        if point.held_loss is not None:
            self._compare(point.held_loss)
        self._save()

    def _compare(self, loss: float) -> None:
        p = self.progress
        if loss < p.best:
            p.best, p.best_step, p.waited = loss, p.step, 0
            _checkpoint.write(self._work / BEST, self._learner.weights, {"step": p.step})
        else:
            p.waited += 1

    def _tell(self, clock: _Clock) -> None:
        p = self.progress
        last = p.curve[-1] if p.curve else None
        loss = p.loss / p.weight if p.weight else (last.loss if last else 0.0)
        held = (last.held_loss, last.held_right) if last else (None, None)
        point = Point(p.step, p.step / self.steps * self._pace.epochs, p.tokens, loss, *held)
        rate = p.step / p.seconds if p.seconds else 0.0
        eta = (self.steps - p.step) / rate if rate else None
        tell(Stage(p.step, self.steps, point, p.tokens / p.seconds if p.seconds else 0.0, eta))

    # Going on

    def _save(self) -> None:
        tensors = dict(self._learner.weights)
        for name, tensor in self._learner.weights.items():
            state = self._optimizer.state[tensor]
            tensors |= {f"first/{name}": state["exp_avg"], f"second/{name}": state["exp_avg_sq"]}
        _checkpoint.write(self._work / LAST, tensors, self.progress.state())

    def _gone_on(self) -> Progress | None:
        import torch

        found = _checkpoint.read(self._work / LAST)
        if found is None:
            return None
        tensors, state = found
        progress = Progress.of(state)
        with torch.no_grad():
            for name, tensor in self._learner.weights.items():
                tensor.copy_(tensors[name])
                self._optimizer.state[tensor] = {
                    "step": torch.tensor(float(progress.step)),
                    "exp_avg": tensors[f"first/{name}"].to(tensor.device),
                    "exp_avg_sq": tensors[f"second/{name}"].to(tensor.device),
                }
        self._learner.refresh()
        progress.resumed += 1
        return progress


class _Clock:
    """Adds the time since it was read last to a progress."""

    def __init__(self, progress: Progress) -> None:
        self._progress, self._wall, self._cpu = progress, time.perf_counter(), time.process_time()

    def read(self) -> None:
        wall, cpu = time.perf_counter(), time.process_time()
        self._progress.seconds += wall - self._wall
        self._progress.cpu_seconds += cpu - self._cpu
        self._wall, self._cpu = wall, cpu


def _ends(sizes: Iterable[int]) -> list[int]:
    found, total = [], 0
    for size in sizes:
        total += size
        found.append(total)
    return found


def _tokens(unit: Unit) -> int:
    return sum(len(row.tokens) for row in unit)


def peak_mb() -> float:
    """The most memory this process ever held, in MB."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 1024**2 if sys.platform == "darwin" else most / 1024


class Likelihood:
    """Plain imitation: the mean negative log-likelihood of the replies' tokens."""

    def weigh(self, step: Sequence[Batch], batch: Batch) -> Weigh:
        total = sum(b.targets for b in step)
        return lambda nll: nll.new_full(nll.shape, 1 / total)

    def loss(self, batches: Sequence[tuple[Batch, Reading]]) -> tuple[float, float]:
        return sum(float(r.nll.sum()) for _, r in batches), float(sum(b.targets for b, _ in batches))

    def right(self, batch: Batch, reading: Reading) -> Sequence[bool]:
        return reading.right
