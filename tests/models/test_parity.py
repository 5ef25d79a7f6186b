"""One adapter, two engines: on real questions they reply alike, and where they do not, it is known why."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "parity.py"


@pytest.mark.slow
def test_llama_cpp_and_transformers_reply_alike_under_a_trained_adapter(smollm2: Path, data: Path) -> None:
    pytest.importorskip("transformers")
    options = ["--items", "40", "--rows", "400", "--timed", "2", "--repeats", "1"]
    done = subprocess.run([sys.executable, str(SCRIPT), *options], capture_output=True, text=True)
    assert done.stdout.endswith("holds\n"), done.stdout + done.stderr
    assert done.returncode == 0
    same = re.search(r"same reply (\d+)", done.stdout)
    assert same is not None
    assert int(same[1]) >= 34, done.stdout
