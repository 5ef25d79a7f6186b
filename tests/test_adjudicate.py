"""A blind sheet of suspects and others, what people make of it, and the corrected examples that follow."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from suffice.adjudicate import Listing, adjudicate, evidence_of, listed, measured_of, write_corrected, write_sheet
from suffice.climb import climb
from suffice.errors import InputError
from suffice.load import load
from suffice.suspects import Suspect
from suffice.task import Task
from suffice.types import Json

from .worlds import ADDRESS, LABELS, label

OTHER = {"refund": "shipping", "shipping": "refund"}
WRONG = frozenset({"q8", "q20", "q33", "q51"})


@pytest.fixture
def task(tmp_path: Path) -> Task:
    """80 parcels, four of them labelled wrongly: two in dev, two in test."""
    told = {"refund": "please send my money back for order", "shipping": "where on its way is the parcel of order"}
    rows = [
        {
            "id": f"q{n}",
            "input": f"{told[label(n)]} {n}",
            "expected": OTHER[label(n)] if f"q{n}" in WRONG else label(n),
            "split": "test" if n % 2 else "dev",
        }
        for n in range(80)
    ]
    (tmp_path / "examples.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    (tmp_path / "suffice.yaml").write_text(
        f"goal: Label.\nmodel: {ADDRESS}:right\noutput: {{labels: [refund, shipping]}}\ntarget: {{quality: 0.99}}\n"
        "looks: none\n"
    )
    return load(tmp_path)


def suspected(task: Task, *ids: str) -> Listing:
    """As if these were suspected, of all parts."""
    found = tuple(Suspect(i, "pool", "?", OTHER[str(task.dataset.by_id[i].expected)], ("why",), (), 0.9) for i in ids)
    return Listing(task, found, (), ("pool", "select", "test", "edge"))


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def fill(path: Path, right: Callable[[dict[str, Any]], Json]) -> Path:
    """What a person makes of the sheet."""
    path.write_text("".join(json.dumps({**row, "right": right(row)}) + "\n" for row in rows(path)), encoding="utf-8")
    return path


def truth(row: dict[str, Any]) -> Json:
    return label(int(row["id"][1:]))


# Blind


def test_the_sheet_does_not_say_who_is_suspected_or_what_is_todays(task: Task) -> None:
    path = task.folder / "sheet.jsonl"
    assert write_sheet(suspected(task, *sorted(WRONG)), path, random=36) == 40
    told = rows(path)
    assert {frozenset(row) for row in told} == {frozenset({"sheet", "id", "input", "answers", "right"})}
    assert all(row["right"] is None and sorted(row["answers"]) == sorted(LABELS) for row in told)
    first = sum(row["answers"][0] == task.dataset.by_id[row["id"]].expected for row in told)
    assert 10 <= first <= 30  # today's stands first about half of the time
    places = [at for at, row in enumerate(told) if row["id"] in WRONG]
    assert places != [0, 1, 2, 3] and {row["id"] for row in told} >= WRONG


def test_the_same_seed_writes_the_same_sheet_and_nothing_is_overwritten(task: Task, tmp_path: Path) -> None:
    one, other, third = (tmp_path / name for name in ("one.jsonl", "other.jsonl", "third.jsonl"))
    found = suspected(task, "q8")
    assert write_sheet(found, one) == write_sheet(found, other) == 21  # twenty others, where suspects are few
    write_sheet(found, third, seed=1)
    assert one.read_text() == other.read_text() != third.read_text()
    with pytest.raises(InputError, match="may hold answers"):
        write_sheet(found, one)


@pytest.mark.usefixtures("minilm")
def test_test_items_are_listed_once_their_verdict_stands(task: Task) -> None:
    before = listed(task)
    assert before.parts == ("pool", "select") and {s.part for s in before.suspects} <= {"pool", "select"}
    climb(task)
    after = listed(task)
    assert {s.id for s in after.suspects if s.part == "test"} == {"q33", "q51"}
    changed = replace(task, dataset=task.dataset.only(task.dataset.examples[:-1]))
    assert listed(changed).parts == ("pool", "select")  # that verdict is about other examples


# What people say


def test_suspects_are_confirmed_or_false_alarms_and_the_rest_tells_of_all(task: Task) -> None:
    path = task.folder / "sheet.jsonl"
    write_sheet(suspected(task, "q8", "q20", "q2"), path, random=77)
    found = adjudicate(task, fill(path, truth))
    assert (set(found.confirmed), found.false_alarms) == ({"q8", "q20"}, ("q2",))
    assert set(found.random_wrong) == {"q33", "q51"} and found.undecided == ()
    assert found.wrong == found.low == found.high == pytest.approx(4 / 80)  # all were looked at
    assert {(c.id, c.after) for c in found.changes} == {(i, label(int(i[1:]))) for i in WRONG}


def test_a_sample_leaves_room_and_what_is_open_leaves_more(task: Task) -> None:
    path = task.folder / "sheet.jsonl"
    write_sheet(suspected(task, "q8", "q20", "q2"), path, random=40)
    told = rows(path)
    found = adjudicate(task, fill(path, truth))
    assert found.low <= 4 / 80 <= found.high and found.wrong is not None and found.low <= found.wrong <= found.high
    leave = {"q20", *random.Random(0).sample([r["id"] for r in told if r["id"] not in ("q8", "q20", "q2")], 10)}
    half = adjudicate(task, fill(path, lambda row: None if row["id"] in leave else truth(row)))
    assert set(half.undecided) == leave and half.low <= found.low and half.high > found.high
    nobody = adjudicate(task, fill(path, lambda _: None))
    assert (nobody.wrong, nobody.low, nobody.high) == (None, 0.0, 1.0) and nobody.changes == ()


def test_the_limits_cover_the_share_of_wrong_labels(task: Task, tmp_path: Path) -> None:
    held = 0
    for seed in range(60):
        path = tmp_path / f"{seed}.jsonl"
        write_sheet(suspected(task, "q8"), path, random=30, seed=seed)
        found = adjudicate(task, fill(path, truth))
        held += found.low <= 4 / 80 <= found.high
    assert held >= 57  # 95 % of them


def test_another_answer_or_both_may_be_right(task: Task) -> None:
    path = task.folder / "sheet.jsonl"
    write_sheet(suspected(task, "q8", "q20", "q2"), path, random=0)
    said = {"q8": list(LABELS), "q20": truth({"id": "q20"}), "q2": task.dataset.by_id["q2"].expected}
    found = adjudicate(task, fill(path, lambda row: said[row["id"]]))
    assert found.confirmed == ("q20",) and set(found.false_alarms) == {"q8", "q2"}
    (both,) = [c.after for c in found.changes if c.id == "q8"]
    assert both == {"any_of": [task.dataset.by_id["q8"].expected, label(8)]}


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda r: {**r, "right": "lost"}, "is none of the labels|not one of|lost"),
        (lambda r: {k: v for k, v in r.items() if k != "right"}, "`right` is missing"),
        (lambda r: {**r, "id": "q119x"}, "is not of this sheet"),
        (lambda r: {**r, "sheet": "0"}, "of no sheet, or of several"),
        (lambda r: [r], "a row is an object"),
    ],
)
def test_a_spoilt_row_is_told_by_its_line(task: Task, spoil: Callable[[Any], Json], says: str) -> None:
    path = task.folder / "sheet.jsonl"
    write_sheet(suspected(task, "q8"), path)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:-1], json.dumps(spoil(json.loads(lines[-1])))]))
    with pytest.raises(InputError, match=says) as wrong:
        adjudicate(task, path)
    assert wrong.value.file == str(path)


def test_a_sheet_belongs_to_the_examples_it_was_made_of(task: Task) -> None:
    path = task.folder / "sheet.jsonl"
    write_sheet(suspected(task, "q8"), path)
    changed = replace(task, dataset=task.dataset.only(task.dataset.examples[1:]))
    with pytest.raises(InputError, match="have changed since"):
        adjudicate(changed, path)
    (task.state / "sheets").rename(task.state / "gone")
    with pytest.raises(InputError, match="no key to the sheet"):
        adjudicate(task, path)


# Corrected examples


def test_corrected_examples_load_as_another_test_set_with_the_same_split(task: Task) -> None:
    path = task.folder / "sheet.jsonl"
    write_sheet(suspected(task, *sorted(WRONG)), path)
    before = (task.folder / "examples.jsonl").read_bytes()
    where = write_corrected(task, adjudicate(task, fill(path, truth)))
    assert where.name == "examples.corrected.jsonl" and (task.folder / "examples.jsonl").read_bytes() == before
    yaml = task.folder / "suffice.yaml"
    yaml.write_text(yaml.read_text() + "examples: examples.corrected.jsonl\n")
    again = load(task.folder)
    assert all(e.expected == label(int(e.id[1:])) for e in again.dataset)
    assert again.parts.test.fingerprint != task.parts.test.fingerprint
    for part in ("test", "edge"):
        assert [e.id for e in getattr(again.parts, part)] == [e.id for e in getattr(task.parts, part)]
    with pytest.raises(InputError, match="there already"):
        write_corrected(task, adjudicate(task, path))


def test_what_was_tried_counts_for_the_model_and_the_goal_that_it_was_tried_with(task: Task) -> None:
    climb(task)
    assert evidence_of(task) and measured_of(load(task.folder))
    for other in (replace(task, model=f"{ADDRESS}:wrong"), replace(task, goal="Say which it is.")):
        assert evidence_of(other) and measured_of(other) is None
