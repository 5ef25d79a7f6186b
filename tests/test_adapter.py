"""An adapter's file is read warily: it may come with somebody else's stack."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from models import tiny
from safetensors.numpy import save_file

from suffice.adapter import Adapter, artifact
from suffice.errors import Damaged, InputError, SufficeError
from suffice.types import Json

BASE = "ab" * 32
NAME = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tiny.adapter(tmp_path / "a.safetensors", BASE)


def edited(file: Path, edit: Callable[[Json], Any]) -> Path:
    """The file with another header."""
    content = file.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    edit(header)
    new = json.dumps(header).encode()
    file.write_bytes(len(new).to_bytes(8, "little") + new + content[8 + length :])
    return file


def test_it_says_what_it_is(file: Path) -> None:
    adapter = Adapter.read(file)
    assert (adapter.kind, adapter.base, adapter.rank, adapter.scale) == ("lora", BASE, 4, 2.0)
    assert len(adapter.pairs()) == tiny.LAYERS * len(tiny.SHAPES)
    pair = adapter.pairs()["model.layers.1.mlp.down_proj"]
    assert (pair.a.shape, pair.b.shape) == ((4, tiny.INNER), (tiny.HIDDEN, 4))
    assert adapter.over(BASE, "tiny") is adapter
    with pytest.raises(
        InputError, match=r"trained on other weights \(abababababab\) than those of `tiny` \(cd"
    ) as error:
        adapter.over("cd" * 32, "tiny")
    assert "do not port" in error.value.hint


@pytest.mark.parametrize("kind", ["F64", "F32", "F16", "BF16"])
def test_numbers_are_read_in_every_type(tmp_path: Path, kind: str) -> None:
    import struct

    packed = {
        "F64": struct.pack("<2d", 1.5, -0.25),
        "F32": struct.pack("<2f", 1.5, -0.25),
        "F16": struct.pack("<2e", 1.5, -0.25),
        "BF16": struct.pack("<2f", 1.5, -0.25)[2:4] + struct.pack("<2f", 1.5, -0.25)[6:8],
    }[kind]
    header = {
        "x": {"dtype": kind, "shape": [1, 2], "data_offsets": [0, len(packed)]},
        "__metadata__": {"suffice": "{}"},
    }
    text = json.dumps(header).encode()
    (tmp_path / "n.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + packed)
    adapter = Adapter.read(tmp_path / "n.safetensors")
    assert adapter.numbers(adapter.tensors["x"]).tolist() == [[1.5, -0.25]]


def test_what_peft_writes_is_read(tmp_path: Path) -> None:
    found = {
        f"x.lora_{part}.default.weight": np.ones(shape, np.float32) for part, shape in (("A", (2, 3)), ("B", (5, 2)))
    }
    save_file(found, tmp_path / "p.safetensors", {"suffice": json.dumps({"r": 2, "lora_alpha": 4, "use_rslora": True})})
    adapter = Adapter.read(tmp_path / "p.safetensors")
    assert list(adapter.pairs()) == ["x"]
    assert adapter.scale == pytest.approx(4 / 2**0.5)


HEADERS: dict[str, Callable[[Json], Any]] = {
    "an offset beyond the file": lambda h: h[NAME].update(data_offsets=[0, 2**40]),
    "a negative offset": lambda h: h[NAME].update(data_offsets=[-8, 4 * 64 * 4 - 8]),
    "an absurd size": lambda h: h[NAME].update(shape=[2**31, 2**31]),
    "a size that wraps": lambda h: h[NAME].update(shape=[2**62, 4]),
    "a shape of words": lambda h: h[NAME].update(shape=["4", 64]),
    "a shape of truths": lambda h: h[NAME].update(shape=[True, 256]),
    "another type": lambda h: h[NAME].update(dtype="I8"),
    "a tensor that is none": lambda h: h.update({NAME: "here"}),
    "no card": lambda h: h.pop("__metadata__"),
    "a card that is no text": lambda h: h["__metadata__"].update(suffice=7),
    "a card that is a list": lambda h: h["__metadata__"].update(suffice="[]"),
    "a card nested without end": lambda h: h["__metadata__"].update(suffice="[" * 100_000),
    "no tensors": lambda h: [h.pop(name) for name in list(h) if name != "__metadata__"],
}


@pytest.mark.parametrize("what", HEADERS)
def test_a_header_that_lies_is_told(file: Path, what: str) -> None:
    with pytest.raises(Damaged) as error:
        Adapter.read(edited(file, HEADERS[what]))
    assert str(file) in str(error.value)


CARDS: dict[str, Json] = {
    "r": [0, -1, 1e9, "4", None, True, 10**6],
    "lora_alpha": [0, -1, float("inf"), "8", None],
}


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, several in CARDS.items() for value in several])
def test_a_card_with_an_impossible_recipe_is_told(tmp_path: Path, key: str, value: Json) -> None:
    adapter = Adapter.read(tiny.adapter(tmp_path / "a.safetensors", BASE, card={key: value}))
    with pytest.raises(Damaged, match=f"`{key}`"):
        _ = (adapter.pairs(), adapter.scale)


def test_half_a_pair_another_rank_and_other_tensors_are_told(file: Path) -> None:
    alone = Adapter.read(edited(file, lambda h: h.pop(NAME)))
    with pytest.raises(Damaged, match="q_proj` has a lora_B alone"):
        alone.pairs()
    dora = Adapter.read(
        edited(file, lambda h: h.update({"x.lora_magnitude_vector": h[NAME.replace("lora_A", "lora_B")]}))
    )
    with pytest.raises(Damaged, match="lora_magnitude_vector` is no part of a LoRA"):
        dora.pairs()


def test_a_pair_of_another_rank_than_the_cards_is_told(tmp_path: Path) -> None:
    adapter = Adapter.read(tiny.adapter(tmp_path / "a.safetensors", BASE, card={"r": 8}))
    with pytest.raises(Damaged, match="no pair of rank 8"):
        adapter.pairs()


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 1e300])
def test_numbers_that_are_none_are_told(tmp_path: Path, bad: float) -> None:
    parts = {"x.lora_A.weight": np.full((2, 3), bad), "x.lora_B.weight": np.ones((4, 2))}
    save_file(parts, tmp_path / "n.safetensors", {"suffice": json.dumps({"r": 2, "lora_alpha": 2})})
    adapter = Adapter.read(tmp_path / "n.safetensors")
    with pytest.raises(Damaged, match="not finite"):
        adapter.numbers(adapter.pairs()["x"].a)


@pytest.mark.parametrize(
    "content",
    [b"", b"GGUF", b"\x02" + b"\0" * 7, b"\xff" * 64, b"\x04" + b"\0" * 7 + b"null", b"\x04" + b"\0" * 7 + b"{{{{"],
)
def test_what_is_no_safetensors_file_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.safetensors").write_bytes(content)
    with pytest.raises(Damaged):
        Adapter.read(tmp_path / "a.safetensors")
    with pytest.raises(InputError, match="cannot read"):
        Adapter.read(tmp_path / "none.safetensors")


def test_any_byte_of_the_header_may_be_wrong(file: Path) -> None:
    """Whatever a header says, what comes back is an adapter or one of our errors."""
    content, dice = file.read_bytes(), np.random.default_rng(0)
    for _ in range(300):
        spoilt = bytearray(content)
        for at in dice.integers(0, int.from_bytes(content[:8], "little") + 8, size=3):
            spoilt[at] = dice.integers(256)
        file.write_bytes(bytes(spoilt))
        try:
            adapter = Adapter.read(file)
            for pair in adapter.pairs().values():
                adapter.numbers(pair.a)
        except SufficeError as error:
            assert error.message


def test_an_artifact_is_found_by_its_digest(file: Path, tmp_path: Path) -> None:
    digest = tiny.kept(file, tmp_path).removeprefix("adapter:")
    assert Adapter.read(artifact(tmp_path, digest)).base == BASE
    with pytest.raises(Damaged, match="is missing"):
        artifact(tmp_path, "0" * 64)
