"""Quiet months, planted drifts and an hour of real traffic, by the benchmark's own code on fewer months."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

BENCHMARKS = Path(__file__).parent.parent.parent / "benchmarks"


def said(part: str, *more: str) -> str:
    command = [sys.executable, str(BENCHMARKS / "drift.py"), "--part", part, *more]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=600, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_quiet_months_with_rhythm_and_overdispersion_alarm_no_more_often_than_stated() -> None:
    told = said("quiet,rhythm", "--months", "50", "--seed", "500")
    assert "quiet: " in told and "of 50 months" in told and told.endswith("holds\n")


def test_planted_drifts_of_each_kind_are_named_within_three_weeks() -> None:
    told = said("planted", "--planted", "5", "--seed", "500")
    for kind in ("input", "retrieval", "label", "judge", "model"):
        assert f"| {kind} |" in told
    assert told.endswith("holds\n")


def test_code_mixed_into_an_hour_of_conversations_is_found_and_untouched_hours_are_quiet(data: Path) -> None:
    told = said("trace")
    assert "| conversations, untouched | none |" in told and "| code, untouched | none |" in told
    assert told.count("| yes | input |") >= 9 and told.endswith("holds\n")
