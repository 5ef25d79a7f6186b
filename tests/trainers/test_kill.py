"""Training that is killed, twice, ends with the bytes of training that was left alone."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from suffice.trainer import Base

pytest.importorskip("peft")

CHILD = """
import sys
from pathlib import Path

import torch
from suffice.demonstrations import Demonstration, Provenance
from suffice.trainer import Base, listening
from suffice.trainers import _loop
from suffice.trainers.lora import Lora
from suffice.types import Message

torch.set_num_threads(1)
folder, work, slow = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
words = ("refund", "parcel", "login", "invoice")
rows = [
    Demonstration(str(n), (Message("user", f"{'oh ' * (n % 5)}my {word} {n}"),), Message("assistant", word))
    for n, word in enumerate(words * 11)
]
recipe = Lora(rank=4, alpha=8.0, learning_rate=0.02, epochs=4, tokens_per_step=300)


def hear(stage):
    print(stage.step, flush=True)
    import time
    time.sleep(slow)


with listening(hear):
    recipe.train(rows[:40], rows[40:], Base("tiny", "0" * 64, folder), work)
"""


def run(tiny: Base, work: Path, *, slow: float = 0.0) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", CHILD, str(tiny.folder), str(work), str(slow)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def first_step_then_killed(child: subprocess.Popen[str], reached: int) -> int:
    with child:
        assert child.stdout is not None
        steps = (int(line) for line in child.stdout)
        first = next(steps)
        assert any(step >= reached for step in steps)
        child.send_signal(signal.SIGKILL)
    assert child.returncode == -signal.SIGKILL
    return first


def test_killed_twice_it_ends_with_the_same_bytes(tiny: Base, tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    told, _ = run(tiny, whole).communicate()
    assert told.split()[0] == "1"
    started = [first_step_then_killed(run(tiny, broken, slow=0.02), reached) for reached in (9, 19)]
    told, _ = run(tiny, broken).communicate()
    assert started[0] == 1 < started[1] < int(told.split()[0]), "it began again from the start"
    files = [folder / "adapter.safetensors" for folder in (whole, broken)]
    assert files[0].read_bytes() == files[1].read_bytes()
