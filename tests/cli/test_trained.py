"""`suffice train` and `suffice distil` from the outside: a stack, a refusal, or a job at a platform."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import providers as fake
import pytest
from pupils import HERE
from worlds import GOAL, example

Command = Callable[..., subprocess.CompletedProcess[str]]
FORCED = ("--force", "prompting exhausted")


def body(done: subprocess.CompletedProcess[str], code: int = 0) -> Any:
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def trained(suffice: Command) -> Command:
    """Start `suffice` where the pupils find the worlds they come from."""
    return lambda *arguments, **more: suffice(*arguments, PYTHONPATH=str(Path(HERE).parent), **more)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A task whose model is right with a long prompt, and can be trained."""
    rows = [example(n) for n in range(1300)]
    told = [{"id": e.id, "input": e.input, "expected": e.expected} for e in rows]
    (tmp_path / "examples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in told), encoding="utf-8")
    (tmp_path / "prompt.md").write_text(f"{GOAL} Answer with the two words of the code and with nothing else at all.")
    task = {
        "goal": GOAL,
        "model": f"{HERE}:wordy",
        "prompt": "prompt.md",
        "target": {"quality": 0.9},
        "profile": {"owner": "Ada", "requests_per_day": 20_000, "stable_months": 12},
        "training": {"trainer": f"{HERE}:Pupil"},
    }
    (tmp_path / "suffice.yaml").write_text(json.dumps(task), encoding="utf-8")
    return tmp_path


def test_train_makes_a_stack_and_says_how_it_grew(trained: Command, folder: Path) -> None:
    told = body(trained("train", folder, *FORCED, "--json"))
    assert (folder / "tuned.yaml").is_file() and told["layers"] == ["adapter", "prompt"]
    assert told["dev"]["after"] > 0.9 and [at["rows"] for at in told["told"]["measured"]][-1] > 400
    (folder / "tuned.yaml").unlink()
    shown = trained("train", folder, *FORCED, "--no-curve", "--set", "seed=3", COLUMNS="120", NO_COLOR="1")
    assert shown.returncode == 0, shown.stderr
    assert "on dev, " in shown.stdout and "tokens a request" in shown.stdout and "suffice compare" in shown.stdout
    assert (folder / "tuned.yaml").is_file() and "seed: 3" in (folder / "tuned.yaml").read_text()


def test_train_refuses_with_what_is_missing(trained: Command, folder: Path) -> None:
    refused = body(trained("train", folder, "--json"), 1)
    assert refused["missing"] == ["prompting exhausted"] and not (folder / "tuned.yaml").exists()
    shown = trained("train", folder, COLUMNS="120", NO_COLOR="1")
    assert shown.returncode == 1 and "Not ready for lora: prompting exhausted" in shown.stdout
    wrong = trained("train", folder, *FORCED, "--set", "epoch=3")
    assert wrong.returncode == 2 and "epoch" in wrong.stderr


def test_distil_makes_a_student_that_asks_what_is_beneath(trained: Command, folder: Path) -> None:
    told = body(trained("distil", folder, "--json"))
    assert told["layers"] == ["student", "prompt"] and told["told"]["threshold"] is not None
    assert told["tokens"]["after"] < told["tokens"]["before"]
    assert trained("distil", folder, "--teacher", "strong").returncode == 2


def test_train_on_a_platform_leaves_a_stack_that_asks_there(trained: Command, folder: Path) -> None:
    with fake.serving(fake.Together(script=["running", "completed"])) as server:
        (folder / "platforms.yaml").write_text(f"together: {{use: {{base_url: {server.url}/v1}}}}\n")
        told = body(trained("train", folder, *FORCED, "--on", "together", "--model", "m-8b", "--json"))
        assert told["job"]["stage"] == "done" and told["stack"] == str(folder / "tuned.yaml")
        again = body(trained("train", folder, *FORCED, "--on", "together", "--model", "m-8b", "--json"))
        assert again["job"]["id"] == told["job"]["id"]
    assert told["job"]["model"] in (folder / "tuned.yaml").read_text()
