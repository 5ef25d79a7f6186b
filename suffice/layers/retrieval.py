"""Retrieval: the passages that a question is about, found in the task's documents and filled into the request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Self

from ..chunks import Recipe
from ..citations import citing
from ..data import Dataset
from ..knowledge import Index, Knowledge, Mode, due, place_of
from ..layer import Cause, Duty, Gate, Layer
from ..task import Task
from ..types import Answer, Ask, Json, Request

VARIANTS: tuple[tuple[int, Mode, int], ...] = (
    (1, "hybrid", 80),
    (2, "hybrid", 80),
    (4, "hybrid", 80),
    (1, "lexical", 120),
)
"""Passages shown, search mode and words a passage."""


@dataclass(frozen=True)
class Retrieval(Layer):
    """Searches the documents for the request's own words, before any layer beneath has changed them."""

    documents: str = "documents"
    """The documents' place, taken from the task folder."""
    corpus: str = ""
    """The digest of the documents' manifest when this layer was fitted."""
    k: int = 2
    mode: Mode = "hybrid"
    words: int = 80
    overlap: int = 0
    cite: bool = False
    labels: tuple[str, ...] = ()
    """What the stack's readers may see beyond documents that are open to everybody."""
    embedder: str = "minilm"
    index: str = "sqlite"
    folder: Path = field(default=Path(), repr=False, compare=False)

    treats: ClassVar[tuple[Cause, ...]] = ("knowledge", "retrieval")

    @classmethod
    def for_task(cls, task: Task) -> Self | None:
        """The layer over the task's documents; None where it has none."""
        if task.documents is None:
            return None
        return cls(place_of(task.documents, task.folder), cite=task.profile.must_cite, folder=task.folder)

    def variants(self, train: Dataset) -> Sequence[Self]:
        """One passage for the smallest models, which more would distract, to four for those that read well."""
        return tuple(replace(self, k=k, mode=mode, words=words) for k, mode, words in VARIANTS)

    def fit(self, below: Ask, train: Dataset) -> Self:
        """Index the documents as they are now. Examples are not looked at: the index holds documents only."""
        knowledge = self.knowledge
        knowledge.refresh()
        return replace(self, corpus=knowledge.corpus.digest)

    def gates(self, task: Task, train: Dataset) -> Sequence[Gate]:
        """Knowledge that changes by the hour is out of date before it is indexed."""
        change = task.profile.knowledge_changes
        return (
            Gate(
                "knowledge can be indexed",
                passed=change != "hourly",
                measured=f"knowledge changes {change}" if change else "profile.knowledge_changes is not given",
                needed="daily or slower; for prices, stock or sensors ask a database (`tables`) instead",
                source="docs/framework.md §3",
            ),
        )

    def duties(self, task: Task) -> Sequence[Duty]:
        """Keep the index as fresh as the knowledge, and its vectors those of the embedder in use."""
        (days, why, when), owner = due(task), task.profile.owner
        indexed = Duty("re-index the documents", why, days, when, owner, "suffice index", "re-index")
        if self.mode == "lexical":
            return (indexed,)
        embedded = Duty(
            what="embed the documents again, and measure what is found",
            why=f"vectors of {self.embedder} can be compared with its own only",
            when="the embedder or its version changes",
            owner=owner,
            command="suffice index",
            kind="re-embed",
        )
        return (indexed, embedded)

    def __call__(self, request: Request, ask: Ask) -> Answer:
        """Fill in the passages, ask, and check what the answer cites. Passages given from above stand as they are."""
        if request.passages:
            return self._answered(request, ask).noting(given=len(request.passages))
        index, notes = self._opened
        passages = index.search(request.input, k=self.k, mode=self.mode, labels=self.labels)
        shown = {"passages": [p.id for p in passages], "scores": [round(p.score or 0.0, 6) for p in passages]}
        return self._answered(replace(request, passages=passages), ask).noting(mode=self.mode, **shown, **notes)

    def _answered(self, request: Request, ask: Ask) -> Answer:
        return citing(request, ask) if self.cite else ask(request)

    @cached_property
    def knowledge(self) -> Knowledge:
        """The documents and the recipe of their index."""
        recipe = Recipe(self.words, self.overlap, None if self.mode == "lexical" else self.embedder)
        return Knowledge(self.folder / self.documents, recipe, self.folder, self.index)

    @cached_property
    def _opened(self) -> tuple[Index, Mapping[str, Json]]:
        """The index of the documents as they are now, and what to note where they are not those of the verdict."""
        knowledge = self.knowledge
        now = knowledge.corpus.digest
        if self.corpus in ("", now):
            return knowledge.open(), {}
        return knowledge.open(), {"stale": f"corpus changed since the verdict: {self.corpus[:12]} then, {now[:12]} now"}
