"""Chunks: a document cut into passages, along its headings, then its paragraphs, then its sentences."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from .data import likeness
from .documents import Document
from .types import Passage

CHARACTERS_A_WORD = 10
"""Where a text has no spaces, so many characters count as a word: a passage is bounded in any script."""


@dataclass(frozen=True)
class Recipe:
    """How documents become an index: passage length and overlap in words, and the embedder (None: words only)."""

    words: int = 80
    overlap: int = 0
    embedder: str | None = "minilm"


def cut(document: Document, words: int = Recipe.words, overlap: int = 0) -> tuple[Passage, ...]:
    """The document's passages, none longer than `words` (where they overlap, runs without spaces may be a little over).

    A passage's id is `document#heading/n`, or `document#n` above the first heading: an edit under one heading
    leaves the ids under the others as they were.
    """
    counted: Counter[str] = Counter()
    return tuple(_passages(document, words, overlap, counted))


def length(text: str) -> int:
    """How many words a text counts as."""
    return max(len(text.split()), -(-len(text) // CHARACTERS_A_WORD))


def _passages(document: Document, words: int, overlap: int, counted: Counter[str]) -> Iterator[Passage]:
    for section in document.sections:
        place = _place(section.heading)
        for text in _pieces(section.text, words, overlap):
            counted[place] += 1
            name = f"{document.name}#{place}{counted[place]}"
            yield Passage(name, document.name, text, section.heading, labels=document.labels)


def _pieces(text: str, words: int, overlap: int) -> list[str]:
    if length(text) <= words:
        return [text.strip()] if text.strip() else []
    import semchunk

    pieces = semchunk.chunk(text, words, length, memoize=False, overlap=overlap or None)
    return [piece.strip() for piece in pieces if piece.strip()]


def _place(heading: str) -> str:
    last = likeness(heading.rpartition(" > ")[2])
    slug = re.sub(r"\W+", "-", last)[:60].strip("-")
    return f"{slug}/" if slug else ""
