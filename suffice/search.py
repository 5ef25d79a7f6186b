"""Search: the passages of a task's documents that a question finds, with their scores."""

from __future__ import annotations

from collections.abc import Sequence

from .index import knowledge_of
from .knowledge import mode_of
from .task import Task
from .types import Passage


def search(
    task: Task, query: str, k: int = 5, mode: str = "hybrid", *, labels: Sequence[str] = ()
) -> tuple[Passage, ...]:
    """The `k` best passages for a query; the index is built first where it is missing or out of date."""
    knowledge = knowledge_of(task)
    if mode_of(mode) != "lexical" and knowledge.recipe.embedder is None:
        knowledge = knowledge_of(task, mode=mode)
    return knowledge.open().search(query, k=k, mode=mode_of(mode), labels=labels)
