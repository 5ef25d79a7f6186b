"""Artifacts: content-addressed files that hold learned state, written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .digest import file_digest
from .errors import Damaged


@dataclass(frozen=True)
class Artifacts:
    """A folder of files named by the SHA-256 of their bytes."""

    folder: Path

    def put(self, content: bytes, suffix: str = "") -> str:
        """Keep these bytes; return their digest."""
        import hashlib

        digest = hashlib.sha256(content).hexdigest()
        write_whole(self.folder / f"{digest}{suffix}", content)
        return digest

    def path(self, digest: str) -> Path:
        """Where the file with this digest lies, its content checked."""
        found = sorted(self.folder.glob(f"{digest}*"))
        if not found:
            raise Damaged(f"artifact {digest[:12]} is missing", file=str(self.folder), hint="run the climb again")
        if file_digest(found[0]) != digest:
            raise Damaged("the artifact's content has changed", file=str(found[0]), hint="delete it, then climb again")
        return found[0]


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a reader, or a crash, sees the old content or the new, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
