"""Full tuning learns all weights; qlora says where it can be had."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from suffice.demonstrations import Demonstration
from suffice.errors import InputError
from suffice.exporters.merged import Merged
from suffice.models.transformers import Transformers
from suffice.trainer import Base
from suffice.trainers.full import Full
from suffice.trainers.qlora import Qlora
from suffice.types import Request, Sampling

torch = pytest.importorskip("torch")
pytest.importorskip("peft")

QUICK = Full(learning_rate=0.01, epochs=6, tokens_per_step=300, dtype="float32")


def test_all_weights_are_learned_and_transformers_loads_them(
    tiny: Base, rows: list[Demonstration], tmp_path: Path
) -> None:
    from safetensors.torch import load_file
    from transformers import AutoModelForCausalLM

    done = QUICK.train(rows[:48], rows[48:], tiny, tmp_path)
    assert done.card["kind"] == "full" and done.card["ran"]["by"] == "transformers"
    assert done.curve[-1].held_loss < 0.5 * done.curve[0].held_loss  # type: ignore[operator]
    model = AutoModelForCausalLM.from_pretrained(tiny.folder, dtype=torch.float32)
    before = {name: p.clone() for name, p in model.named_parameters()}
    model.load_state_dict(load_file(done.file), strict=False)
    assert all(not torch.equal(p, before[name]) for name, p in model.named_parameters())


def test_what_is_learned_can_be_served_as_a_model_of_its_own(
    tiny: Base, rows: list[Demonstration], tmp_path: Path
) -> None:
    source = Transformers(str(tiny.folder), folder=tmp_path)
    done = replace(QUICK, epochs=1).train(rows[:8], rows[8:12], source.base(), tmp_path / "work")
    [weights, *_] = Merged("safetensors").export(done.file, source, tmp_path / "served")
    served = Transformers(str(tmp_path / "served"), folder=tmp_path)
    assert weights.name == "model.safetensors" and served.weights_digest != source.weights_digest
    assert served(Request("where is it", sampling=Sampling(max_tokens=4))).usage.output_tokens > 0


def test_it_goes_on_from_its_checkpoint(tiny: Base, rows: list[Demonstration], tmp_path: Path) -> None:
    quick = replace(QUICK, epochs=2)
    whole = quick.train(rows[:20], rows[20:24], tiny, tmp_path / "whole")
    again = quick.train(rows[:20], rows[20:24], tiny, tmp_path / "again")
    (again.file.parent / "card.json").unlink()
    third = quick.train(rows[:20], rows[20:24], tiny, tmp_path / "again")
    assert third.card["metrics"]["resumed"] == 1
    assert third.file.read_bytes() == whole.file.read_bytes()


def test_in_bfloat16_it_learns_about_as_well(tiny: Base, rows: list[Demonstration], tmp_path: Path) -> None:
    losses = [
        replace(QUICK, dtype=dtype).train(rows[:48], rows[48:], tiny, tmp_path / dtype).card["metrics"]["held_loss"]
        for dtype in ("float32", "bfloat16")
    ]
    assert losses[1] == pytest.approx(losses[0], rel=0.2)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_four_bits_are_refused_where_they_save_nothing(tiny: Base, rows: list[Demonstration], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="GPU") as refused:
        Qlora().train(rows[:4], (), tiny, tmp_path / "work")
    assert "lora" in refused.value.hint
    assert not (tmp_path / "work").exists()
