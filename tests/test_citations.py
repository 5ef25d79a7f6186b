"""Which citations hold."""

from __future__ import annotations

import pytest

from suffice.citations import cited
from suffice.types import Passage

SHOWN = (
    Passage("a#1", "a", "Everybody has 25 days of leave a year, and may carry over five."),
    Passage("b#1", "b", "A night in a hotel costs at most 120 euros."),
)

CASES = {
    "25 days [1].": ("25 days.", ("a#1",), ()),
    "25 days [1] and 120 euros [2][1].": ("25 days and 120 euros.", ("a#1", "b#1"), ()),
    "Both [1, 2]": ("Both", ("a#1", "b#1"), ()),
    "As said [passage 2]": ("As said", ("b#1",), ()),
    "Never [3]": ("Never", (), ("[3]",)),
    "Zero [0] and [99999]": ("Zero and [99999]", (), ("[0]",)),
    'It says "days of leave a year".': ('It says "days of leave a year".', ("a#1",), ()),
    'It says "forty days of leave".': ('It says "forty days of leave".', (), ()),
}


@pytest.mark.parametrize("text", CASES)
def test_markers_and_quotations_cite_what_was_shown_and_nothing_else(text: str) -> None:
    found = cited(text, SHOWN)
    assert (found.text, found.citations, found.invented) == CASES[text]


@pytest.mark.parametrize(
    ("text", "citations"),
    [
        ("120 euros", ("b#1",)),
        ("Well, a night in a hotel costs 500", ("b#1",)),
        ("25", ("a#1",)),
        ('The answer is "120 euros"', ("b#1",)),
        ('The answer is "5 years"', ()),
        ("a", ()),
        ("no", ()),
        ("Paris is the capital of France", ()),
        ("", ()),
    ],
)
def test_an_answer_without_markers_is_attributed_by_its_words(text: str, citations: tuple[str, ...]) -> None:
    found = cited(text, SHOWN)
    assert (found.citations, found.attributed) == (citations, bool(citations))


def test_nothing_shown_nothing_cited() -> None:
    assert cited("25 days [1]", ()).citations == () and cited("25 days [1]", ()).invented == ("[1]",)
