"""What is shown: secrets masked before anything is cut, by their shape or by the key they stand under."""

from __future__ import annotations

import pytest

from suffice.audit.shown import clean, masked, shown
from suffice.exchange import Exchange
from suffice.types import Message

KEY = "sk-proj-abcdefghijklmnop0123456789"


@pytest.mark.parametrize("before", range(0, 120, 7))
def test_a_secret_at_the_edge_of_what_is_shown_is_no_half_secret(before: int) -> None:
    told = clean("x " * (before // 2) + KEY + " and more " * 50, 100)
    assert "sk-proj" not in told and "abcdef" not in told and len(told) <= 100


def test_many_secrets_in_a_row_do_not_push_the_last_one_into_sight() -> None:
    assert "sk-" not in clean(f"{KEY} " * 2_000, 600)


def test_a_secret_is_known_by_its_key_in_json() -> None:
    value = {"password": "hunter22", "note": "hunter22 is a word", "list": [{"api_key": "abc123def456ghi"}], KEY: 1}
    made = masked(value)
    assert made == {
        "password": "[password]",
        "note": "hunter22 is a word",
        "list": [{"api_key": "[api key]"}],
        "[api key]": 1,
    }


def test_an_exchange_in_a_few_lines() -> None:
    error = shown(Exchange(KEY, (Message("user", "Hi " * 1_000),), error=f"401 {KEY}"), KEY)
    assert KEY not in repr(error) and len(error.asked) <= 600 and error.replied.startswith("error: 401")
    assert shown(Exchange("1")).asked == ""
