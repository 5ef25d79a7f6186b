"""`suffice gate` leaves with the code that a pipeline stops on, and `compare --summary` reads a published table."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

Command = Callable[..., subprocess.CompletedProcess[str]]


def body(done: subprocess.CompletedProcess[str], code: int = 0) -> Any:
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def scored(tmp_path: Path) -> Callable[[str, Sequence[float | None]], Path]:
    def written(name: str, scores: Sequence[float | None]) -> Path:
        file = tmp_path / name
        file.write_text("".join(json.dumps({"id": f"q{n}", "score": s}) + "\n" for n, s in enumerate(scores)))
        return file

    return written


@pytest.mark.parametrize(
    ("after", "flags", "code", "decision"),
    [
        ([1.0] * 99 + [0.0], [], 0, "not_worse"),
        ([1.0] * 80 + [0.0] * 20, [], 1, "worse"),
        ([1.0] * 80 + [0.0] * 20, ["--allow-undecided"], 1, "worse"),
        ([1.0] * 50, [], 1, "undecided"),
        ([1.0] * 50, ["--allow-undecided"], 0, "undecided"),
        ([1.0] * 50, ["--margin", "0.2"], 0, "not_worse"),
    ],
)
def test_each_answer_has_its_exit_code(
    suffice: Command, scored: Any, tmp_path: Path, after: list[float], flags: list[str], code: int, decision: str
) -> None:
    files = scored("a.jsonl", [1.0] * len(after)), scored("b.jsonl", after)
    junit, summary = tmp_path / "out" / "gate.xml", tmp_path / "out" / "summary.md"
    told = body(suffice("gate", *files, *flags, "--json", "--junit", junit, "--markdown", summary), code)
    assert (told["gate"]["decision"], told["passed"]) == (decision, code == 0)
    failed = ET.parse(junit).find(".//failure")  # noqa: S314  # written by the command above
    assert (failed is not None) == (code == 1) and summary.read_text().startswith("## suffice gate: ")


def test_cannot_tell_says_how_many_more_and_a_summary_is_appended(
    suffice: Command, scored: Any, tmp_path: Path
) -> None:
    file, summary = scored("a.jsonl", [1.0] * 40), tmp_path / "summary.md"
    summary.write_text("# before\n")
    done = suffice("gate", file, file, "--markdown", summary)
    assert done.returncode == 1 and "cannot tell" in done.stdout and "19 more examples would tell" in done.stdout
    assert summary.read_text().startswith("# before\n\n## suffice gate: cannot tell\n")


def test_outputs_are_scored_by_the_task_with_its_edge_apart(suffice: Command, tmp_path: Path) -> None:
    parts = ["core"] * 80 + ["edge"] * 12
    rows = [{"id": f"q{n}", "input": f"what {n}", "expected": "yes", "partition": p} for n, p in enumerate(parts)]
    (tmp_path / "examples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "suffice.yaml").write_text("model: scripted\nscore: exact\n")
    before, after = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    before.write_text("".join(json.dumps({"id": r["id"], "output": "yes"}) + "\n" for r in rows))
    after.write_text(
        "".join(
            json.dumps({"id": r["id"], "output": "no" if r["partition"] == "edge" else "yes"}) + "\n" for r in rows[1:]
        )
    )
    error = body(suffice("gate", before, after, "--task", tmp_path, "--json"), 2)["error"]
    assert error["message"].startswith("1 ids of") and "q0" in error["message"]
    before.write_text(before.read_text().partition("\n")[2])
    told = body(suffice("gate", before, after, "--task", tmp_path, "--json"), 1)["gate"]
    assert [p["decision"] for p in told["parts"]] == ["not_worse", "worse"] and told["decision"] == "worse"
    assert told["parts"][1]["lost"][0] == {"id": "q80", "before": 1.0, "after": 0.0}
    assert told["notes"] == ["the files answer 91 of the task's 92 examples"]


@pytest.mark.parametrize(
    ("row", "flags", "said"),
    [
        ('{"id": "q0", "score": 1.5}', [], "from 0 to 1"),
        ('{"id": "q0", "output": "x"}', [], "need a task"),
        ('{"id": "other", "score": 1}', [], "ids of"),
        ('{"id": "q0", "score": 1}', ["--margin", "0"], "the margin is 0"),
        ('{"id": "q0", "score": 1}', ["--alpha", "0.7"], "alpha is 0.7"),
    ],
)
def test_bad_input_exits_2(
    suffice: Command, scored: Any, tmp_path: Path, row: str, flags: list[str], said: str
) -> None:
    after, junit = tmp_path / "b.jsonl", tmp_path / "gate.xml"
    after.write_text(row + "\n")
    error = body(suffice("gate", scored("a.jsonl", [1.0]), after, *flags, "--json", "--junit", junit), 2)["error"]
    assert said in error["message"] and not junit.exists()


def test_a_published_table_is_compared_and_called_unpaired(suffice: Command, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("name,score,n\n[red]old,80%,500\nnew,87%,500\n")
    told = body(suffice("compare", "--summary", table, "--json"))
    assert told["paired"] is False and told["rows"][0]["decision"] == "better" and "unpaired" in told["caution"]
    words = suffice("compare", "--summary", table, "--baseline", "new", COLUMNS="160")
    assert words.returncode == 0 and "[red]old" in words.stdout and "unpaired: only totals are known" in words.stdout
    for arguments in ((), (table,), (table, table, "--baseline", "new"), (table, table, "--summary", table)):
        assert body(suffice("compare", *arguments, "--json"), 2)["error"]["hint"].startswith("suffice compare")
