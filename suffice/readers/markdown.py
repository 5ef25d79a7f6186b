"""Markdown: a section for each heading, called by its chain of headings; front matter and comments are left out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ..documents import Section
from ..plaintext import headed
from ._outline import Outline

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_HEADING = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))?[ \t]*$")
_UNDERLINE = re.compile(r" {0,3}(=+|-{2,})[ \t]*$")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)


def markdown(path: Path) -> tuple[Section, ...]:
    """The file's sections, in order. A section's heading is its chain, such as `Travel > Hotels`."""
    outline = Outline()
    for level, line in _marked(headed(path)[1]):
        if level:
            outline.head(level, line)
        else:
            outline.add(line)
    return outline.sections


def _marked(body: str) -> Iterator[tuple[int, str]]:
    """Each line with its heading level, 0 for text. Nothing inside a code fence is a heading or a comment."""
    for fenced, block in _blocks(body):
        held: str | None = None
        for line in block.split("\n") if fenced else _COMMENT.sub("", block).split("\n"):
            under = None if fenced else _UNDERLINE.match(line)
            if under and held is not None and held.strip() and not _level(held)[0]:
                yield (1 if under[1][0] == "=" else 2), held.strip()
                held = None
                continue
            if held is not None:
                yield _level(held) if not fenced else (0, held)
            held = line
        if held is not None:
            yield _level(held) if not fenced else (0, held)


def _level(line: str) -> tuple[int, str]:
    found = _HEADING.match(line)
    return (len(found[1]), re.sub(r"(^|[ \t]+)#+$", "", found[2] or "").strip()) if found else (0, line)


def _blocks(body: str) -> Iterator[tuple[bool, str]]:
    """Stretches of lines inside (True) and outside (False) code fences."""
    open_with, lines = "", list[str]()
    for line in body.split("\n"):
        fence = _FENCE.match(line)
        if fence and not open_with:
            yield False, "\n".join(lines)
            open_with, lines = fence[1], [line]
        elif fence and open_with and fence[1].startswith(open_with) and not line.strip().strip(fence[1][0]):
            yield True, "\n".join([*lines, line])
            open_with, lines = "", []
        else:
            lines.append(line)
    yield bool(open_with), "\n".join(lines)
