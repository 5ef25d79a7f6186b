"""`suffice data` from the outside: suspects, a blind sheet, and what people made of it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Thirty questions in dev; two that read alike have two answers."""
    rows = [
        {"id": f"q{n}", "input": f"what is {n} plus one", "expected": str(n + 1), "split": "dev"} for n in range(29)
    ]
    rows += [{**rows[7], "id": "twin", "input": "What is 7, plus one?", "expected": "9"}]
    rows += [{**rows[7], "id": "other", "input": "what is 7 plus one!"}]
    rows += [{"id": "t", "input": "what is 90 plus one", "expected": "91", "split": "test"}]
    (tmp_path / "examples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "suffice.yaml").write_text("goal: Add.\n")
    return tmp_path


def body(done: subprocess.CompletedProcess[str], code: int = 0) -> Any:
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_a_suspect_is_named_checked_blind_and_corrected(suffice: Command, folder: Path) -> None:
    told = body(suffice("data", "suspects", folder, "--json"))
    assert [(s["id"], s["proposed"]) for s in told["suspects"]] == [("twin", "8")] and told["examples"] == 31
    assert told["parts"] == ["pool", "select"] and told["suspects"][0]["evidence"][0].startswith(
        "it reads like `other`"
    )
    sheet = folder / "to_check.jsonl"
    blind = body(suffice("data", "suspects", folder, "--out", sheet, "--json"))
    assert blind["rows"] == 21 and "suspects" not in blind
    rows = [json.loads(line) for line in sheet.read_text().splitlines()]
    for row in rows:
        row["right"] = "8" if row["id"] in ("twin", "other") else str(int(row["id"][1:]) + 1)
    sheet.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = body(suffice("data", "adjudicate", folder, sheet, "--json"))
    assert found["confirmed"] == ["twin"] and found["low"] == pytest.approx(1 / 31) and found["random_wrong"] == []
    corrected = {
        r["id"]: r["expected"] for r in map(json.loads, (folder / "examples.corrected.jsonl").read_text().splitlines())
    }
    assert corrected["twin"] == "8" and len(corrected) == 32


def closed_book(folder: Path) -> None:
    """Forty questions whose answers one document each holds, with dates, and two states of one page."""
    rows = [{"id": f"q{n}", "input": f"Who signs form {n}?", "expected": f"Person{n} Name{n}"} for n in range(80)]
    (folder / "examples.jsonl").write_text("".join(json.dumps({**r, "split": "dev"}) + "\n" for r in rows))
    (folder / "pages").mkdir()
    for n in range(80):
        (folder / "pages" / f"form-{n}.md").write_text(f"Form {n} is signed by Person{n} Name{n}, who sits here.")
    for day in (1, 8, 15, 22):
        (folder / "pages" / f"hours-2026-01-{day:02}.md").write_text(f"Open until {day}.")
    (folder / "suffice.yaml").write_text("goal: Answer.\nexamples: examples.jsonl\ndocuments: pages\n")


def test_closed_book_answers_are_said_to_be_facts(suffice: Command, tmp_path: Path) -> None:
    closed_book(tmp_path)
    told = body(suffice("data", "facts", tmp_path, "--json"))
    assert told["decision"] == "facts" and told["n"] == 80 and told["share"]["low"] > 0.9
    assert told["examples"][0]["facts"][0]["source"].startswith("form-")
    shown = suffice("data", "facts", tmp_path).stdout
    assert shown.startswith("This set teaches facts; retrieve them: 100% of 80 answers") and "in form-" in shown


def test_documents_that_change_weekly_are_said_to_rule_out_tuning(suffice: Command, tmp_path: Path) -> None:
    closed_book(tmp_path)
    told = body(suffice("data", "moving", tmp_path, "--json"))
    assert told["decision"] == "moving" and told["history"]["changes"] == 3
    assert [r["rung"] for r in told["rules_out"]] == ["fine_tuning", "distillation"]
    shown = suffice("data", "moving", tmp_path).stdout
    assert "fine_tuning is ruled out: half of the documents are other ones after 5 days" in shown
    assert "left out: 80 no time" in shown and "left out: 80 documents, no date" in shown
