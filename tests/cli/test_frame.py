"""Every command answers with one JSON document or clean words, and leaves with the code that was promised."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from suffice.cli.app import COMMANDS

ASKING = (
    *("demo", "climb", "run", "diagnose", "ask", "compare", "ablate", "train", "distil", "port", "jobs"),
    *("loadtest", "swap", "watch"),
)

Command = Callable[..., subprocess.CompletedProcess[str]]


def parsed(done: subprocess.CompletedProcess[str]) -> Any:
    """The one document on stdout."""
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", [f.__name__ for f in COMMANDS])
def test_every_command_explains_itself_and_has_json(suffice: Command, name: str) -> None:
    done = suffice(name, "--help", COLUMNS="200")
    assert done.returncode == 0 and "--json" in done.stdout
    assert ("--budget" in done.stdout) == (name in ASKING), "money is capped where models are called"


def test_an_input_error_is_one_document_with_its_place(suffice: Command, tmp_path: Path) -> None:
    (tmp_path / "suffice.yaml").write_text("name: x\nmodle: y\n")
    done = suffice("run", tmp_path, "--json")
    assert done.returncode == 2 and done.stderr == ""
    error = parsed(done)["error"]
    assert set(error) == {"code", "message", "file", "line", "hint"}
    assert (error["code"], error["line"], error["file"]) == ("input", 2, str(tmp_path / "suffice.yaml"))
    assert error["hint"] == "did you mean `model`?"


def test_an_input_error_in_words_is_a_line_and_what_to_do(suffice: Command, tmp_path: Path) -> None:
    done = suffice("run", tmp_path / "nowhere")
    assert done.returncode == 2 and done.stdout == ""
    first, second = done.stderr.strip().splitlines()
    assert first.endswith("nowhere: no task there") and "suffice new" in second and "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [["nope"], ["run", "--nope"], ["search"], ["run", "--seed", "x"]])
def test_wrong_usage_exits_2_in_words_and_in_json(suffice: Command, arguments: list[str]) -> None:
    words, body = suffice(*arguments), suffice(*arguments, "--json")
    assert words.returncode == body.returncode == 2
    assert words.stdout == "" and "--help" in words.stderr
    assert parsed(body)["error"]["code"] == "usage"


def test_colour_is_for_terminals_and_never_where_it_is_unwanted(suffice: Command, tmp_path: Path) -> None:
    assert "\x1b[" not in suffice("doctor").stdout
    assert "\x1b[" not in suffice("run", tmp_path, NO_COLOR="1", FORCE_COLOR="").stderr


def test_what_libraries_print_does_not_reach_stdout(suffice: Command, tmp_path: Path) -> None:
    mine = (
        "import os\nprint('hello')\nos.write(1, b'native')\nfrom dataclasses import dataclass\n"
        "class Loud:\n    def misfit(self, output): return 'too loud'\n"
    )
    (tmp_path / "mine.py").write_text(mine)
    (tmp_path / "suffice.yaml").write_text("score: mine.py:Loud\n")
    done = suffice("run", tmp_path, "--json")
    assert "too loud" in parsed(done)["error"]["message"]
    assert "hello" in done.stderr and "native" in done.stderr


ODD = """
class Odd:
    name, parallel, spec = "odd", 1, {}

    @property
    def digest(self):
        raise RuntimeError("odd")

    def payload(self, request): ...
    def __call__(self, request): ...
"""
ROW = '{"id": %d, "input": "q%d", "expected": "a"}\n'


@pytest.mark.parametrize(("model", "code"), [("mine.py:Odd", 2), ("mine:Odd", 70)])
def test_what_nobody_expected_is_one_line_and_its_traceback_is_asked_for(
    suffice: Command, tmp_path: Path, model: str, code: int
) -> None:
    (tmp_path / "mine.py").write_text(ODD)
    (tmp_path / "suffice.yaml").write_text(f"model: {model}\n")
    (tmp_path / "examples.jsonl").write_text("".join(ROW % (n, n) for n in range(20)))
    done = suffice("run", tmp_path, PYTHONPATH=str(tmp_path))
    assert done.returncode == code and "RuntimeError: odd" in done.stderr and "Traceback" not in done.stderr
    assert "SUFFICE_DEBUG=1" in done.stderr and ("mine.py:7: " in done.stderr) == (code == 2)
    assert "Traceback" in suffice("run", tmp_path, SUFFICE_DEBUG="1", PYTHONPATH=str(tmp_path)).stderr


def test_the_version_is_printed(suffice: Command) -> None:
    assert suffice("--version").stdout.startswith("suffice 0.")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_that_cannot_show_a_character_is_shown_another(
    suffice: Command, tmp_path: Path, encoding: str
) -> None:
    (tmp_path / "suffice.yaml").write_text("target: {quality: 0.9}\nmodel: scripted\n")
    (tmp_path / "examples.jsonl").write_text("".join(ROW % (n, n) for n in range(20)))
    words, body = (suffice("plan", tmp_path, *more, PYTHONIOENCODING=encoding) for more in ((), ("--json",)))
    assert words.returncode == 0 and "prove >= 0.88" in words.stdout and words.stderr == ""
    assert "≥ 0.88" in parsed(body)["can_prove"]


def test_what_others_wrote_is_shown_and_never_obeyed(suffice: Command, tmp_path: Path) -> None:
    outputs = tmp_path / "[" / "red].jsonl"
    outputs.parent.mkdir()
    outputs.write_text('{"id": "a\\u001b[31m[/bold]\\u202e", "output": ":smile:"}\n')
    done = suffice("compare", outputs, outputs)
    assert done.returncode == 2 and "[/red].jsonl:1: outputs need a task" in done.stderr
    (tmp_path / "suffice.yaml").write_text("model: 'recorded:[/red].jsonl'\n")
    (tmp_path / "examples.jsonl").write_text('{"id": "a\\u001b[31m[/bold]\\u202e", "input": "q", "expected": "x"}\n')
    shown = suffice("run", tmp_path, "--part", "all").stdout
    assert "a\ufffd[31m[/bold]\ufffd" in shown and "\x1b" not in shown and ":smile:" in shown


def test_without_a_command_the_help_is_all_that_is_said(suffice: Command) -> None:
    done = suffice()
    assert done.returncode == 2 and "climb" in done.stdout and done.stderr == ""


def test_doctor_tells_a_folder_that_is_not_there(suffice: Command, tmp_path: Path) -> None:
    assert "no such folder" in suffice("doctor", tmp_path / "nope").stderr
