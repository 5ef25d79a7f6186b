"""PDF: the text of each page, by pypdf. A page of pictures has none: scanned documents need OCR first."""

from __future__ import annotations

import re
from io import BytesIO
from pathlib import Path

from ..documents import Section
from ..errors import InputError
from ..plaintext import clean
from ._sandbox import sandboxed

PAGES_AT_MOST = 5_000
CHARACTERS_AT_MOST = 20_000_000


def pdf(path: Path) -> tuple[Section, ...]:
    """The file's pages that have text, headed `page 1`, `page 2` and so on."""
    return sandboxed(path, "pdf")


def parse(content: bytes) -> tuple[Section, ...]:
    """The pages of a PDF's bytes."""
    from pypdf import PdfReader

    reader = PdfReader(BytesIO(content))
    if reader.is_encrypted:
        _unlock(reader)
    if len(reader.pages) > PAGES_AT_MOST:
        raise InputError(f"more than {PAGES_AT_MOST} pages", hint="split the document")
    pages: list[Section] = []
    size = 0
    for number, page in enumerate(reader.pages, 1):
        text = _unwrapped(clean(page.extract_text()))
        size += len(text)
        if size > CHARACTERS_AT_MOST:
            raise InputError(f"more than {CHARACTERS_AT_MOST // 10**6} million characters", hint="split the document")
        pages += [Section(text, f"page {number}")] if text else []
    if not pages:
        raise InputError("no text in this PDF: its pages are pictures", hint="run OCR over it first")
    return tuple(pages)


def _unlock(reader: object) -> None:
    """Many PDFs are encrypted with an empty password; those open for everybody."""
    from pypdf.errors import DependencyError, PyPdfError

    try:
        opened = bool(reader.decrypt(""))  # type: ignore[attr-defined]  # pypdf is not followed by the type checker
    except (DependencyError, PyPdfError, NotImplementedError):
        opened = False
    if not opened:
        raise InputError("this PDF is encrypted", hint="save a copy without a password")


def _unwrapped(text: str) -> str:
    """Lines that were only wrapped, as one: a word broken by a hyphen is joined, a line that goes on is too."""
    whole = re.sub(r"(?<=[a-zß-ÿ])-\n(?=[a-zß-ÿ])", "", text)
    return re.sub(r"(?<=[^\n.!?:;])\n(?=[a-zß-ÿ(])", " ", whole).strip()
