"""What the DOCX reader makes of a file, and what it refuses."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from suffice.errors import InputError
from suffice.readers.docx import docx

SPACE = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
MC = 'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
STYLES = f"""<w:styles {SPACE}><w:style w:styleId="berschrift1"><w:name w:val="heading 1"/></w:style>
<w:style w:styleId="Mine"><w:name w:val="My style"/><w:pPr><w:outlineLvl w:val="1"/></w:pPr></w:style></w:styles>"""


def paragraph(text: str, style: str = "", run: str = "") -> str:
    head = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{head}<w:r><w:rPr>{run}</w:rPr><w:t>{text}</w:t></w:r></w:p>"


def write(tmp_path: Path, body: str, dtd: str = "", **parts: str) -> Path:
    with zipfile.ZipFile(tmp_path / "a.docx", "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("word/document.xml", f"{dtd}<w:document {SPACE} {MC}><w:body>{body}</w:body></w:document>")
        package.writestr("word/styles.xml", STYLES)
        for name, content in parts.items():
            package.writestr(f"word/{name}.xml", content)
    return tmp_path / "a.docx"


def sections(path: Path) -> list[tuple[str, str]]:
    return [(s.heading, s.text) for s in docx(path)]


def test_headings_are_found_by_what_their_style_means_in_any_language(tmp_path: Path) -> None:
    body = paragraph("Reisen", "berschrift1") + paragraph("Hotels", "Mine") + paragraph("Up to 120 &amp; tax.")
    assert sections(write(tmp_path, body)) == [("Reisen > Hotels", "Up to 120 & tax.")]


def test_a_table_row_is_a_line_of_its_cells(tmp_path: Path) -> None:
    row = "<w:tr><w:tc>{}</w:tc><w:tc>{}</w:tc></w:tr>"
    cells = row.format(paragraph("Rome"), paragraph("120") + paragraph("euros"))
    assert sections(write(tmp_path, f"<w:tbl>{cells}</w:tbl>")) == [("", "Rome | 120 euros")]


def test_hidden_deleted_and_repeated_text_is_left_out(tmp_path: Path) -> None:
    body = paragraph("IGNORE", run="<w:vanish/>") + "<w:p><w:del><w:r><w:delText>IGNORE</w:delText></w:r></w:del></w:p>"
    body += f"<mc:AlternateContent><mc:Fallback>{paragraph('IGNORE')}</mc:Fallback></mc:AlternateContent>"
    assert sections(write(tmp_path, body + paragraph("Seen."))) == [("", "Seen.")]


def test_footnotes_follow_the_text(tmp_path: Path) -> None:
    notes = f"<w:footnotes {SPACE}>{paragraph('Except in May.')}</w:footnotes>"
    assert sections(write(tmp_path, paragraph("Always."), footnotes=notes))[1] == ("footnotes", "Except in May.")


LAUGHS = '<!DOCTYPE x [<!ENTITY a "ha">' + "".join(
    f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefghi", "bcdefghij", strict=True)
)
HOSTILE = {
    "billion laughs": (paragraph("&j;"), LAUGHS + "]>"),
    "external entity": (paragraph("&x;"), '<!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/passwd">]>'),
    "zip bomb": (" " * 100_000_000, ""),
    "unclosed": ("<w:p>" * 100_000, ""),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_document_is_one_clear_error(tmp_path: Path, case: str) -> None:
    with pytest.raises(InputError) as raised:
        docx(write(tmp_path, *HOSTILE[case]))
    assert "root:x" not in str(raised.value) and raised.value.file and raised.value.hint


def test_a_document_type_hidden_in_another_encoding_is_refused_too(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.docx", "w") as package:
        xml = '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE x [<!ENTITY x "y">]><x>&x;</x>'
        package.writestr("word/document.xml", xml.encode("utf-16"))
    with pytest.raises(InputError, match="document type"):
        docx(tmp_path / "a.docx")


@pytest.mark.parametrize(("content", "says"), [(b"PK", "no ZIP"), (b"\xd0\xcf\x11\xe0", "password"), (b"", "no ZIP")])
def test_what_is_no_word_document_is_named(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "a.docx").write_bytes(content)
    with pytest.raises(InputError, match=says):
        docx(tmp_path / "a.docx")


def test_names_that_climb_out_of_the_folder_are_never_written(tmp_path: Path) -> None:
    with zipfile.ZipFile(write(tmp_path, paragraph("Seen.")), "a") as package:
        package.writestr("../../escaped.xml", "x")
        package.writestr("/tmp/escaped.xml", "x")
    assert sections(tmp_path / "a.docx") == [("", "Seen.")]
    assert not (tmp_path.parent.parent / "escaped.xml").exists() and not Path("/tmp/escaped.xml").exists()
