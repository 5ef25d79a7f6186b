"""The contract that every exporter meets: an adapter and the model it was trained on in, files for other tools out."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from .model import Model


class Exporter(Protocol):
    """A frozen dataclass whose fields say how the files are written."""

    def export(self, adapter: Path, model: Model, out: Path) -> list[Path]:
        """Write the adapter's files into the folder `out`, each whole or not at all; return them, the main one first.

        Raises InputError where this model has no such form, or the adapter was trained on another.
        """
        ...
