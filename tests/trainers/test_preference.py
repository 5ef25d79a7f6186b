"""A LoRA comes to prefer what was preferred, by the loss of direct preference optimisation."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("peft")

from suffice.demonstrations import Choice  # noqa: E402
from suffice.trainer import Base  # noqa: E402
from suffice.trainers._batches import batch_of  # noqa: E402
from suffice.trainers._learner import Reading  # noqa: E402
from suffice.trainers._text import Row  # noqa: E402
from suffice.trainers.preference import Preference, Preferred  # noqa: E402
from suffice.types import Message  # noqa: E402

REPLIES = ("a short word", "many many long words")


def choices() -> list[Choice]:
    return [
        Choice(
            f"choice-{n}",
            (Message("user", f"{'well, ' * (n % 3)}tell me of {n}"),),
            Message("assistant", REPLIES[0]),
            Message("assistant", REPLIES[1]),
        )
        for n in range(24)
    ]


def test_it_comes_to_prefer_what_was_preferred(tiny: Base, tmp_path: Path) -> None:
    recipe = Preference(rank=4, alpha=8.0, learning_rate=0.01, epochs=4, tokens_per_step=500)
    done = recipe.train(choices()[:18], choices()[18:], tiny, tmp_path)
    assert done.card["kind"] == "preference" and done.card["r"] == 4
    assert done.card["metrics"]["held_right"] == 1.0
    assert done.card["metrics"]["held_loss"] < 0.3


def test_loss_and_gradient_are_those_of_the_formula() -> None:
    rows = tuple(
        Row(name, tuple(range(size)), start)
        for name, size, start in (("a", 9, 5), ("b", 8, 6), ("c", 7, 3), ("d", 9, 8))
    )
    batch, known = batch_of(rows), {"a": -3.0, "b": -1.0, "c": -4.0, "d": -0.5}
    objective = Preferred(0.3, known)
    nll = torch.rand(4 + 2 + 4 + 1, generator=torch.Generator().manual_seed(0)).requires_grad_()
    a, b, c, d = (-part.sum() for part in nll.split([4, 2, 4, 1]))
    margins = torch.stack(((a + 3.0) - (b + 1.0), (c + 4.0) - (d + 0.5)))
    loss = -torch.nn.functional.logsigmoid(0.3 * margins).mean()
    loss.backward()
    plain = nll.detach()
    assert torch.allclose(objective.weigh([batch], batch)(plain), nll.grad)
    total, pairs = objective.loss([(batch, Reading(plain))])
    assert total / pairs == pytest.approx(loss.item())
    assert objective.right(batch, Reading(plain)) == tuple((margins > 0).tolist())


def test_before_anything_is_learned_nothing_is_preferred(tiny: Base, tmp_path: Path) -> None:
    recipe = Preference(rank=4, learning_rate=1e-30, epochs=1, tokens_per_step=500, dtype="float32")
    metrics = recipe.train(choices()[:6], choices()[6:10], tiny, tmp_path).card["metrics"]
    assert metrics["held_loss"] == pytest.approx(0.693147, abs=1e-3)
