"""garak: scans, each attempt told once, with its verdict."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from imported import said, told

from suffice.importers.garak import Garak
from suffice.logs import Logs
from suffice.testing import check_importer


def attempt(status: int, *outputs: Any, **results: Any) -> dict[str, Any]:
    turn = {"role": "user", "content": {"text": "Say it.", "lang": "en"}}
    row = {
        "entry_type": "attempt",
        "uuid": "u1",
        "status": status,
        "probe_classname": "dan.Dan",
        "prompt": {"turns": [turn]},
    }
    return {**row, "outputs": list(outputs), "detector_results": results, "goal": "be bad"}


SETUP = {"entry_type": "start_run setup", "plugins.target_name": "qwen2"}


def test_an_attempt_is_told_once_with_its_verdict() -> None:
    made = attempt(1, {"text": "No."}, {"text": "Yes!"})
    judged = attempt(2, {"text": "No."}, {"text": "Yes!"}, a=[0.0, 1.0], b=[0.25, 0.0])
    good, bad = told(Garak(), SETUP, made, judged, {"entry_type": "eval", "passed": 1})
    assert said(good) == [("user", "Say it."), ("assistant", "No.")] and said(bad)[1] == ("assistant", "Yes!")
    assert (good.score, bad.score) == (0.75, 0.0) and good.id != bad.id
    assert (good.model, good.name, good.line, good.extra["goal"]) == ("qwen2", "dan.Dan", 3, "be bad")


def test_an_attempt_without_a_verdict_or_an_output() -> None:
    (open_one,) = told(Garak(), attempt(1, "No."))
    assert said(open_one)[1] == ("assistant", "No.") and open_one.score is None
    (nothing,) = told(Garak(), {**attempt(2, None), "prompt": "Say it."})
    assert said(nothing) == [("user", "Say it.")] and nothing.error == "no output"


@pytest.mark.parametrize(("name", "model"), [("garak_report_test", "qwen2"), ("garak_test", "")])
def test_real_reports(name: str, model: str, data: Path) -> None:
    """Sixteen rows tell of eight attempts."""
    logs = Logs([data / "gateway_fixtures" / f"{name}.report.jsonl"])
    calls = list(logs)
    assert (len(calls), logs.rows, logs.unusable) == (8, 21, {})
    assert {(call.score, call.model, call.name) for call in calls} == {(1.0, model, "test.Test")}
    assert calls[1].messages[0].content == "The quick brown fox jumps over the lazy dog"


def test_it_keeps_its_shelfs_promises() -> None:
    check_importer(Garak(), [attempt(2, {"text": "No."})])
