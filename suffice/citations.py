"""Citations: which of the passages that were shown an answer rests on, each one asked for and checked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from .data import likeness
from .types import Answer, Ask, Json, Passage, Request

CITE = "Answer from the passages. After each statement name the passage it rests on by its number, like [1]."
"""What is added to the instructions where citations are wanted."""
QUOTED_WORDS = 4
"""A quotation of so many words, found in a passage, cites it."""
RUN_WORDS = 5
"""So many words in a row, shared with a passage, attribute a longer answer to it."""

_MARKER = re.compile(r"[ \t]*\[(?:passage )?(\d{1,4}(?:\s*[,;]\s*\d{1,4}){0,19})\]", re.IGNORECASE)
_QUOTATION = re.compile(r"[\"“«]([^\"”»]{1,2000})[\"”»]")


@dataclass(frozen=True, slots=True)
class Cited:
    """An answer's text without its markers, the ids it cites, and what it made up."""

    text: str
    citations: tuple[str, ...]
    invented: tuple[str, ...] = ()
    """Markers of passages that were never shown."""
    attributed: bool = False
    """The answer named no passage: the citation is the shown passage that holds its words."""


def citing(request: Request, ask: Ask) -> Answer:
    """Ask for an answer with citations; keep those that hold, remove those that were invented, and note both.

    The text comes back without markers, so that it can be compared with an expected answer; a structured reply
    (`request.schema`) keeps its text as it is. Where nothing was found there is nothing to cite.
    """
    if not request.passages:
        return ask(request)
    answer = ask(replace(request, instructions=(*request.instructions, CITE)))
    found = cited(answer.text, request.passages)
    kept = answer if request.schema is not None else replace(answer, text=found.text)
    notes: dict[str, Json] = {"worded": answer.text} if kept.text != answer.text.strip() else {}
    notes |= {"invented": list(found.invented)} if found.invented else {}
    notes |= {"attributed": True} if found.attributed else {}
    return replace(kept, citations=found.citations).noting(**notes)


def cited(text: str, shown: Sequence[Passage]) -> Cited:
    """What the answer cites: by markers such as [1], else by quoting, else attributed by the words it shares."""
    numbers = [int(n) for marker in _MARKER.findall(text) for n in re.findall(r"\d+", marker)]
    valid = tuple(dict.fromkeys(shown[n - 1].id for n in numbers if 1 <= n <= len(shown)))
    invented = tuple(dict.fromkeys(f"[{n}]" for n in numbers if not 1 <= n <= len(shown)))
    bare = _MARKER.sub("", text).strip()
    if valid or (valid := quoted(bare, shown)):
        return Cited(bare, valid, invented)
    found = attributed(bare, shown)
    return Cited(bare, found, invented, attributed=bool(found))


def quoted(text: str, shown: Sequence[Passage]) -> tuple[str, ...]:
    """The passages that hold, word for word, something the text puts in quotation marks."""
    quotes = [q for q in map(likeness, _QUOTATION.findall(text)) if len(q.split()) >= QUOTED_WORDS]
    return tuple(p.id for p in shown if any(_holds(likeness(p.text), q) for q in quotes))


def attributed(text: str, shown: Sequence[Passage]) -> tuple[str, ...]:
    """The one shown passage that shares the longest run of words with the text, if what it shares is enough to tell.

    Enough is a run of five words, or all of the text, or all that the text puts in quotation marks.
    """
    words = likeness(text).split()
    whole = [part for part in (words, *(likeness(q).split() for q in _QUOTATION.findall(text))) if _telling(part)]
    runs = [(_longest_run(words, body := likeness(p.text)), _any(whole, body), p.id) for p in shown]
    telling = [(run, name) for run, all_of_it, name in runs if run >= RUN_WORDS or all_of_it]
    return (max(telling, key=lambda found: found[0])[1],) if telling else ()


def _any(parts: Sequence[Sequence[str]], text: str) -> bool:
    return any(_holds(text, " ".join(part)) for part in parts)


def _telling(words: Sequence[str]) -> bool:
    """A bare `yes` or `the` is in every passage and points at none."""
    return any(len(word) > 3 or word.isdigit() for word in words)


def _longest_run(words: Sequence[str], text: str) -> int:
    """The length of the longest run of words that stands in the text."""
    longest, start = 0, 0
    while start + longest < len(words):
        if _holds(text, " ".join(words[start : start + longest + 1])):
            longest += 1
        else:
            start += 1
    return longest


def _holds(text: str, run: str) -> bool:
    return f" {run} " in f" {text} "
