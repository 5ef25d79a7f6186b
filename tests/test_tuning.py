"""Tuning in a climb: when it is tried, what its learning curve says, and what the frozen stack teaches."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from pupils import school

from suffice.climb import climb
from suffice.errors import InputError
from suffice.readiness import GATES, UNFORCED
from suffice.task import Target
from suffice.verify import verify

pytestmark = pytest.mark.usefixtures("minilm")


def test_a_climb_trains_where_the_gates_hold_and_draws_the_curve(tmp_path: Path) -> None:
    found = climb(school(tmp_path, kind="schema", quality=0.9))
    step = next(s for s in found.body["steps"] if s["rung"] == "fine_tuning")
    assert (found.stop_at, found.target_met, step["status"]) == ("fine_tuning", True, "kept")
    curve = found.body["learning_curve"]
    rows = [at["rows"] for at in curve["measured"]]
    assert rows == sorted(rows) and len(rows) == 4 and curve["items"] > 30
    assert curve["measured"][0]["estimate"] < curve["measured"][-1]["estimate"]
    assert [at["rows"] for at in curve["predicted"]] == [2 * rows[-1], 4 * rows[-1]]
    assert found.body["stack"]["layers"][0]["use"] == "adapter"
    broke = found.body["regressions"]
    assert broke["of"] == "fine-tuning" and broke["core"]["after"] > broke["core"]["before"]
    assert {part["name"] for part in broke["slices"]} and broke["general"]["n"] == 130
    assert broke["general"]["before"] == broke["general"]["after"], "the pupil knows no less in general"
    assert "requests a day" in broke["worth"]["words"] or "spares no tokens" in broke["worth"]["words"]
    assert any("train again" in duty["what"] for duty in found.body["duties"])
    assert verify(tmp_path).numbers > 50


def test_training_is_repeated_with_other_seeds_where_there_is_time(tmp_path: Path) -> None:
    task = school(tmp_path, kind="schema", quality=0.9)
    found = climb(replace(task, training=replace(task.training, minutes=5.0)))
    fits = found.body["variance"]["fits"]
    assert (found.stop_at, fits["fits"], fits["wanted"]) == ("fine_tuning", 3, 3)
    assert fits["deviation"] is not None
    hurried = school(tmp_path / "hurried", kind="schema", quality=0.9)
    again = climb(replace(hurried, training=replace(hurried.training, minutes=2.0)))
    assert again.stop_at == "fine_tuning" and again.body["variance"]["fits"]["fits"] == 1
    assert verify(tmp_path) and verify(tmp_path / "hurried")


def test_a_curve_that_leads_nowhere_is_not_followed_to_its_end(tmp_path: Path) -> None:
    found = climb(school(tmp_path, kind="schema", quality=0.9, recipe={"ceiling": 0.03}))
    curve = found.body["learning_curve"]
    assert "at most" in curve["stopped"] and len(curve["measured"]) == 3
    step = next(s for s in found.body["steps"] if s["rung"] == "fine_tuning")
    assert step["status"] == "dropped" and found.stop_at != "fine_tuning"
    assert verify(tmp_path)


def test_a_curve_that_is_flat_is_not_followed_to_its_end(tmp_path: Path) -> None:
    found = climb(school(tmp_path, kind="schema", quality=0.9, recipe={"ceiling": 0.97, "slow": 0.0}))
    curve = found.body["learning_curve"]
    assert curve["stopped"].startswith("twice the rows would add") and len(curve["measured"]) == 3
    assert curve["pays"] == "does not pay" and curve["gain"]["high"] < 0.02
    assert found.stop_at == "fine_tuning", "what half of the rows taught is what is judged"
    assert verify(tmp_path)


def test_training_that_would_take_too_long_is_not_begun(tmp_path: Path) -> None:
    task = school(tmp_path, kind="schema", quality=0.9)
    found = climb(replace(task, training=replace(task.training, minutes=0.5)))
    curve = found.body["learning_curve"]
    assert "would take" in curve["stopped"] and len(curve["measured"]) < 4


def test_a_long_prompt_is_learned_into_weights_where_that_is_proven_not_worse(tmp_path: Path) -> None:
    task = school(tmp_path, "wordy", n=3000)
    found = climb(replace(task, target=Target(quality=0.9)))
    weights = next(a for a in found.body["down"] if a["change"] == "prompt into weights")
    assert weights["accepted"] and weights["tokens"]["after"] < weights["tokens"]["before"] / 2
    assert any("train again" in duty["what"] for duty in found.body["duties"])
    assert verify(tmp_path)


def test_what_was_forced_for_training_on_the_way_down_is_a_warning(tmp_path: Path) -> None:
    task = school(tmp_path, "wordy", n=3000)
    hurried = replace(task, target=Target(quality=0.9), profile=replace(task.profile, stable_months=3))
    assert not {a["change"] for a in climb(hurried).body["down"]} & {"prompt into weights", "student"}
    again = school(tmp_path / "forced", "wordy", n=3000)
    forced = replace(again, target=Target(quality=0.9), profile=replace(again.profile, stable_months=3))
    found = climb(forced, forced=("stable requirements",))
    assert next(a for a in found.body["down"] if a["change"] == "prompt into weights")["accepted"]
    assert any(w.startswith("Forced: stable requirements: 3 months") for w in found.body["warnings"])
    assert verify(tmp_path / "forced")


def test_a_student_answers_where_it_is_sure_and_its_teacher_otherwise(tmp_path: Path) -> None:
    task = school(tmp_path, "wordy", n=3000, quality=0.9, recipe={"ceiling": 0.95})
    found = climb(replace(task, strong_model=task.model))
    weights = next(a for a in found.body["down"] if a["change"] == "prompt into weights")
    assert not weights["accepted"], "what is learned alone loses too much; what it is sure of does not"
    assert any("distil again" in duty["what"] for duty in found.body["duties"])
    assert any(s["reason"].startswith("kept on the way down") for s in found.body["steps"])
    student = next(a for a in found.body["down"] if a["change"] == "student")
    assert student["accepted"] and student["margin"] == 0.02, student["reason"]
    assert found.stop_at == "distillation" and "student" in {x["use"] for x in found.body["stack"]["layers"]}
    curve = found.body["deferral"]
    assert curve["threshold"] is not None and curve["risk"] == 0.02
    answered = [step["answered"] for step in curve["steps"]]
    assert answered == sorted(answered) and (answered[0], answered[-1]) == (0.0, 1.0)
    assert curve["steps"][0]["tokens"] > curve["steps"][-1]["tokens"]
    assert verify(tmp_path)


def test_nothing_is_trained_on_the_way_down_that_test_could_not_prove(tmp_path: Path) -> None:
    task = school(tmp_path, "wordy", n=1400, quality=0.9)
    few = task.dataset.only(e if n >= 1200 else replace(e, split="dev") for n, e in enumerate(task.dataset))
    marked = few.only(replace(e, split="test") if e.split is None else e for e in few)
    found = climb(replace(task, dataset=marked))
    weights = next(a for a in found.body["down"] if a["change"] == "prompt into weights")
    assert not weights["accepted"] and "cannot prove" in weights["reason"]
    assert not (tmp_path / ".suffice" / "training").exists()
    assert verify(tmp_path)


def test_a_forced_gate_is_a_warning_of_the_verdict(tmp_path: Path) -> None:
    task = school(tmp_path, kind="schema", quality=0.9)
    hurried = replace(task, profile=replace(task.profile, stable_months=3))
    assert climb(hurried, forced=("stable requirements",)).stop_at == "fine_tuning"
    found = verify(tmp_path)
    said = "Forced: stable requirements: 3 months"
    warnings = json.loads((tmp_path / "verdict.json").read_text())["warnings"]
    assert found and any(said in w for w in warnings)
    assert (
        "Taken on trust: slow knowledge: not stated: profile.knowledge_changes; needed slower than weekly." in warnings
    )
    assert not any("stable requirements" in w for w in warnings if w.startswith("Taken on trust"))


def test_a_tune_that_nobody_owns_is_not_kept_whatever_is_forced(tmp_path: Path) -> None:
    task = school(tmp_path, kind="schema", quality=0.9)
    nobody = replace(task, profile=replace(task.profile, owner=None))
    with pytest.raises(InputError, match="the gate `owner` cannot be forced"):
        climb(nobody, forced=("owner",))
    found = climb(nobody, forced=tuple(g for g in GATES if g not in UNFORCED))
    step = next(s for s in found.body["steps"] if s["rung"] == "fine_tuning")
    assert step["status"] == "refused" and found.stop_at != "fine_tuning"
    assert step["reason"] == "owner: nobody, needed somebody who owns re-training"
    assert not {"adapter", "student"} & {x["use"] for x in (found.body["stack"] or {"layers": []})["layers"]}
    assert not (tmp_path / ".suffice" / "training").exists() and verify(tmp_path)
