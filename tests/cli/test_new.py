"""`suffice new` and `suffice doctor` from the outside."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from suffice.cli import doctor

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
    assert {"machine", "disk", "weights smollm2", "OPENAI_API_KEY", "train"} <= set(checks)


def test_doctor_says_how_training_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_version", lambda _: "")
    alone = doctor._training()
    assert (alone.state, alone.found) == ("note", "not installed") and "pip install 'suffice[train]'" in alone.fix
    monkeypatch.setattr(doctor, "_version", lambda name: "" if name == "trl" else "1.0")
    assert doctor._training().found == "trl not installed"
    monkeypatch.setattr(doctor, "_version", lambda _: "1.0")
    assert doctor._training().state == "ok" and "torch 1.0" in doctor._training().found
