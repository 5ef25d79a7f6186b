"""Words: where they stand in a text, each with a key under which the forms of one word meet, in any script."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

_UNSPACED = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
"""Scripts without spaces between words (Thai, Lao, Burmese, Khmer, Japanese, Chinese): pairs of letters stand in."""
_WORD = re.compile(rf"\d+(?:[.,:/-]\d+)*|[{_UNSPACED}]{{1,2}}|[^\W\d_{_UNSPACED}]+(?:[^\W_{_UNSPACED}])*")
_THOUSANDS = re.compile(r"[.,](?=\d{3}(?:\D|$))")
STEM = 5
"""Letters that a longer word is cut to: n-gram truncation, the simplest stemmer that suits every spaced script.

McNamee & Mayfield 2004, "Character n-gram tokenization for European language text retrieval", Inf. Retr. 7:73.
"""
LONGEST = 2_000_000
"""Characters of one text that are read; what follows is left out."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a text: its place in characters, and its key."""

    start: int
    end: int
    key: str


def words_of(text: str) -> Iterator[Word]:
    """The words of a text, in order, of its first two million characters."""
    for match in _WORD.finditer(text, 0, LONGEST):
        yield Word(match.start(), match.end(), _key(match.group()))


def keys_of(text: str) -> list[str]:
    """The keys of a text's words, in order."""
    return [_key(match) for match in _WORD.findall(text[:LONGEST])]


@lru_cache(maxsize=65_536)
def _key(word: str) -> str:
    if word[0].isdigit():
        return _THOUSANDS.sub("", unicodedata.normalize("NFKC", word))
    folded = unicodedata.normalize("NFKD", word).casefold()
    plain = "".join(c for c in folded if not unicodedata.combining(c)) or folded
    return plain[:STEM]
