"""Taught: what the frozen stack hands on, on top of what the way down has found superfluous."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pupils import learner, school
from worlds import GOAL

from suffice.ledger import Ledger
from suffice.places import placed
from suffice.plugins import find
from suffice.stack import Stack
from suffice.taught import Teaching, missed
from suffice.train import Hands, bare

LONG = f"{GOAL} Answer with the two words of the code and with nothing else, whatever the question looks like."


@pytest.fixture
def teaching(tmp_path: Path) -> Iterator[Teaching]:
    """A teacher with a long prompt, and rules that it can do without."""
    task = school(tmp_path, "wordy", n=400, rules=True)
    prompt = replace(find("layers", "prompt").for_task(task), instructions=LONG)
    teacher = placed(placed(bare(task), prompt), find("layers", "rules").for_task(task))
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        yield Teaching(Hands(ledger).asking(task), teacher)


def trained(teaching: Teaching) -> bool:
    return (teaching.asking.task.folder / ".suffice" / "training").exists()


def test_a_prompt_learned_into_weights_brings_no_layer_back(teaching: Teaching) -> None:
    assert set(teaching.weights(teaching.teacher).names) == {"adapter", "prompt", "rules"}
    assert set(teaching.weights(teaching.teacher.without("rules")).names) == {"adapter", "prompt"}


def test_where_little_is_left_to_spare_nothing_is_trained(teaching: Teaching) -> None:
    short = replace(find("layers", "prompt").for_task(teaching.asking.task), instructions=GOAL)
    stack = placed(teaching.teacher, short)
    assert teaching.weights(stack) == stack and not trained(teaching)


def test_what_was_learned_over_one_model_does_not_stand_on_another(teaching: Teaching) -> None:
    cheaper = teaching.teacher.over(learner())
    assert teaching.weights(cheaper) == cheaper == teaching.student(cheaper) and not trained(teaching)


def test_a_student_is_measured_against_the_stack_that_it_stands_on(teaching: Teaching) -> None:
    stack: Stack = teaching.teacher.without("rules")
    assert set(teaching.student(stack).names) == {"student", "prompt"}
    evidence = teaching.asking.evidence
    stacks = {line["run"]: line["stack_digest"] for line in evidence.of("run")}
    assert stacks[evidence.one("deferral")["teacher"]] == stack.digest


def test_a_students_threshold_is_chosen_where_it_learned_nothing(teaching: Teaching) -> None:
    teaching.student(teaching.teacher)
    items, parts = set(teaching.asking.evidence.one("deferral")["items"]), teaching.asking.task.parts
    learned = {row.id for row in teaching.fitted.taught(teaching.teacher, teaching.lessons).rows}
    assert {e.id for e in parts.select} < items and len(learned) > 50
    assert not items & learned and not items & {e.id for e in (*parts.test, *parts.edge)}


def test_what_the_teacher_got_wrong_is_among_them_as_often_as_there(teaching: Teaching) -> None:
    """The student learns from right answers alone: measured on such ones alone, its teacher would look perfect."""
    teaching.student(teaching.teacher)
    items, lessons = set(teaching.asking.evidence.one("deferral")["items"]), teaching.lessons.by_id
    held = [i for i in items if i in lessons]
    wrong = [e.id for e in teaching.pool if e.id not in lessons]
    assert len([i for i in items if i in wrong]) == round(len(wrong) * len(held) / len(lessons))


def test_the_share_of_the_wrong_ones_is_that_of_the_held_out_ones() -> None:
    wrong = [f"w{n}" for n in range(60)]
    found = missed(wrong, 20, 200, seed=1)
    assert len(found) == 6 and found < set(wrong) and found == missed(wrong[::-1], 20, 200, seed=1)
    assert found != missed(wrong, 20, 200, seed=2) and missed([], 20, 200, seed=1) == set()
