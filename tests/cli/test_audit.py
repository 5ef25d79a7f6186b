"""`suffice audit` from the outside: what it says, writes and refuses."""

from __future__ import annotations

import gzip
import json
import random
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., subprocess.CompletedProcess[str]]
KEY = "sk-proj-abcdefghijklmnop0123456789"
PROMPT = "You sort tickets. Reply with one word: refund, delivery or account."


def row(at: int, draw: random.Random) -> dict[str, Any]:
    asked = " ".join(
        draw.choice(["my", "parcel", "refund", "login", "is", "late", "where", "when", "how", "please", "order"])
        for _ in range(12)
    )
    said = draw.choice(["refund", "delivery", "account"]) if at % 10 else "I'm sorry, but I can't help with that."
    return {
        "request": {
            "model": "gpt-4o-mini",
            "messages": [{"role": "system", "content": PROMPT}, {"role": "user", "content": f"{asked} {KEY} {at}"}],
        },
        "response": {
            "id": f"chatcmpl-{at}",
            "object": "chat.completion",
            "created": 1_700_000_000 + 60 * at,
            "model": "gpt-4o-mini",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": said}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 40, "completion_tokens": 2},
        },
    }


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path, draw = tmp_path_factory.mktemp("log") / "traffic.jsonl.gz", random.Random(0)
    lines = [*(json.dumps(row(at, draw)) for at in range(200)), "{broken", '{"nothing": "known"}']
    path.write_bytes(gzip.compress("\n".join(lines).encode() + b"\n"))
    return path


def body(done: subprocess.CompletedProcess[str], code: int = 0) -> Any:
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_a_log_is_told_in_numbers(suffice: Command, log: Path) -> None:
    told = body(suffice("audit", log, "--json"))
    refused = next(sign for sign in told["signs"] if sign["name"] == "refused")
    assert told["format"] == 1 and told["calls"] == 200 and (refused["count"], refused["n"]) == (20, 200)
    assert sum(told["unusable"].values()) == 2 and len(told["rows_not_used"]) == 2
    assert told["rows_not_used"][0]["first"][0].endswith(":201")
    assert told["cost"]["listed"] == 200 and told["task"] is None and told["files"] == {}


def test_a_person_reads_the_same(suffice: Command, log: Path) -> None:
    done = suffice("audit", log, NO_COLOR="1", COLUMNS="120")
    assert done.returncode == 0 and done.stderr == ""
    for words in ("200 calls: refusals in 10.0%", "What to try first", "Signs of failure", "Stages", "Traffic"):
        assert words in done.stdout
    assert KEY not in done.stdout and "2 rows could not be used" in done.stdout


def test_page_numbers_and_task_folder_are_written_and_hold_no_secret(
    suffice: Command, log: Path, tmp_path: Path
) -> None:
    out, task = tmp_path / "out", tmp_path / "task"
    told = body(suffice("audit", log, "--out", out, "--task", task, "--examples", "40", "--json"))
    assert sorted(path.name for path in out.iterdir()) == ["audit.html", "audit.json"]
    assert told["task"]["examples"] == 40 and told["task"]["by_reason"]["random"] == 24
    for path in (*out.iterdir(), *task.iterdir()):
        assert KEY not in path.read_text("utf-8"), path.name
    said = suffice("plan", task)
    assert said.returncode == 2 and "`expected` is missing" in said.stderr and "in 39 more rows" in said.stderr
    rows = [json.loads(line) for line in (task / "examples.jsonl").read_text("utf-8").splitlines()]
    filled = "".join(json.dumps({**one, "expected": "refund"}) + "\n" for one in rows)
    (task / "examples.jsonl").write_text(filled, "utf-8")
    planned = body(suffice("plan", task, "--json"))
    assert planned["warnings"] is not None


def test_nothing_is_written_over(suffice: Command, log: Path, tmp_path: Path) -> None:
    (tmp_path / "suffice.yaml").write_text("goal: mine\n")
    wrong = body(suffice("audit", log, "--task", tmp_path, "--json"), 2)
    assert "is there already" in wrong["error"]["message"]
    assert [path.name for path in tmp_path.iterdir()] == ["suffice.yaml"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere.jsonl",), "no such log"),
        (("LOG", "--from", "nobody"), "no importer called"),
        (("LOG", "--map", "time"), "names no field and column"),
        (("LOG", "--task", "T", "--stage", "nobody"), "no stage is called"),
    ],
)
def test_what_is_wrong_is_said(suffice: Command, log: Path, tmp_path: Path, arguments: Any, said: str) -> None:
    given = [str(log) if a == "LOG" else str(tmp_path / "t") if a == "T" else a for a in arguments]
    done = suffice("audit", *given)
    assert done.returncode == 2 and said in done.stderr, done.stderr


def test_a_file_without_calls_is_an_error_with_its_reasons(suffice: Command, tmp_path: Path) -> None:
    (tmp_path / "other.jsonl").write_text('{"nothing": "known"}\n' * 3)
    wrong = body(suffice("audit", tmp_path / "other.jsonl", "--json"), 2)["error"]
    assert wrong["message"] == "no logged call was found" and "3 × no importer" in wrong["hint"]


def test_a_table_is_read_by_its_columns(suffice: Command, tmp_path: Path) -> None:
    lines = [
        "when,given,made",
        *(f"2023-11-16 18:{m:02}:{s:02},{100 + s},{m}" for m in range(60) for s in range(0, 60, 10)),
    ]
    (tmp_path / "traffic.csv").write_text("\n".join(lines) + "\n")
    columns = ("time=when", "input_tokens=given", "output_tokens=made")
    told = body(suffice("audit", tmp_path / "traffic.csv", *(f"--map={c}" for c in columns), "--json"))
    assert told["calls"] == 360 and told["traffic"]["per_second"] == pytest.approx(0.1, rel=0.01)
    assert told["prefix"]["usable"] is None and "holds no prompts" in told["prefix"]["how"]
