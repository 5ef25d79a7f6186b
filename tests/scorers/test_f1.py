"""F1 is SQuAD's: known values, and the best of several answers."""

from __future__ import annotations

import pytest

from suffice.data import Example, Output
from suffice.scorers.f1 import F1
from suffice.types import Answer, Json


@pytest.mark.parametrize(
    ("expected", "text", "value"),
    [
        ("Denver Broncos", "The Denver Broncos!", 1.0),
        ("Denver Broncos", "Broncos", 2 / 3),
        ("b c d", "c d e f", 4 / 7),
        ("cat cat", "cat", 2 / 3),
        ("cat", "dog", 0.0),
        ("", "the", 1.0),
        ("", "something", 0.0),
        (["cat", "big dog"], "dog", 2 / 3),
    ],
)
def test_known_values(expected: Json, text: str, value: float) -> None:
    got = F1()(Example("a", "q", expected), Answer(text)).value
    assert got == pytest.approx(value)


def test_the_reason_names_the_nearest_answer() -> None:
    said = F1()(Example("a", "q", ["cat", "big dog"]), Answer("dog"))
    assert said.reason == "shares words with `big dog`: F1 0.67"


def test_it_fits_free_text_only() -> None:
    assert F1().misfit(Output()) is None and F1().misfit(Output("schema")) is not None
