"""Swap with real weights: a base with the adapter built in makes it unnecessary, one without it does not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent.parent / "benchmarks" / "swap.py"


@pytest.mark.slow
def test_the_verdict_is_right_in_both_directions(smollm2: Path, data: Path, tmp_path: Path) -> None:
    """Both bases are GGUFs made here: 8 bits with the adapter merged, and 16 bits of the embedded model as it is."""
    pytest.importorskip("torch")
    sizes = ("--rows", "240", "--test", "120", "--margin", "0.1", "--epochs", "2")
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *sizes, "--bases", "all of it", "none of it", "--folder", str(tmp_path)],
        capture_output=True,
        text=True,
        env={**os.environ, "SUFFICE_DATA": str(data)},
    )
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    assert "all of it: moved" in done.stdout and "none of it: kept" in done.stdout
