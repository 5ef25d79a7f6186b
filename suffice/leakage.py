"""Leakage: what test shares with dev, with itself and with the documents, found before test is opened, and said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from .documents import Corpus
from .duplicates import quoted
from .errors import InputError
from .task import Task
from .types import Json

LEAKS = frozenset({"moved", "near", "alike", "quoted"})
"""The kinds, as the line of the plan and the verdict name them."""
NAMED = 5
"""Items that a warning names; all of them stand in the verdict."""


def leaks(task: Task) -> dict[str, Json]:
    """What the split moved out of test and why, which test items are alike, and which the documents quote."""
    parts = task.parts
    return {"moved": parts.moved, "near": parts.near, "alike": parts.alike, "quoted": _quoted(task)}


def warnings_of(found: Mapping[str, Json]) -> list[str]:
    """What was found, in plain words; nothing where nothing was. Older plans know of fewer kinds."""
    near, alike, within = (found.get(kind, ()) for kind in ("near", "alike", "quoted"))
    said = []
    if exact := len(found["moved"]) - len(near):
        said.append(f"{_many(exact, 'test item')} also appear{_s(exact)} in dev and {_were(exact)} moved out of test.")
    if near:
        told = f"{_many(len(near), 'test item')} nearly repeat{_s(len(near))} a dev item and {_were(len(near))} moved"
        said.append(f"{told} out of test: {_named(f'{a} (like {b})' for a, b in near)}.")
    if alike:
        told = f"{_many(len(alike), 'pair')} of test items read the same or nearly so and count as independent, which"
        said.append(f"{told} makes the limits a little too narrow: {_named(f'{a} and {b}' for a, b in alike)}.")
    if within:
        told = f"{_many(len(within), 'test question')} stand{_s(len(within))} word for word in the documents, where"
        said.append(
            f"{told} search finds them more easily than it may in use: {_named(f'{a} in {b}' for a, b in within)}."
        )
    return said


def _quoted(task: Task) -> list[tuple[str, str]]:
    """Test items whose question stands in a document, each with that document; files nobody can read hold none."""
    judging = (*task.parts.test, *task.parts.edge)
    questions = {e.id: e.text for e in judging}
    corpus = Corpus(task.documents) if task.documents else None
    found: dict[str, str] = {}
    for name in corpus.manifest if corpus else ():
        try:
            text = corpus.read(name).text if corpus else ""
        except InputError:
            continue
        found |= {key: name for key in quoted(questions, text) if key not in found}
    return [(e.id, found[e.id]) for e in judging if e.id in found]


def _many(n: int, what: str) -> str:
    return f"{n} {what}{'s' if n != 1 else ''}"


def _s(n: int) -> str:
    return "s" if n == 1 else ""


def _were(n: int) -> str:
    return "was" if n == 1 else "were"


def _named(items: Iterable[str]) -> str:
    known: Sequence[str] = list(items)
    more = f" and {len(known) - NAMED} more" if len(known) > NAMED else ""
    return ", ".join(known[:NAMED]) + more
