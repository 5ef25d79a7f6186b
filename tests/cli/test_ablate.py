"""`suffice ablate`: the frozen stack without its layers, on test items or fresh examples, from the command line."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., subprocess.CompletedProcess[str]]

MINE = """
from dataclasses import dataclass, replace
from suffice.layer import Layer
from suffice.models.scripted import Scripted

def says(request):
    told = " ".join(request.instructions)
    return "Paris" if "key" in told and "lock" in told and "question 9" not in request.input else "no idea"

@dataclass(frozen=True)
class Talker(Scripted):
    replies: object = says

@dataclass(frozen=True)
class Key(Layer):
    def __call__(self, request, ask):
        return ask(replace(request, instructions=(*request.instructions, "key")))

@dataclass(frozen=True)
class Lock(Layer):
    def __call__(self, request, ask):
        return ask(replace(request, instructions=(*request.instructions, "lock")))
"""
STACK = "suffice: 1\nmodel: {use: 'mine.py:Talker'}\nlayers: [{use: 'mine.py:Key'}, {use: 'mine.py:Lock'}]\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [{"id": f"q{n}", "input": f"question {n}, alone {n * 7919}", "expected": "Paris"} for n in range(120)]
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "stack.yaml").write_text(STACK)
    (tmp_path / "suffice.yaml").write_text("goal: Answer.\nmodel: mine.py:Talker\nscore: exact\n")
    (tmp_path / "examples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    fresh = [{"id": f"f{n}", "input": f"another {n * 104729} matter", "expected": "Paris"} for n in range(40)]
    (tmp_path / "fresh.jsonl").write_text("".join(json.dumps(row) + "\n" for row in [*fresh, rows[0]]))
    return tmp_path


def body(done: subprocess.CompletedProcess[str], code: int = 0) -> Any:
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_the_frozen_stack_is_ablated_on_test_items_and_that_describes(suffice: Command, folder: Path) -> None:
    told = body(suffice("ablate", folder, "--json"))
    assert [e["factors"] for e in told["removals"]] == [["mine.py:Key"], ["mine.py:Lock"]]
    assert told["stack"] == "frozen" and told["unused"] is False and "descriptive" in told["note"]
    assert told["calls"] == told["cost"]["calls_at_most"] == 3 * told["n"] and not told["full"]
    words = suffice("ablate", folder, "--full").stdout
    assert "help only together" in words and "descriptive" in words and "of the gain" in words and "███" in words
    assert body(suffice("ablate", folder, "--full", "--json"))["calls"] == 0


def test_what_it_takes_is_said_and_nothing_spent(suffice: Command, folder: Path) -> None:
    told = body(suffice("ablate", folder, "--full", "--dry-run", "--json"))
    assert told["stacks"] == 4 and told["calls_at_most"] == 4 * told["items"]
    assert f"At most {told['calls_at_most']} calls" in suffice("ablate", folder, "--full", "--dry-run").stdout


def test_fresh_examples_prove_until_another_stack_has_seen_them(suffice: Command, folder: Path) -> None:
    fresh = ("--examples", folder / "fresh.jsonl", "--json")
    told = body(suffice("ablate", folder, *fresh))
    assert (told["n"], told["unused"], told["left_out"]) == (40, True, ["q0"]) and told["quality"] == 1.0
    assert body(suffice("ablate", folder, "--full", *fresh))["unused"] is True
    other = folder / "other.yaml"
    other.write_text(STACK.replace("{use: 'mine.py:Key'}, ", ""))
    assert body(suffice("ablate", folder, "--stack", other, *fresh))["unused"] is False


def test_a_cap_ends_it_with_3_and_what_was_paid_for_is_kept(suffice: Command, folder: Path) -> None:
    error = body(suffice("ablate", folder, "--max-calls", "70", "--json"), 3)["error"]
    assert error["code"] == "budget_spent"
    told = body(suffice("ablate", folder, "--json"))
    assert told["calls"] == 3 * told["n"] - 70


def test_examples_that_are_all_known_are_refused(suffice: Command, folder: Path) -> None:
    error = body(suffice("ablate", folder, "--examples", folder / "examples.jsonl", "--json"), 2)["error"]
    assert "repeats one of the task's" in error["message"]
