"""Words: their places and keys, in any script, and never an error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suffice.words import LONGEST, keys_of, words_of


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("The printing printed", ["the", "print", "print"]),
        ("1,000 kg or 1000 kg", ["1000", "kg", "or", "1000", "kg"]),
        ("12.5 %, 2019-05-18", ["12.5", "2019-05-18"]),
        ("card_arrival", ["card", "arriv"]),
        ("Röntgen RONTGEN", ["rontg", "rontg"]),
        ("שלום עולם", ["שלום", "עולם"]),
        ("東京都知事", ["東京", "都知", "事"]),
        ("", []),
        ("…!? \u202e\u0000", []),
    ],
)
def test_forms_of_one_word_share_a_key(text: str, keys: list[str]) -> None:
    assert keys_of(text) == keys


@given(st.text())
def test_every_word_stands_where_it_says(text: str) -> None:
    found = list(words_of(text))
    assert [w.key for w in found] == keys_of(text) and all(w.key for w in found)
    places = [at for w in found for at in (w.start, w.end)]
    assert places == sorted(places) and all(w.start < w.end <= len(text) for w in found)


def test_a_text_without_end_is_read_up_to_a_limit() -> None:
    assert len(keys_of("ab " * LONGEST)) == -(-LONGEST // 3)
