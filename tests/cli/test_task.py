"""A whole task from the command line: plan, climb, verify, run, compare, ask, with a model that is scripted."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from suffice.ledger import Ledger
from suffice.run import GIVEN_UP

Command = Callable[..., subprocess.CompletedProcess[str]]

MODEL = """
from suffice.models.scripted import Scripted

def Talker():
    return Scripted({"capital": "Paris is it", "river": "the Seine"}, otherwise="no idea")
"""
YAML = (
    "goal: Answer.\nmodel: mine.py:Talker\nscore: contains\ndocuments: docs\ntarget: {quality: 0.9, tolerance: 0.05}\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """120 questions that the scripted model answers, but for every thirtieth."""
    kinds = (("which capital is it, {n}", "Paris"), ("which river is it, {n}", "Seine"))
    rows = [
        {
            "id": f"q{n}",
            "input": "what is it" if n % 30 == 0 else kinds[n % 2][0].format(n=n),
            "expected": kinds[n % 2][1],
        }
        for n in range(120)
    ]
    task = tmp_path / "task"
    (task / "docs").mkdir(parents=True)
    (task / "docs" / "a.md").write_text("# Paris\n\nParis is the capital of France.\n")
    (task / "mine.py").write_text(MODEL)
    (task / "suffice.yaml").write_text(YAML)
    (task / "examples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return task


def body(done: subprocess.CompletedProcess[str], code: int = 0) -> Any:
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


@pytest.mark.usefixtures("minilm")
def test_a_climb_ends_in_a_verdict_that_verifies(suffice: Command, folder: Path) -> None:
    told = body(suffice("climb", folder, "--json"))
    assert told == json.loads((folder / "verdict.json").read_text()) and told["steps"][1]["rung"] == "prompt"
    assert (folder / "report.html").is_file() and (folder / "records.jsonl").is_file()
    words = suffice("climb", folder)
    assert words.returncode == 0 and told["headline"][:40] in words.stdout and "report.html" in words.stdout
    assert body(suffice("verify", folder, "--json"))["verified"] is True
    (folder / "verdict.json").write_text(json.dumps({**told, "target_met": not told["target_met"]}))
    error = body(suffice("verify", folder, "--json"), 1)["error"]
    assert error["code"] == "disproved" and "target_met" in error["message"]
    assert suffice("report", folder, "--json").returncode == 0


def test_a_plan_spends_nothing(suffice: Command, folder: Path) -> None:
    told = body(suffice("plan", folder, "--json"))
    assert told == body(suffice("climb", folder, "--dry-run", "--json"))
    assert told["calls_at_most"] > 0 and len(told["rungs"]) == 9 and not (folder / ".suffice").exists()
    words = suffice("plan", folder)
    assert words.returncode == 0 and "At most" in words.stdout


def test_a_plan_without_a_test_item_says_what_is_missing(suffice: Command, folder: Path) -> None:
    (folder / "examples.jsonl").write_text('{"id": "one", "input": "the only one", "expected": "x"}\n')
    error = body(suffice("plan", folder, "--json"), 2)["error"]
    assert "no test examples are left" in error["message"] and "split: test" in error["hint"]


def test_a_plan_says_what_test_shares_with_dev_and_the_documents(suffice: Command, folder: Path) -> None:
    asked = "which capital of the country in the far north is it"
    rows = [{"id": "d", "input": asked, "split": "dev"}, {"id": "t", "input": f"{asked} now", "split": "test"}]
    rows += [{"id": "u", "input": asked.replace("north", "south"), "split": "test"}]
    with (folder / "examples.jsonl").open("a") as file:
        file.write("".join(json.dumps({**row, "expected": "Paris"}) + "\n" for row in rows))
    (folder / "docs" / "b.md").write_text("Which capital of the country in the far south is it? Nobody knows.\n")
    told = body(suffice("plan", folder, "--json"))
    assert (told["moved"], told["near"], told["quoted"]) == (["t"], [["t", "d"]], [["u", "b.md"]])
    words = " ".join(suffice("plan", folder).stdout.split())
    assert "moved out of test: t (like d)" in words and "u in b.md" in words


def test_a_cap_ends_a_run_with_3_and_what_was_paid_for_is_kept(suffice: Command, folder: Path) -> None:
    error = body(suffice("run", folder, "--part", "all", "--max-calls", "10", "--json"), 3)["error"]
    assert error["code"] == "budget_spent" and "--max-calls" in error["hint"]
    assert body(suffice("run", folder, "--part", "all", "--json"))["n"] == 120


def test_outputs_of_two_runs_are_compared(suffice: Command, folder: Path, tmp_path: Path) -> None:
    before, after = tmp_path / "before.jsonl", tmp_path / "after.jsonl"
    made = body(suffice("run", folder, "--part", "all", "--out", before, "--json"))
    assert made["solved"] == 116 and made["quality"] == pytest.approx(116 / 120)
    rows = [json.loads(line) for line in before.read_text().splitlines()]
    after.write_text("".join(json.dumps({**row, "output": "Paris on the Seine"}) + "\n" for row in rows))
    found = body(suffice("compare", before, after, "--task", folder, "--json"))
    assert found["wins"] == 4 and found["losses"] == 0 and found["n"] == 120 and found["method"]
    assert "lift" in suffice("compare", before, after, "--task", folder).stdout
    after.write_text(json.dumps(rows[0]) + "\n")
    assert "119 ids" in body(suffice("compare", before, after, "--task", folder, "--json"), 2)["error"]["message"]


def test_a_question_is_answered_by_the_stack_as_it_stands(suffice: Command, folder: Path) -> None:
    told = body(suffice("ask", folder, "the capital?", "--json"))
    assert told["answer"] == "Paris is it" and told["stack"] == "prompt" and told["steps"]
    assert "Paris is it" in suffice("ask", folder, "the capital?").stdout


def test_a_stack_is_compared_with_itself(suffice: Command, folder: Path) -> None:
    told = body(suffice("run", folder, "--again", "--json"))["again"]
    assert told["rescored"] == [] and told["times"] == 1 and told["comparison"]["decision"] == "undecided"
    assert "no difference shows" in suffice("run", folder, "--again").stdout


def test_python_that_a_stack_from_elsewhere_names_is_not_run(suffice: Command, folder: Path) -> None:
    elsewhere = folder.parent / "mail"
    elsewhere.mkdir()
    (elsewhere / "theirs.py").write_text("from pathlib import Path\nPath(__file__).with_name('ran').touch()\n" + MODEL)
    stack = elsewhere / "stack.yaml"
    stack.write_text("suffice: 1\nmodel: {use: 'theirs.py:Talker'}\nlayers: []\n")
    error = body(suffice("ask", folder, "the capital?", "--stack", stack, "--json"), 2)["error"]
    assert error["code"] == "own_code" and "copy it" in error["hint"]
    assert not (elsewhere / "ran").exists()


def test_documents_are_indexed_and_searched_by_word(suffice: Command, folder: Path) -> None:
    found = body(suffice("search", folder, "capital of France", "--mode", "lexical", "--json"))
    assert found["passages"][0]["document"] == "a.md"
    assert "a.md" in suffice("search", folder, "capital", "--mode", "lexical").stdout


@pytest.mark.slow
def test_a_model_that_is_down_exits_4(suffice: Command, folder: Path) -> None:
    yaml = (folder / "suffice.yaml").read_text().replace("mine.py:Talker", "http://127.0.0.1:9/v1#m")
    (folder / "suffice.yaml").write_text(yaml)
    error = body(suffice("run", folder, "--json"), 4)["error"]
    assert error["code"] in ("unreachable", "model") and "127.0.0.1" in error["message"]


@pytest.mark.slow
def test_an_interrupted_run_says_so_and_goes_on_from_there(suffice: Command, folder: Path) -> None:
    assert _interrupted(folder, latency_ms=400)["code"] == "interrupted"
    again = body(suffice("run", folder, "--part", "all", "--json"))
    assert again["n"] == 120 and again["solved"] == 116


@pytest.mark.slow
def test_an_interrupt_says_which_replies_were_given_up(folder: Path) -> None:
    told = _interrupted(folder, latency_ms=20_000)
    assert told["code"] == "interrupted"
    with Ledger.open(folder / ".suffice" / "ledger.db") as ledger:
        found = ledger.attempts()
    assert {(a.fault, a.billed, a.usd) for a in found} == {("dropped", True, 0.01)}
    assert f"{len(found)} {GIVEN_UP}, up to ${len(found) / 100:.4f}" in told["hint"]


SLOW = """
from pathlib import Path
from suffice.models.scripted import Scripted

class Slow(Scripted):
    def __call__(self, request):
        Path(__file__).with_name("asked").touch()
        return super().__call__(request)

def Talker():
    known = {"capital": "Paris is it", "river": "the Seine"}
    return Slow(known, otherwise="no idea", latency_ms=LATENCY, parallel=4, usd=0.01)
"""


def _interrupted(folder: Path, latency_ms: int) -> Any:
    """What a run says that Ctrl-C ends once its model was asked."""
    (folder / "mine.py").write_text(SLOW.replace("LATENCY", str(latency_ms)))
    command = [sys.executable, "-m", "suffice", "run", str(folder), "--part", "all", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as started:
        _wait_for(folder / "asked")
        started.send_signal(signal.SIGINT)
        out, _ = started.communicate(timeout=60)
    assert started.returncode == 130
    return json.loads(out)["error"]


def _wait_for(path: Path) -> None:
    for _ in range(600):
        if path.is_file():
            return
        time.sleep(0.05)
    raise AssertionError(f"{path} never came")
