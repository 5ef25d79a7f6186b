"""Fresh examples confirm a verdict: once, all of them, and none that the task knows."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from worlds import ADDRESS, example, world

from suffice.climb import climb
from suffice.confirm import fresh
from suffice.data import Dataset, Example
from suffice.errors import Disproved
from suffice.task import Task
from suffice.verify import verify

pytestmark = pytest.mark.usefixtures("minilm")


def confirmed(task: Task, *examples: Example) -> Task:
    return replace(task, confirmation=task.dataset.only(examples, "confirmation"))


def test_whatever_is_known_already_is_left_out() -> None:
    known = Dataset((example(1), replace(example(2), group="north")))
    given = Dataset(
        (
            example(1),
            Example("again", "What is the code word of parcel 1, please?", "x"),
            replace(example(7), group="north"),
            example(8),
        )
    )
    kept, dropped = fresh(given, known)
    assert [e.id for e in kept] == ["q8"] and dropped == ("again", "q1", "q7")


def test_fresh_examples_confirm_with_an_error_of_their_own(tmp_path: Path) -> None:
    task = world(tmp_path, "right")
    found = climb(confirmed(task, *(example(i) for i in range(500, 600)), example(0)))
    said = found.body["confirmation"]
    assert said["n"] == 100 and said["dropped"] == ["q0"] and said["uses"] == 1
    assert said["target_met"] is True and said["words"] == "confirmed"
    assert said["quality"]["alpha"] == 0.025 and said["quality"]["low"] > 0.78
    assert verify(tmp_path)


def test_fresh_examples_that_refute_are_told_first(tmp_path: Path) -> None:
    task = world(tmp_path, f"{ADDRESS}:stale")
    found = climb(confirmed(task, *(example(i) for i in range(1000, 1080))))
    assert found.target_met is True and found.body["confirmation"]["target_met"] is False
    assert found.body["headline"].startswith("Refuted by 80 fresh examples: ")
    assert verify(tmp_path)


def test_another_stack_on_the_same_fresh_examples_is_disclosed(tmp_path: Path) -> None:
    few = tuple(example(i) for i in range(500, 600))
    first = climb(confirmed(world(tmp_path, "right"), *few))
    other = climb(confirmed(world(tmp_path, "few_shot"), *few))
    assert (first.body["confirmation"]["uses"], other.body["confirmation"]["uses"]) == (1, 2)
    assert "used by 2 plans" in other.body["confirmation"]["overspent"]
    assert climb(confirmed(world(tmp_path, "few_shot"), *few)).body["confirmation"]["uses"] == 2


def test_some_of_the_same_fresh_examples_are_the_same_fresh_examples(tmp_path: Path) -> None:
    few = tuple(example(i) for i in range(500, 600))
    climb(confirmed(world(tmp_path, "right"), *few))
    other = climb(confirmed(world(tmp_path, "few_shot"), *few[:-1], example(700)))
    assert other.body["confirmation"]["uses"] == 2


def test_nothing_fresh_confirms_nothing(tmp_path: Path) -> None:
    found = climb(confirmed(world(tmp_path, "right"), example(3)))
    assert found.body["confirmation"]["n"] == 0 and found.body["confirmation"]["target_met"] is None
    assert "repeats" in found.body["confirmation"]["words"] and verify(tmp_path)


def test_a_confirmation_with_an_example_taken_out_is_disproved(tmp_path: Path) -> None:
    from suffice.digest import canonical, file_digest

    climb(confirmed(world(tmp_path, "right"), *(example(i) for i in range(500, 560))))
    lines = [json.loads(x) for x in (tmp_path / "records.jsonl").read_text("utf-8").split("\n")[:-1]]
    gone = next(x["id"] for x in lines if x["kind"] == "example" and x["part"] == "confirmation")
    lines = [x for x in lines if not (x["kind"] == "example" and x["id"] == gone)]
    (tmp_path / "records.jsonl").write_bytes(b"".join(canonical(x) + b"\n" for x in lines))
    body = json.loads((tmp_path / "verdict.json").read_text("utf-8"))
    body["records"]["sha256"] = file_digest(tmp_path / "records.jsonl")
    (tmp_path / "verdict.json").write_text(json.dumps(body), "utf-8")
    with pytest.raises(Disproved):
        verify(tmp_path)
