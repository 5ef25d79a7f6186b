"""One adapter to the real weights, two engines, real questions; `benchmarks/parity.py` does it for all of them."""

from __future__ import annotations

import csv
import json
import statistics
from pathlib import Path

import numpy as np
import pytest
from models import tiny
from safetensors.numpy import save_file

from suffice.models.embedded import Embedded
from suffice.models.transformers import Transformers
from suffice.types import Request

MATRICES = {"q": (576, 576), "k": (192, 576), "v": (192, 576), "o": (576, 576)}


def adapter(path: Path, base: str) -> Path:
    """Random changes of the attention's matrices, large enough to change replies."""
    dice, found = np.random.default_rng(0), {}
    for layer in range(30):
        for name, (outputs, inputs) in MATRICES.items():
            stem = f"base_model.model.model.layers.{layer}.self_attn.{name}_proj.lora_"
            found[f"{stem}A.weight"] = (dice.normal(size=(8, inputs)) / inputs**0.5).astype(np.float32)
            found[f"{stem}B.weight"] = (0.05 * dice.normal(size=(outputs, 8))).astype(np.float32)
    card = {"kind": "lora", "base": {"name": "embedded", "digest": base}, "r": 8, "lora_alpha": 16}
    save_file(found, path, {"suffice": json.dumps(card)})
    return path


@pytest.mark.slow
def test_llama_cpp_and_transformers_reply_alike_to_real_questions(smollm2: Path, data: Path, tmp_path: Path) -> None:
    """Eight-bit weights move a logit by a tenth or so: where two labels are as near, the replies may part."""
    pytest.importorskip("transformers")
    quick = Embedded(context=1024, slots=1, folder=tmp_path)
    base = quick.base()
    exact = Transformers(str(base.folder), origin=base.digest, folder=tmp_path)
    name = tiny.kept(adapter(tmp_path / "a.safetensors", base.digest), tmp_path)
    with (data / "banking77" / "test.csv").open(encoding="utf-8") as file:
        texts = [row["text"] for row in csv.DictReader(file)][::220]
    labels = json.loads((data / "banking77" / "categories.json").read_text("utf-8"))
    bound = {"schema": {"enum": labels}, "instructions": ("Name the banking intent.",)}
    pairs = [tuple(ask(Request(text, model=name, **bound)) for ask in (quick, exact)) for text in texts]
    alike = [(a, b) for a, b in pairs if a.text == b.text]
    apart = [abs(x - y) for a, b in alike for x, y in zip(a.logprobs, b.logprobs, strict=False)]
    assert len(alike) >= 0.7 * len(pairs), [(a.text, b.text) for a, b in pairs]
    assert statistics.median(apart) < 0.15
    assert sum(quick(Request(t, **bound)).text == a.text for t, (a, _) in zip(texts, pairs, strict=True)) < len(pairs)
