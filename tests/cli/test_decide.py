"""`suffice decide` from the outside: facts from flags, a file, a task folder and a person, and what is refused."""

from __future__ import annotations

import json
import os
import pty
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer

from suffice.cli.decide import _interviewed
from suffice.decide import Case
from suffice.errors import Interrupted

Command = Callable[..., subprocess.CompletedProcess[str]]
TRIAGE = Path(__file__).parents[2] / "examples" / "triage"


def body(done: subprocess.CompletedProcess[str], code: int = 0) -> Any:
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_facts_from_flags_and_from_a_file_give_the_same_answer(suffice: Command, tmp_path: Path) -> None:
    file = tmp_path / "case.yaml"
    file.write_text("defined: true\nsignals: [broken_format]\noutput: fields\nstructure_tried: false\n", "utf-8")
    given = ("defined=yes", "signals=broken_format", "output=fields", "structure_tried=no")
    told = body(suffice("decide", *given, "--json"))
    assert told == body(suffice("decide", "--file", file, "--json"))
    assert told["lever"] == "structure" and told["avoid"]


def test_what_stands_on_the_command_line_comes_before_the_file(suffice: Command, tmp_path: Path) -> None:
    file = tmp_path / "case.yaml"
    file.write_text("defined: true\n", "utf-8")
    assert body(suffice("decide", "--file", file, "defined=no", "--json"))["lever"] == "define"


@pytest.mark.parametrize(
    ("line", "said", "hint"),
    [
        ("prompts_tryed: 3", "no fact is called `prompts_tryed`", "`prompts_tried`"),
        ("failing: 1.2", "`failing` cannot be `1.2`", "from 0 to 1"),
    ],
)
def test_a_wrong_fact_is_named_with_file_line_and_remedy(
    line: str, said: str, hint: str, suffice: Command, tmp_path: Path
) -> None:
    file = tmp_path / "case.yaml"
    file.write_text(f"defined: true\n{line}\n", "utf-8")
    wrong = body(suffice("decide", "--file", file, "--json"), 2)["error"]
    assert (wrong["file"], wrong["line"]) == (str(file), 2) and said in wrong["message"] and hint in wrong["hint"]


def test_a_task_folder_says_what_it_knows_and_its_shut_gates(suffice: Command) -> None:
    told = body(suffice("decide", "--task", TRIAGE, "--json"))
    shut = {gate["name"] for gate in told["gates"] if gate["held"] is False}
    assert "clean pairs" in shut and told["facts"]["output"] == "labels"


@pytest.mark.parametrize("forged", ["5", '{"steps": 5}', '{"diagnosis": "abc", "steps": [null]}'])
def test_a_verdict_that_is_none_is_refused(forged: str, suffice: Command, tmp_path: Path) -> None:
    shutil.copytree(TRIAGE, tmp_path / "triage")
    (tmp_path / "triage" / "verdict.json").write_text(forged, "utf-8")
    error = body(suffice("decide", "--task", tmp_path / "triage", "--json"), 2)["error"]
    assert error["message"].startswith("this is no verdict") and error["file"].endswith("verdict.json")


def test_a_page_is_written_and_every_fact_is_listed(suffice: Command, tmp_path: Path) -> None:
    page = tmp_path / "decide.html"
    assert body(suffice("decide", "--page", page, "--json")) == {"page": str(page)}
    assert "<script" in page.read_text("utf-8")
    listed = suffice("decide", "--facts")
    assert listed.returncode == 0 and "prompts_tried" in listed.stdout and "broken_format" in listed.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="a terminal of its own")
def test_who_sits_there_is_asked_and_may_know_nothing() -> None:
    """In a terminal: a wrong name is asked again, an empty line means that nobody knows."""
    screen, terminal = pty.openpty()
    command = [sys.executable, "-m", "suffice", "decide"]
    with subprocess.Popen(
        command, stdin=terminal, stdout=terminal, stderr=terminal, env={**os.environ, "NO_COLOR": "1"}
    ) as asking:
        os.close(terminal)
        seen = _answering(screen, ["prompt", "format", "broken_format"])
        assert asking.wait(60) == 0
    os.close(screen)
    assert "did you mean `broken_format`?" in seen and "Would change this" in seen


@pytest.mark.parametrize("key", [KeyboardInterrupt, EOFError, typer.Abort])
def test_who_leaves_is_told_that_nothing_was_kept(key: type[BaseException], monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object, **__: object) -> str:
        raise key

    monkeypatch.setattr(typer, "prompt", gone)
    with pytest.raises(Interrupted, match="left; nothing was kept") as left:
        _interviewed(Case())
    assert left.value.hint == "" and left.value.exit_code == 130


def _answering(screen: int, answers: list[str], seconds: float = 120.0) -> str:
    """All that was on the screen; each question gets the next answer, and after those an empty line."""
    seen, answered, until = "", 0, time.monotonic() + seconds
    waiting = [*answers]
    while time.monotonic() < until:
        if select.select([screen], [], [], 0.2)[0]:
            try:
                read = os.read(screen, 4096).decode("utf-8", "replace")
            except OSError:
                break
            if not read:
                break
            seen += read
        elif seen.endswith(") ") and len(seen) > answered:
            os.write(screen, ((waiting.pop(0) if waiting else "") + "\n").encode())
            answered = len(seen)
    return seen
