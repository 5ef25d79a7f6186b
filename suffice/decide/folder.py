"""From a task folder to a case: what suffice.yaml states, what readiness counts, and what a verdict measured."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..layer import Gate
from ..minimum import MINIMA, Approach
from ..readiness import APPROACHES, readiness
from ..task import Task
from ..types import Json
from .case import Case, case_of
from .condition import facts_of
from .doors import CONDITIONS, DOORS
from .facts import SIGNALS

OUTPUTS = {"labels": "labels", "schema": "fields", "text": "text", "tools": "tools"}
Gates = Mapping[Approach, tuple[Gate, ...]]
COUNTED: tuple[Approach, ...] = ("narrow", "lora", "full")
SETTLED: Mapping[str, tuple[str, ...]] = {
    "reviewed": ("no contradictions", "right labels", "no leaked test items"),
    "teaches_facts": ("no frozen facts", "still target"),
}
"""Facts that gates of readiness settle, and by which of them."""


KNOWING = frozenset({"knowledge", "retrieval", "coverage"})
"""Causes by which wrong answers are a matter of what the model sees (docs/framework.md §4, M3)."""


@dataclass(frozen=True)
class Stated:
    """A task as a case, and the gates that readiness holds it to."""

    case: Case
    gates: Gates

    def measured(self, approach: Approach, given: Collection[str] = ()) -> tuple[Gate, ...]:
        """The gates of an approach but those on facts that somebody has `given` otherwise by hand."""
        moved = {d.name for d in DOORS[approach] if set(facts_of(d.when, CONDITIONS)) & set(given)}
        moved |= {name for fact, names in SETTLED.items() if fact in given for name in names}
        return tuple(gate for gate in self.gates[approach] if gate.name not in moved)


def stated(task: Task, verdict: Mapping[str, Any] | None = None) -> Stated:
    """What a task folder says of its case; a verdict's measured facts where there is one."""
    gates: dict[Approach, tuple[Gate, ...]] = {a: readiness(task, a) for a in APPROACHES if a != "preference"}
    told = {**_stated(task), **_counted(task, gates), **(_measured(verdict) if verdict else {})}
    return Stated(case_of({name: value for name, value in told.items() if value is not None}), gates)


def _stated(task: Task) -> dict[str, Json]:
    profile, target = task.profile, task.target
    return {
        "situation": "prompt" if task.prompt else None,
        "output": OUTPUTS[task.output.kind],
        "defined": True if any(e.expected is not None for e in task.dataset) else None,
        "accepted": None if target.quality is None else 1 - target.quality,
        "metric": any(aim is not None for aim in (target.quality, target.p95_ms, target.usd_per_1k)),
        "latency_ms": target.p95_ms,
        "sources": "documents" if task.documents else "database" if task.tables else None,
        "knowledge_changes": profile.knowledge_changes,
        "must_cite": profile.must_cite,
        "requests_per_day": profile.requests_per_day,
        "stable_months": profile.stable_months,
        "owner": bool(profile.owner),
        "teacher": True if task.strong_model else None,
    }


def _counted(task: Task, gates: Gates) -> dict[str, Json]:
    """Rows of dev, no more of them than the gates find clean."""
    pairs = sum(e.expected is not None for e in task.parts.dev)
    for approach in COUNTED:
        if not _passed(gates[approach], "clean pairs"):
            pairs = min(pairs, MINIMA[approach].rows - 1)
    lora = gates["lora"]
    settled = {fact: all(_passed(lora, name) for name in names) for fact, names in SETTLED.items()}
    return {
        "test_items": len(task.parts.test),
        "clean_pairs": pairs,
        "question_pairs": sum(bool(e.context) for e in task.parts.dev),
        "reviewed": settled["reviewed"],
        "teaches_facts": not settled["teaches_facts"],
    }


def _passed(gates: Sequence[Gate], name: str) -> bool:
    return all(gate.passed for gate in gates if gate.name == name)


# What a verdict measured


def _measured(verdict: Mapping[str, Any]) -> dict[str, Json]:
    steps = {step["rung"]: step for step in verdict["steps"]}
    tried = {rung for rung, step in steps.items() if step["status"] in ("kept", "dropped")}
    rows = {row["row"]: row for row in _rows(verdict)}
    quality, economics = verdict["quality"], verdict["economics"]
    return {
        "signals": _signs(rows, {found["cause"] for found in verdict["diagnosis"] if found["share"] > 0}),
        "situation": "retrieval" if "retrieval" in tried & _kept(steps) else "prompt",
        "failing": 1 - quality["estimate"] if quality else None,
        "plain": _plain(verdict, tried),
        "prompts_tried": _prompts(steps, tried),
        "examples_tried": "few_shot" in tried,
        "structure_tried": "structure" in tried,
        "checks_tried": "rules" in tried,
        "format_failing": rows["M2"]["value"] if "structure" in tried and "M2" in rows else None,
        "recall": rows["M8"]["value"] if "M8" in rows and rows["M8"]["threshold"].startswith("retrieval") else None,
        "gold_helps": _gold(verdict["diagnosis"]),
        "prompt_stable": None,
        "smaller_tried": any("cheaper" in one["change"] for one in verdict.get("down", ())) or None,
        "usd_per_month": economics.get("usd_per_month") or None,
    }


def _signs(rows: Mapping[str, Mapping[str, Any]], causes: Collection[str]) -> list[Json]:
    """The rows that fired. Wrong answers in good form are a symptom: without a cause that was proven to be knowledge,
    they are not explained."""
    fired = [sign.name for sign in SIGNALS.values() if rows.get(sign.row, {}).get("fired")]
    return [("unexplained" if name == "wrong_in_domain" and not KNOWING & set(causes) else name) for name in fired]


def _rows(verdict: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The matrix as it was measured on the final stack, else on the last that was diagnosed."""
    groups = verdict.get("signals") or ()
    final = [group for group in groups if group["final"]] or list(groups)[-1:]
    return [row for group in final for row in group["rows"]]


def _kept(steps: Mapping[str, Mapping[str, Any]]) -> set[str]:
    return {rung for rung, step in steps.items() if step["status"] == "kept"}


def _plain(verdict: Mapping[str, Any], tried: set[str]) -> str | None:
    if "classifier" not in tried:
        return None
    return "enough" if verdict["stop_at"] == "classifier" and verdict["target_met"] else "short"


def _prompts(steps: Mapping[str, Mapping[str, Any]], tried: set[str]) -> int | None:
    """One serious prompt at least where the gate before tuning says so; a measured line or two counts for none."""
    gates = [g for g in steps.get("fine_tuning", {}).get("gates", ()) if g["name"] == "prompting exhausted"]
    if gates:
        return int(gates[0]["passed"] or not gates[0]["measured"].startswith("0 serious prompts"))
    return None if "prompt" in tried else 0


def _gold(findings: Sequence[Mapping[str, Any]]) -> bool | None:
    """Whether the right passage, handed over, mended failures."""
    found = [f for f in findings if f["cause"] in ("knowledge", "retrieval")]
    return any(f["share"] > 0 for f in found) if found else None
