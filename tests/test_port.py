"""Weights do not port: the tune is run again on the new base, from the same rows, and both stacks are compared."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import providers as fake
import pupils
import pytest
from models import tiny

from suffice.demonstrations import write
from suffice.errors import BudgetSpent, InputError
from suffice.export import taught_rows
from suffice.jobs import Pace
from suffice.ledger import Ledger
from suffice.models.scripted import Scripted
from suffice.platform import Order
from suffice.plugins import find
from suffice.port import How, port
from suffice.stack import Stack
from suffice.task import Task, Training
from suffice.testing import sample_dataset, sample_task
from suffice.trainer import Base

HASTY = Pace(first=0.0, most=0.0, settle=0.0, patience=3)
PLATFORMS = "together: {{use: {{base_url: {url}/v1}}}}\n"


@dataclass
class Tuned(fake.Together):
    """Together, which also serves the tuned model: right, or no better than a coin that shows one side."""

    right: bool = True

    def answer(self, heard: fake.Heard) -> fake.Answer:
        if heard.path != "/v1/chat/completions":
            return super().answer(heard)
        asked = heard.json["messages"][-1]["content"]
        told = "refund" if "money back" in asked or not self.right else "shipping"
        usage = {"prompt_tokens": 9, "completion_tokens": 1}
        return 200, {
            "choices": [{"message": {"role": "assistant", "content": told}, "finish_reason": "stop"}],
            "usage": usage,
        }


@pytest.fixture
def task(tmp_path: Path) -> Task:
    return replace(sample_task("labels"), dataset=sample_dataset("labels", 400), folder=tmp_path)


@pytest.fixture
def how(tmp_path: Path) -> Iterator[How]:
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        yield How(ledger, pace=HASTY)


def prompted(task: Task, model: object) -> Stack:
    return Stack(model, (find("layers", "prompt").for_task(task),))  # type: ignore[arg-type]


def right(task: Task) -> Scripted:
    return Scripted(lambda r: "refund" if "money back" in r.input else "shipping", name="old")


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[Tuned]:
    before = dict(os.environ)
    os.environ["TOGETHER_API_KEY"] = "tg-secret-0123456789"
    with fake.serving(Tuned(script=["running", "completed"])) as server:
        (tmp_path / "platforms.yaml").write_text(PLATFORMS.format(url=server.url))
        yield server
    os.environ.clear()
    os.environ.update(before)


def test_a_stack_is_tuned_again_on_a_platform_and_proven_not_worse(provider: Tuned, task: Task, how: How) -> None:
    found = port(task, prompted(task, right(task)), "together", how, order=Order("Qwen/Qwen3-8B"))
    assert found.holds
    assert found.job is not None
    assert found.stack is not None
    assert found.stack.model.name == found.job.model  # type: ignore[attr-defined]
    assert found.comparison is not None
    assert (found.comparison.n, found.comparison.lift) == (len(task.parts.test), 0.0)
    assert found.rows == len(task.parts.pool)


def test_a_port_that_loses_says_so(provider: Tuned, task: Task, how: How) -> None:
    provider.right = False
    found = port(task, prompted(task, right(task)), "together", how, order=Order("Qwen/Qwen3-8B"))
    assert not found.holds
    assert found.gated is not None
    assert found.gated.decision == "worse"
    assert found.comparison is not None
    assert found.comparison.high < 0


def test_the_same_port_again_pays_for_nothing(provider: Tuned, task: Task, how: How) -> None:
    order = Order("Qwen/Qwen3-8B")
    first = port(task, prompted(task, right(task)), "together", how, order=order)
    before = len(provider.heard)
    again = port(task, prompted(task, right(task)), "together", how, order=order)
    assert len(provider.heard) == before
    assert again.comparison == first.comparison


def test_a_failed_job_is_told_and_nothing_is_compared(provider: Tuned, task: Task, how: How) -> None:
    provider.script = ["user_error"]
    found = port(task, prompted(task, right(task)), "together", how, order=Order("Qwen/Qwen3-8B"))
    assert (found.holds, found.stack, found.gated) == (False, None, None)
    assert "failed" in found.note


def test_a_port_keeps_to_its_budget(provider: Tuned, task: Task, how: How) -> None:
    with pytest.raises(BudgetSpent):
        port(task, prompted(task, right(task)), "together", replace(how, usd=0.0001), order=Order("Qwen/Qwen3-8B"))
    assert provider.jobs == {}


def test_where_the_tuned_model_is_out_of_reach_that_is_said(task: Task, how: How, tmp_path: Path) -> None:
    os.environ |= {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE012345", "AWS_SECRET_ACCESS_KEY": "aws-secret-0123456789"}
    with fake.serving(fake.Bedrock(script=["Completed"])) as server:
        use = f"{{bucket: data, role: 'arn:aws:iam::1:role/x', region: eu-west-1, base_url: '{server.url}'}}"
        (tmp_path / "platforms.yaml").write_text(f"bedrock: {{use: {use}}}\n")
        found = port(task, prompted(task, right(task)), "bedrock", how, order=Order("amazon.nova-micro-v1:0:128k"))
    assert found.stack is None
    assert "suffice compare" in found.note


def test_a_prompt_alone_is_asked_on_the_other_model(task: Task, how: How, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from suffice.models.scripted import Scripted\n"
        "def other():\n    return Scripted(otherwise='refund', name='other')\n"
    )
    found = port(task, prompted(task, right(task)), f"{tmp_path}/mine.py:other", how)
    assert (found.rows, found.holds) == (0, False)
    assert "nothing was tuned" in found.note


def test_weights_that_are_not_here_cannot_be_tuned(task: Task, how: How) -> None:
    layer = replace(find("layers", "adapter").for_task(task), adapter="ab" * 32)
    stack = Stack(Scripted(otherwise="refund"), (layer,))
    with pytest.raises(InputError, match="not here to be trained") as wrong:
        port(task, stack, "openai/gpt-6-luna", how)
    assert "together" in wrong.value.hint


def test_a_student_is_distilled_again_not_ported(task: Task, how: How) -> None:
    student = find("layers", "student").for_task(task)
    with pytest.raises(InputError, match="student"):
        port(task, Stack(Scripted(otherwise="x"), (student,)), "embedded", how)


def newer() -> object:
    """The learner's successor: other weights, as quick to learn."""
    learner = find("models", f"{pupils.HERE}:learner")()

    @dataclass(frozen=True)
    class Newer(type(learner)):  # type: ignore[misc]
        def base(self) -> Base:
            return Base("newer", "cd" * 32, Path())

    return Newer(learner.replies, name="newer", usd=0.001)


def test_an_adapter_is_taught_anew_and_the_old_one_left_alone(how: How, tmp_path: Path) -> None:
    task = pupils.school(tmp_path, n=400)
    below = prompted(task, find("models", f"{pupils.HERE}:learner")())
    stack = below.push(find("layers", "adapter").for_task(task).fit(below, task.parts.pool))
    found = port(task, stack, f"{Path(__file__)}:newer", how)
    assert found.stack is not None
    assert found.stack.model.name == "newer"  # type: ignore[attr-defined]
    assert found.stack.layers[0].adapter not in ("", stack.layers[0].adapter)  # type: ignore[attr-defined]
    assert found.stack.layers[1:] == stack.layers[1:]
    assert found.holds
    assert found.rows == len(task.parts.pool)


@pytest.mark.slow
@pytest.mark.parametrize("given", [False, True])
def test_an_adapter_is_trained_again_on_another_base(how: How, tmp_path: Path, given: bool) -> None:
    """Really trained, on two layers of random numbers: which it gets right is not the point, whose weights is."""
    pytest.importorskip("peft")
    recipe = {"epochs": 1.0, "rank": 2, "dtype": "float32"}
    task = replace(
        sample_task("labels"), dataset=sample_dataset("labels", 60), folder=tmp_path, training=Training("lora", recipe)
    )
    old, new = (tiny.folder(tmp_path / name, seed) for name, seed in (("old", 0), ("new", 1)))
    model = find("models", "transformers")(str(old), folder=tmp_path)
    below = prompted(task, model)
    stack = below.push(find("layers", "adapter").for_task(task).fit(below, task.parts.pool))
    data = tmp_path / "train.jsonl" if given else None
    if data:
        data.write_bytes(write(taught_rows(task, stack)))
    found = port(task, stack, f"hf:{new}", how, data=data)
    assert found.stack is not None
    ported, first = found.stack.layers[0], stack.layers[0]
    assert ported.adapter not in ("", first.adapter)  # type: ignore[attr-defined]
    assert replace(ported, adapter="") == replace(first, adapter="")  # type: ignore[call-arg]
    assert found.comparison is not None
    assert found.comparison.n == len(task.parts.test)
    assert found.rows == len(task.parts.pool)
