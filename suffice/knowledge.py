"""Knowledge: a task's documents as they are now, and the index made of them alone."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, Protocol, cast

from .chunks import Recipe
from .documents import Corpus
from .errors import InputError
from .plugins import find
from .task import Change, Task
from .types import Passage

Mode = Literal["hybrid", "lexical", "vector"]
MODES: tuple[Mode, ...] = ("hybrid", "lexical", "vector")
OPEN_AT_MOST = 8
EVERY_DAYS: Mapping[Change, int] = {"hourly": 1, "daily": 1, "weekly": 7, "monthly": 30, "quarterly": 91, "yearly": 365}
"""Days between two times that documents are due to be read again, by how fast the knowledge changes."""


class Index(Protocol):
    """Answers queries from the passages of one corpus; built once, then only read."""

    def search(self, query: str, *, k: int, mode: Mode = "hybrid", labels: Sequence[str] = ()) -> tuple[Passage, ...]:
        """The `k` best passages, best first, among those that a reader with these labels may see."""
        ...


@dataclass(frozen=True, slots=True)
class Indexed:
    """What building or refreshing an index came to; counts are documents, but for `passages`."""

    added: int
    changed: int
    removed: int
    passages: int
    seconds: float
    path: Path
    restricted: int = 0
    """Documents that only readers with a label may see."""
    skipped: int = 0
    """Pictures, styles and scripts beside the documents, which nobody reads."""


class Builder(Protocol):
    """The shelf's plugin: makes the index of a corpus in a task folder's cache, from the last one if there is one."""

    def build(self, corpus: Corpus, recipe: Recipe, folder: Path) -> Indexed: ...

    def open(self, path: Path, folder: Path) -> Index: ...


@dataclass(frozen=True)
class Knowledge:
    """Documents, a recipe for cutting them, and where the index is kept."""

    documents: Path
    recipe: Recipe
    folder: Path
    """The task folder: the index is kept below it, in `.suffice/artifacts`, and can be built again at any time."""
    index: str = "sqlite"

    @cached_property
    def corpus(self) -> Corpus:
        """The documents as they are now."""
        return Corpus(self.documents)

    def refresh(self) -> Indexed:
        """Bring the index up to the documents as they are now: only what was added, changed or removed is touched."""
        return self._builder.build(self.corpus, self.recipe, self.folder)

    def open(self) -> Index:
        """The index of the documents as they are now, built where it is missing or damaged; one for all who ask."""
        key = (self, self.corpus.digest)
        with _LOCK:
            if key not in _OPEN:
                while len(_OPEN) >= OPEN_AT_MOST:
                    del _OPEN[next(iter(_OPEN))]
                _OPEN[key] = self._builder.open(self.refresh().path, self.folder)
            return _OPEN[key]

    @property
    def _builder(self) -> Builder:
        return cast(Builder, find("indexes", self.index)())


_OPEN: dict[tuple[Knowledge, str], Index] = {}
"""Open indexes by their knowledge and the digest of their corpus."""
_LOCK = threading.Lock()


def place_of(documents: Path, folder: Path) -> str:
    """The documents' path from the task folder, so that the folder can move."""
    try:
        return documents.resolve().relative_to(folder.resolve()).as_posix()
    except ValueError:
        return documents.resolve().as_posix()


def due(task: Task) -> tuple[int | None, str, str]:
    """How often knowledge is due again (days), why, and on which event where the calendar does not say."""
    change = task.profile.knowledge_changes
    if change is None or change == "never":
        return None, "answers follow the documents as they were when they were read", "when a document changes"
    return EVERY_DAYS[change], f"the knowledge changes {change}", ""


def mode_of(name: str) -> Mode:
    """The search mode of that name."""
    for mode in MODES:
        if mode == name:
            return mode
    raise InputError(f"no search mode `{name}`", hint=f"known: {', '.join(MODES)}")
