"""What to do about a rung: try, skip or refuse, and in which words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from worlds import right, world

from suffice.layer import Cause
from suffice.models.recorded import Recorded
from suffice.plan import LADDER, TRAINED, Action, Ceiling, Proposal, Rung, calls_of, plan
from suffice.record import Diagnosis, Finding
from suffice.task import Profile, Target, Task, Training

RUNGS = {rung.name: rung for rung in LADDER}


def proposed(rung: str, task: Task, **more: object) -> Proposal:
    return plan(RUNGS[rung], task, **more)  # type: ignore[arg-type]


def found(cause: Cause, share: float) -> Diagnosis:
    return Diagnosis("r", 30, (Finding(cause, share, None, None, "probe", ("q1",), 30, 3, 0),))


def ceiling(today: float, high: float) -> Ceiling:
    return Ceiling((today + high) / 2, today, high, today, today, 60, "gold_context")


def test_the_ladder_climbs_from_light_to_heavy() -> None:
    order = "classifier prompt few_shot retrieval long_context structure rules fine_tuning distillation"
    assert [rung.name for rung in LADDER] == order.split()


@pytest.mark.parametrize(
    ("rung", "kind", "action"),
    [
        ("classifier", "text", "skip"),
        ("classifier", "labels", "try"),
        ("prompt", "text", "try"),
        ("few_shot", "text", "try"),
        ("retrieval", "text", "skip"),
        ("long_context", "text", "skip"),
        ("structure", "text", "skip"),
        ("structure", "schema", "try"),
        ("rules", "text", "skip"),
        ("fine_tuning", "text", "refuse"),
        ("distillation", "text", "refuse"),
    ],
)
def test_a_rung_without_anything_to_work_with_is_skipped(rung: str, kind: str, action: Action, tmp_path: Path) -> None:
    proposal = proposed(rung, world(tmp_path, kind=kind))
    assert proposal.action == action and proposal.reason


def test_documents_and_rules_open_their_rungs(tmp_path: Path) -> None:
    task = world(tmp_path, documents=3, rules=True, n=30)
    assert [proposed(r, task).action for r in ("retrieval", "long_context", "rules")] == ["try", "try", "try"]


def test_a_failed_gate_refuses_and_names_what_is_needed(tmp_path: Path) -> None:
    task = world(tmp_path, documents=3, profile=Profile(knowledge_changes="hourly"))
    proposal = proposed("retrieval", task)
    assert proposal.action == "refuse" and "knowledge changes hourly, needed daily or slower" in proposal.reason
    assert [gate.passed for gate in proposal.gates] == [False]


def test_a_recording_refuses_what_needs_new_replies(tmp_path: Path) -> None:
    task, model = world(tmp_path, kind="labels"), Recorded("outputs.jsonl", tmp_path)
    actions = {rung: proposed(rung, task, model=model).action for rung in ("classifier", "prompt", "few_shot")}
    assert actions == {"classifier": "try", "prompt": "try", "few_shot": "refuse"}
    assert "recording" in proposed("few_shot", task, model=model).reason
    assert proposed("few_shot", task, model=right()).action == "try"


@pytest.mark.parametrize(
    ("today", "high", "action"), [(0.5, 0.51, "skip"), (0.5, 0.9, "try"), (0.5, 0.53, "try"), (0.9, 0.8, "skip")]
)
def test_a_rung_is_skipped_only_when_even_luck_adds_less_than_the_smallest_lift(
    today: float, high: float, action: Action, tmp_path: Path
) -> None:
    task = world(tmp_path, documents=3)
    proposal = proposed("retrieval", task, ceilings={"gold_context": ceiling(today, high)})
    assert proposal.action == action and proposal.ceiling == ceiling(today, high)
    assert proposed("few_shot", task, ceilings={"gold_context": ceiling(today, high)}).action == "try"


def test_requests_that_time_a_rung_count_where_a_limit_is_set(tmp_path: Path) -> None:
    task = world(tmp_path, n=400)
    limited = replace(task, target=Target(p95_ms=300))
    assert calls_of(limited, 2) - calls_of(task, 2) == 72
    small = world(tmp_path / "small", n=104)
    assert calls_of(replace(small, target=Target(p95_ms=300)), 2) - calls_of(small, 2) == len(small.parts.test) < 72


def test_a_proposal_names_the_findings_it_treats(tmp_path: Path) -> None:
    task = world(tmp_path, documents=3)
    proposal = proposed("retrieval", task, diagnosis=found("knowledge", 0.62))
    assert proposal.reason == "it treats knowledge (62% of failures)"
    assert [f.cause for f in proposal.because] == ["knowledge"]
    for nothing in (found("knowledge", 0.0), found("format", 0.6), None):
        assert proposed("retrieval", task, diagnosis=nothing).because == ()


def test_fine_tuning_and_distillation_are_always_considered_with_numbers(tmp_path: Path) -> None:
    task = world(tmp_path)
    for rung in TRAINED:
        proposal = proposed(rung, task, diagnosis=found("knowledge", 0.9))
        assert proposal.action == "refuse" and all(g.measured and g.needed and g.source for g in proposal.gates)
    gates = {g.name: g for g in proposed("fine_tuning", task, diagnosis=found("behaviour", 0.4)).gates}
    assert gates["clean pairs"].measured == "60 solved examples" and not gates["clean pairs"].passed
    assert gates["behaviour wall"].passed and not gates["owner"].passed
    facts = {g.name: g for g in proposed("fine_tuning", task, diagnosis=found("knowledge", 0.9)).gates}
    assert not facts["behaviour wall"].passed


def test_a_trained_rung_whose_other_gates_hold_needs_weights_that_are_here(tmp_path: Path) -> None:
    profile = Profile(requests_per_day=20_000, owner="Ada", stable_months=12)
    task = replace(world(tmp_path, n=1100, profile=profile), strong_model="other/strong")
    for rung, weights, action in (("fine_tuning", "weights", "try"), ("distillation", "student", "skip")):
        refused = proposed(rung, task)
        assert refused.action == "refuse" and [g.name for g in refused.gates if not g.passed] == [weights]
        here = replace(task, model="embedded")
        assert proposed(rung, here).action == action and "its gates hold" in proposed(rung, here).reason


@pytest.mark.parametrize(
    ("training", "why"),
    [
        (Training(trainer="preference"), "it learns from pairs"),
        (Training(trainer="lora", recipe={"rnak": 8}), "has no `rnak`"),
        (Training(trainer="lroa"), "no trainer called `lroa`"),
    ],
)
def test_a_trainer_that_serves_no_stack_is_refused_before_anything_is_asked(
    training: Training, why: str, tmp_path: Path
) -> None:
    profile = Profile(requests_per_day=20_000, owner="Ada", stable_months=12)
    task = replace(world(tmp_path, n=1100, profile=profile), strong_model="other/strong", model="embedded")
    for rung in ("fine_tuning", "distillation"):
        refused = proposed(rung, replace(task, training=training))
        assert refused.action == "refuse" and [g.name for g in refused.gates if not g.passed] == ["trainer"]
        assert why in refused.reason


def test_every_rung_says_why_it_may_have_nothing_to_do() -> None:
    assert all(isinstance(rung, Rung) and (rung.without or rung.name in TRAINED) for rung in LADDER)


def test_tuning_is_refused_where_the_answers_are_facts_of_the_documents(tmp_path: Path) -> None:
    profile = Profile(requests_per_day=20_000, owner="Ada", stable_months=12)
    facts = world(tmp_path / "facts", n=1100, documents=1100, profile=profile)
    refused = proposed("fine_tuning", facts)
    assert refused.action == "refuse" and "no frozen facts: This set teaches facts; retrieve them: " in refused.reason
    assert [g.name for g in refused.gates if not g.passed] == ["no frozen facts", "weights"]
    labels = proposed("fine_tuning", world(tmp_path / "labels", n=1100, documents=60, kind="labels", profile=profile))
    assert {g.name: g.passed for g in labels.gates}["no frozen facts"]


def test_tuning_is_refused_where_documents_change_within_weeks(tmp_path: Path) -> None:
    pages = tmp_path / "pages"
    pages.mkdir()
    for month in range(1, 9):
        (pages / f"leave-2026-{month:02}-01.md").write_text(f"In month {month} it is rule {month}.", encoding="utf-8")
    gates = {g.name: g for g in proposed("fine_tuning", replace(world(tmp_path / "task"), documents=pages)).gates}
    assert not gates["still target"].passed
    assert "7 of 7 looks at 1 documents show a change" in gates["still target"].measured
    assert {g.name: g for g in proposed("fine_tuning", world(tmp_path / "task")).gates}["still target"].passed
