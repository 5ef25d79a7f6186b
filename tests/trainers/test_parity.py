"""The written-out way forward and back has the loss and the gradients of transformers with PEFT."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("peft")

from bases import write_llama  # noqa: E402

from suffice.trainer import Base  # noqa: E402
from suffice.trainers import _llama, _plain  # noqa: E402
from suffice.trainers._batches import Batch, batch_of  # noqa: E402
from suffice.trainers._lowrank import TARGETS, LowRank  # noqa: E402
from suffice.trainers._text import Row  # noqa: E402

SEVERAL = [
    pytest.param({}, id="grouped heads"),
    pytest.param({"num_key_value_heads": 6}, id="a key head each"),
    pytest.param({"tie_word_embeddings": False}, id="logits of their own"),
    pytest.param(
        {"rope_parameters": {"rope_type": "linear", "factor": 4.0, "rope_theta": 1e4}}, id="positions stretched"
    ),
]


def some_rows(prefix: int) -> tuple[Row, ...]:
    drawn = random.Random(5)
    alike = [drawn.randrange(3, 259) for _ in range(prefix)]

    def row(n: int) -> Row:
        prompt = [*alike, n + 3, *(drawn.randrange(3, 259) for _ in range(drawn.randrange(1, 9)))]
        reply = [drawn.randrange(3, 259) for _ in range(drawn.randrange(1, 5))]
        return Row(str(n), (*prompt, *reply), len(prompt))

    return tuple(row(n) for n in range(7))


def both(folder: Path, targets: tuple[str, ...] = TARGETS) -> tuple[Any, Any]:
    """The two learners, with the same low-rank parts, none of them zero."""
    low = LowRank(4, 8.0, targets)
    ours = _llama.Llama(folder, low, 0, dtype=torch.float32)
    theirs = _plain.with_lora(_plain.load(folder, torch.float32, "cpu"), low, 0, 0.0, "float32")
    assert sorted(ours.weights) == sorted(theirs.weights)
    drawn = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, tensor in sorted(ours.weights.items()):
            tensor.normal_(0, 0.2, generator=drawn)
            theirs.weights[name].copy_(tensor)
    ours.refresh()
    return ours, theirs


def alike(ours: Any, theirs: Any, batch: Batch, weigh: Callable[[Any], Any]) -> None:
    mine, other = ours.learn(batch, weigh), theirs.learn(batch, weigh)
    assert torch.allclose(mine.nll, other.nll, rtol=1e-4, atol=1e-5)
    for name, tensor in theirs.weights.items():
        apart = (tensor.grad - ours.weights[name].grad).norm() / tensor.grad.norm()
        assert apart < 1e-4, f"{name} is off by {apart:.1e}"
    assert ours.judge(batch).right == theirs.judge(batch).right


@pytest.mark.parametrize("different", SEVERAL)
@pytest.mark.parametrize("prefix", [0, 1, 12])
def test_loss_and_gradients_are_the_same(different: dict[str, Any], prefix: int, tmp_path: Path) -> None:
    write_llama(tmp_path, **different)
    batch = batch_of(some_rows(prefix))
    assert batch.prefix == prefix
    alike(*both(tmp_path), batch, lambda nll: torch.linspace(0.1, 1, len(nll)))


@pytest.mark.parametrize(("prefix", "own"), [(0, 560), (540, 8), (300, 300)])
def test_long_rows_are_the_same_too(tiny: Base, prefix: int, own: int) -> None:
    """Long enough that weights of attention are worked out again on the way back."""
    drawn = random.Random(2)
    alike_part = tuple(drawn.randrange(3, 259) for _ in range(prefix))
    parts = [tuple(drawn.randrange(3, 259) for _ in range(own - n)) for n in range(2)]
    rows = tuple(Row(str(n), (*alike_part, *part), prefix + len(part) - 3) for n, part in enumerate(parts))
    alike(*both(tiny.folder), batch_of(rows), torch.ones_like)


@pytest.mark.parametrize("targets", [("q_proj", "v_proj"), ("down_proj",), ("k_proj", "o_proj", "up_proj")])
def test_any_of_the_matrices_may_be_left_alone(tiny: Base, targets: tuple[str, ...]) -> None:
    alike(*both(tiny.folder, targets), batch_of(some_rows(3)), torch.ones_like)


def test_gradients_add_up_over_batches_and_follow_changed_weights(tiny: Base) -> None:
    ours, theirs = both(tiny.folder)
    rows = some_rows(2)
    for part in (rows[:3], rows[3:5], rows[5:6]):
        for learner in (ours, theirs):
            learner.learn(batch_of(part), torch.ones_like)
    with torch.no_grad():
        for name, tensor in ours.weights.items():
            tensor.add_(0.1)
            theirs.weights[name].add_(0.1)
    ours.refresh()
    alike(ours, theirs, batch_of(rows), torch.ones_like)


def test_a_shared_beginning_changes_nothing_but_the_work(tiny: Base) -> None:
    rows = some_rows(12)
    shared, apart = batch_of(rows), Batch(rows, 0)
    one, two = (_llama.Llama(tiny.folder, LowRank(4, 8.0, TARGETS), 0, dtype=torch.float32) for _ in range(2))
    first, second = one.learn(shared, torch.ones_like), two.learn(apart, torch.ones_like)
    assert torch.allclose(first.nll, second.nll, rtol=1e-4)
    for name, tensor in one.weights.items():
        assert torch.allclose(tensor.grad, two.weights[name].grad, rtol=1e-3, atol=1e-5)


def test_right_is_what_greedy_decoding_gives(tiny: Base) -> None:
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(tiny.folder, dtype=torch.float32)
    prompt = list(some_rows(4)[0].tokens)
    ids = torch.tensor([prompt])
    told = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=4, do_sample=False)[0].tolist()
    off = [*told[:-1], (told[-1] + 1) % 259]
    rows = tuple(Row(name, tuple(tokens), len(prompt)) for name, tokens in (("said", told), ("other", off)))
    learner = _llama.Llama(tiny.folder, LowRank(4, 8.0, TARGETS), 0, dtype=torch.float32)
    assert learner.judge(batch_of(rows)).right == (True, False)
