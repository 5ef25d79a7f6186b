"""`suffice decide --task` beside a verdict, and a conversation that is broken off: what is taken, and how it ends."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., subprocess.CompletedProcess[str]]
HERE = Path(__file__).parents[1]
TRIAGE = HERE.parent / "examples" / "triage"


def body(done: subprocess.CompletedProcess[str], code: int = 0) -> Any:
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return shutil.copytree(TRIAGE, tmp_path / "triage", ignore=shutil.ignore_patterns(".suffice", "verdict.json"))


def climbed(folder: Path, name: str, **changes: Any) -> Path:
    """The folder with a verdict beside its task."""
    verdict = json.loads((HERE / "verdicts" / f"{name}.json").read_text("utf-8"))
    (folder / "verdict.json").write_text(json.dumps({**verdict, **changes}), "utf-8")
    return folder


def wanting(folder: Path, quality: float) -> Path:
    """The folder with another target."""
    text = (folder / "suffice.yaml").read_text("utf-8")
    (folder / "suffice.yaml").write_text(re.sub(r"quality: [0-9.]+", f"quality: {quality}", text), "utf-8")
    return folder


def test_a_verdict_says_what_was_tried_and_what_still_fails(suffice: Command, folder: Path) -> None:
    before = body(suffice("decide", "--task", wanting(folder, 0.95), "--json"))
    after = body(suffice("decide", "--task", climbed(folder, "not_met"), "--json"))
    verdict = json.loads((folder / "verdict.json").read_text("utf-8"))
    assert "failing" not in before["facts"] and "examples_tried" not in before["facts"]
    assert after["facts"]["failing"] == pytest.approx(1 - verdict["quality"]["estimate"])
    assert after["facts"]["examples_tried"] is True and after["lever"] != "stop"


def test_a_verdict_that_reaches_the_target_ends_the_search(suffice: Command, folder: Path) -> None:
    told = body(suffice("decide", "--task", climbed(wanting(folder, 0.7), "met"), "--json"))
    assert told["lever"] == "stop" and told["facts"]["failing"] < told["facts"]["accepted"]


def test_flags_come_before_what_the_verdict_says(suffice: Command, folder: Path) -> None:
    told = body(suffice("decide", "--task", climbed(folder, "met"), "defined=no", "--json"))
    assert told["lever"] == "define" and told["facts"]["defined"] is False


@pytest.mark.parametrize("where", ["nowhere", "."])
def test_a_folder_that_is_no_task_is_refused(where: str, suffice: Command, tmp_path: Path) -> None:
    error = body(suffice("decide", "--task", tmp_path / where, "--json"), 2)["error"]
    assert error["code"] == "input" and error["hint"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- defined\n- output\n", "facts"),
        ("defined: [yes\n", "YAML"),
        ("defined: true\ndefined: false\n", "twice"),
        ("signals: [no_such]\n", "no_such"),
    ],
)
def test_a_file_that_holds_no_case_is_refused(text: str, said: str, suffice: Command, tmp_path: Path) -> None:
    file = tmp_path / "case.yaml"
    file.write_text(text, "utf-8")
    error = body(suffice("decide", "--file", file, "--json"), 2)["error"]
    assert error["file"] == str(file) and said in error["message"] + error["hint"]


def test_without_a_terminal_nobody_is_asked(suffice: Command) -> None:
    """Nothing is known then, and the first thing to do is to measure."""
    told = body(suffice("decide", "--json"))
    assert told["lever"] == "measure" and told["facts"] == {} and told["measure_first"]


@pytest.mark.skipif(sys.platform == "win32", reason="a terminal of its own")
@pytest.mark.parametrize("how", ["ctrl-c", "end of input"])
def test_a_conversation_may_be_broken_off(how: str) -> None:
    """As any command ends that somebody breaks off: by Ctrl-C, or since nobody writes any more."""
    screen, terminal = pty.openpty()
    command = [sys.executable, "-m", "suffice", "decide"]
    with subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True) as asking:
        os.close(terminal)
        seen = _until(screen, ") ")
        if how == "ctrl-c":
            asking.send_signal(signal.SIGINT)
        else:
            os.write(screen, b"\x04")
        seen += _until(screen, None)
        code = asking.wait(60)
    os.close(screen)
    assert code == 130 and "Traceback" not in seen


def _until(screen: int, mark: str | None, seconds: float = 60.0) -> str:
    """What is on the screen until it ends with the mark, or until nobody writes any more."""
    seen, until = "", time.monotonic() + seconds
    while time.monotonic() < until:
        if select.select([screen], [], [], 0.5)[0]:
            try:
                read = os.read(screen, 4096).decode("utf-8", "replace")
            except OSError:
                return seen
            if not read:
                return seen
            seen += read
        elif mark is not None and seen.endswith(mark):
            return seen
    return seen
