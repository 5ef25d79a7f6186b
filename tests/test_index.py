"""The verbs `index` and `search`, on a task folder."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest

from suffice.data import Dataset
from suffice.errors import InputError
from suffice.index import index, knowledge_of
from suffice.layers.retrieval import Retrieval
from suffice.search import search
from suffice.stack import Stack
from suffice.task import Task

LETTERS = '''
import numpy as np
class Letters:
    """A vector of how often each letter occurs."""
    digest, dimension = "letters", 26
    def __call__(self, texts):
        counts = [[t.lower().count(chr(97 + i)) + 1e-3 for i in range(26)] for t in texts]
        rows = np.array(counts, np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)
'''


class Model:
    """A model with a spec."""

    spec: ClassVar[dict[str, str]] = {"use": "scripted"}


@pytest.fixture
def task(tmp_path: Path) -> Task:
    """A task whose last climb kept a retrieval layer with the task's own embedder."""
    (tmp_path / "docs").mkdir()
    for name, text in {"zoo.md": "zzzz jazz pizza", "leave.txt": "25 days of leave", "tea.md": "tea at ten"}.items():
        (tmp_path / "docs" / name).write_text(text, encoding="utf-8")
    (tmp_path / "docs" / "plan.png").write_bytes(b"\x89PNG")
    (tmp_path / "docs" / "link.md").symlink_to(tmp_path / "docs" / "zoo.md")
    (tmp_path / "letters.py").write_text(LETTERS, encoding="utf-8")
    Stack(Model(), (Retrieval("docs", words=50, embedder="letters.py:Letters"),)).save(tmp_path / "stack.yaml")  # type: ignore[arg-type]
    return Task("t", "g", Dataset(()), documents=tmp_path / "docs", folder=tmp_path)


def test_the_recipe_is_that_of_the_kept_stack(task: Task) -> None:
    assert knowledge_of(task).recipe.words == 50
    (task.folder / "stack.yaml").unlink()
    assert knowledge_of(task).recipe.words == Retrieval().words


def test_an_index_says_what_it_touched(task: Task) -> None:
    done = index(task)
    assert (done.added, done.passages, done.skipped, done.path.exists()) == (3, 3, 2, True)
    (task.folder / "docs" / "tea.md").write_text("coffee", encoding="utf-8")
    done = index(task)
    assert (done.added, done.changed, done.removed) == (0, 1, 0)


def test_words_find_words_and_vectors_find_likeness(task: Task) -> None:
    assert [p.document for p in search(task, "leave", mode="lexical")] == ["leave.txt"]
    assert search(task, "zz", mode="lexical") == ()
    assert search(task, "zz", 1, mode="vector")[0].document == "zoo.md"
    assert {p.document for p in search(task, "zz leave", 2)} == {"zoo.md", "leave.txt"}


def test_a_search_sees_the_documents_as_they_are_now(task: Task) -> None:
    assert search(task, "coffee", mode="lexical") == ()
    (task.folder / "docs" / "new.md").write_text("coffee", encoding="utf-8")
    assert search(task, "coffee", mode="lexical")[0].document == "new.md"


def test_restricted_documents_need_their_label_in_every_mode(task: Task) -> None:
    (task.folder / "docs" / "pay.md").write_text("---\nlabels: [hr]\n---\nzzzz salary", encoding="utf-8")
    for mode in ("lexical", "vector", "hybrid"):
        assert "pay.md" not in [p.document for p in search(task, "zzzz salary", 9, mode)]
        assert "pay.md" in [p.document for p in search(task, "zzzz salary", 9, mode, labels=["hr"])]


def test_what_cannot_be_searched_is_one_clear_error(task: Task) -> None:
    with pytest.raises(InputError, match="no search mode"):
        search(task, "x", mode="fuzzy")
    with pytest.raises(InputError, match="k must be"):
        search(task, "x", 0)
    with pytest.raises(InputError, match="no documents"):
        index(Task("t", "g", Dataset(()), folder=task.folder))


@pytest.mark.parametrize("mode", ["lexical", "vector", "hybrid"])
def test_forbidden_passages_never_crowd_out_allowed_ones(task: Task, mode: str) -> None:
    for n in range(150):
        secret = f"---\nlabels: [hr]\n---\nquiz quiz quiz {n}"
        (task.folder / "docs" / f"secret{n}.md").write_text(secret, encoding="utf-8")
    (task.folder / "docs" / "open.md").write_text("a quiz among many other words of the house", encoding="utf-8")
    assert "open.md" in [p.document for p in search(task, "quiz", 4, mode)]
    assert all(p.document.startswith("secret") for p in search(task, "quiz", 4, mode, labels=["hr"]))
