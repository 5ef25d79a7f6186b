"""Vectors of texts, computed once: kept in the task folder under the embedder's digest and each text's."""

from __future__ import annotations

import hashlib
import io
import threading
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .artifacts import write_whole
from .digest import digest_of
from .plugins import find

Vectors = NDArray[np.float32]

FEW, MANY = 16, 16
"""Fewer new texts than FEW are not worth a file; more files than MANY are made into one."""

_STORES: dict[Path, _Store] = {}
_LOCK = threading.Lock()


def vectors(texts: Sequence[str], *, embedder: str = "minilm", folder: Path) -> Vectors:
    """One unit vector per text, in order (n × dimension, float32); only texts never seen before are embedded.

    The cache lies in `folder`/.suffice/artifacts. It can be deleted at any time, and two processes may share it.
    """
    embed = find("embedders", embedder, beside=folder)()
    place = folder.resolve() / ".suffice" / "artifacts" / f"vectors-{embed.digest[:16]}"
    with _LOCK:
        store = _STORES.setdefault(place, _Store(place, embed.dimension))
    return store.vectors(texts, embed)


class _Store:
    """The known vectors of one embedder in one folder: in memory, and as files that are only ever added."""

    def __init__(self, place: Path, dimension: int) -> None:
        self.place = place
        self.dimension = dimension
        self.known: dict[bytes, Vectors] = {}
        self.read: set[Path] = set()
        self.lock = threading.Lock()

    def vectors(self, texts: Sequence[str], embed: Any) -> Vectors:
        keys = [hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in texts]
        with self.lock:
            if any(key not in self.known for key in keys):
                self._read_files()
            new = {key: text for key, text in zip(keys, texts, strict=True) if key not in self.known}
            if new:
                self._add(list(new), embed(list(new.values())))
            rows = [self.known[key] for key in keys]
        return np.stack(rows) if rows else np.empty((0, self.dimension), np.float32)

    def _add(self, keys: list[bytes], rows: Vectors) -> None:
        self.known.update(zip(keys, rows, strict=True))
        if len(keys) >= FEW:
            self._write(keys)
        if len(self.read) > MANY:
            old = set(self.read)
            self._write(list(self.known))
            for path in old - {self._path(list(self.known))}:
                path.unlink(missing_ok=True)
                self.read.discard(path)

    def _read_files(self) -> None:
        for path in sorted(set(self.place.glob("*.npz")) - self.read):
            self.known.update(_content(path, self.dimension))
            self.read.add(path)

    def _write(self, keys: list[bytes]) -> None:
        content = io.BytesIO()
        names = np.frombuffer(b"".join(keys), np.uint8).reshape(-1, 32)
        np.savez(content, keys=names, vectors=np.stack([self.known[key] for key in keys]))
        write_whole(self._path(keys), content.getvalue())
        self.read.add(self._path(keys))

    def _path(self, keys: list[bytes]) -> Path:
        return self.place / f"{digest_of([key.hex() for key in keys])[:32]}.npz"


def _content(path: Path, dimension: int) -> Iterator[tuple[bytes, Vectors]]:
    """What a file holds; a damaged one is deleted, and its texts are embedded again."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as held:
            names, rows = held["keys"], held["vectors"]
        sound = rows.dtype == np.float32 and rows.shape == (len(names), dimension) and names.shape[1:] == (32,)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        sound = False
    if not sound:
        path.unlink(missing_ok=True)
        return
    yield from ((name.tobytes(), row) for name, row in zip(names, rows, strict=True))
