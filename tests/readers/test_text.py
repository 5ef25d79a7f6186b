"""What the text reader makes of bytes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suffice.errors import InputError
from suffice.plaintext import clean, front_matter
from suffice.readers.text import text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_says_the_encoding(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.txt").write_bytes("Zürich\r\nÆrø\n".encode(encoding))
    assert text(tmp_path / "a.txt")[0].text == "Zürich\nÆrø"


def test_other_bytes_are_an_error_that_names_file_line_and_offset(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"one\ntwo Z\xfcrich")
    with pytest.raises(InputError, match="byte 9 is 0xfc") as raised:
        text(tmp_path / "a.txt")
    assert (raised.value.line, Path(str(raised.value.file)).name) == (2, "a.txt")
    assert "iconv" in raised.value.hint


def test_a_binary_file_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"abc\x00def")
    with pytest.raises(InputError, match="byte 3 is 0x00"):
        text(tmp_path / "a.txt")


def test_a_blank_file_has_no_sections(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b" \n\n")
    assert text(tmp_path / "a.txt") == ()


def test_a_missing_file_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        text(tmp_path / "none.txt")


def test_characters_nobody_sees_are_shown_to_no_model() -> None:
    assert clean("a\x1b[31mb\U000e0041c\x07") == "a[31mbc"


@given(st.text())
def test_front_matter_never_loses_text_it_does_not_own(body: str) -> None:
    try:
        meta, rest, line = front_matter(body)
    except ValueError:
        return
    assert body.endswith(rest)
    assert (rest == body) == (line == 1)
    assert meta == {} or body.startswith("---")
