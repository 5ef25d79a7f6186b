"""Plan: from findings, gates and ceilings to the next rung, in plain words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from .asking import UNLOADED
from .layer import Gate, Layer
from .model import Model
from .plugins import find
from .record import Diagnosis, Finding
from .signals import Signal, quoted
from .task import Task

if TYPE_CHECKING:
    from .minimum import Approach
    from .readiness import Attempts

Action = Literal["try", "skip", "refuse"]


@dataclass(frozen=True, slots=True)
class Rung:
    """A place on the ladder, the layer that stands there, and why a task may have no use for it."""

    name: str
    title: str
    layer: str
    without: str
    """Why there is nothing to try, where the layer finds nothing in the task to work with."""
    ceiling: str = ""
    """The probe whose oracle-context estimate says what this rung could reach at best."""


LADDER = (
    Rung("classifier", "no model at all", "classifier", "the answers are not labels that could be counted"),
    Rung("prompt", "prompt", "prompt", "the task says nothing a prompt could say"),
    Rung("few_shot", "examples", "few_shot", "there are no solved examples to show", "nearest_examples"),
    Rung("retrieval", "retrieval", "retrieval", "the task has no documents", "gold_context"),
    Rung("long_context", "long context", "long_context", "the task has no documents that fit a prompt", "gold_context"),
    Rung("structure", "structure", "structure", "the answers are free text, with no labels or schema to hold them to"),
    Rung("rules", "rules", "rules", "the task has no rules.yaml"),
    Rung("fine_tuning", "fine-tuning", "adapter", "there is nothing to train"),
    Rung("distillation", "distillation", "student", "there is no teacher to learn from"),
)
"""The order of docs/framework.md §1: never skip a rung because a heavier one sounds more serious."""

TRAINED: Mapping[str, Approach] = {"fine_tuning": "lora", "distillation": "distillation"}
"""The rungs that are trained, and the approach whose gates they have to pass."""
ANSWERS_WITHOUT_MODEL = ("classifier",)


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What a rung could reach if it found everything: an oracle-context estimate, not an upper bound."""

    estimate: float
    low: float
    high: float
    sham: float
    """The same estimate with the sham in the probe's place."""
    today: float
    n: int
    probe: str
    most: float | None = None
    """The largest lift that dev leaves possible, the error of today's rate included; None where that was not told."""

    @property
    def lift(self) -> float:
        """The lift that is possible with luck."""
        return self.high - self.today if self.most is None else self.most


@dataclass(frozen=True, slots=True)
class Proposal:
    """What to do about a rung, because of which findings, gates and ceiling."""

    rung: Rung
    action: Action
    reason: str
    because: tuple[Finding, ...] = ()
    gates: tuple[Gate, ...] = ()
    ceiling: Ceiling | None = None
    acts_on: tuple[str, ...] = ()
    """The rows of the decision matrix that fired and that this rung acts on, with their numbers."""


def plan(
    rung: Rung,
    task: Task,
    *,
    diagnosis: Diagnosis | None = None,
    ceilings: Mapping[str, Ceiling] | None = None,
    signals: Sequence[Signal] = (),
    model: Model | None = None,
    attempts: Attempts | None = None,
    forced: Sequence[str] = (),
) -> Proposal:
    """Whether to try a rung. A rung is skipped only when it can add less than the smallest lift, even with luck.

    `attempts` is what was tried before training, where that is known; gates in `forced` do not refuse a trained rung.
    """
    if rung.name in TRAINED:
        from .readiness import forceable, readiness

        gates, may = readiness(task, TRAINED[rung.name], diagnosis=diagnosis, attempts=attempts), forceable(forced)
        return _trained(rung, task, tuple(_forced(g, may) for g in gates), quoted(signals, rung.name))
    layer = layer_of(rung, task)
    if layer is None:
        return Proposal(rung, "skip", rung.without)
    gates = tuple(layer.gates(task, task.parts.pool))
    if failed := [g for g in gates if not g.passed]:
        return Proposal(rung, "refuse", _refusal(failed), gates=gates)
    if model is not None and getattr(model, "fixed", False) and rung.name not in (*ANSWERS_WITHOUT_MODEL, "prompt"):
        return Proposal(rung, "refuse", "it would need new replies, and the model is a recording", gates=gates)
    because = tuple(f for f in (diagnosis.findings if diagnosis else ()) if f.cause in layer.treats and f.share > 0)
    ceiling, rows = (ceilings or {}).get(rung.ceiling), quoted(signals, rung.name)
    if ceiling and ceiling.lift < task.profile.smallest_lift:
        return Proposal(rung, "skip", _too_low(ceiling, task), because, gates, ceiling, rows)
    return Proposal(rung, "try", _why(because, rows), because, gates, ceiling, rows)


def _forced(gate: Gate, forced: Sequence[str]) -> Gate:
    return replace(gate, forced=True) if gate.name in forced and not gate.passed else gate


def layer_of(rung: Rung, task: Task) -> Layer | None:
    """The rung's unfitted layer for a task, or None where the task gives it nothing to work with."""
    found: Layer | None = find("layers", rung.layer).for_task(task)
    return found


def _why(because: Sequence[Finding], rows: Sequence[str]) -> str:
    """The matrix rows with their numbers where some fired, otherwise the causes."""
    if rows:
        return "; ".join(rows)
    if because:
        shares = ", ".join(f"{f.cause} ({f.share:.0%} of failures)" for f in because)
        return f"it treats {shares}"
    return "the lightest rung not yet measured"


def _refusal(failed: Sequence[Gate]) -> str:
    return "; ".join(f"{g.name}: {g.measured}, needed {g.needed}" for g in failed)


def _too_low(ceiling: Ceiling, task: Task) -> str:
    return (
        f"even with the right context given, at most {ceiling.lift:.3f} could be gained "
        f"(today {ceiling.today:.2f}, smallest lift worth having {task.profile.smallest_lift:g})"
    )


# What a climb will come to, known before it starts

FIRST_LOOK = 12
"""Variants are first compared on this many select items; the better two then on all of them."""
FINALISTS = 2


def candidates_of(task: Task, model: Model, forced: Sequence[str] = ()) -> list[str]:
    """The rungs that may be judged on test, known before it is opened; gates in `forced` keep none of them shut."""
    return [r.name for r in LADDER if plan(r, task, model=model, forced=forced).action == "try"]


def calls_of(task: Task, variants: int) -> int:
    """How many replies one rung takes: its variants' first look, the finalists, test, edge and where P95 is limited."""
    select, parts = len(task.parts.select), task.parts
    first = min(FIRST_LOOK, select) * variants
    timed = min(UNLOADED, len(parts.test)) if task.target.p95_ms is not None else 0
    return first + FINALISTS * max(0, select - FIRST_LOOK) + len(parts.test) + len(parts.edge) + timed


# Fine-tuning and distillation

NO_BETTER = "its gates hold; a student is no better than its teacher, so it is tried on the way down"


def _trained(rung: Rung, task: Task, gates: tuple[Gate, ...], rows: tuple[str, ...]) -> Proposal:
    layer = layer_of(rung, task)
    gates += tuple(layer.gates(task, task.parts.pool)) if layer else ()
    from .readiness import refused

    if failed := refused(gates):
        return Proposal(rung, "refuse", _refusal(failed), gates=gates, acts_on=rows)
    if layer is None:
        return Proposal(rung, "skip", rung.without, gates=gates, acts_on=rows)
    if rung.name == "distillation":
        return Proposal(rung, "skip", "; ".join((NO_BETTER, *rows)), gates=gates, acts_on=rows)
    reason = f"its gates hold ({len(task.parts.dev)} solved examples)"
    return Proposal(rung, "try", "; ".join((reason, *rows)), gates=gates, acts_on=rows)
