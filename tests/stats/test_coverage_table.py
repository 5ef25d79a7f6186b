"""The table of coverage can be printed, and what promises its level keeps it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parent.parent.parent / "benchmarks" / "coverage.py"


def test_the_table_of_coverage_holds_for_a_few_of_its_rows() -> None:
    command = [sys.executable, str(SCRIPT), "--quick", "--only", "lift, partial"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    rows = [line for line in done.stdout.splitlines() if line.startswith("| PPI++")]
    assert done.returncode == 0 and done.stdout.endswith("holds\n"), done.stdout + done.stderr
    assert len(rows) == 1 and rows[0].count("–") == 4
