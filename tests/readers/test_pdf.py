"""What the PDF reader makes of a file, and what it refuses."""

from __future__ import annotations

import zlib
from io import BytesIO
from pathlib import Path

import pytest

from suffice.errors import InputError
from suffice.readers.pdf import _unwrapped, pdf


def a_pdf(*pages: str, kids: str = "", packed: bytes | None = None) -> bytes:
    """A minimal PDF with a line of text on each page."""
    ids = [10 + 2 * n for n in range(len(pages))]
    named = kids or " ".join(f"{i} 0 R" for i in ids)
    objects = {1: b"<</Type/Catalog/Pages 2 0 R>>", 3: b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"}
    objects[2] = f"<</Type/Pages/Kids[{named}]/Count {len(pages)}>>".encode()
    for i, text in zip(ids, pages, strict=True):
        stream = packed or f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET".encode()
        coded = b"/Filter/FlateDecode" if packed else b""
        objects[i] = b"<</Type/Page/Parent 2 0 R/Resources<</Font<</F1 3 0 R>>>>/Contents %d 0 R>>" % (i + 1)
        objects[i + 1] = b"<</Length %d%s>>stream\n%s\nendstream" % (len(stream), coded, stream)
    return _file(objects)


def _file(objects: dict[int, bytes]) -> bytes:
    body, offsets = b"%PDF-1.4\n", {}
    for number, content in sorted(objects.items()):
        offsets[number] = len(body)
        body += b"%d 0 obj%s endobj\n" % (number, content)
    table = b"".join(b"%d 1\n%010d 00000 n \n" % pair for pair in offsets.items())
    end = b"trailer<</Root 1 0 R/Size %d>>\nstartxref\n%d\n%%%%EOF" % (max(objects) + 1, len(body))
    return body + b"xref\n0 1\n0000000000 65535 f \n" + table + end


def write(tmp_path: Path, content: bytes) -> Path:
    (tmp_path / "a.pdf").write_bytes(content)
    return tmp_path / "a.pdf"


def test_each_page_with_text_is_a_section(tmp_path: Path) -> None:
    found = pdf(write(tmp_path, a_pdf("Second class.", "Up to 120.")))
    assert [(s.heading, s.text) for s in found] == [("page 1", "Second class."), ("page 2", "Up to 120.")]


def test_wrapped_lines_are_joined_and_broken_words_mended() -> None:
    assert (
        _unwrapped("infor-\nmation goes\non here.\nNew Line\nAnother") == "information goes on here.\nNew Line\nAnother"
    )


def test_a_locked_pdf_is_a_clear_error(tmp_path: Path) -> None:
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(PdfReader(BytesIO(a_pdf("secret"))))
    writer.encrypt("password", algorithm="RC4-128")
    with (tmp_path / "a.pdf").open("wb") as file:
        writer.write(file)
    with pytest.raises(InputError, match="encrypted") as raised:
        pdf(tmp_path / "a.pdf")
    assert "password" in raised.value.hint


REFUSED = {
    "no text": a_pdf(""),
    "damaged": b"%PDF-1.4 nothing else",
    "empty": b"",
    "page tree in a circle": a_pdf("x", kids="2 0 R"),
    "flate bomb": a_pdf("x", packed=zlib.compress(b" " * 200_000_000)),
    "million pages": a_pdf("x", kids="10 0 R " * 1_000_000),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_hostile_or_broken_pdf_is_one_clear_error(tmp_path: Path, case: str) -> None:
    with pytest.raises(InputError) as raised:
        pdf(write(tmp_path, REFUSED[case]))
    assert raised.value.file and raised.value.hint
