"""`suffice new` and `suffice doctor` from the outside."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

Command = Callable[..., subprocess.CompletedProcess[str]]


def test_new_says_what_it_guessed(suffice: Command, tmp_path: Path) -> None:
    rows = "".join(f'{{"text": "q{n}", "label": "{"ab"[n % 2]}"}}\n' for n in range(8))
    (tmp_path / "e.jsonl").write_text(rows)
    done = suffice("new", tmp_path / "task", "--examples", tmp_path / "e.jsonl")
    assert done.returncode == 0 and "2 labels" in done.stdout and "suffice climb" in done.stdout
    again = suffice("new", tmp_path / "task", "--examples", tmp_path / "e.jsonl", "--json")
    assert again.returncode == 2 and "there already" in json.loads(again.stdout)["error"]["message"]


def test_doctor_looks_at_everything_and_shows_no_key(suffice: Command, tmp_path: Path) -> None:
    done = suffice("doctor", tmp_path, "--json")
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert done.returncode == 0 and checks["python"]["state"] == "ok" and checks["ledger"]["found"] == "none yet"
    assert {"machine", "disk", "weights smollm2", "OPENAI_API_KEY"} <= set(checks)
