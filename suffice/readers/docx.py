"""DOCX: paragraphs, tables and notes of a Word document, read from its XML as a stream, a section for each heading."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from xml.parsers import expat

from ..documents import Section
from ..errors import InputError
from ..plaintext import clean
from ._outline import Outline
from ._sandbox import sandboxed

ENTRIES_AT_MOST = 2_000
BYTES_AT_MOST = 200 * 1024**2
"""Of one part, unpacked."""
RATIO_AT_MOST = 200
"""Unpacked bytes for each packed one, in a part over a megabyte."""

_WORD = (
    "http://schemas.openxmlformats.org/wordprocessingml/2006/main ",
    "http://purl.oclc.org/ooxml/wordprocessingml/main ",
)
_FALLBACK = "http://schemas.openxmlformats.org/markup-compatibility/2006 Fallback"
"""The same text again, for older programs."""


def docx(path: Path) -> tuple[Section, ...]:
    """The file's sections. Deleted and hidden text, headers and footers are left out."""
    return sandboxed(path, "docx")


def parse(content: bytes) -> tuple[Section, ...]:
    """The sections of a Word document's bytes."""
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        raise InputError("an old .doc, or protected by a password", hint="save it as .docx without a password")
    try:
        package = zipfile.ZipFile(BytesIO(content))
    except zipfile.BadZipFile as wrong:
        raise InputError("not a Word document: it is no ZIP package", hint="save it as .docx again") from wrong
    if len(package.infolist()) > ENTRIES_AT_MOST:
        raise InputError(f"more than {ENTRIES_AT_MOST} entries in the package", hint="save it as .docx again")
    styles = _Styles.of(_part(package, "word/styles.xml"))
    story = _Story(styles)
    _stream(_part(package, "word/document.xml", needed=True), story)
    for notes in ("footnotes", "endnotes"):
        story.outline.head(1, notes)
        _stream(_part(package, f"word/{notes}.xml"), story)
    return story.outline.sections


def _part(package: zipfile.ZipFile, name: str, *, needed: bool = False) -> bytes:
    """One part's bytes: never more than promised, never more than allowed, never unpacked to disk."""
    try:
        about = package.getinfo(name)
    except KeyError:
        if needed:
            raise InputError(f"not a Word document: it has no {name}", hint="save it as .docx again") from None
        return b""
    if about.file_size > BYTES_AT_MOST or about.file_size > max(1024**2, RATIO_AT_MOST * about.compress_size):
        said = f"{name} unpacks from {about.compress_size} to {about.file_size} bytes, which no document does"
        raise InputError(said, hint="save it as .docx again")
    with package.open(about) as file:
        return file.read(about.file_size + 1)


def _stream(content: bytes, handler: _Styles | _Story) -> None:
    """Feed XML to a handler. A document type declaration, the root of entity attacks, is refused."""
    if not content:
        return
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse
    parser.StartElementHandler = handler.start
    parser.EndElementHandler = handler.end
    parser.CharacterDataHandler = handler.data
    parser.Parse(content, True)


def _refuse(*_: object) -> None:
    raise InputError("it declares a document type, which no Word document does", hint="save it as .docx again")


def _local(name: str) -> str:
    """A WordprocessingML name without its namespace; empty for any other name."""
    return next((name[len(space) :] for space in _WORD if name.startswith(space)), "")


def _value(attributes: Mapping[str, str]) -> str:
    return next((value for key, value in attributes.items() if _local(key) == "val"), "")


class _Styles:
    """Which paragraph styles are headings, in whatever language they are called."""

    def __init__(self) -> None:
        self.levels: dict[str, int] = {}
        self._style = ""

    @classmethod
    def of(cls, content: bytes) -> _Styles:
        styles = cls()
        _stream(content, styles)
        return styles

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        match _local(name):
            case "style":
                self._style = next((v for k, v in attributes.items() if _local(k) == "styleId"), "")
            case "outlineLvl" if _value(attributes).isdigit() and int(_value(attributes)) < 9:
                self.levels[self._style] = int(_value(attributes)) + 1
            case "name" if _value(attributes).lower() == "title":
                self.levels[self._style] = 1
            case "name" if found := re.fullmatch(r"heading ([1-9])", _value(attributes).lower()):
                self.levels[self._style] = int(found[1])

    def end(self, name: str) -> None:
        """Nothing ends that matters."""

    def data(self, text: str) -> None:
        """Styles have no text."""


class _Story:
    """The text while it is read: the paragraph, row and run under way."""

    def __init__(self, styles: _Styles) -> None:
        self.outline = Outline()
        self.levels = styles.levels
        self.text: list[str] = []
        self.cells: list[str] = []
        self.level = self.fallback = self.tables = 0
        self.vanished = self.in_text = False

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == _FALLBACK:
            self.fallback += 1
        match _local(name):
            case "r":
                self.vanished = False
            case "vanish":
                self.vanished = _value(attributes) not in ("0", "false")
            case "pStyle":
                self.level = self.levels.get(_value(attributes), 0)
            case "outlineLvl" if _value(attributes).isdigit() and int(_value(attributes)) < 9:
                self.level = int(_value(attributes)) + 1
            case "t":
                self.in_text = True
            case "tab" | "br" | "cr" | "noBreakHyphen" as mark:
                self._write({"tab": " ", "noBreakHyphen": "-"}.get(mark, "\n"))
            case "tbl":
                self.tables += 1

    def end(self, name: str) -> None:
        if name == _FALLBACK:
            self.fallback -= 1
        match _local(name):
            case "t":
                self.in_text = False
            case "p":
                self._end_paragraph()
            case "tc":
                self.cells.append(" ".join("".join(self.text).split()))
                self.text = []
            case "tr":
                self.outline.add(" | ".join(cell for cell in self.cells if cell))
                self.cells = []
            case "tbl":
                self.tables -= 1
                self.outline.add("")

    def data(self, text: str) -> None:
        if self.in_text:
            self._write(text)

    def _write(self, text: str) -> None:
        if not self.fallback and not self.vanished:
            self.text.append(text)

    def _end_paragraph(self) -> None:
        """In a table the cell goes on; elsewhere the paragraph is a heading or a block of text."""
        level, self.level = self.level, 0
        if self.tables:
            self.text.append(" ")
            return
        text, self.text = clean("".join(self.text)).strip(), []
        if level and text:
            self.outline.head(level, text)
        elif text:
            self.outline.add(text)
            self.outline.add("")
