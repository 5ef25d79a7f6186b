"""Against a server we did not write: the fault mix, kill -9 at random moments, and a provider that dies."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BENCH = Path(os.environ.get("SUFFICE_BENCH") or ROOT / ".." / "shared" / "bench")

pytestmark = pytest.mark.skipif(
    not (BENCH / "fake_openai.py").is_file(), reason=f"no fake_openai.py in {BENCH}: set SUFFICE_BENCH to its folder"
)


def bench(script: str, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / script), *options],
        capture_output=True,
        text=True,
        env={**os.environ, "SUFFICE_BENCH": str(BENCH)},
    )


@pytest.mark.slow
@pytest.mark.parametrize("seed", ["0", "7"])
def test_the_fault_mix_is_survived_by_the_defaults_and_paid_once(seed: str) -> None:
    done = bench("faults.py", "--seed", seed)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    assert "correct   1000 of 1000" in done.stdout


@pytest.mark.slow
def test_kill_9_at_20_moments_loses_nothing_and_buys_again_only_what_was_in_flight() -> None:
    done = bench("crash.py", "--kills", "20", "--n", "1000", "--workers", "16")
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    assert "lost 0 rows" in done.stdout


DYING = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from _server import serving, sums
from suffice.errors import ModelError
from suffice.ledger import Ledger
from suffice.models.openai import Openai
from suffice.run import run
from suffice.stack import Stack

folder = Path(sys.argv[2])
with serving(folder, "--latency-ms", "10", "--faults", sys.argv[3]) as server, Ledger.open() as ledger:
    try:
        run(Stack(Openai("fake-model", server.url)), sums(500), ledger=ledger)
    except ModelError as wrong:
        print(wrong.exit_code, type(wrong).__name__, server.stats()["n"], ledger.totals().attempts)
"""


@pytest.mark.slow
@pytest.mark.parametrize("faults", ["503=1.0", "500=1.0", "drop=1.0"])
def test_a_dead_provider_ends_the_run_soon_after_few_probes(tmp_path: Path, faults: str) -> None:
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", DYING, str(ROOT / "benchmarks"), str(tmp_path), faults], capture_output=True, text=True
    )
    code, kind, calls, attempts = done.stdout.split()
    assert (code, kind) == ("4", "Unreachable"), done.stderr[-2000:]
    assert calls == attempts
    assert 5 <= int(calls) <= 12
    assert time.monotonic() - start < 30
