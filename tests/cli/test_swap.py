"""`suffice swap` from the outside: a task folder, another base, the screen, and taking the stack."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import worlds
import yaml

from suffice.cli.swap import _next

Command = Callable[..., subprocess.CompletedProcess[str]]


def body(done: subprocess.CompletedProcess[str], code: int = 0) -> Any:
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A task whose stack shows two examples to a model that needs them."""
    shutil.copy(worlds.__file__, tmp_path / "worlds.py")
    cases = [worlds.example(n) for n in range(240)]
    rows = [{"id": e.id, "input": e.input, "expected": e.expected} for e in cases]
    (tmp_path / "examples.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    task = {"model": "worlds.py:few_shot", "goal": worlds.GOAL, "examples": "examples.jsonl", "score": "exact"}
    (tmp_path / "suffice.yaml").write_text(json.dumps({**task, "profile": {"owner": "Ada"}}), encoding="utf-8")
    shots = [{"input": e.input, "output": e.expected} for e in cases[:2]]
    layer = {"use": "few_shot", "mode": "static", "k": 2, "shots": shots}
    (tmp_path / "stack.yaml").write_text(yaml.safe_dump({"model": task["model"], "layers": [layer]}), encoding="utf-8")
    return tmp_path


def test_from_another_base_to_the_stack_that_stands(suffice: Command, folder: Path) -> None:
    shown = suffice("swap", folder, "--model", "worlds.py:right", "--margin", "0.1", COLUMNS="80")
    assert shown.returncode == 0, shown.stdout + shown.stderr
    said = " ".join(shown.stdout.split())
    assert "Move to worlds.py:right with a prompt alone: proven to lose less than 0.1" in said
    assert "Duties that end check the shown examples" in said
    assert "--accept --by NAME" in said and "swap ." not in said
    assert max(map(len, shown.stdout.splitlines()[:20])) <= 80
    assert "| with a prompt alone | moves |" in (folder / "swap.md").read_text("utf-8")
    assert body(suffice("verify", folder / "swap.json", "--json"))["verified"]
    assert "--by NAME" in suffice("swap", folder, "--accept").stderr
    before = (folder / "suffice.yaml").read_text("utf-8")
    taken = body(suffice("swap", folder, "--accept", "--by", "Ada", "--json"))
    assert yaml.safe_load((folder / "stack.yaml").read_text("utf-8"))["digest"] == taken["accepted"]
    assert (folder / "suffice.yaml").read_text("utf-8") == before and "model: worlds.py:right" in taken["change"]
    assert "kept by Ada" in suffice("history", folder).stdout


def test_a_weaker_base_is_not_taken(suffice: Command, folder: Path) -> None:
    told = body(suffice("swap", folder, "--model", "worlds.py:wrong", "--margin", "0.1", "--json"))
    assert told["decision"] == "kept" and Path(told["record"]).is_file()
    assert told["headline"] in Path(told["page"]).read_text("utf-8")
    taken = body(suffice("swap", folder, "--accept", "--by", "A", "--json"), 2)
    assert "nothing is to be accepted" in taken["error"]["message"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "no other base"),
        (("--model", "worlds.py:few_shot"), "is the base that this stack stands on"),
        (("--model", "worlds.py:right", "--margin", "2"), "margin"),
        (("--model", "worlds.py:right", "--force", "nothing"), "no gate is called"),
    ],
)
def test_what_is_refused(suffice: Command, folder: Path, options: tuple[str, ...], said: str) -> None:
    assert said in body(suffice("swap", folder, *options, "--json"), 2)["error"]["message"]


def test_what_is_suggested_is_a_command_for_the_folder_that_was_given() -> None:
    told = {"decision": "moved", "to": {"model": "openai/x y"}}
    (moved,) = _next(told, None, Path("my task"))
    assert moved.startswith("To take it: suffice swap 'my task' --accept --by NAME")
    (kept,) = _next({**told, "decision": "kept"}, None, Path("tickets"))
    assert kept.endswith("suffice swap tickets --model 'openai/x y' --full")


def test_a_swap_that_is_not_there_is_written_by_swap(suffice: Command, folder: Path) -> None:
    assert "suffice swap" in body(suffice("verify", folder / "swap.json", "--json"), 2)["error"]["hint"]


def test_the_whole_ladder_leaves_the_task_as_it_is(suffice: Command, folder: Path) -> None:
    told = body(suffice("swap", folder, "--model", "worlds.py:right", "--full", "--json"))
    assert told["task"]["model"] == "worlds.py:right" and told["stop_at"] == "prompt"
    assert body(suffice("verify", folder / "swap", "--json"))["verified"]
    assert not (folder / "verdict.json").exists() and (folder / "swap" / "report.html").is_file()
