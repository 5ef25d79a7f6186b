"""Documents: knowledge as files, with source, version and access labels; and the passages they are cut into."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import cast

from .digest import digest_of, file_digest
from .errors import InputError
from .plaintext import labels_of
from .plugins import find
from .types import Passage

__all__ = ["Corpus", "Document", "Passage", "Reader", "Section", "read"]

READERS = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".txt": "text",
    ".rst": "text",
    ".html": "html",
    ".htm": "html",
    ".pdf": "pdf",
    ".docx": "docx",
}
"""Which file on the readers' shelf reads which kind of document."""
MEDIA = frozenset(
    (".avif", ".bmp", ".css", ".gif", ".ico", ".jpeg", ".jpg", ".js", ".mp3", ".mp4", ".png", ".svg", ".webm", ".webp")
)
"""What lies beside documents and holds no text of theirs: passed over, and counted in `Corpus.skipped`."""


@dataclass(frozen=True, slots=True)
class Section:
    """A stretch of a document under one heading (or one page)."""

    text: str
    heading: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """One document, read: its name is its path inside the documents folder."""

    name: str
    version: str
    """The SHA-256 of the file's bytes."""
    sections: tuple[Section, ...]
    labels: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """All sections, headings included."""
        return "\n\n".join(f"{s.heading}\n{s.text}" if s.heading else s.text for s in self.sections)


Reader = Callable[[Path], tuple[Section, ...]]
"""Reads one file; raises InputError (file, line where known) when it cannot."""


@dataclass(frozen=True)
class Corpus:
    """The files under a folder (or one file), named and versioned, read when they are needed."""

    root: Path

    @cached_property
    def manifest(self) -> Mapping[str, str]:
        """Name → SHA-256 of the bytes, in alphabetical order."""
        return {name: file_digest(path) for name, path in self._files}

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of the manifest."""
        return digest_of(self.manifest)

    def __iter__(self) -> Iterator[Document]:
        return (self.read(name) for name in self.manifest)

    def read(self, name: str) -> Document:
        """One document by name."""
        path = self._paths[name]
        return Document(name, self.manifest[name], read(path), labels_of(path))

    @property
    def skipped(self) -> tuple[str, ...]:
        """Names of the pictures, styles, scripts and links beside the documents, which nobody reads."""
        if self.root.is_file():
            return ()
        found = (p for p in self.root.rglob("*") if p.suffix.lower() in MEDIA or p.is_symlink())
        beside = (p.relative_to(self.root) for p in found)
        return tuple(sorted(name.as_posix() for name in beside if not _hidden(name)))

    @cached_property
    def _paths(self) -> Mapping[str, Path]:
        return dict(self._files)

    @cached_property
    def _files(self) -> tuple[tuple[str, Path], ...]:
        if self.root.is_file():
            return ((self.root.name, self.root),)
        if not self.root.is_dir():
            raise InputError("no such documents folder", file=str(self.root))
        found = sorted(p for p in self.root.rglob("*") if p.is_file() and not p.is_symlink())
        named = [(p.relative_to(self.root).as_posix(), p) for p in found if not _hidden(p.relative_to(self.root))]
        documents = tuple((_sound(name), path) for name, path in named if path.suffix.lower() not in MEDIA)
        if not documents:
            raise InputError("no documents in this folder", file=str(self.root), hint=f"known: {' '.join(READERS)}")
        return documents


def _sound(name: str) -> str:
    try:
        name.encode()
    except UnicodeEncodeError as wrong:
        raise InputError("a document's name is not UTF-8", file=repr(name), hint="rename the file") from wrong
    return name


def _hidden(name: Path) -> bool:
    return any(part.startswith(".") for part in name.parts)


def read(path: Path) -> tuple[Section, ...]:
    """A file's sections, through the reader for its suffix."""
    name = READERS.get(path.suffix.lower())
    if name is None:
        known = " ".join(sorted(READERS))
        raise InputError(f"no reader for `{path.suffix}` files", file=str(path), hint=f"known: {known}")
    return cast(Reader, find("readers", name))(path)
