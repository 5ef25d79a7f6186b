"""A job at a platform survives whatever is lost on the way; nothing is uploaded or paid for twice."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from suffice.demonstrations import Demonstration
from suffice.jobs import Job, Pace, train_on
from suffice.platform import Tuning
from suffice.platforms.together import Together
from suffice.types import Message


def _beside(name: str) -> ModuleType:
    path = Path(__file__).parent / "platforms" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


fake = _beside("providers")
KEY = "tg-secret-0123456789"
TUNING = Tuning("Qwen/Qwen3-8B", epochs=3)
ROWS = tuple(
    Demonstration(
        f"r{n}", (Message("system", "Be brief."), Message("user", f"question {n}")), Message("assistant", "yes")
    )
    for n in range(12)
)
HASTY = Pace(first=0.0, most=0.0, settle=0.0, patience=4)


@pytest.fixture(autouse=True)
def _key() -> Iterator[None]:
    before = dict(os.environ)
    os.environ["TOGETHER_API_KEY"] = KEY
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def provider() -> Iterator[fake.Together]:
    with fake.serving(fake.Together(script=["pending", "running", "completed"])) as server:
        yield server


def go(provider: fake.Together, folder: Path, **how: object) -> Job:
    given = {"pace": HASTY, **how}
    return train_on(Together(f"{provider.url}/v1"), ROWS, TUNING, folder, **given)  # type: ignore[arg-type]


def test_a_job_runs_from_rows_to_a_models_name(provider: fake.Together, tmp_path: Path) -> None:
    seen: list[str] = []
    job = go(provider, tmp_path, watch=lambda j: seen.append(j.stage))
    assert (job.stage, job.model) == ("done", f"me/Qwen3-8B-{job.id}-1a2b3c4d")
    assert (tmp_path / job.weights).read_bytes() == b"the packed adapter"
    assert [s for at, s in enumerate(seen) if s not in seen[:at]] == [
        "uploading",
        "uploaded",
        "starting",
        "started",
        "done",
    ]
    order = next(h for h in provider.heard if (h.method, h.path) == ("POST", "/v1/fine-tunes")).json
    assert (order["model"], order["n_epochs"], order["training_type"]["type"]) == ("Qwen/Qwen3-8B", 3, "Lora")
    sent = provider.files["file-1"]["_content"].splitlines()
    assert json.loads(sent[0])["messages"][-1] == {"role": "assistant", "content": "yes"}
    assert len(sent) == 12


def test_the_same_call_again_asks_nobody(provider: fake.Together, tmp_path: Path) -> None:
    first = go(provider, tmp_path)
    before = len(provider.heard)
    assert go(provider, tmp_path) == first
    assert len(provider.heard) == before


def test_another_attempt_is_another_job(provider: fake.Together, tmp_path: Path) -> None:
    assert go(provider, tmp_path).id != go(provider, tmp_path, attempt=1).id
    assert len(provider.jobs) == 2


LOST = [
    ("POST /v1/files/upload", "lost"),
    ("POST /v1/files/upload", "dropped"),
    ("POST /v1/files/upload", "503"),
    ("GET /v1/files", "dropped"),
    ("POST /v1/fine-tunes", "lost"),
    ("POST /v1/fine-tunes", "dropped"),
    ("POST /v1/fine-tunes", "502"),
    ("POST /v1/fine-tunes", "html"),
    ("POST /v1/fine-tunes/estimate-price", "500"),
    ("GET /v1/fine-tunes", "429"),
    ("GET /v1/fine-tunes/ft-1", "lost"),
    ("GET /v1/fine-tunes/ft-1", "html"),
    ("GET /weights/ft-1", "dropped"),
]


@pytest.mark.parametrize(("where", "kind"), LOST)
def test_whatever_is_lost_on_the_way_nothing_is_done_twice(
    provider: fake.Together, tmp_path: Path, where: str, kind: str
) -> None:
    provider.faults = [fake.Fault(where, kind), fake.Fault(where, kind)]
    job = go(provider, tmp_path)
    assert job.stage == "done"
    assert (len(provider.files), len(provider.jobs)) == (1, 1)
    assert provider.faults == [] or (kind == "lost" and len(provider.faults) == 1)


@pytest.mark.parametrize("at", range(1, 12))
def test_a_process_killed_at_any_request_goes_on(provider: fake.Together, tmp_path: Path, at: int) -> None:
    """The kill is a real one: the child dies by SIGKILL while the server holds its reply back, already handled."""
    code = f"""
import os, sys
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_jobs import ROWS, TUNING, HASTY, Together, train_on
train_on(Together({provider.url + "/v1"!r}), ROWS, TUNING, Path({str(tmp_path)!r}), pace=HASTY)
"""
    answered, killed = provider.answer, []

    def answer(heard: fake.Heard) -> fake.Answer:
        found = answered(heard)
        if len(provider.heard) == at and not killed:
            killed.append(True)
            child.kill()
            child.wait()
        return found

    provider.answer = answer
    child = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    child.wait()
    job = go(provider, tmp_path)
    assert job.stage == "done"
    assert (len(provider.files), len(provider.jobs)) == (1, 1)
