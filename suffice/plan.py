"""Plan: from findings, gates and ceilings to the next rung, in plain words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from .frozen import FACTS_FROM, frozen_of
from .layer import Gate, Layer
from .model import Model
from .moving import moving_of
from .plugins import find
from .record import Diagnosis, Finding
from .signals import Signal, quoted
from .task import Task

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

TRAINED = ("fine_tuning", "distillation")
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
) -> Proposal:
    """Whether to try a rung. A rung is skipped only when it can add less than the smallest lift, even with luck."""
    if rung.name in TRAINED:
        return _trained(rung, task, diagnosis, quoted(signals, rung.name))
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


def candidates_of(task: Task, model: Model) -> list[str]:
    """The rungs that may be judged on test, known before it is opened."""
    return [r.name for r in LADDER if plan(r, task, model=model).action == "try"]


def calls_of(task: Task, variants: int) -> int:
    """How many replies one rung takes: its variants' first look, the finalists, test and edge."""
    select, parts = len(task.parts.select), task.parts
    first = min(FIRST_LOOK, select) * variants
    return first + FINALISTS * max(0, select - FIRST_LOOK) + len(parts.test) + len(parts.edge)


# Fine-tuning and distillation

NO_BETTER = "its gates hold; a student is no better than its teacher, so it is tried on the way down"
SECTION = "docs/framework.md §"
MOVING = ("weekly", "daily", "hourly")


def _trained(rung: Rung, task: Task, diagnosis: Diagnosis | None, rows: tuple[str, ...]) -> Proposal:
    gates = _tuning_gates(task, diagnosis) if rung.name == "fine_tuning" else _distilling_gates(task)
    layer = layer_of(rung, task)
    gates += tuple(layer.gates(task, task.parts.pool)) if layer else ()
    if failed := [g for g in gates if not g.passed]:
        return Proposal(rung, "refuse", _refusal(failed), gates=gates, acts_on=rows)
    if layer is None:
        return Proposal(rung, "skip", rung.without, gates=gates, acts_on=rows)
    if rung.name == "distillation":
        return Proposal(rung, "skip", "; ".join((NO_BETTER, *rows)), gates=gates, acts_on=rows)
    reason = f"its gates hold ({len(task.parts.dev)} solved examples)"
    return Proposal(rung, "try", "; ".join((reason, *rows)), gates=gates, acts_on=rows)


def _tuning_gates(task: Task, diagnosis: Diagnosis | None) -> tuple[Gate, ...]:
    rows, profile = len(task.parts.dev), task.profile
    stable, changes = profile.stable_months, profile.knowledge_changes
    learned = sum(f.share for f in diagnosis.findings if f.cause in ("behaviour", "format")) if diagnosis else None
    wall = "not diagnosed" if learned is None else f"{learned:.0%} of failures are behaviour or format"
    return (
        Gate("clean pairs", rows >= 500, f"{rows} solved examples", "500 or more for a narrow LoRA", f"{SECTION}5"),
        Gate("owner", bool(profile.owner), profile.owner or "nobody", "somebody who owns re-training", f"{SECTION}2"),
        Gate(
            "stable requirements",
            stable is None or stable >= 6,
            "not stated" if stable is None else f"{stable:g} months",
            "6 months or more",
            f"{SECTION}3",
        ),
        *_taught(task),
        Gate("slow knowledge", changes not in MOVING, changes or "not stated", "slower than weekly", f"{SECTION}3"),
        Gate("behaviour wall", learned is None or learned > 0, wall, "some", f"{SECTION}4"),
    )


def _taught(task: Task) -> tuple[Gate, Gate]:
    """What tuning would teach: not facts that documents hold, and nothing that has changed before it is in use."""
    facts, target = frozen_of(task), moving_of(task)
    fast = any(r.rung == "fine_tuning" and r.by != "stated" for r in target.rules_out)
    needed = f"under {FACTS_FROM:.0%} of answers that repeat what only the sources say"
    return (
        Gate("no frozen facts", facts.decision != "facts", facts.sentence.rstrip("."), needed, f"{SECTION}3"),
        Gate("still target", not fast, target.sentence.rstrip("."), "a half-life of 6 months or more", f"{SECTION}3"),
    )


def _distilling_gates(task: Task) -> tuple[Gate, ...]:
    volume = task.profile.requests_per_day
    asked = "not stated" if volume is None else f"{volume:g} requests a day"
    teacher = task.strong_model or "none configured"
    return (
        Gate("teacher", bool(task.strong_model), teacher, "a strong model to learn from", f"{SECTION}3"),
        Gate("volume", bool(volume and volume >= 10_000), asked, "10,000 requests a day or more", f"{SECTION}6"),
    )
