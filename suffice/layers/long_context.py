"""Long context: all the documents in the prompt, where they fit, in an order that never changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Self

from ..chunks import cut, length
from ..citations import citing
from ..data import Dataset
from ..documents import Corpus
from ..errors import InputError
from ..knowledge import due, place_of
from ..layer import Cause, Duty, Gate, Layer
from ..task import Task
from ..types import Answer, Ask, Json, Passage, Request


@dataclass(frozen=True)
class LongContext(Layer):
    """Shows every document to every question. Nothing is searched, so nothing is missed; every call pays for it all."""

    documents: str = "documents"
    """The documents' place, taken from the task folder."""
    corpus: str = ""
    """The digest of the documents' manifest when this layer was fitted."""
    limit_words: int = 1_200
    """More than this is not tried: what the embedded model reads in bearable time. Larger models take far more."""
    cite: bool = False
    labels: tuple[str, ...] = ()
    """What the stack's readers may see beyond documents that are open to everybody."""
    folder: Path = field(default=Path(), repr=False, compare=False)

    treats: ClassVar[tuple[Cause, ...]] = ("knowledge", "retrieval")

    @classmethod
    def for_task(cls, task: Task) -> Self | None:
        """The layer over the task's documents; None where it has none."""
        if task.documents is None:
            return None
        return cls(place_of(task.documents, task.folder), cite=task.profile.must_cite, folder=task.folder)

    def fit(self, below: Ask, train: Dataset) -> Self:
        """Take note of the documents as they are now."""
        fitted = replace(self, corpus=Corpus(self.folder / self.documents).digest)
        fitted._shown  # noqa: B018  # unreadable or oversized documents are an error now, not at the first question
        return fitted

    def gates(self, task: Task, train: Dataset) -> Sequence[Gate]:
        """All documents together must fit."""
        needed = f"at most {self.limit_words} words (limit_words)"
        measured = f"{self._words} words in {len(self._passages)} sections"
        fits = self._words <= self.limit_words
        return (Gate("the documents fit in the prompt", fits, measured, needed, "docs/framework.md §3"),)

    def duties(self, task: Task) -> Sequence[Duty]:
        """Load the stack again when the documents change."""
        days, why, when = due(task)
        return (
            Duty(
                what="load the stack again, so that it shows the documents as they are",
                why=why,
                every_days=days,
                when=when,
                owner=task.profile.owner,
                command="suffice climb",
                kind="re-index",
            ),
        )

    def __call__(self, request: Request, ask: Ask) -> Answer:
        """Fill in all passages and ask. Passages given from above stand as they are."""
        if request.passages:
            return self._answered(request, ask).noting(given=len(request.passages))
        passages, notes = self._shown
        answer = self._answered(replace(request, passages=passages), ask)
        return answer.noting(sections=len(passages), words=self._words, **notes)

    def _answered(self, request: Request, ask: Ask) -> Answer:
        return citing(request, ask) if self.cite else ask(request)

    @cached_property
    def _shown(self) -> tuple[tuple[Passage, ...], Mapping[str, Json]]:
        """The passages, and what to note where the documents are not those of the verdict."""
        if self._words > self.limit_words:
            said = f"the documents have {self._words} words, the prompt takes {self.limit_words}"
            raise InputError(said, file=self.documents, hint="use the retrieval layer, or raise limit_words")
        now = self._now.digest
        if self.corpus in ("", now):
            return self._passages, {}
        said = f"corpus changed since the verdict: {self.corpus[:12]} then, {now[:12]} now"
        return self._passages, {"stale": said}

    @cached_property
    def _now(self) -> Corpus:
        return Corpus(self.folder / self.documents)

    @cached_property
    def _passages(self) -> tuple[Passage, ...]:
        """Every section that this stack's readers may see, in alphabetical order of the documents."""
        mine = (d for d in self._now if not d.labels or set(d.labels) & set(self.labels))
        return tuple(p for document in mine for p in cut(document, words=self.limit_words))

    @cached_property
    def _words(self) -> int:
        return sum(length(p.heading) + length(p.text) for p in self._passages)
