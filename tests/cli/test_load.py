"""`suffice latency` tells of stored records, `suffice loadtest` drives a stack and keeps what it found."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., subprocess.CompletedProcess[str]]
MODEL = """
from suffice.models.scripted import Scripted

def quick():
    return Scripted({}, otherwise="yes", latency_ms=4.0, parallel=4)

def dear():
    return Scripted({}, otherwise="yes", usd=0.01)
"""

BUSY = """
import atexit, os, time
from suffice.models.scripted import Scripted

asked = []
inside = set()
atexit.register(lambda: inside and os.abort())  # as an engine does that is closed while it is asked

def says(request):
    asked.append(request.id)
    if len(asked) > 44:  # 4 to warm up, 30 to predict from, 10 of the load
        inside.add(len(asked))
        time.sleep(60)
    return "yes"

def busy():
    return Scripted(says, parallel=2)
"""


@pytest.fixture
def task(tmp_path: Path) -> Path:
    rows = [{"id": f"q{n}", "input": f"what {n}", "expected": "yes"} for n in range(200)]
    (tmp_path / "examples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "mine.py").write_text(MODEL)
    (tmp_path / "suffice.yaml").write_text(
        "model: mine.py:quick\ntarget: {p95_ms: 900, stages: {model: 500}}\nprofile: {requests_per_day: 200000}\n"
    )
    return tmp_path


def body(done: subprocess.CompletedProcess[str], code: int = 0) -> Any:
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_latency_speaks_of_what_was_run_and_of_the_peak(suffice: Command, task: Path) -> None:
    error = body(suffice("latency", task, "--json"), 2)["error"]
    assert error["message"] == "nothing was timed" and "suffice run" in error["hint"]
    body(suffice("run", task, "--part", "all", "--json"))
    told = body(suffice("latency", task, "--json", "--peak", "4"))
    assert told["n"] == 200 and [s["name"] for s in told["stages"]] == ["prompt", "model"]
    assert told["whole"]["kept"] == "met" and told["stages"][1]["kept"] == "met" and told["breaking"] is None
    assert told["forecast"]["kept"] is True and told["forecast"]["peak"]["rate_per_s"] == pytest.approx(9.26, abs=0.01)
    assert "not measured" in told["forecast"]["assumes"][-1] and told["no_forecast"] is None
    shown = suffice("latency", task)
    words = " ".join(shown.stdout.split())
    assert shown.returncode == 0 and "end to end" in words and "requests a second" in words and "…" not in words


def test_a_load_test_is_kept_and_the_forecast_rests_on_it(suffice: Command, task: Path) -> None:
    told = body(suffice("loadtest", task, "--rate", "60", "--seconds", "1", "--sample", "20", "--json"))
    assert told["requests"] == told["answered"] > 30 and told["kept"] in ("met", "broken")
    assert (told["kept"] == "met") is (told["measured"]["p95"]["estimate"] <= 900)
    assert told["measured"]["p95"]["low"] is None and "not independent" in told["measured"]["p95"]["reason"]
    assert told["cut_off"] is False
    assert told["amounts"]["input_tokens"]["ratio"] == pytest.approx(1.0, abs=0.02)
    assert told["ratio_p95"] > 0 and told["held"] in (True, False)
    body(suffice("run", task, "--json"))
    ahead = body(suffice("latency", task, "--json"))["forecast"]
    assert "not measured" not in ahead["assumes"][-1]


def test_a_broken_limit_is_exit_1_and_money_needs_a_word(suffice: Command, task: Path) -> None:
    file = task / "suffice.yaml"
    file.write_text("model: mine.py:quick\ntarget: {p95_ms: 1}\n")
    done = suffice("loadtest", task, "--rate", "150", "--seconds", "1", "--sample", "10")
    assert done.returncode == 1 and "limit 1 ms: broken in this run" in done.stdout
    error = body(suffice("loadtest", task, "--json"), 2)["error"]
    assert error["message"] == "at which rate?"
    file.write_text("model: mine.py:dear\n")
    paid = ("loadtest", task, "--rate", "50", "--seconds", "1", "--sample", "5", "--json")
    assert "--paid" in body(suffice(*paid), 2)["error"]["hint"]
    assert "cap" in body(suffice(*paid, "--paid"), 2)["error"]["message"]
    assert body(suffice(*paid, "--paid", "--budget", "0.1"), 3)["error"]["code"] == "budget_spent"


def test_requests_that_are_unfinished_at_the_end_leave_the_exit_code_as_promised(task: Path) -> None:
    (task / "mine.py").write_text(BUSY)
    (task / "suffice.yaml").write_text("model: mine.py:busy\ntarget: {p95_ms: 900}\n")
    words = [
        sys.executable,
        "-m",
        "suffice",
        "loadtest",
        str(task),
        "--rate",
        "40",
        "--seconds",
        "1.5",
        "--sample",
        "10",
    ]
    words += ["--grace", "1"]
    shown = subprocess.run(words, capture_output=True, text=True, timeout=300)
    assert shown.returncode == 1 and "unfinished" in shown.stdout and "measured at least" in shown.stdout
    assert (
        "limit 900 ms: broken in this run" in shown.stdout
        and "predicted / measured" not in shown.stdout.split("P95")[1]
    )
    told = subprocess.run([*words, "--json"], capture_output=True, text=True, timeout=300)
    found = body(told, 1)
    assert found["cut_off"] is True and found["ratio_p95"] is None and found["kept"] == "broken"


def test_a_peak_without_a_volume_gives_no_forecast_and_that_is_said(suffice: Command, task: Path) -> None:
    (task / "suffice.yaml").write_text("model: mine.py:quick\n")
    body(suffice("run", task, "--json"))
    told = body(suffice("latency", task, "--peak", "4", "--json"))
    assert told["forecast"] is None and told["no_forecast"] == "set profile.requests_per_day"
    assert "no forecast: set profile.requests_per_day" in suffice("latency", task, "--peak", "4").stdout
    bad = task / "audit.json"
    bad.write_text('{"traffic": {}}')
    for given in (("latency", task), ("latency", task, "--peak", "4"), ("loadtest", task, "--rate", "5")):
        assert body(suffice(*given, "--audit", bad, "--json"), 2)["error"]["message"] == "not an audit with hours"
