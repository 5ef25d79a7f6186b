"""Retrieval: the passages that a question is about, found in the task's documents and filled into the request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Self

from ..chunks import Recipe
from ..citations import cited
from ..data import Dataset
from ..knowledge import Index, Knowledge, Mode
from ..layer import Cause, Duty, Gate, Layer
from ..task import Change, Task
from ..types import Answer, Ask, Json, Request

CITE = "Answer from the passages. After each statement name the passage it rests on by its number, like [1]."
"""What is added to the instructions where citations are asked for."""
VARIANTS: tuple[tuple[int, Mode, int], ...] = (
    (2, "hybrid", 120),
    (1, "hybrid", 120),
    (4, "hybrid", 80),
    (2, "lexical", 120),
)
"""Passages shown, search mode and words a passage."""
EVERY_DAYS: Mapping[Change, int] = {"hourly": 1, "daily": 1, "weekly": 7, "monthly": 30, "quarterly": 91, "yearly": 365}
"""Days between two times that an index is due, by how fast the knowledge changes."""


@dataclass(frozen=True)
class Retrieval(Layer):
    """Searches the documents for the request's own words, before any layer beneath has changed them."""

    documents: str = "documents"
    """The documents' place, taken from the task folder."""
    corpus: str = ""
    """The digest of the documents' manifest when this layer was fitted."""
    k: int = 2
    mode: Mode = "hybrid"
    words: int = 120
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
        place = _place(task.documents, task.folder)
        return cls(place, cite=task.profile.must_cite, folder=task.folder)

    def variants(self, train: Dataset) -> Sequence[Self]:
        """Few and short passages, for models with small contexts."""
        return tuple(replace(self, k=k, mode=mode, words=words) for k, mode, words in VARIANTS)

    def fit(self, below: Ask, train: Dataset) -> Self:
        """Index the documents as they are now. Examples are not looked at: the index holds documents only."""
        knowledge = self._knowledge
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
                source="docs/framework.md, retrieval",
            ),
        )

    def duties(self, task: Task) -> Sequence[Duty]:
        """Keep the index as fresh as the knowledge."""
        change = task.profile.knowledge_changes
        days = EVERY_DAYS.get(change) if change else None
        why = f"the knowledge changes {change}" if days else "answers follow the documents as they were indexed"
        when = "" if days else "when a document changes"
        return (Duty("re-index the documents", why, days, when, task.profile.owner, "suffice index"),)

    def __call__(self, request: Request, ask: Ask) -> Answer:
        """Fill in the passages, ask, and check what the answer cites. Passages given from above stand as they are."""
        if request.passages:
            return self._checked(request, ask).noting(given=len(request.passages))
        index, notes = self._opened
        passages = index.search(request.input, k=self.k, mode=self.mode, labels=self.labels)
        shown = {"passages": [p.id for p in passages], "scores": [round(p.score or 0.0, 6) for p in passages]}
        return self._checked(replace(request, passages=passages), ask).noting(mode=self.mode, **shown, **notes)

    def _checked(self, request: Request, ask: Ask) -> Answer:
        """The answer; where citations are wanted, with those that hold and without those that were invented."""
        if not self.cite:
            return ask(request)
        answer = ask(replace(request, instructions=(*request.instructions, CITE)))
        found = cited(answer.text, request.passages)
        kept = answer if request.schema is not None else replace(answer, text=found.text)
        notes: dict[str, Json] = {"worded": answer.text} if kept.text != answer.text.strip() else {}
        notes |= {"invented": list(found.invented)} if found.invented else {}
        notes |= {"attributed": True} if found.attributed else {}
        return replace(kept, citations=found.citations).noting(**notes)

    @cached_property
    def _knowledge(self) -> Knowledge:
        recipe = Recipe(self.words, self.overlap, None if self.mode == "lexical" else self.embedder)
        return Knowledge(self.folder / self.documents, recipe, self.folder, self.index)

    @cached_property
    def _opened(self) -> tuple[Index, Mapping[str, Json]]:
        """The index of the documents as they are now, and what to note where they are not those of the verdict."""
        knowledge = self._knowledge
        now = knowledge.corpus.digest
        if self.corpus in ("", now):
            return knowledge.open(), {}
        return knowledge.open(), {"stale": f"corpus changed since the verdict: {self.corpus[:12]} then, {now[:12]} now"}


def _place(documents: Path, folder: Path) -> str:
    """The documents' path from the task folder, so that the folder can move."""
    try:
        return documents.relative_to(folder).as_posix()
    except ValueError:
        return documents.as_posix()
