"""A gate as a Markdown summary: a heading, a table, and the examples that got worse."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from .junit import clean

if TYPE_CHECKING:
    from ..gate import Gated, Part

WORDS = {"not_worse": "not worse", "worse": "**worse**", "undecided": "cannot tell"}


def markdown(found: Gated, *, allow_undecided: bool = False) -> str:
    """The summary; what stands in ids is shown as it is, never as markup."""
    return "\n".join(_lines(found, allow_undecided)) + "\n"


def _lines(found: Gated, allow_undecided: bool) -> Iterator[str]:
    let = " (allowed)" if found.decision == "undecided" and allow_undecided else ""
    title = {"not_worse": "passed", "worse": "failed: worse", "undecided": "cannot tell"}[found.decision]
    yield f"## suffice gate: {title}{let}"
    yield ""
    yield "| Partition | Answer | Pairs | Better / worse / equal | Lift | Between | Method |"
    yield "|---|---|--:|---|--:|---|---|"
    yield from (_row(part) for part in found.parts)
    yield ""
    yield from (f"- {part.partition}: {escaped(part.reason)}" for part in found.parts)
    yield from (f"- {escaped(note)}" for note in found.notes)
    for part in found.parts:
        if part.lost:
            yield ""
            yield f"Worse in {part.partition} ({part.losses}): " + ", ".join(
                f"<code>{escaped(one.id)}</code> ({one.before:g} → {one.after:g})" for one in part.lost
            )
    yield ""


def _row(part: Part) -> str:
    pairs = f"{part.n}" if part.groups is None else f"{part.n} in {part.groups} groups"
    counts = f"{part.wins} / {part.losses} / {part.ties}"
    interval = f"{part.low:+.3f} to {part.high:+.3f}"
    cells = (part.partition, WORDS[part.decision], pairs, counts, f"{part.lift:+.3f}", interval, part.method)
    return f"| {' | '.join(cells)} |"


def escaped(text: str) -> str:
    """The text on one line, every character that Markdown or HTML could take for markup as a reference."""
    line = clean(" ".join(text.split()))[:300]
    return "".join(c if c.isalnum() or c in " ,.;()/=+" or not c.isascii() else f"&#{ord(c)};" for c in line)
