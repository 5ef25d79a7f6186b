"""Outline: lines and headings as they come, gathered into sections that are called by their chain of headings."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ..documents import Section

HEADING_AT_MOST = 200
"""Characters of one heading: a page that is all heading is still bounded."""


@dataclass
class Outline:
    """A document while it is read."""

    done: list[Section] = field(default_factory=list)
    chain: list[tuple[int, str]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def head(self, level: int, name: str) -> None:
        """A heading: it ends the section before it, and stands below the last heading of a smaller level."""
        self._end()
        self.chain = [(above, known) for above, known in self.chain if above < level]
        self.chain.append((level, " ".join(name.split())[:HEADING_AT_MOST]))

    def add(self, line: str) -> None:
        """A line of text under the last heading."""
        self.lines.append(line)

    @property
    def sections(self) -> tuple[Section, ...]:
        """All sections that have text."""
        self._end()
        return tuple(self.done)

    def _end(self) -> None:
        text = re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in self.lines)).strip()
        if text:
            self.done.append(Section(text, " > ".join(name for _, name in self.chain if name)))
        self.lines = []
