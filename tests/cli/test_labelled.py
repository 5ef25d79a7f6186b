"""`suffice compare` where a model judges: draw, label, decide; and nothing is decided without people."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., subprocess.CompletedProcess[str]]

JUDGE = """
import json
from suffice.models.scripted import Scripted

def Lenient():
    '''Passes whatever names a city, and every third of the rest; prefers what stands first.'''
    def said(request):
        if "<first " in request.input:
            return json.dumps({"reason": "it stands first", "better": "first"})
        reply = request.input.split("<reply ")[-1].split("\\n")[1]
        number = int("".join(c for c in reply if c.isdigit()) or 0)
        return json.dumps({"reason": "it seems", "grade": int("city" in reply or number % 3 == 0)})
    return Scripted(said, usd=0.01)
"""
YAML = "goal: Name the city.\nmodel: embedded\nscore: judge\njudge: {model: 'mine.py:Lenient'}\n"


def right(output: str) -> bool:
    return "city" in output


def rows(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def task(tmp_path: Path) -> Path:
    folder = tmp_path / "task"
    folder.mkdir()
    (folder / "suffice.yaml").write_text(YAML)
    (folder / "mine.py").write_text(JUDGE)
    rows(folder / "examples.jsonl", *({"id": f"q{n}", "input": f"which {n}", "expected": "a city"} for n in range(120)))
    before = [{"id": f"q{n}", "output": f"{'city' if n % 3 == 1 else 'river'} {n}"} for n in range(120)]
    after = [{"id": f"q{n}", "output": f"the {'city' if n % 5 else 'river'} {n}"} for n in range(120)]
    rows(tmp_path / "a.jsonl", *before)
    rows(tmp_path / "b.jsonl", *after)
    return folder


def body(done: subprocess.CompletedProcess[str], code: int = 0) -> Any:
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


def filled(path: Path) -> Path:
    """What an honest person makes of the file."""
    given = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return rows(path, *({**row, "score": int(right(row["output"]))} for row in given))


def test_a_sample_is_drawn_labelled_and_decides(suffice: Command, task: Path, tmp_path: Path) -> None:
    sides, out = (tmp_path / "a.jsonl", tmp_path / "b.jsonl", "--task", task), tmp_path / "to_label.jsonl"
    told = body(suffice("compare", *sides, "--draw", "60", "--out", out, "--json"))
    assert told == {"out": str(out), "outputs": 120, "items": 60, "seed": 0}
    assert not (task / ".suffice").exists()
    assert "before" not in out.read_text() and "after" not in out.read_text()
    again = body(suffice("compare", *sides, "--draw", "60", "--out", out, "--json"), 2)["error"]
    assert "may hold labels" in again["message"]
    unfilled = body(suffice("compare", *sides, "--labels", out, "--json"))
    assert unfilled["decision"] == "undecided" and unfilled["judged"]["missing"] == 60
    found = body(suffice("compare", *sides, "--labels", filled(out), "--json"))
    assert found["decision"] == "better" and found["method"] == "PPI++" and found["n"] == 60
    assert found["judged"]["verified"] and found["judged"]["lift"]["judged"] == 60
    words = suffice("compare", *sides, "--labels", out).stdout
    assert words.startswith("after is better: lift") and "60 items labelled by people" in words


def test_without_labels_the_first_line_says_unverified_judge(suffice: Command, task: Path, tmp_path: Path) -> None:
    done = suffice("compare", tmp_path / "a.jsonl", tmp_path / "b.jsonl", "--task", task)
    assert done.returncode == 0 and done.stdout.startswith("unverified judge: cannot tell: 60 labels are missing")
    assert "the judge by itself says" in done.stdout
    error = body(suffice("gate", tmp_path / "a.jsonl", tmp_path / "b.jsonl", "--task", task, "--json"), 2)["error"]
    assert "decide nothing" in error["message"] and "--labels" in error["hint"]


def test_the_judge_is_paid_once_and_within_the_caps(suffice: Command, task: Path, tmp_path: Path) -> None:
    sides = (tmp_path / "a.jsonl", tmp_path / "b.jsonl", "--task", task)
    assert body(suffice("compare", *sides, "--max-calls", "50", "--json"), 3)["error"]["code"] == "budget_spent"
    assert body(suffice("compare", *sides, "--max-calls", "190", "--json"))["judged"]["items"] == 120
    assert body(suffice("compare", *sides, "--max-calls", "0", "--json"))["judged"]["items"] == 120


def test_pairwise_shows_a_judge_that_prefers_a_place(suffice: Command, task: Path, tmp_path: Path) -> None:
    sides = (tmp_path / "a.jsonl", tmp_path / "b.jsonl", "--task", task, "--pairwise")
    position = body(suffice("compare", *sides, "--json"))["judged"]["sway"]["position"]
    assert position["flips"]["estimate"] == 1.0 and position["first"]["lift"] == 1.0
    assert "the order of two replies turns the judge: 1.000" in suffice("compare", *sides).stdout


def test_scores_that_a_judge_gave_before_need_neither_task_nor_model(suffice: Command, tmp_path: Path) -> None:
    for name, share in (("a", 3), ("b", 5)):
        said = [(n, f"{name} {'river' if n % share == 0 else 'city'} {n}") for n in range(100)]
        rows(tmp_path / f"{name}.jsonl", *({"id": f"q{n}", "output": o, "judge": int(right(o))} for n, o in said))
    sides, out = (tmp_path / "a.jsonl", tmp_path / "b.jsonl"), tmp_path / "l.jsonl"
    assert body(suffice("compare", *sides, "--json"))["judged"]["verified"] is False
    assert body(suffice("compare", *sides, "--draw", "50", "--out", out, "--json"))["outputs"] == 100
    found = body(suffice("compare", *sides, "--labels", filled(out), "--json"))
    assert found["judged"]["sway"]["agreement"]["accuracy"]["estimate"] == 1.0
    assert found["lift"] == pytest.approx(34 / 100 - 20 / 100, abs=0.1)


def test_what_makes_no_sense_is_told(suffice: Command, task: Path, tmp_path: Path) -> None:
    sides, out = (tmp_path / "a.jsonl", tmp_path / "b.jsonl"), tmp_path / "l.jsonl"
    for more, said in (
        (("--draw", "9", "--task", task), "where shall"),
        (("--out", out, "--task", task), "how many items"),
        (("--labels", out, "--task", task), "no such file of labels"),
    ):
        assert said in body(suffice("compare", *sides, *more, "--json"), 2)["error"]["message"]
    (task / "suffice.yaml").write_text("score: contains\n")
    rows(out, {"id": "q1", "output": "x", "score": 1})
    error = body(suffice("compare", *sides, "--task", task, "--labels", out, "--json"), 2)["error"]
    assert "no judge has scored this output" in error["message"] and error["line"] == 1
    rows(tmp_path / "a.jsonl", *({"id": f"q{n}", "score": 1} for n in range(120)))
    assert (
        "nobody can label"
        in body(suffice("compare", *sides, "--draw", "9", "--out", tmp_path / "m", "--json"), 2)["error"]["message"]
    )


def test_a_run_writes_the_scores_of_its_judge(suffice: Command, task: Path, tmp_path: Path) -> None:
    (task / "suffice.yaml").write_text(YAML.replace("embedded", f"recorded:{tmp_path / 'b.jsonl'}"))
    made = body(suffice("run", task, "--part", "all", "--out", tmp_path / "out.jsonl", "--json"))
    written = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert made["n"] == 120 and all(row["judge"] in (0.0, 1.0) for row in written)
    assert sum(row["judge"] for row in written) == pytest.approx(120 * made["quality"])
