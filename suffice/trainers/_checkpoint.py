"""Checkpoints: tensors and a state in one .safetensors file, written whole, so that a kill at any moment loses no more
than what came since."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..artifacts import write_whole
from ..types import Json

if TYPE_CHECKING:
    from torch import Tensor


def write(path: Path, tensors: Mapping[str, Tensor], state: Mapping[str, Json]) -> None:
    """Tensors and a state that is JSON, under the key `suffice` of the file's metadata."""
    from safetensors.torch import save

    told = json.dumps(state, ensure_ascii=False, sort_keys=True)
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_whole(path, save(plain, {"suffice": told}))


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, Json]] | None:
    """What was written; None where nothing was, or the file is no checkpoint."""
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        return None
    try:
        with safe_open(path, "pt") as file:
            state = json.loads(file.metadata()["suffice"])
            return {name: file.get_tensor(name) for name in file.keys()}, state  # noqa: SIM118 - no mapping
    except (SafetensorError, KeyError, TypeError, ValueError, OSError):
        return None
