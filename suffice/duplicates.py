"""Duplicates: examples that read the same or nearly so, and questions that stand word for word in a document."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import TypeVar

from .data import Example, likeness, worded

ADDED_AT_MOST = 0.15
"""The share of the longer text's words that the shorter one may lack. Chosen on real data: docs/LOG.md."""
SPELT_AT_LEAST = 6
"""Letters from which a word may be another one misspelt: shorter ones differ by a letter and mean something else."""
SLIPPED_AT_LEAST = 4
"""Letters of a word that may hold a slip."""
SLIPPED_IN = range(5, 61)
"""Words of a text that is compared but for one letter: of fewer, one word is much of it; of more, it costs too much."""
SLIPS_AT_MOST = 50
"""Texts that differ in one word alone, of which each is compared: a template filled a thousand times has no more."""
QUOTED_WORDS = 8
"""Words from which a question that stands in a document is hardly there by chance."""

T = TypeVar("T")
Reading = tuple[tuple[str, ...], ...]
"""What an input reads as: for each of its texts (fields, messages) the words, folded as `data.likeness` folds them."""


def duplicates(examples: Iterable[Example]) -> list[tuple[str, str]]:
    """Pairs of ids whose inputs read the same or nearly so: as many as join all that repeat one another, in order.

    Nearly: in each text of the input, one has the words of the other in the same order, a few added or misspelt, and
    the same numbers. An exchanged word makes another question, so templates filled differently are none. That is
    containment (Broder 1997, "On the resemblance and containment of documents", §2) held to order and to numbers.
    """
    same: dict[Reading, list[str]] = defaultdict(list)
    for e in sorted(examples, key=lambda e: e.id):
        same[_reading(e)].append(e.id)
    same.pop((), None)
    twins = [(ids[0], other) for ids in same.values() for other in ids[1:]]
    near = [(same[a][0], same[b][0]) for a, b in _near(sorted(same))]
    return sorted((min(pair), max(pair)) for pair in (*twins, *near))


def slips(examples: Iterable[Example]) -> list[tuple[str, str]]:
    """Pairs of ids whose inputs differ in one letter of one word of four letters or more, of five to sixty.

    Such a word may be another one (`sent`, `rent`), so these are no duplicates where examples are judged; they are
    where a copy does no harm to be left out. Each is told beside the first that it is a slip of.
    """
    ordered = sorted(examples, key=lambda e: e.id)
    said = [(e.id, tuple(word for words in _reading(e) for word in words)) for e in ordered]
    first: dict[int, list[int]] = defaultdict(list)
    found = []
    for at, (id_, words) in enumerate(said):
        for place, word in enumerate(words) if len(words) in SLIPPED_IN else ():
            if len(word) < SLIPPED_AT_LEAST or not word.isalpha():
                continue
            alike = first[hash((place, words[:place], words[place + 1 :]))]
            other = next((o for o in alike if _one_letter(word, said[o][1], words, place)), None)
            if other is not None:
                found.append((said[other][0], id_))
            elif len(alike) < SLIPS_AT_MOST:
                alike.append(at)
    return sorted(set(found))


def _one_letter(word: str, others: Sequence[str], words: Sequence[str], place: int) -> bool:
    """Whether the other text is the same but for one letter of the word at this place."""
    if len(others) != len(words) or others[:place] != words[:place] or others[place + 1 :] != words[place + 1 :]:
        return False
    other = others[place]
    if word == other or not other.isalpha() or abs(len(word) - len(other)) > 1:
        return False
    at = next((i for i, (a, b) in enumerate(zip(word, other, strict=False)) if a != b), min(len(word), len(other)))
    a, b = word[at:], other[at:]
    return a[1:] == b[1:] or a[1:] == b or a == b[1:] or (a[:2] == b[1::-1] and a[2:] == b[2:])


def quoted(questions: Mapping[str, str], text: str) -> list[str]:
    """Keys of the questions of eight words or more that stand word for word in a text."""
    return Quotes(questions).within(text)


class Quotes:
    """Questions to look for in many texts."""

    def __init__(self, questions: Mapping[str, str]) -> None:
        self.words = {key: likeness(q).split() for key, q in questions.items()}
        self.starts: dict[tuple[str, ...], list[str]] = defaultdict(list)
        for key, asked in self.words.items():
            if len(asked) >= QUOTED_WORDS:
                self.starts[tuple(asked[:QUOTED_WORDS])].append(key)

    def within(self, text: str) -> list[str]:
        """Keys of those of eight words or more that stand word for word in a text."""
        told, found = likeness(text).split() if self.starts else [], set()
        for at, window in enumerate(zip(*(told[i:] for i in range(QUOTED_WORDS)), strict=False)):
            starting = self.starts.get(window, ())
            found |= {k for k in starting if told[at : at + len(self.words[k])] == self.words[k]}
        return [key for key in self.words if key in found] if found else []


def _reading(example: Example) -> Reading:
    """The words of each text of the input; nothing where there are none."""
    match example.input:
        case str(text):
            texts = [text]
        case Mapping() as fields:
            texts = [worded(fields[key]) for key in sorted(fields)]
        case messages:
            texts = [str(m["content"]) for m in messages]
    read = tuple(tuple(likeness(text).split()) for text in texts)
    return read if any(read) else ()


def _near(readings: Sequence[Reading]) -> Iterator[tuple[Reading, Reading]]:
    """Pairs that are nearly the same and not joined by earlier ones; only what holds the same numbers can be."""
    blocks: dict[tuple[str, ...], list[Reading]] = defaultdict(list)
    for read in readings:
        blocks[_numbers(read)].append(read)
    shared = [block for block in blocks.values() if len(block) > 1]
    spelt = _spellings({word for block in shared for read in block for words in read for word in words})
    joined = _Joined[Reading]()
    for block in shared:
        keys = {read: tuple(spelt[word] for words in read for word in words) for read in block}
        for few, many in _candidates(keys):
            if joined.find(few) != joined.find(many) and _nearly(few, many):
                joined.join(few, many)
                yield few, many


def _candidates(block: Mapping[Reading, tuple[str, ...]]) -> Iterator[tuple[Reading, Reading]]:
    """Readings spelt alike, and those of which the longer holds all words of the shorter, so its rarest one too."""
    holding: dict[tuple[str, int], list[Reading]] = defaultdict(list)
    spelt: dict[tuple[str, ...], list[Reading]] = defaultdict(list)
    often = Counter(key for keys in block.values() for key in set(keys))
    for read, keys in block.items():
        spelt[keys].append(read)
        for key in set(keys):
            holding[key, len(keys)].append(read)
    yield from ((few, many) for alike in spelt.values() for few, many in combinations(alike, 2))
    for few, keys in block.items():
        rarest = min(keys, key=lambda key: (often[key], key))
        for length in range(len(keys) + 1, int(len(keys) / (1 - ADDED_AT_MOST)) + 1):
            for many in holding.get((rarest, length), ()):
                rest = iter(block[many])
                if all(key in rest for key in keys):
                    yield few, many


def _nearly(short: Reading, long: Reading) -> bool:
    fits = len(short) == len(long) and all(
        len(few) >= (1 - ADDED_AT_MOST) * len(many) for few, many in zip(short, long, strict=True)
    )
    return fits and all(_within(few, many) for few, many in zip(short, long, strict=True))


def _within(few: Sequence[str], many: Sequence[str]) -> bool:
    """Whether the words of one follow one another among those of the other."""
    rest = iter(many)
    return all(any(word == other or _misspelt(word, other) for other in rest) for word in few)


def _numbers(read: Reading) -> tuple[str, ...]:
    return tuple(word for words in read for word in words if any(c.isdigit() for c in word))


def _misspelt(one: str, other: str) -> bool:
    """Whether two long words with the same first letter are one letter apart: missing, exchanged or swapped."""
    if abs(len(one) - len(other)) > 1 or max(len(one), len(other)) < SPELT_AT_LEAST or one[0] != other[0]:
        return False
    if any(c.isdigit() for c in one + other):
        return False
    at = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    a, b = one[at:], other[at:]
    return a[1:] == b[1:] or a[1:] == b or a == b[1:] or (a[:2] == b[1::-1] and a[2:] == b[2:])


def _spellings(words: Iterable[str]) -> dict[str, str]:
    """Each word's key; words that may be each other misspelt have the same one (they share all letters but one)."""
    joined, known = _Joined[str](), sorted(words)
    for word in known:
        if len(word) >= SPELT_AT_LEAST - 1 and not any(c.isdigit() for c in word):
            joined.join(f" {word}", word)
            for at in range(1, len(word)):
                joined.join(f" {word[:at]}{word[at + 1 :]}", word)
    return {word: joined.find(word) for word in known}


class _Joined(dict[T, T]):
    """Things in heaps (union-find): each thing's parent."""

    def find(self, one: T) -> T:
        """The thing that stands for the heap."""
        while (up := self.setdefault(one, one)) != one:
            self[one] = one = self[up]
        return one

    def join(self, one: T, other: T) -> None:
        """Put two heaps together."""
        self[self.find(one)] = self.find(other)
