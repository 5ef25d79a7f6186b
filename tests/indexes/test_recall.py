"""How well real questions find their own paragraph: XQuAD English, 240 paragraphs, 1,190 questions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from suffice.chunks import Recipe
from suffice.documents import Corpus
from suffice.indexes.sqlite import Sqlite
from suffice.knowledge import Mode

Question = tuple[str, str]


@pytest.fixture
def questions(data: Path, tmp_path: Path) -> list[Question]:
    """Each question with the name of its paragraph's file; the files are written on the way."""
    (tmp_path / "docs").mkdir()
    articles = json.loads((data / "xquad_en" / "xquad.en.json").read_text("utf-8"))["data"]
    found: list[Question] = []
    for number, paragraph in enumerate(p for article in articles for p in article["paragraphs"]):
        (tmp_path / "docs" / f"{number}.md").write_text(paragraph["context"], encoding="utf-8")
        found += [(asked["question"], f"{number}.md") for asked in paragraph["qas"]]
    return found


def recall(folder: Path, questions: list[Question], mode: Mode, embedder: str | None) -> list[float]:
    """The share of questions whose paragraph is among the first 1, 3 and 5 passages."""
    done = Sqlite().build(Corpus(folder / "docs"), Recipe(120, embedder=embedder), folder)
    index = Sqlite().open(done.path, folder)
    shown = [([p.document for p in index.search(asked, k=5, mode=mode)], gold) for asked, gold in questions]
    return [sum(gold in names[:k] for names, gold in shown) / len(shown) for k in (1, 3, 5)]


def test_words_alone_find_most_paragraphs(tmp_path: Path, questions: list[Question]) -> None:
    first, three, five = recall(tmp_path, questions, "lexical", None)
    assert first >= 0.92 and three >= 0.97 and five >= 0.98


@pytest.mark.slow
def test_words_and_vectors_together_find_more_than_either(
    tmp_path: Path, questions: list[Question], minilm: Path
) -> None:
    words, vectors, both = (recall(tmp_path, questions, m, "minilm") for m in ("lexical", "vector", "hybrid"))
    assert all(h >= max(w, v) - 0.005 for h, w, v in zip(both, words, vectors, strict=True))
    assert both[1] >= 0.975 and both[2] >= 0.985
