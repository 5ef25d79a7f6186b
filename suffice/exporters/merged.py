"""merged: the model with the adapter's changes added to its weights, to be served as any other model."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..adapter import Adapter, Pair, Tensor
from ..errors import Damaged, InputError
from ..model import Model

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Merged:
    """A GGUF, or a folder as transformers saves one. Beside many adapters to one model, merged ones waste memory."""

    form: Literal["q8_0", "f16", "safetensors"] | None = None
    """`q8_0` and `f16` are GGUFs; None: `q8_0` of a model that is a GGUF, `safetensors` of another."""

    def export(self, adapter: Path, model: Model, out: Path) -> list[Path]:
        """`merged.gguf`, or the files of the folder, model.safetensors first."""
        merge = getattr(model, "merge", None)
        form = self.form or ("safetensors" if merge is None else "q8_0")
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out, prefix=".merging.") as scratch:
            if form == "safetensors":
                _fold(adapter, model, Path(scratch))
            elif merge is None:
                raise InputError(f"`{model.name}` is no GGUF", hint="export it as `safetensors`")
            else:
                merge(adapter, Path(scratch) / "merged.gguf", form)
            made = sorted(Path(scratch).iterdir(), key=lambda file: (file.suffix not in WEIGHTS, file.name))
            return [file.replace(out / file.name) for file in made]


WEIGHTS = (".safetensors", ".gguf")


def _fold(adapter: Path, model: Model, to: Path) -> None:
    """The files of the model's folder, the weights among them changed; sums are made in 32 bits."""
    if not hasattr(model, "base"):
        raise InputError(f"the weights of `{model.name}` are not here", hint="merge it where the weights are")
    base = model.base()
    found = Adapter.read(adapter).over(base.digest, model.name)
    changes: dict[str, Any] = dict(found.pairs() if found.kind == "lora" else found.tensors)
    for file in sorted(base.folder.iterdir()):
        if file.suffix == ".safetensors":
            _changed(file, to / file.name, found, changes)
        elif file.suffix in (".json", ".jinja", ".model", ".txt"):
            shutil.copyfile(file, to / file.name)
    if changes:
        raise _misfit(adapter, next(iter(changes)))


def _misfit(adapter: Path, name: str) -> Damaged:
    return Damaged(
        f"the adapter does not fit the model: `{name[:100]}` is no matrix of such a shape in it",
        file=str(adapter),
        hint="it was trained on another model: train it again on this one",
    )


def _changed(source: Path, target: Path, adapter: Adapter, changes: dict[str, Any]) -> None:
    """Write a weights file with the changes that fall into it, and take those out of `changes`."""
    import torch
    from safetensors.torch import load_file, save_file

    weights: Mapping[str, Any] = load_file(source)
    merged = dict(weights)
    for name, weight in weights.items():
        change = changes.pop(name.removesuffix(".weight"), None) or changes.pop(name, None)
        if change is not None:
            merged[name] = torch.from_numpy(_after(weight.float().numpy(), change, adapter, name)).to(weight.dtype)
    save_file(merged, target, metadata={"format": "pt"})


def _after(weight: NDArray[np.float32], change: Pair | Tensor, adapter: Adapter, name: str) -> NDArray[np.float32]:
    """A weight with the change added, or what stands in its place."""
    shape = (change.b.shape[0], change.a.shape[1]) if isinstance(change, Pair) else change.shape
    if weight.shape != shape:
        raise _misfit(adapter.path, name)
    if isinstance(change, Tensor):
        return adapter.numbers(change)
    added: NDArray[np.float32] = weight + adapter.scale * (adapter.numbers(change.b) @ adapter.numbers(change.a))
    return added
