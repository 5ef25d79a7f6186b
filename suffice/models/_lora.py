"""Write a LoRA in llama.cpp's form: a GGUF of pairs, each named after the matrix of the model file that it changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..adapter import Adapter, Pair
from ..errors import Damaged, InputError

PERMUTED = {"llama": True, "qwen2": False, "qwen3": False}
"""Architectures that can be changed, and whether their model files hold the rows of q and k in rotary pairs."""


def write_lora(adapter: Adapter, model: Path, target: Path) -> None:
    """Write `adapter` for the model file `model`; raises Damaged, naming the matrix, where it does not fit it."""
    from gguf import GGUFType, GGUFWriter, Keys

    base = _Base(model)
    writer = GGUFWriter(target, base.architecture)
    writer.add_type(GGUFType.ADAPTER)
    writer.add_string(Keys.Adapter.TYPE, "lora")
    writer.add_float32(Keys.Adapter.LORA_ALPHA, adapter.scale * adapter.rank)
    for name, pair in _fitted(adapter, base):
        writer.add_tensor(f"{name}.lora_a", adapter.numbers(pair.a))
        writer.add_tensor(f"{name}.lora_b", base.ordered(name, adapter.numbers(pair.b)))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _fitted(adapter: Adapter, base: _Base) -> Iterator[tuple[str, Pair]]:
    """Each pair with the name of its matrix in the model file; all of them fit."""
    for module, pair in adapter.pairs().items():
        name = base.named(module)
        inputs, outputs = base.shapes.get(name, (0, 0))
        if (pair.a.shape[1], pair.b.shape[0]) != (inputs, outputs):
            what = f"has {inputs} inputs and {outputs} outputs" if inputs else "is no matrix of this model's layers"
            raise Damaged(
                f"the adapter does not fit the model: `{module[:100]}` {what}",
                file=str(adapter.path),
                hint="it was trained on another model: train it again on this one",
            )
        yield name, pair


class _Base:
    """What a model file says of its matrices."""

    def __init__(self, model: Path) -> None:
        from gguf import MODEL_ARCH_NAMES, GGUFReader, get_tensor_name_map

        reader = GGUFReader(model)
        self.architecture = str(reader.fields["general.architecture"].contents())
        if self.architecture not in PERMUTED:
            raise InputError(
                f"adapters for models of the architecture `{self.architecture[:40]}` cannot be served",
                file=str(model),
                hint=f"known: {', '.join(PERMUTED)}; a model loaded by `hf:` takes any",
            )
        self.shapes: Mapping[str, tuple[int, int]] = {
            t.name: (int(t.shape[0]), int(t.shape[1]))
            for t in reader.tensors
            if len(t.shape) == 2 and t.name.startswith("blk.")
        }
        self._heads = {kind: self._count(reader, key) for kind, key in _HEADS.items()}
        kind = next(arch for arch, name in MODEL_ARCH_NAMES.items() if name == self.architecture)
        self._names = get_tensor_name_map(kind, self._count(reader, "block_count"))

    def named(self, module: str) -> str:
        """The matrix of the model file that is the weight of a module of the same model in transformers."""
        return f"{self._names.get_name(module)}.weight"

    def ordered(self, name: str, rows: Any) -> Any:
        """The rows of a matrix in the order of the model file."""
        heads = self._heads.get(name.split(".")[-2]) if PERMUTED[self.architecture] else None
        if heads is None:
            return rows
        return rows.reshape(heads, 2, len(rows) // heads // 2, -1).swapaxes(1, 2).reshape(rows.shape)

    def _count(self, reader: Any, key: str) -> int:
        return int(reader.fields[f"{self.architecture}.{key}"].contents())


_HEADS = {"attn_q": "attention.head_count", "attn_k": "attention.head_count_kv"}
