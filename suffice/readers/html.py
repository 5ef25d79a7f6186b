"""HTML: the text that a reader of the page would see, a section for each heading."""

from __future__ import annotations

import codecs
import re
from html.parser import HTMLParser
from pathlib import Path

from ..documents import Section
from ..plaintext import decode
from ._outline import Outline
from ._sandbox import sandboxed


def _tags(names: str) -> frozenset[str]:
    return frozenset(names.split())


_UNSEEN = _tags("script style template noscript svg math iframe object select textarea head")
_VOID = _tags("area base br col embed hr img input link meta param source track wbr")
_BLOCK = _tags(
    "address article aside blockquote body center dd details dialog div dl dt fieldset figcaption figure footer form "
    "header hgroup hr html li main menu nav ol p pre section summary table tbody tfoot thead tr ul"
)
_APART = _tags("blockquote dl ol p pre section table ul")
"""Blocks with a blank line before and after them."""
_CLOSES = {"li": {"li"}, "dt": {"dt", "dd"}, "dd": {"dt", "dd"}, "tr": {"td", "th", "tr"}, "td": {"td", "th"}}
_CLOSES |= {"th": {"td", "th"}, "option": {"option"}, **{key: {"p"} for key in _BLOCK - {"li", "dt", "dd", "tr"}}}
"""Tags whose end may be left out: opening the key ends them."""
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_HIDING = re.compile(r"display:none|visibility:hidden|opacity:0(?![.\d])|font-size:0(?![.\d])")
_DECLARED = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_-]{2,20})", re.IGNORECASE)
_AS_BROWSERS_DO = {"iso8859-1": "cp1252", "ascii": "cp1252"}
DEEPEST = 2_000


def html(path: Path) -> tuple[Section, ...]:
    """The file's sections. Scripts, styles and hidden elements are left out; a declared charset is honoured."""
    return sandboxed(path, "html")


def parse(content: bytes) -> tuple[Section, ...]:
    """The sections of a page's bytes."""
    page = _Page()
    page.feed(decode(content, _declared(content)))
    page.close()
    return page.finished()


def _declared(content: bytes) -> str:
    found = _DECLARED.search(content[:4096])
    try:
        codec = codecs.lookup(found[1].decode()) if found else codecs.lookup("utf-8")
    except LookupError:
        return "utf-8"
    return _AS_BROWSERS_DO.get(codec.name, codec.name) if codec._is_text_encoding else "utf-8"


class _Page(HTMLParser):
    """A page while it is read: open elements with whether they are seen, and the line under way."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.outline = Outline()
        self.open: list[tuple[str, bool]] = []
        self.line: list[str] = []
        self.title = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        while self.open and self.open[-1][0] in _CLOSES.get(tag, ()):
            self.handle_endtag(self.open[-1][0])
        if tag == "br" or tag in _BLOCK or tag in _HEADINGS:
            self._end_line(apart=tag in _APART)
        if tag not in _VOID and len(self.open) < DEEPEST:
            self.open.append((tag, self._seen and tag not in _UNSEEN and not _hidden(dict(attrs))))

    def handle_endtag(self, tag: str) -> None:
        if not any(name == tag for name, _ in self.open):
            return
        if tag in _HEADINGS:
            name, self.line = "".join(self.line), []
            if name.strip():
                self.outline.head(_HEADINGS[tag], name)
        elif tag in _BLOCK:
            self._end_line(apart=tag in _APART)
        elif tag in ("td", "th") and self.line:
            self.line.append(" | ")
        while self.open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        names = [name for name, _ in self.open[-3:]]
        if names[-1:] == ["title"]:
            self.title = self.title or " ".join(data.split())
        elif self._seen and "pre" in names:
            self.line.append(data)
        elif self._seen:
            self.line.append(re.sub(r"\s+", " ", data))

    def finished(self) -> tuple[Section, ...]:
        """The sections; a page without headings is called by its title."""
        self._end_line()
        found = self.outline.sections
        titled = self.title and not any(s.heading for s in found)
        return tuple(Section(s.text, self.title) for s in found) if titled else found

    @property
    def _seen(self) -> bool:
        return not self.open or self.open[-1][1]

    def _end_line(self, apart: bool = False) -> None:
        text = "".join(self.line)
        if text.strip():
            self.outline.add(text if "\n" in text else re.sub(r"[ |]+$", "", text).lstrip())
        if apart:
            self.outline.add("")
        self.line = []


def _hidden(attributes: dict[str, str | None]) -> bool:
    style = re.sub(r"\s+", "", attributes.get("style") or "").lower()
    return "hidden" in attributes or attributes.get("aria-hidden") == "true" or bool(_HIDING.search(style))
