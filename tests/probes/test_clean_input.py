"""Damaged inputs are mended, and sound ones left as they are."""

from __future__ import annotations

import quopri
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suffice.probes.clean_input import clean

SOUND = ("Where is my card?", 'Grüße aus Köln, 5 < 6 und "a" > b', "привет, где моя карта", "50% off, 100%25 = a=3")


@pytest.mark.parametrize("text", SOUND)
def test_a_sound_text_stays_as_it_is(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize("text", SOUND[:3])
def test_encodings_of_encodings_are_undone(text: str) -> None:
    assert clean("".join(f"%{byte:02X}" for byte in text.encode())) == text
    assert clean(text.encode().decode("latin-1")) == text
    assert clean(quopri.encodestring(text.encode(), quotetabs=True).decode()) == text
    assert clean("".join(f"\\u{ord(c):04x}" for c in text)) == text


@pytest.mark.parametrize(
    ("damaged", "meant"),
    [
        ("<div><p>Where is<br>my <b>ca</b>rd?</p></div>", "Where is my card?"),
        ("Where is my c\u200bar\u00add?\x1b[31m\x00", "Where is my card?"),
        ("Where &amp; when&#63;", "Where & when?"),
        ("\uff37\uff48\uff45\uff52\uff45", "Where"),
        ("whеrе is my сard", "where is my card"),
        (b"Where is my card now".decode("utf-16-le"), "Where is my card now"),
    ],
)
def test_markup_marks_and_look_alikes_are_taken_out(damaged: str, meant: str) -> None:
    assert clean(damaged) == meant


@given(st.text(string.ascii_letters + string.digits + " .,;:!?'()-", max_size=80))
def test_plain_text_loses_nothing_but_spaces(text: str) -> None:
    assert clean(text).split() == text.split()


@given(st.text(max_size=200))
def test_no_text_is_too_strange(text: str) -> None:
    assert isinstance(clean(text), str)
