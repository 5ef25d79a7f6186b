"""Schooling: what somebody could forge about training, with every digest made to fit, and that it is found."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pupils import school
from test_verify import Lines, conclude_again, lines_of, rung_of

from suffice.climb import climb
from suffice.digest import digest_of
from suffice.errors import Disproved
from suffice.evidence import Evidence, Reading
from suffice.verdict import Conclusion
from suffice.verify import verify

Forgery = Callable[[Lines], None]


@pytest.fixture(scope="session")
def tuned(tmp_path_factory: pytest.TempPathFactory, minilm: Path) -> Path:
    """A climb that kept an adapter."""
    folder = tmp_path_factory.mktemp("tuned")
    assert climb(school(folder, kind="schema", quality=0.9)).stop_at == "fine_tuning"
    return folder


@pytest.fixture(scope="session")
def distilled(tmp_path_factory: pytest.TempPathFactory, minilm: Path) -> Path:
    """A climb that went down to a student."""
    folder = tmp_path_factory.mktemp("distilled")
    task = school(folder, "wordy", n=3000, quality=0.9, recipe={"ceiling": 0.95})
    assert climb(replace(task, strong_model=task.model)).stop_at == "distillation"
    return folder


def line(lines: Lines, kind: str) -> dict[str, Any]:
    return next(x for x in lines if x["kind"] == kind)


def down(lines: Lines, change: str) -> dict[str, Any]:
    return next(x for x in lines if x["kind"] == "down" and x["change"] == change)


def part(lines: Lines, name: str) -> list[dict[str, Any]]:
    return [x for x in lines if x["kind"] == "run" and x["part"] == name]


def without(lines: Lines, *runs: str) -> None:
    """Take runs and their records away, as if they had never been."""
    lines[:] = [x for x in lines if x["kind"] not in ("run", "record") or x["run"] not in runs]


def adapter_of(run: dict[str, Any]) -> dict[str, Any]:
    return next(x for x in run["stack"]["layers"] if x["use"] == "adapter")


def restacked(run: dict[str, Any]) -> None:
    run["stack_digest"] = digest_of(run["stack"])


# The learning curve


def a_point_less(lines: Lines) -> None:
    line(lines, "curve")["points"].pop(1)


def a_point_and_its_run_less(lines: Lines) -> None:
    without(lines, line(lines, "curve")["points"].pop(1)["run"])


def the_first_point_and_its_run_less(lines: Lines) -> None:
    without(lines, line(lines, "curve")["points"].pop(0)["run"])


def the_last_point_and_its_run_less(lines: Lines) -> None:
    curve = line(lines, "curve")
    without(lines, curve["points"].pop()["run"])
    curve["stopped"] = "it would take too long"


def runs_of_two_points_exchanged(lines: Lines) -> None:
    one, other = line(lines, "curve")["points"][1:3]
    one["run"], other["run"] = other["run"], one["run"]


def values_of_two_points_exchanged(lines: Lines) -> None:
    one, other = (p["run"] for p in line(lines, "curve")["points"][:2])
    for x in (x for x in lines if x["kind"] in ("run", "record") and x["run"] in (one, other)):
        x["run"] = other if x["run"] == one else one


def more_rows_than_there_were(lines: Lines) -> None:
    line(lines, "curve")["points"][-1]["rows"] += 100


def all_rows_twice(lines: Lines) -> None:
    for p in line(lines, "curve")["points"]:
        p["rows"] *= 2


def an_item_less(lines: Lines) -> None:
    line(lines, "curve")["items"].pop()


def an_item_less_everywhere(lines: Lines) -> None:
    curve = line(lines, "curve")
    gone, runs = curve["items"].pop(), {p["run"] for p in curve["points"]}
    lines[:] = [x for x in lines if x["kind"] != "record" or x["run"] not in runs or x["id"] != gone]


def a_curve_on_test_items(lines: Lines) -> None:
    test = [x["id"] for x in lines if x["kind"] == "example" and x["part"] == "test"]
    curve = line(lines, "curve")
    new = dict(zip(curve["items"], test, strict=False))
    runs = {p["run"] for p in curve["points"]}
    curve["items"] = list(new.values())
    for x in (x for x in lines if x["kind"] == "record" and x["run"] in runs):
        x["id"] = new[x["id"]]


def a_second_curve(lines: Lines) -> None:
    lines.append({**line(lines, "curve"), "stopped": "it leads nowhere"})


def another_adapter_judged(lines: Lines) -> None:
    run = next(x for x in lines if x["kind"] == "run" and x["run"] == rung_of(lines, "fine_tuning")["test"])
    adapter_of(run)["adapter"] = adapter_of(part(lines, "held")[0])["adapter"]
    restacked(run)


# Gates


def a_gate_forced_that_was_not_declared(lines: Lines) -> None:
    gate = next(g for g in rung_of(lines, "fine_tuning")["gates"] if g["name"] == "owner")
    gate.update(passed=False, measured="nobody", forced=True)


def a_gate_that_did_not_hold(lines: Lines) -> None:
    next(g for g in rung_of(lines, "fine_tuning")["gates"] if g["name"] == "owner")["passed"] = False


def a_gate_measured_where_nothing_was_stated(lines: Lines) -> None:
    gate = next(g for g in rung_of(lines, "fine_tuning")["gates"] if g["name"] == "slow knowledge")
    assert gate["assumed"]
    gate.update(measured="yearly", assumed=False)


def a_gate_that_is_not_taken_on_trust_any_more(lines: Lines) -> None:
    next(g for g in rung_of(lines, "fine_tuning")["gates"] if g["name"] == "slow knowledge")["assumed"] = False


def a_gate_less(lines: Lines) -> None:
    gates = rung_of(lines, "fine_tuning")["gates"]
    gates[:] = [g for g in gates if g["name"] != "stable requirements"]


def no_gates_at_all(lines: Lines) -> None:
    rung_of(lines, "fine_tuning")["gates"] = []


def lacking(name: str) -> Forgery:
    """A gate that was measured, and is not spoken of."""

    def forgery(lines: Lines) -> None:
        gates = rung_of(lines, "fine_tuning")["gates"]
        gates[:] = [g for g in gates if g["name"] != name]

    forgery.__name__ = f"without the gate {name}"
    return forgery


def measured(name: str, said: str) -> Forgery:
    """A gate that was measured, and says something else."""

    def forgery(lines: Lines) -> None:
        next(g for g in rung_of(lines, "fine_tuning")["gates"] if g["name"] == name)["measured"] = said

    forgery.__name__ = f"{name} says {said}"
    return forgery


GATES = [
    *map(lacking, ("clean pairs", "no contradictions", "no leaked test items", "still target", "golden set")),
    *map(lacking, ("prompting exhausted", "behaviour wall", "weights", "trainer")),
    measured("golden set", "9000 test items and 900 of the edge partition"),
    measured("clean pairs", "9000 solved examples"),
    measured("no contradictions", "90 of 700 rows contradict others (12.9%)"),
    measured("prompting exhausted", "9 serious prompts, 9 with examples, 9 with structure"),
    measured("behaviour wall", "100% of failures are behaviour"),
]


# What explains it


def no_layer_matters(lines: Lines) -> None:
    told = line(lines, "left_out")
    told["without"] = [[name, told["whole"]] for name, _ in told["without"]]


def the_same_fit_three_times(lines: Lines) -> None:
    told = line(lines, "refit")
    told["runs"] = told["runs"][:1] * 3


def failures_of_another_stack(lines: Lines) -> None:
    """The diagnosis of the prompt in the place of the tuned stack's."""
    last = [x for x in lines if x["kind"] == "diagnosis"][-1]
    lines[:] = [x for x in lines if x is not last and (x["kind"] != "trial" or x["of"] != last["of"])]


# The general set


def general_answers_worse(lines: Lines) -> None:
    before = line(lines, "general")["before"]
    for x in (x for x in lines if x["kind"] == "record" and x["run"] == before):
        x["value"] = 0.0


def general_runs_exchanged(lines: Lines) -> None:
    told = line(lines, "general")
    told["before"], told["after"] = told["after"], told["before"]


def a_general_question_less(lines: Lines) -> None:
    runs = {line(lines, "general")[k] for k in ("before", "after")}
    gone = next(x["id"] for x in lines if x["kind"] == "record" and x["run"] in runs)
    lines[:] = [x for x in lines if x["kind"] != "record" or x["run"] not in runs or x["id"] != gone]


def the_general_line_less(lines: Lines) -> None:
    lines.remove(line(lines, "general"))


def a_dev_run_scored_as_general(lines: Lines) -> None:
    rung = rung_of(lines, "fine_tuning")
    part(lines, "select")[0].update(part="general")
    assert rung["dev_runs"]


def the_general_set_of_another_adapter(lines: Lines) -> None:
    run = part(lines, "general")[1]
    adapter_of(run)["adapter"] = "ab" * 32
    restacked(run)


def only_the_attempt_that_pleases(lines: Lines) -> None:
    """One attempt would have all of the error of the way down."""
    kept = down(lines, "without prompt")
    lines[:] = [x for x in lines if x["kind"] != "down" or x is kept]
    kept["attempts"] = 1


TUNED: list[Forgery] = [
    *(no_layer_matters, the_same_fit_three_times, failures_of_another_stack),
    *(only_the_attempt_that_pleases, no_gates_at_all, *GATES),
    *(a_point_less, a_point_and_its_run_less, the_first_point_and_its_run_less, the_last_point_and_its_run_less),
    *(runs_of_two_points_exchanged, values_of_two_points_exchanged, more_rows_than_there_were, all_rows_twice),
    *(an_item_less, an_item_less_everywhere, a_curve_on_test_items, a_second_curve, another_adapter_judged),
    *(
        a_gate_forced_that_was_not_declared,
        a_gate_that_did_not_hold,
        a_gate_less,
        general_answers_worse,
        general_runs_exchanged,
    ),
    *(a_gate_measured_where_nothing_was_stated, a_gate_that_is_not_taken_on_trust_any_more),
    *(a_general_question_less, the_general_line_less, a_dev_run_scored_as_general, the_general_set_of_another_adapter),
]


# The way down to a student


def no_gates_on_the_way_down(lines: Lines) -> None:
    down(lines, "student")["gates"] = []


def gates_of_the_student_that_were_measured_left_out(lines: Lines) -> None:
    student = down(lines, "student")
    student["gates"] = [g for g in student["gates"] if g["name"] in ("owner", "metric", "volume")]


def a_gate_of_the_student_that_did_not_hold(lines: Lines) -> None:
    next(g for g in down(lines, "student")["gates"] if g["name"] == "volume")["passed"] = False


def a_larger_volume_for_the_student(lines: Lines) -> None:
    gate = next(g for g in down(lines, "student")["gates"] if g["name"] == "volume")
    gate["measured"] = "1e+06 requests a day"


def a_gate_of_the_student_forced_that_was_not_declared(lines: Lines) -> None:
    next(g for g in down(lines, "student")["gates"] if g["name"] == "volume").update(passed=False, forced=True)


def a_wider_margin(lines: Lines) -> None:
    down(lines, "student")["margin"] = 0.05


def a_student_by_another_name(lines: Lines) -> None:
    down(lines, "student").update(change="shorter prompt", margin=0.05)


def another_risk(lines: Lines) -> None:
    line(lines, "deferral")["risk"] = 0.1


def a_bolder_student(lines: Lines) -> None:
    """Judged with a threshold that was not chosen."""
    runs = {down(lines, "student")[k] for k in ("test", "dev_run", "edge")}
    for run in (x for x in lines if x["kind"] == "run" and x["run"] in runs):
        run["stack"]["layers"][0]["threshold"] = 0.01
        restacked(run)


def student_and_teacher_exchanged(lines: Lines) -> None:
    told = line(lines, "deferral")
    told["student"], told["teacher"] = told["teacher"], told["student"]


def only_items_that_it_gets_right(lines: Lines) -> None:
    told = line(lines, "deferral")
    runs = {told["student"], told["teacher"]}
    wrong = {x["id"] for x in lines if x["kind"] == "record" and x["run"] == told["student"] and not x["value"]}
    told["items"] = [i for i in told["items"] if i not in wrong]
    lines[:] = [x for x in lines if x["kind"] != "record" or x["run"] not in runs or x["id"] not in wrong]


def a_second_deferral(lines: Lines) -> None:
    lines.append({**line(lines, "deferral")})


def no_deferral(lines: Lines) -> None:
    lines.remove(line(lines, "deferral"))


def only_the_student(lines: Lines) -> None:
    kept = down(lines, "student")
    lines[:] = [x for x in lines if x["kind"] != "down" or x is kept]
    kept["attempts"] = 1


def an_attempt_less_and_its_share_for_the_others(lines: Lines) -> None:
    lines.remove(down(lines, "without prompt"))
    for x in (x for x in lines if x["kind"] == "down"):
        x["attempts"] -= 1


def a_student_judged_by_another_run_on_dev(lines: Lines) -> None:
    down(lines, "student").update(dev_run=down(lines, "student")["dev_against"])


DISTILLED: list[Forgery] = [
    *(only_the_student, an_attempt_less_and_its_share_for_the_others, a_student_judged_by_another_run_on_dev),
    gates_of_the_student_that_were_measured_left_out,
    no_layer_matters,
    *(no_gates_on_the_way_down, a_gate_of_the_student_that_did_not_hold),
    a_gate_of_the_student_forced_that_was_not_declared,
    a_larger_volume_for_the_student,
    *(a_wider_margin, a_student_by_another_name, another_risk, a_bolder_student, student_and_teacher_exchanged),
    *(only_items_that_it_gets_right, a_second_deferral, no_deferral),
]


def found(forgery: Forgery, folder: Path, copy: Path) -> str:
    """What `verify` says of a verdict that follows from forged lines, as if the climb had written them."""
    for name in ("verdict.json", "records.jsonl"):
        shutil.copy(folder / name, copy / name)
    lines = lines_of(copy)
    forgery(lines)
    conclude_again(copy, lines)
    with pytest.raises(Disproved) as disproved:
        verify(copy)
    return str(disproved.value)


@pytest.mark.parametrize("forgery", TUNED, ids=lambda f: f.__name__)
def test_a_forged_training_is_found(forgery: Forgery, tuned: Path, tmp_path: Path) -> None:
    assert "do not hold what a verdict needs" not in found(forgery, tuned, tmp_path)


@pytest.mark.parametrize("forgery", DISTILLED, ids=lambda f: f.__name__)
def test_a_forged_distillation_is_found(forgery: Forgery, distilled: Path, tmp_path: Path) -> None:
    assert "do not hold what a verdict needs" not in found(forgery, distilled, tmp_path)


def test_what_was_not_forged_is_verified(tuned: Path, distilled: Path) -> None:
    assert verify(tuned).numbers and verify(distilled).numbers


def test_what_trains_must_spare_tokens_of_the_stack_as_it_stood(distilled: Path) -> None:
    """Against the frozen stack everything spares something that follows another change; that is not its own merit."""
    arithmetic = Conclusion(Reading(Evidence.read(distilled / "records.jsonl")))
    kept, student = arithmetic.frozen(), down(lines_of(distilled), "student")
    assert arithmetic.attempt(student, kept, kept.test)["accepted"]
    again = arithmetic.attempt(student, kept, student["test"])
    assert not again["accepted"] and "it spares 0% of the tokens" in again["reason"]
