"""A LoRA is learned, in one file that says what it is; broken off, it goes on to the same bytes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from suffice.demonstrations import Demonstration
from suffice.errors import InputError
from suffice.trainer import Base, Stage, listening
from suffice.trainers.lora import Lora

pytest.importorskip("peft")

QUICK = Lora(rank=4, alpha=8.0, learning_rate=0.03, epochs=8, tokens_per_step=300)


def test_it_learns_what_it_is_shown(tiny: Base, rows: list[Demonstration], tmp_path: Path) -> None:
    done = QUICK.train(rows[:48], rows[48:], tiny, tmp_path)
    first, last = done.curve[0], done.curve[-1]
    assert first.held_loss is not None and last.held_loss is not None
    assert last.held_loss < 0.3 * first.held_loss
    assert done.card["metrics"]["held_right"] >= 0.5
    assert done.card["data"]["rows"] == 48 and done.card["data"]["held"] == 12


def test_the_file_can_be_read_without_anything_beside_it(tiny: Base, rows: list[Demonstration], tmp_path: Path) -> None:
    from safetensors import safe_open

    done = replace(QUICK, epochs=1).train(rows[:48], rows[48:], tiny, tmp_path)
    with safe_open(done.file, "np") as file:
        card = json.loads(file.metadata()["suffice"])
        names = sorted(file.keys())
        shape = file.get_slice("base_model.model.model.layers.1.self_attn.k_proj.lora_B.weight").get_shape()
    assert card["kind"] == "lora" and card["r"] == 4 and card["lora_alpha"] == 8.0
    assert card["base"] == {"name": "tiny", "digest": "0" * 64}
    assert card["recipe"]["rank"] == 4
    assert len(names) == 2 * 7 * 2 and shape == [16, 4]


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")  # PEFT's own
def test_peft_reads_it_and_gives_the_loss_of_the_card(tiny: Base, rows: list[Demonstration], tmp_path: Path) -> None:
    import torch
    from peft import LoraConfig, get_peft_model, set_peft_model_state_dict
    from safetensors.torch import load_file
    from transformers import AutoModelForCausalLM, AutoTokenizer

    done = replace(QUICK, dtype="float32").train(rows[:48], rows[48:49], tiny, tmp_path)
    plain = AutoModelForCausalLM.from_pretrained(tiny.folder, dtype=torch.float32)
    targets = done.card["target_modules"]
    tuned = get_peft_model(plain, LoraConfig(r=4, lora_alpha=8, target_modules=targets, task_type="CAUSAL_LM"))
    missing = set_peft_model_state_dict(tuned, load_file(done.file))
    assert not missing.unexpected_keys
    tokenizer, row = AutoTokenizer.from_pretrained(tiny.folder), rows[48]
    asked = tokenizer.apply_chat_template(
        [{"role": m.role, "content": m.content} for m in row.messages], tokenize=False, add_generation_prompt=True
    )
    prompt, reply = (tokenizer(t)["input_ids"] for t in (asked, f"{row.reply.content}<|im_end|>"))
    labels = torch.tensor([[-100] * len(prompt) + reply])
    with torch.no_grad():
        loss = tuned(input_ids=torch.tensor([prompt + reply]), labels=labels).loss
    assert loss.item() == pytest.approx(done.card["metrics"]["held_loss"], rel=1e-3)


def test_it_tells_how_far_it_is(tiny: Base, rows: list[Demonstration], tmp_path: Path) -> None:
    heard: list[Stage] = []
    with listening(heard.append):
        done = replace(QUICK, epochs=1).train(rows[:48], rows[48:], tiny, tmp_path)
    steps = [stage.step for stage in heard]
    assert steps == sorted(steps) and steps[-1] == heard[-1].steps == done.card["metrics"]["steps"]
    assert heard[-1].point.held_right is not None and heard[-1].eta == 0


def test_what_is_finished_is_not_trained_again(tiny: Base, rows: list[Demonstration], tmp_path: Path) -> None:
    once = replace(QUICK, epochs=1).train(rows[:20], rows[20:24], tiny, tmp_path)
    heard: list[Stage] = []
    with listening(heard.append):
        again = replace(QUICK, epochs=1).train(rows[:20], rows[20:24], tiny, tmp_path)
    assert not heard and again == once


def test_a_demonstration_that_is_too_long_is_refused_by_name(
    tiny: Base, rows: list[Demonstration], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="row-4"):
        replace(QUICK, longest=90).train(rows[:5], (), tiny, tmp_path)


def test_seeds_differ_and_one_seed_does_not(tiny: Base, rows: list[Demonstration], tmp_path: Path) -> None:
    quick = replace(QUICK, epochs=1)
    files = [
        replace(quick, seed=seed).train(rows[:20], rows[20:24], tiny, tmp_path / str(n)).file.read_bytes()
        for n, seed in enumerate((1, 1, 2))
    ]
    assert files[0] == files[1] != files[2]


def test_without_held_rows_the_last_weights_are_kept(tiny: Base, rows: list[Demonstration], tmp_path: Path) -> None:
    done = replace(QUICK, epochs=1).train(rows[:20], (), tiny, tmp_path)
    assert done.card["metrics"]["held_loss"] is None and done.file.is_file()


def test_a_training_that_comes_apart_is_an_error(tiny: Base, rows: list[Demonstration], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no number") as wrong:
        replace(QUICK, learning_rate=1e30).train(rows[:20], rows[20:24], tiny, tmp_path)
    assert "learning_rate" in wrong.value.hint
    assert not (tmp_path / "adapter.safetensors").exists()


def test_a_folder_that_is_no_base_is_refused(rows: list[Demonstration], tiny: Base, tmp_path: Path) -> None:
    for path in sorted(tiny.folder.iterdir()):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "config.json").write_text('{"model_type": "unheard_of"}', encoding="utf-8")
    with pytest.raises(InputError):
        QUICK.train(rows[:4], (), replace(tiny, folder=tmp_path), tmp_path / "work")
