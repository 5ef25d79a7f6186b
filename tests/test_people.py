"""A judge in a climb: nothing counts until people have labelled a random sample, and then their word decides."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from worlds import ADDRESS, code, world

from suffice.climb import climb
from suffice.digest import canonical, file_digest
from suffice.errors import Disproved
from suffice.labels import Label, Labels, sha256
from suffice.scorers.judge import Judge
from suffice.task import Task
from suffice.verdict import Verdict
from suffice.verify import verify

pytestmark = pytest.mark.usefixtures("minilm")
Says = Callable[[str, str], float]


def judged(folder: Path, judge: str, model: str = "few_shot", n: int = 300) -> Task:
    task = world(folder, model, n=n)
    scorer = Judge(model=f"{ADDRESS}:{judge}", goal=task.goal)
    return replace(task, dataset=replace(task.dataset, scorer=scorer), score="judge")


def truth(id_: str, output: str) -> float:
    return float(output == code(int(id_.removeprefix("q"))))


def filled(folder: Path, says: Says = truth) -> Labels:
    """What people answer to the rows that a climb left."""
    rows = [json.loads(line) for line in (folder / "to_label.jsonl").read_text("utf-8").splitlines()]
    assert rows and all(row["score"] is None for row in rows)
    return Labels(tuple(Label(r["id"], sha256(r["output"]), says(r["id"], r["output"]), "ana") for r in rows))


def with_people(task: Task, rounds: int = 4, says: Says = truth) -> Verdict:
    """Climb, fill what it asks for, climb again, until it asks for nothing more."""
    found, known = climb(task), Labels()
    for _ in range(rounds):
        if found.body["judge"]["verified"]:
            break
        known = Labels((*known.rows, *filled(task.folder, says).rows))
        found = climb(replace(task, labels=known))
    return found


def step(found: Verdict, rung: str) -> dict[str, Any]:
    told: dict[str, Any] = next(s for s in found.body["steps"] if s["rung"] == rung)
    return told


def test_without_labels_the_first_line_says_unverified_judge(tmp_path: Path) -> None:
    found = climb(judged(tmp_path, "good_judge"))
    assert found.body["headline"].startswith("Unverified judge: ")
    assert found.body["warnings"][0].startswith("Unverified judge: ") and "to_label.jsonl" in found.body["warnings"][0]
    assert found.body["judge"] == {**found.body["judge"], "verified": False, "labels": 0, "sets": 0}
    assert found.body["test"]["looks"] == "none" and found.body["down"] == []
    assert verify(tmp_path)


def test_what_people_are_asked_is_blind_and_of_both_sides(tmp_path: Path) -> None:
    climb(judged(tmp_path, "good_judge"))
    rows = [json.loads(line) for line in (tmp_path / "to_label.jsonl").read_text("utf-8").splitlines()]
    assert all(set(row) == {"id", "input", "expected", "output", "score"} for row in rows)
    outputs = {(row["id"], row["output"]) for row in rows}
    assert len(outputs) == len(rows) and {truth(*one) for one in outputs} == {0.0, 1.0}


def test_with_labels_people_decide_and_the_judge_only_helps(tmp_path: Path) -> None:
    found = with_people(judged(tmp_path, "good_judge"))
    kept = step(found, "few_shot")
    assert found.body["judge"]["verified"] and not found.body["headline"].startswith("Unverified")
    assert found.stop_at == "few_shot" and kept["verified"] is True
    assert kept["comparison"]["method"] == kept["quality"]["method"] == "PPI++"
    assert kept["comparison"]["decision"] == "better" and kept["quality"]["estimate"] == pytest.approx(0.97, abs=0.1)
    assert verify(tmp_path)


def test_a_judge_that_likes_everything_carries_no_verdict(tmp_path: Path) -> None:
    """By its scores the floor is perfect already; by people's labels nothing this model says is right."""
    task = judged(tmp_path, "bad_judge", model="wrong")
    alone = climb(task)
    assert alone.body["floor"]["estimate"] == 1.0
    told = with_people(task)
    assert told.stop_at is None and told.target_met is not True


def test_what_people_have_filled_is_never_written_over(tmp_path: Path) -> None:
    task, first = judged(tmp_path, "good_judge"), tmp_path / "to_label.jsonl"
    climb(task)
    rows = [json.loads(line) for line in first.read_text("utf-8").splitlines()]
    rows[0]["score"] = 1
    written = "".join(json.dumps(row) + "\n" for row in rows)
    first.write_text(written, "utf-8")
    climb(task)
    climb(task)
    assert first.read_text("utf-8") == written
    assert sorted(p.name for p in tmp_path.glob("to_label*")) == ["to_label-2.jsonl", "to_label.jsonl"]
    (tmp_path / "to_label-2.jsonl").write_text("half a row {", "utf-8")
    climb(task)
    assert (tmp_path / "to_label-3.jsonl").is_file()


def test_edited_labels_are_found(tmp_path: Path) -> None:
    with_people(judged(tmp_path, "good_judge"))
    lines = [json.loads(x) for x in (tmp_path / "records.jsonl").read_text("utf-8").split("\n")[:-1]]
    label = next(x for x in lines if x["kind"] == "label")
    label["score"] = 1 - label["score"]
    (tmp_path / "records.jsonl").write_bytes(b"".join(canonical(x) + b"\n" for x in lines))
    body = json.loads((tmp_path / "verdict.json").read_text("utf-8"))
    body["records"]["sha256"] = file_digest(tmp_path / "records.jsonl")
    (tmp_path / "verdict.json").write_text(json.dumps(body), "utf-8")
    with pytest.raises(Disproved, match="labels"):
        verify(tmp_path)


def test_looking_at_more_labels_again_is_disclosed(tmp_path: Path) -> None:
    task = judged(tmp_path, "good_judge")
    climb(task)
    labels = filled(tmp_path)
    first = climb(replace(task, labels=labels))
    fewer = climb(replace(task, labels=Labels(labels.rows[:-1])))
    assert (first.body["judge"]["sets"], fewer.body["judge"]["sets"]) == (1, 2)
    assert any("2 sets of labels" in w for w in fewer.body["warnings"])
