"""What the HTML reader makes of a page."""

from __future__ import annotations

from pathlib import Path

import pytest

from suffice.errors import InputError
from suffice.readers.html import html

PAGE = """<!doctype html><html><head><title>Rules</title><style>p {}</style></head><body>
<h1>Travel <b>rules</b></h1><p>Second
  class &amp; no   taxi.<ul><li>trains<li>buses</ul>
<h2>Hotels</h2><table><tr><th>City<th>Limit<tr><td>Rome<td>120</table>
<pre>a
  b</pre><script>steal()</script></body></html>"""


def sections(tmp_path: Path, page: str | bytes) -> list[tuple[str, str]]:
    (tmp_path / "a.html").write_bytes(page.encode() if isinstance(page, str) else page)
    return [(s.heading, s.text) for s in html(tmp_path / "a.html")]


def test_a_page_becomes_its_visible_text_under_its_headings(tmp_path: Path) -> None:
    assert sections(tmp_path, PAGE) == [
        ("Travel rules", "Second class & no taxi.\n\ntrains\nbuses"),
        ("Travel rules > Hotels", "City | Limit\nRome | 120\n\na\n  b"),
    ]


HIDDEN = [
    "<p hidden>X</p>",
    '<div style="color:red; display: none">X<div>X</div></div>',
    '<span aria-hidden="true">X</span>',
    '<p style="font-size:0">X',
    "<!-- X -->",
    "<script>X</script>",
    "<template>X</template>",
    "<svg><text>X</text></svg>",
]


@pytest.mark.parametrize("hidden", HIDDEN)
def test_what_a_reader_cannot_see_no_model_sees(tmp_path: Path, hidden: str) -> None:
    text = sections(tmp_path, f"<p>before</p>{hidden}<p>after</p>")[0][1]
    assert "X" not in text and text.split() == ["before", "after"]


def test_a_page_without_headings_is_called_by_its_title(tmp_path: Path) -> None:
    assert sections(tmp_path, "<title>Rules</title><body>No pets.") == [("Rules", "No pets.")]


def test_a_declared_charset_is_honoured_and_an_undeclared_one_is_an_error(tmp_path: Path) -> None:
    assert sections(tmp_path, b'<meta charset="iso-8859-1"><p>Z\xfcrich \x80') == [("", "Zürich €")]
    with pytest.raises(InputError, match="not UTF-8"):
        sections(tmp_path, b"<p>Z\xfcrich")
    with pytest.raises(InputError, match="not UTF-8"):
        sections(tmp_path, b'<meta charset="zlib"><p>Z\xfcrich')
