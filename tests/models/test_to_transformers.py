"""The GGUF's weights as transformers loads them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from suffice.errors import InputError
from suffice.models._transformers import to_transformers

pytest.importorskip("transformers")


def test_a_folder_that_is_there_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    assert to_transformers(tmp_path / "absent.gguf", tmp_path) == tmp_path
    assert sorted(p.name for p in tmp_path.iterdir()) == ["config.json"]


@pytest.mark.slow
def test_rubbish_leaves_an_error_and_no_folder(tmp_path: Path) -> None:
    rubbish = tmp_path / "rubbish.gguf"
    rubbish.write_bytes(b"GGUF rubbish")
    with pytest.raises(InputError, match="cannot read this model"):
        to_transformers(rubbish, tmp_path / "folder")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["rubbish.gguf"]


@pytest.mark.slow
def test_the_numbers_are_those_of_the_gguf(smollm2: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    import numpy as np
    from gguf import GGUFReader, quants
    from safetensors import safe_open

    folder = to_transformers(smollm2, tmp_path / "folder")
    assert capfd.readouterr() == ("", "")
    assert json.loads((folder / "config.json").read_text())["model_type"] == "llama"
    assert "<|im_start|>" in (folder / "chat_template.jinja").read_text()
    for tensor in GGUFReader(smollm2).tensors:
        if tensor.name == "blk.3.ffn_up.weight":
            with safe_open(folder / "model.safetensors", "numpy") as file:
                ours = file.get_tensor("model.layers.3.mlp.up_proj.weight")
            assert np.array_equal(ours, quants.dequantize(tensor.data, tensor.tensor_type))
