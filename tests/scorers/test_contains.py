"""Contains looks for whole words."""

from __future__ import annotations

import pytest

from suffice.data import Example, Output
from suffice.scorers.contains import Contains, words
from suffice.types import Answer, Json


def score(expected: Json, text: str) -> float | None:
    return Contains()(Example("a", "q", expected), Answer(text)).value


@pytest.mark.parametrize(
    ("expected", "text", "value"),
    [
        ("12", "There are 12 of them.", 1.0),
        ("12", "There are 120 of them.", 0.0),
        ("12", "12.5 percent", 0.0),
        ("12", "room A12", 0.0),
        ("12", "it is 12km away", 1.0),
        ("12", "minus -12 degrees", 0.0),
        ("12", "10-12 days", 1.0),
        ("1,200", "1200 euros", 1.0),
        ("three days", "Within THREE\n days!", 1.0),
        ("three days", "three long days", 0.0),
        ("cat", "concatenate", 0.0),
        ("Zürich", "in zurich.", 1.0),
        ("co-op", "the co op", 1.0),
        ("京都", "私は京都に行く", 1.0),
        (["no", "never"], "Never.", 1.0),
        (12, "12", 1.0),
        ("?!", "?!", 0.0),
    ],
)
def test_an_answer_is_found_in_whole_words_or_not_at_all(expected: Json, text: str, value: float) -> None:
    assert score(expected, text) == value


def test_numbers_keep_their_decimals_and_lose_their_thousands() -> None:
    assert words("1,234,567.80 or 3,5 or 1.200") == ["1234567.80", "or", "3,5", "or", "1.200"]


def test_the_reason_quotes_the_reply() -> None:
    assert Contains()(Example("a", "q", "12"), Answer("about\n120")).reason == "`12` is not in `about 120`"


def test_labels_are_refused_because_a_list_of_all_labels_would_pass() -> None:
    assert Contains().misfit(Output("labels", ("a", "b"))) is not None
    assert Contains().misfit(Output()) is None
