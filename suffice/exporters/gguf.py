"""gguf: an adapter as llama.cpp loads it beside its model (`--lora adapter.gguf`)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..artifacts import write_whole
from ..errors import InputError
from ..model import Model


@dataclass(frozen=True)
class Gguf:
    """The very file that the embedded engine loads."""

    def export(self, adapter: Path, model: Model, out: Path) -> list[Path]:
        """One file, `adapter.gguf`."""
        written = getattr(model, "lora", None)
        if written is None:
            raise InputError(
                f"`{model.name}` is no GGUF, so that adapters to it have no such form",
                hint="export it with `peft` or `merged`",
            )
        write_whole(out / "adapter.gguf", written(adapter).read_bytes())
        return [out / "adapter.gguf"]
