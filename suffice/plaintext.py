"""Plain text: bytes decoded without guessing, and the front matter that a Markdown file may start with."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from pathlib import Path

from .errors import InputError
from .types import Json

LARGEST = 64 * 1024 * 1024
"""Bytes of a document that is read at all."""
FRONT_MATTER_AT_MOST = 64 * 1024

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_INVISIBLE = re.compile("[\x00-\x08\x0e-\x1f\x7f\U000e0000-\U000e007f]")
"""Control and tag characters: nobody sees them in a document, so no model is shown them."""


def load(path: Path) -> bytes:
    """A document's bytes, their number bounded."""
    try:
        if path.stat().st_size > LARGEST:
            raise InputError(f"larger than {LARGEST // 2**20} MB", file=str(path), hint="split the document")
        return path.read_bytes()
    except OSError as wrong:
        raise InputError(f"cannot be read: {wrong.strerror}", file=str(path)) from wrong


def decoded(path: Path) -> str:
    """A text file as text: UTF-8, or what its byte order mark says; anything else is an error, never a guess."""
    try:
        return decode(load(path))
    except Undecodable as wrong:
        hint = f"save it as UTF-8, for instance: iconv -f WINDOWS-1252 -t UTF-8 {path.name}"
        raise InputError(str(wrong), file=str(path), line=wrong.line, hint=hint) from wrong


class Undecodable(ValueError):
    """Bytes that are not the text they should be, and the line where that shows."""

    def __init__(self, content: bytes, offset: int, encoding: str) -> None:
        shown = f"0x{content[offset]:02x}" if offset < len(content) else "the end"
        super().__init__(f"not {encoding.upper()} text: byte {offset} is {shown}")
        self.line = content.count(b"\n", 0, offset) + 1


def decode(content: bytes, declared: str = "utf-8") -> str:
    """Bytes as text: by their byte order mark, else as UTF-8, else as what they are declared to be."""
    mark, encoding = next(((m, e) for m, e in _MARKS if content.startswith(m)), (b"", "utf-8"))
    body = content[len(mark) :]
    try:
        text = body.decode(encoding)
    except UnicodeDecodeError as wrong:
        if mark or declared == "utf-8":
            raise Undecodable(content, wrong.start + len(mark), encoding) from wrong
        return _as_declared(content, declared)
    if (nul := text.find("\x00")) >= 0:
        raise Undecodable(content, len(mark) + len(text[:nul].encode(encoding)), encoding)
    return clean(text)


def _as_declared(content: bytes, declared: str) -> str:
    try:
        return clean(content.decode(declared))
    except UnicodeDecodeError as wrong:
        raise Undecodable(content, wrong.start, declared) from wrong


def clean(text: str) -> str:
    """The text with Unix line ends and without characters that nobody can see."""
    unix = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x0c", "\n").replace("\x0b", "\n")
    return _INVISIBLE.sub("", unix)


def front_matter(text: str) -> tuple[Mapping[str, Json], str, int]:
    """The mapping between two `---` lines at the very top, the text after it, and the line on which that starts.

    A block that is not a mapping is text. One that is broken but speaks of labels is a ValueError: it must not
    open a document that somebody meant to close.
    """
    block = re.match(r"---[ \t]*\n(.*?\n)??(?:---|\.\.\.)[ \t]*(?:\n|\Z)", text[:FRONT_MATTER_AT_MOST], re.DOTALL)
    if not block:
        if text.startswith("---\n") and re.match(r"---\n(?:.*\n){0,40}?labels\s*:", text[:FRONT_MATTER_AT_MOST]):
            raise ValueError("front matter with `labels:` is never closed by a `---` line")
        return {}, text, 1
    meta = _mapping(block[1] or "")
    if meta is None:
        return {}, text, 1
    return meta, text[block.end() :], text.count("\n", 0, block.end()) + 1


def headed(path: Path) -> tuple[tuple[str, ...], str]:
    """A Markdown file's access labels (the `labels:` list of its front matter; none means everybody) and its text."""
    try:
        meta, body, _ = front_matter(decoded(path))
        return _labels(meta.get("labels")), body
    except ValueError as wrong:
        hint = "write `labels: [team-a, team-b]` between two `---` lines at the top"
        raise InputError(str(wrong), file=str(path), line=1, hint=hint) from wrong


def labels_of(path: Path) -> tuple[str, ...]:
    """Who may read a document; only Markdown can say so, every other kind is open to everybody."""
    return headed(path)[0] if path.suffix.lower() in (".md", ".markdown") else ()


def _labels(given: Json) -> tuple[str, ...]:
    """None is everybody; an empty or mistaken list is an error, because it could mean either."""
    if given is None:
        return ()
    several = [given] if isinstance(given, str) else given
    if not isinstance(several, list) or not several or not all(isinstance(x, str) and x.strip() for x in several):
        raise ValueError("`labels` must be a list of words")
    return tuple(sorted({x.strip() for x in several}))


def _mapping(block: str) -> Mapping[str, Json] | None:
    import yaml

    try:
        value = yaml.safe_load(block)
    except (yaml.YAMLError, RecursionError, ValueError) as wrong:
        if re.search(r"^\s*labels\s*:", block, re.MULTILINE):
            raise ValueError("front matter with `labels:` is not YAML") from wrong
        return None
    return value if isinstance(value, Mapping) else {} if value is None else None
