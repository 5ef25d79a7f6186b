"""Clean input: mend what reached the stack broken: encoding, markup, look-alikes. What that fixes was the input."""

from __future__ import annotations

import quopri
import re
import string
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar
from urllib.parse import unquote

from ..layer import Cause, Layer
from ..probe import Arms, Setting
from ..types import Answer, Ask, Json, Request

LOOK_ALIKES = str.maketrans(
    "аеорсухіјѕԁһոАВЕКМНОРСТХІЈЅαοντικρυΑΒΕΗΙΚΜΝΟΡΤΥΧΖ", "aeopcyxijsdhnABEKMHOPCTXIJSaovtikpuABEHIKMNOPTYXZ"
)
"""Cyrillic, Armenian and Greek letters that look Latin, for words that mix alphabets (Unicode TR 39, confusables)."""
INLINE = re.compile(
    r"</?(?:a|b|i|u|s|em|strong|span|font|small|mark|sub|sup|wbr|bdi|code)\b[^<>]{0,500}>", re.IGNORECASE
)
"""Tags that stand inside words as well as between them."""
TAG = re.compile(r"<!--(?:(?!<!--).){0,5000}?-->|</?[a-zA-Z][^<>]{0,500}>", re.DOTALL)
ASCII = frozenset(string.ascii_letters)
MOSTLY = 0.3
"""The share of a text that must be encoded before it is decoded."""
ENCODED = re.compile(r"%[0-9A-Fa-f]{2}")
ESCAPED = re.compile(r"\\u([0-9A-Fa-f]{4})")
QUOTED = re.compile(r"=(?:[0-9A-F]{2}|\r?\n)")
ESCAPE = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


@dataclass(frozen=True)
class CleanInput:
    """The sham adds a line that says nothing. Inputs that are clean already are left out."""

    order: ClassVar[int] = 12
    proves: ClassVar[tuple[Cause, ...]] = ("input",)

    def arms(self, setting: Setting) -> Arms | None:
        dirty = frozenset(e.id for e in setting.failures if _differs(e.request))
        if not dirty:
            return None
        stack = setting.stack
        clean = stack.push(Cleaned()).under(Cleaned())
        return Arms(clean, (stack.push(Remark()),), applies=dirty)


@dataclass(frozen=True)
class Cleaned(Layer):
    """Mend the input and its parts."""

    def __call__(self, request: Request, ask: Ask) -> Answer:
        fields = {key: _cleaned(value) for key, value in request.fields.items()}
        return ask(replace(request, input=clean(request.input), fields=fields))


@dataclass(frozen=True)
class Remark(Layer):
    """Add a line to the input that says nothing."""

    line: str = "(end of the message)"

    def __call__(self, request: Request, ask: Ask) -> Answer:
        return ask(replace(request, input=f"{request.input}\n{self.line}"))


def clean(text: str) -> str:
    """Encodings mended, markup and control characters taken out, look-alike letters in Latin words made Latin."""
    import ftfy

    bare = TAG.sub(" ", INLINE.sub("", ESCAPE.sub("", _decoded(text))))
    mended = ftfy.fix_text(bare, unescape_html=True)
    kept = "".join(c for c in mended if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cf", "Co", "Cn", "Cs"))
    whole = unicodedata.normalize("NFKC", kept)
    return re.sub(r"[ \t]+", " ", _latin(whole)).strip()


def _decoded(text: str) -> str:
    """A text that is mostly percent-encoded, escaped or quoted-printable, or UTF-16 read wrongly, as it was meant."""
    if sum(len(m[0]) for m in ENCODED.finditer(text)) >= MOSTLY * len(text):
        return unquote(text, errors="replace")
    if sum(len(m[0]) for m in ESCAPED.finditer(text)) >= MOSTLY * len(text):
        return ESCAPED.sub(lambda m: chr(int(m[1], 16)), text)
    if len(QUOTED.findall(text)) >= 3 and QUOTED.sub("", text).isascii():
        return quopri.decodestring(text.encode("ascii")).decode("utf-8", "replace")
    for order in ("utf-16-le", "utf-16-be"):
        meant = text.encode(order, "replace").decode("latin-1")
        if len(text) >= 4 and not text.isascii() and meant.isascii() and meant.strip().isprintable():
            return meant
    return text


def _latin(text: str) -> str:
    """A text in which some words mix alphabets, its look-alike words in one; others stay as they are."""
    mixes = [w for w in re.findall(r"\w+", text) if w.translate(LOOK_ALIKES) != w and any(c in ASCII for c in w)]
    return re.sub(r"\w+", lambda m: _alike(m[0]), text) if mixes else text


def _alike(word: str) -> str:
    """The word in Latin letters where that leaves no other ones."""
    latin = word.translate(LOOK_ALIKES)
    return latin if latin.isascii() else word


def _cleaned(value: Json) -> Json:
    if isinstance(value, Mapping):
        return {key: _cleaned(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(item) for item in value]
    return clean(value) if isinstance(value, str) else value


def _differs(request: Request) -> bool:
    """Whether cleaning does more than tidy up spaces."""
    return _spaced(clean(request.input)) != _spaced(request.input)


def _spaced(text: str) -> str:
    return " ".join(text.split())
