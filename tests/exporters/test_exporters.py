"""Exported adapters give other tools the same model."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from models import tiny
from safetensors.numpy import save_file

from suffice.errors import Damaged, InputError, SufficeError
from suffice.exporters.gguf import Gguf
from suffice.exporters.merged import Merged
from suffice.exporters.peft import Peft
from suffice.models.embedded import Embedded
from suffice.models.transformers import Transformers
from suffice.types import Request

LABELS = ("yes", "no", "the", "then")
ASKED = tuple(Request(f"{word} the card?", schema={"enum": list(LABELS)}) for word in ("where", "what", "who", "how"))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("task")


@pytest.fixture(scope="module")
def model(home: Path) -> Embedded:
    return Embedded(gguf=str(tiny.gguf(home / "tiny.gguf")), context=256, slots=1, folder=home)


@pytest.fixture(scope="module")
def adapter(home: Path, model: Embedded) -> Path:
    return tiny.adapter(home / "a.safetensors", model.weights_digest, size=1.0)


def told(model: Embedded | Transformers, name: str | None = None) -> list[float]:
    return [p for request in ASKED for p in model(replace(request, model=name)).logprobs]


@pytest.mark.parametrize(("form", "near"), [("f16", 0.02), ("q8_0", 0.3)])
def test_a_merged_gguf_answers_as_the_adapter_does(
    home: Path, model: Embedded, adapter: Path, form: str, near: float
) -> None:
    [made] = Merged(form=form).export(adapter, model, home / form)
    assert made == home / form / "merged.gguf"
    alone = Embedded(gguf=str(made), context=256, slots=1)
    apart = np.subtract(told(alone), told(model, tiny.kept(adapter, home)))
    assert np.abs(apart).mean() < near
    assert [p.name for p in made.parent.iterdir()] == ["merged.gguf"]


def test_a_merged_folder_answers_as_the_adapter_does(home: Path, model: Embedded, adapter: Path) -> None:
    pytest.importorskip("transformers")
    source = Transformers(str(tiny.folder(home / "hf")), origin=model.weights_digest, folder=home)
    made = Merged().export(adapter, source, home / "folder")
    assert made[0].name == "model.safetensors"
    assert (
        {p.name for p in made}
        == {p.name for p in Path(source.path).iterdir()}
        == {p.name for p in (home / "folder").iterdir()}
    )
    expected = told(source, tiny.kept(adapter, home))
    assert told(Transformers(str(home / "folder"))) == pytest.approx(expected, abs=1e-3)


def test_weights_that_were_all_trained_are_merged_and_not_added(home: Path, tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    source, other = (Transformers(str(tiny.folder(tmp_path / str(seed), seed=seed))) for seed in (0, 5))
    card = json.dumps({"kind": "full", "base": {"name": "tiny", "digest": source.weights_digest}})
    save_file(tiny.weights(5), tmp_path / "full.safetensors", {"suffice": card})
    Merged().export(tmp_path / "full.safetensors", source, tmp_path / "out")
    assert told(Transformers(str(tmp_path / "out"))) == told(other)
    with pytest.raises(InputError, match="this is `full`") as error:
        Peft().export(tmp_path / "full.safetensors", source, tmp_path / "none")
    assert "merged" in error.value.hint


def test_the_gguf_is_the_one_that_is_served(home: Path, model: Embedded, adapter: Path) -> None:
    [made] = Gguf().export(adapter, model, home / "gguf")
    assert made.read_bytes() == model.lora(adapter).read_bytes()


def test_peft_gets_the_tensors_a_configuration_and_a_card(home: Path, model: Embedded, adapter: Path) -> None:
    made = Peft().export(adapter, model, home / "peft")
    assert [p.name for p in made] == ["adapter_model.safetensors", "adapter_config.json", "README.md"]
    assert made[0].read_bytes() == adapter.read_bytes()
    told = json.loads(made[1].read_text())
    assert (told["r"], told["lora_alpha"], told["base_model_name_or_path"]) == (4, 8, "tiny")
    assert told["target_modules"] == sorted(name.partition(".")[2] for name in tiny.SHAPES)
    assert model.weights_digest in made[2].read_text()


def test_a_strangers_card_writes_no_line_and_no_secret(model: Embedded, tmp_path: Path) -> None:
    base = {"name": "x`\n\n<script>alert(1)</script>\n# mine", "digest": model.weights_digest}
    recipe = {"rank": 4, "api_key": "abcd1234efgh5678", "note": "sk-0123456789abcdefghij"}
    adapter = tiny.adapter(tmp_path / "a.safetensors", model.weights_digest, card={"base": base, "recipe": recipe})
    Peft().export(adapter, model, tmp_path / "out")
    card = (tmp_path / "out" / "README.md").read_text()
    outside = "".join(card.split("```")[::2])  # what stands in a fence is shown as it is
    assert 'base_model: "x` \\u003cscript>alert(1)\\u003c/script> # mine"\n' in outside and "<" not in outside
    assert "# An adapter for `x' &lt;script&gt;alert(1)&lt;/script&gt; # mine`\n" in outside
    assert "\n# mine" not in card and "abcd1234" not in card and "sk-0123" not in card and '"rank": 4' in card


@pytest.mark.parametrize("exporter", [Gguf(), Merged(), Merged("f16")], ids=["gguf", "merged", "f16"])
def test_an_adapter_to_other_weights_leaves_nothing(home: Path, model: Embedded, exporter: Gguf | Merged) -> None:
    foreign = tiny.adapter(home / "foreign.safetensors", "f" * 64)
    with pytest.raises(InputError, match="trained on other weights"):
        exporter.export(foreign, model, home / "none")
    assert not any((home / "none").glob("*"))


def test_a_matrix_that_a_folder_lacks_is_named(home: Path, tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    source = Transformers(str(tiny.folder(tmp_path / "hf")))
    renamed = tiny.adapter(tmp_path / "b.safetensors", source.weights_digest)
    renamed.write_bytes(renamed.read_bytes().replace(b"layers.1.mlp.up_proj", b"layers.9.mlp.up_proj"))
    with pytest.raises(Damaged, match=r"layers\.9\.mlp\.up_proj"):
        Merged().export(renamed, source, tmp_path / "out")
    assert not any((tmp_path / "out").glob("*"))


def test_a_model_without_weights_here_has_no_such_forms(home: Path, adapter: Path, tmp_path: Path) -> None:
    from suffice.models.scripted import Scripted

    for exporter in (Gguf(), Merged(), Merged("q8_0")):
        with pytest.raises(SufficeError) as error:
            exporter.export(adapter, Scripted(), tmp_path / "out")
        assert error.value.hint
