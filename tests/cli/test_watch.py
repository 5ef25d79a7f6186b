"""`suffice watch` from the command line: a drift found in a log, its duty opened once, replies drawn and counted."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from watch.traffic import text

from suffice.cli.watch import _proposal

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def task(tmp_path: Path) -> Path:
    """A task folder with a log of eight weeks beside it."""
    rows = [{"id": f"{n}", "input": f"ticket {n}", "expected": "refund"} for n in range(60)]
    (tmp_path / "examples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "suffice.yaml").write_text(
        "name: shop\ngoal: sort\nmodel: embedded\nexamples: examples.jsonl\n"
        "output: {labels: [refund, delivery, account]}\nprofile: {owner: ada}\n"
    )
    (tmp_path / "traffic.jsonl").write_text(text(60, "judge", 46, seed=1))
    return tmp_path


def said(suffice: Command, *arguments: str | Path, code: int = 0) -> Any:
    done = suffice("watch", *arguments, "--json")
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_a_drift_is_named_priced_and_opens_one_duty_however_often_it_is_seen(suffice: Command, task: Path) -> None:
    body = said(suffice, task, "--logs", task / "traffic.jsonl")
    assert body["standing"] == "alarm" and body["alarm"]["kinds"] == ["judge"] and body["alarm"]["settled"]
    (proposal,) = body["proposals"]
    assert proposal["kind"] == "judge" and proposal["cost_usd"][0] > 0 and "framework" not in proposal["what"]
    assert body["duty"]["owner"] == "ada" and body["duty"]["duty"]["kind"] == "drift"
    again = said(suffice, task)
    assert again["duty"]["id"] == body["duty"]["id"] and again["alarm"] == body["alarm"]
    screen = suffice("watch", task).stdout
    assert screen.startswith("drift: judge") and "What to do" in screen and "chance 5%" in screen


def test_prices_of_the_task_are_what_a_proposal_costs(suffice: Command, task: Path) -> None:
    (task / "prices.yaml").write_text("review_minutes: 10\nreview_minute: 2\n")
    body = said(suffice, task, "--logs", task / "traffic.jsonl")
    assert body["proposals"][0]["cost_usd"] == [2_000.0, 2_000.0]


def test_replies_are_drawn_labelled_and_counted(suffice: Command, task: Path) -> None:
    logs, drawn = task / "traffic.jsonl", task / "drawn.jsonl"
    assert said(suffice, task, "--logs", logs, "--draw", "40", "--out", drawn)["drawn"] == str(drawn)
    rows = [json.loads(line) for line in drawn.read_text().splitlines()]
    assert len(rows) == 40 and all(row["score"] is None and row["output"] for row in rows)
    half = said(suffice, task, "--logs", logs, "--labels", drawn)["quality"]
    assert half["estimate"] is None and "0 of 40" in half["reason"]
    drawn.write_text("".join(json.dumps({**row, "score": float(n % 5 > 0)}) + "\n" for n, row in enumerate(rows)))
    found = said(suffice, task, "--logs", logs, "--labels", drawn)["quality"]
    assert found["low"] < 0.8 < found["high"] and found["look"] == 1 and found["labelled"] == 40
    assert "labels are work" in suffice("watch", task, "--logs", logs, "--draw", "40", "--out", drawn).stderr


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--draw", "40"], "drawn into a file"),
        (["--labels", "x.jsonl"], "no text is kept"),
        (["--logs", "nowhere.jsonl"], "no such log"),
        (["--alpha", "0.9"], "says nothing"),
        (["--since", "soon"], "no date"),
        (["--without", "2025-10-09:2025-10-01"], "names no days"),
        (["--map", "time"], "no field"),
        (["--logs", "examples.jsonl"], "has no times"),
        (["--recent", "examples.jsonl"], "no strong model"),
    ],
)
def test_what_cannot_be_done_is_said_with_a_way_out(
    suffice: Command, task: Path, more: list[str], message: str
) -> None:
    given = [str(task / m) if m.endswith(".jsonl") and (task / m).exists() else m for m in more]
    error = said(suffice, task, *given, code=2)["error"]
    assert message in error["message"] and error["hint"]


def test_nothing_yet_is_no_error(suffice: Command, task: Path) -> None:
    assert said(suffice, task)["standing"] == "waiting"
    screen = suffice("watch", task).stdout
    assert "no log was read" in screen and "--logs" in screen and "None" not in screen


def test_a_proposal_without_a_known_cost_ends_at_what_is_to_be_done() -> None:
    told = {"kind": "model", "what": "ask again", "cost_usd": None, "reckoned": "nobody has said", "command": "suffice"}
    assert _proposal(told) == "model: ask again. `suffice`"
