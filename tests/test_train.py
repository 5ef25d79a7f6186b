"""Train and distil outside a climb: what is learned from has chosen nothing and judges nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pupils import school
from worlds import GOAL, code

from suffice.data import Example
from suffice.layers.prompt import Prompt
from suffice.ledger import Ledger
from suffice.places import placed
from suffice.record import Record, Run
from suffice.score import Score
from suffice.stats.curve import At
from suffice.task import Task
from suffice.taught import Teaching
from suffice.train import Hands, bare, train
from suffice.tuning import Tuning
from suffice.types import Answer


@pytest.fixture
def hands(tmp_path: Path) -> Iterator[Hands]:
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        yield Hands(ledger)


def tuning(task: Task, hands: Hands, rows: tuple[Example, ...]) -> Tuning:
    return Tuning(hands.asking(task), bare(task), rows=task.dataset.only(rows))


def test_rows_of_a_file_are_learned_from_without_what_chooses_and_what_judges(tmp_path: Path, hands: Hands) -> None:
    """`suffice data curate` writes all of dev, the part that chooses among stacks included."""
    task = school(tmp_path, n=400)
    parts = task.parts
    found = tuning(task, hands, (*parts.dev, *parts.test)).pool
    assert {e.id for e in found} == {e.id for e in parts.pool}


def test_a_file_that_is_sorted_by_label_makes_slices_of_all_labels(tmp_path: Path, hands: Hands) -> None:
    task = school(tmp_path, kind="labels", n=800)
    rows = sorted(task.parts.pool, key=lambda e: (str(e.expected), e.id))
    one = tuning(task, hands, tuple(rows))
    slices = one.unfitted.taught(one.lean, one.pool).rows
    counted = Counter(row.reply.content for row in slices[: len(slices) // 4])
    assert min(counted["refund"], counted["shipping"]) > len(slices) / 16


def test_what_is_told_of_a_trained_stack_on_dev_is_of_items_it_did_not_learn(tmp_path: Path, hands: Hands) -> None:
    task = school(tmp_path, n=400)
    made = train(task, bare(task), hands, rows=task.dataset.only(task.parts.dev), curve=False)
    assert {r.id for r in made.after.records} == {e.id for e in task.parts.select}
    assert made.left_out == len(task.parts.select)


def test_a_secret_is_not_taught_to_a_student(tmp_path: Path, hands: Hands) -> None:
    key = "AKIAIOSFODNN7QRSTUVW"
    cases = tuple(
        Example(f"q{n}", f"What is the code word of parcel {n}?" + (f" {key}" if n % 10 == 0 else ""), code(n))
        for n in range(200)
    )
    task = school(tmp_path, "wordy", examples=cases)
    knowing = placed(bare(task), replace(Prompt.for_task(task), instructions=f"{GOAL} Say nothing else at all."))
    teaching = Teaching(hands.asking(task), knowing)
    assert len(teaching.lessons) > 0.8 * len(teaching.pool)
    assert any(key in e.text for e in task.parts.pool) and not any(key in e.text for e in teaching.lessons)


def test_training_goes_on_where_what_is_held_may_itself_be_luck(tmp_path: Path, hands: Hands) -> None:
    """A score of 0.75 on forty items is as little known as one that is predicted."""
    task = school(tmp_path, n=400)
    few, many = (held(task, n) for n in (40, 4_000))
    ahead = At(800, 0.6, 0.5, 0.7)
    assert Tuning(hands.asking(task), bare(task), few)._behind(ahead) == ""
    assert "0.75 is held already" in Tuning(hands.asking(task), bare(task), many)._behind(ahead)
    assert Tuning(hands.asking(task), bare(task))._behind(ahead) == ""


def held(task: Task, n: int) -> Run:
    records = tuple(Record(f"q{i}", Answer(""), Score(float(i % 4 > 0))) for i in range(n))
    return Run("held", bare(task), task.parts.select, records, {})
