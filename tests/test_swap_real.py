"""Swap with real weights: a base with the adapter built in makes it unnecessary, the same base without it does not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice, permutations
from pathlib import Path
from typing import Any

import pytest
import yaml
from models import tiny

from suffice.asking import sampling_for
from suffice.exporters.merged import Merged
from suffice.ledger import Ledger
from suffice.load import load
from suffice.model import resolve
from suffice.places import placed
from suffice.plugins import find
from suffice.stack import Stack
from suffice.swap import swap
from suffice.task import Task
from suffice.types import Request
from suffice.verify import verify

LABELS = ["yes", "no", "the", "then"]
WORDS = ["where", "what", "who", "how", "card", "bank", "money", "lost", "gone", "back", "here", "there", "you"]
N, MARGIN = 300, 0.1


def asked() -> Iterator[str]:
    """Questions that mean nothing; a model of random numbers answers them in a way of its own."""
    return (f"{' '.join(words)}?" for words in islice(permutations(WORDS, 3), 0, 5 * N, 5))


def task_in(folder: Path, expected: list[str]) -> Task:
    pairs = enumerate(zip(asked(), expected, strict=True))
    rows = ({"id": f"q{n}", "input": told, "expected": right} for n, (told, right) in pairs)
    (folder / "examples.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    body = {"model": "gguf:base.gguf", "examples": "examples.jsonl", "goal": "Say it.", "output": {"labels": LABELS}}
    (folder / "suffice.yaml").write_text(yaml.safe_dump(body), encoding="utf-8")
    return load(folder)


def tuned(task: Task, adapter: str) -> Stack:
    """The task's own base, held to the labels, with an adapter."""
    model: Any = resolve(task.model, folder=task.folder)
    stack = Stack(model, (find("layers", "prompt")(instructions=task.goal),), sampling_for(task, task.parts.dev))
    stack = placed(stack, find("layers", "adapter")(adapter=adapter, folder=task.folder))
    return placed(stack, find("layers", "structure").for_task(task).fit(stack, task.parts.pool))


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> tuple[Task, Stack, Path]:
    """A task whose right answers are what the tuned stack says, that stack, and the file of its adapter."""
    folder = tmp_path_factory.mktemp("swap")
    tiny.gguf(folder / "base.gguf")
    digest = resolve("gguf:base.gguf", folder=folder).weights_digest
    file = tiny.adapter(folder / "a.safetensors", digest, size=1.0)
    name = tiny.kept(file, folder).removeprefix("adapter:")
    blank = task_in(folder, LABELS * (N // 4))
    stack = tuned(blank, name)
    right = [stack(Request(told, id=str(n))).text for n, told in enumerate(asked())]
    return task_in(folder, right), stack, file


@pytest.mark.parametrize(
    ("form", "built_in", "decision"), [("f16", True, "moved"), ("q8_0", True, "moved"), ("q8_0", False, "kept")]
)
def test_the_adapter_is_spared_where_a_base_has_it_built_in_and_only_there(
    school: tuple[Task, Stack, Path], form: str, built_in: bool, decision: str, tmp_path: Path
) -> None:
    task, stack, file = school
    made = file if built_in else tiny.adapter(tmp_path / "none.safetensors", stack.model.weights_digest, size=0.0)
    [base] = Merged(form).export(made, stack.model, tmp_path / "base")
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        body = swap(task, stack, f"gguf:{base}", ledger=ledger, margin=MARGIN, again=False).body
    assert body["decision"] == decision, body["headline"]
    assert body["from"]["quality"]["estimate"] == 1.0 and "adapter" in body["from"]["layers"]
    *_, last = body["forms"]
    if built_in:
        assert body["to"]["layers"] == ["structure", "prompt"] and last["lift"] > -0.03, (
            "the merged weights say the same"
        )
        assert "no adapter is needed any more" in body["headline"]
    else:
        assert last["status"] == "worse" and last["high"] < -MARGIN, "the base alone says something else"
        assert body["stack_digest"] == stack.digest
    assert verify(task.folder / "swap.json").scored > len(task.parts.test)
