"""Training: once for the same rows, recipe and base, whoever else asks, and whatever was left there before."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from pupils import Pupil

from suffice.demonstrations import Demonstration
from suffice.errors import InputError
from suffice.plugins import build
from suffice.trainer import Base
from suffice.training import DONE, Adapted, recipe_of, seconds_of, trained, trainer_of
from suffice.types import Message

BASE = Base("tiny", "ab" * 32, Path())
ROWS = tuple(Demonstration(f"r{n}", (Message("user", f"q {n}"),), Message("assistant", f"a {n}")) for n in range(8))

SLOW = '''
"""A trainer that writes down each time it is asked, and takes its time where a file says so."""
import json, pathlib, time
from dataclasses import dataclass
import numpy
from safetensors.numpy import save
from suffice.trainer import Trained

@dataclass(frozen=True)
class Slow:
    kind: str = "lora"
    seed: int = 0
    depth: int = 1

    def train(self, rows, held, base, work):
        here = pathlib.Path(__file__).parent
        with (here / "asked").open("a") as file:
            file.write("asked\\n")
        time.sleep(60 if (here / "stuck").exists() else 0.5)
        card = {"kind": self.kind, "base": {"digest": base.digest}, "metrics": {"seconds": 1.0}}
        told = {"suffice": json.dumps(card)}
        (work / "a.safetensors").write_bytes(save({"a": numpy.zeros((1, 1), "float32")}, metadata=told))
        return Trained(work / "a.safetensors", card)
'''
PROCESS = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from test_training import BASE, ROWS, slow
from suffice.training import trained
print(trained(slow(Path({folder!r})), ROWS, (), BASE, Path({folder!r})).artifact)
"""


def slow(folder: Path, **more: Any) -> Any:
    return build("trainers", {"use": f"{folder / 'mine.py'}:Slow", **more})


def started(folder: Path) -> subprocess.Popen[str]:
    code = PROCESS.format(tests=str(Path(__file__).parent), folder=str(folder))
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(SLOW, encoding="utf-8")
    return tmp_path


def asked(folder: Path) -> int:
    path = folder / "asked"
    return len(path.read_text().splitlines()) if path.exists() else 0


def done(folder: Path) -> Path:
    (found,) = (folder / ".suffice" / "training").glob(f"*/{DONE}")
    return found


def test_the_same_training_is_done_once(folder: Path) -> None:
    first = trained(slow(folder), ROWS, (), BASE, folder)
    assert trained(slow(folder), ROWS, (), BASE, folder) == first and asked(folder) == 1


@pytest.mark.parametrize(
    "other",
    [
        lambda f: (slow(f, seed=1), ROWS, (), BASE),
        lambda f: (slow(f), ROWS[:-1], (), BASE),
        lambda f: (slow(f), ROWS[::-1], (), BASE),
        lambda f: (slow(f), ROWS, ROWS[:1], BASE),
        lambda f: (slow(f), ROWS, (), replace(BASE, digest="cd" * 32)),
    ],
    ids=["seed", "rows", "order", "held out", "base"],
)
def test_what_changes_the_result_makes_another_training(folder: Path, other: Callable[[Path], Any]) -> None:
    trained(slow(folder), ROWS, (), BASE, folder)
    trained(*other(folder), folder)
    assert asked(folder) == 2


def test_a_default_that_changed_makes_another_training() -> None:
    """A recipe that names no field means what its defaults say, and those change from one release to the next."""

    @dataclass(frozen=True)
    class Was(Pupil):
        epochs: float = 2.0

    @dataclass(frozen=True)
    class Is(Pupil):
        epochs: float = 3.0

    was, now = ({k: v for k, v in recipe_of(t).items() if k != "use"} for t in (Was(), Is()))
    assert was != now and was["epochs"] == 2.0


def test_a_trainer_of_ones_own_that_was_edited_makes_another_training(folder: Path) -> None:
    before = recipe_of(slow(folder))
    (folder / "mine.py").write_text(SLOW.replace("0.5", "0.25"), encoding="utf-8")
    assert recipe_of(slow(folder)) != before


def test_two_processes_train_once(folder: Path) -> None:
    both = [started(folder) for _ in range(2)]
    told = [p.communicate(timeout=120)[0] for p in both]
    assert [p.returncode for p in both] == [0, 0] and told[0] == told[1] and asked(folder) == 1


def test_a_killed_process_leaves_no_lock(folder: Path) -> None:
    (folder / "stuck").touch()
    process = started(folder)
    until = time.monotonic() + 60
    while not asked(folder) and time.monotonic() < until:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=30)
    (folder / "stuck").unlink()
    assert trained(slow(folder), ROWS, (), BASE, folder).artifact and asked(folder) == 2


def test_an_artifact_that_was_damaged_or_lost_is_made_again(folder: Path) -> None:
    first = trained(slow(folder), ROWS, (), BASE, folder)
    (file,) = (folder / ".suffice" / "artifacts").glob("*.safetensors")
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    assert trained(slow(folder), ROWS, (), BASE, folder) == first
    file.unlink()
    assert trained(slow(folder), ROWS, (), BASE, folder) == first and asked(folder) == 3


def with_card(card: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda body: {**body, "card": card}


HOSTILE: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a list": lambda body: [body],
    "a card that is none": with_card([]),
    "a card of another file": with_card({"kind": "full", "metrics": {"seconds": 0}}),
    "no card": lambda body: {k: v for k, v in body.items() if k != "card"},
    "a path for an artifact": lambda body: {**body, "artifact": "../../../mine.py"},
    "a pattern for an artifact": lambda body: {**body, "artifact": "*"},
    "a number for an artifact": lambda body: {**body, "artifact": 5},
    "points that are none": lambda body: {**body, "curve": [{"step": "x"}]},
    "points with more than points have": lambda body: {**body, "curve": [{"step": 1, "run": "x"}]},
    "a curve that is none": lambda body: {**body, "curve": 7},
}


@pytest.mark.parametrize("name", list(HOSTILE))
def test_a_hostile_note_of_what_was_done_is_not_believed(name: str, folder: Path) -> None:
    first = trained(slow(folder), ROWS, (), BASE, folder)
    path = done(folder)
    path.write_text(json.dumps(HOSTILE[name](json.loads(path.read_text()))), encoding="utf-8")
    assert trained(slow(folder), ROWS, (), BASE, folder) == first and asked(folder) == 2


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '{"artifact": 1e999}', "NaN"])
def test_a_broken_note_of_what_was_done_is_not_believed(text: str, folder: Path) -> None:
    first = trained(slow(folder), ROWS, (), BASE, folder)
    done(folder).write_text(text, encoding="utf-8")
    assert trained(slow(folder), ROWS, (), BASE, folder) == first and asked(folder) == 2


@pytest.mark.parametrize("metrics", [None, [], "x", {}, {"seconds": "9"}, {"seconds": -1}, {"seconds": float("inf")}])
def test_a_card_that_does_not_say_how_long_it_took_took_no_time(metrics: Any) -> None:
    assert Adapted("", {"metrics": metrics}).seconds == seconds_of({"metrics": metrics}) == 0
    assert seconds_of({"metrics": {"seconds": 2}}) == 2.0


@pytest.mark.parametrize("name", ["full", "preference", "embedding"])
def test_a_trainer_of_which_no_stack_can_ask_is_refused_with_a_way(name: str) -> None:
    with pytest.raises(InputError, match=f"`{name}` cannot train a stack") as wrong:
        trainer_of(name, {})
    assert "--trainer" in wrong.value.hint
    if name != "preference":
        with pytest.raises(InputError, match="cannot train a stack"):
            trainer_of(name, {}, pairs=True)
    assert trainer_of("preference", {"beta": 0.2}, pairs=True).kind == "preference"
