"""Secrets of every known shape are masked; ordinary text stays as it is."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suffice.secrets import impersonal, masked, secrets

KEY = "sk-" + "proj-Ab3" * 5
"""Made up here, as all keys in this file: in parts, so that no scanner takes them for real ones."""
TEXTS = [
    (f"use {KEY} today", "use [api key] today"),
    ("AKIA" + "IOSFODNN7EXAMPLE, please", "[aws key], please"),
    ("gh" + "p_" + "a1B2" * 9, "[api key]"),
    ("xox" + "b-123456789012-abcdefGHIJ", "[api key]"),
    ("AI" + "za" + "Sy0" * 11 + "ab", "[api key]"),
    ("s" + "k_live_" + "4eC39HqLyjWD", "[api key]"),
    ("Authorization: Bearer " + "abc123DEF456ghi789", "Authorization: Bearer [token]"),
    ("authorization: basic " + "dXNlcjpwYXNzd29yZDE=", "authorization: basic [token]"),
    ("ey" + "J" + "hbGciOiJIUzI1NiJ9.ey" + "JzdWIiOiIxIn0.c2lnbmF0dXJl!", "[token]!"),
    ("postgres://anna:hunter2@db:5432/x", "postgres://anna:[password]@db:5432/x"),
    ("a -----BEGIN RSA PRIVATE" + " KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- b", "a [private key] b"),
    ("-----BEGIN PRIVATE" + " KEY-----\nMIIEvQ and the rest is cut", "[private key]"),
    ('{"password": "correct horse battery"}', '{"password": "[password]"}'),
    (r"{\"api_key\": \"abc12345\", \"n\": 1}", r"{\"api_key\": \"[api key]\", \"n\": 1}"),
    ("export MY_SECRET_TOKEN=abc12345xyz", "export MY_SECRET_TOKEN=[api key]"),
    ("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfi", "aws_secret_access_key = [api key]"),
    ("card 4111 1111 1111 1111, thanks", "card [card number], thanks"),
    ("5500-0000-0000-0004", "[card number]"),
]


@pytest.mark.parametrize(("text", "expected"), TEXTS)
def test_a_secret_is_masked_and_nothing_else(text: str, expected: str) -> None:
    assert masked(text) == expected
    assert masked(masked(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "4111 1111 1111 1112 has a wrong check digit",
        "order 12345678901234567890123 of 2026-11-28T10:00:00.123456789Z",
        "max_tokens: 512, total_tokens=104857 and token: hello",
        "the key: value pairs, a primary key = 12345678",
        "a bearer of good news, basic understanding of photosynthesis",
        "https://example.com/a?b=c and user@example.com",
        "task-based sk-ill, ghost, monkey: banana",
        "0000000000000000",
        "",
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    assert masked(text) == text and secrets(text) == ()


@given(st.text(), st.text())
def test_a_key_between_any_texts_is_masked(before: str, after: str) -> None:
    """Whatever stands around it, also letters that grow when they are made small."""
    assert KEY not in masked(f"{before} {KEY} {after}")


@given(st.text())
def test_what_is_found_lies_in_the_text_in_order(text: str) -> None:
    found = secrets(text)
    assert all(0 <= secret.start < secret.end <= len(text) for secret in found)
    assert all(first.end <= second.start for first, second in pairwise(found))


def test_what_is_personal_is_masked_apart() -> None:
    assert impersonal("mail Anna@Example.com or +48 123 456 789") == "mail [email] or [phone]"
    assert impersonal("(030) 1234567, 555-123-4567") == "[phone], [phone]"
    plain = "on 2026-11-28 at 10:30 version 1.2.3.4.5.6.7.8 of order 12345678 cost 1,234,567.89"
    assert impersonal(plain) == plain


HOSTILE = ["-----BEGIN PRIVATE" + " KEY-----", "eyJ", "://a:", "password: ", "4", "1 ", "a@", "a.", "+4 ", "key=a1 "]


@pytest.mark.parametrize("part", HOSTILE)
def test_hostile_repetition_takes_no_long(part: str) -> None:
    """200,000 characters in CPU seconds; what backtracks takes minutes."""
    assert _cpu(part * (200_000 // len(part))) < 3.0


def _cpu(text: str) -> float:
    start = time.process_time()
    masked(text)
    impersonal(text)
    return time.process_time() - start


def test_real_questions_hold_no_secrets(data: Path) -> None:
    """3,080 questions to a bank: none of them holds a key, a password or a card's number."""
    text = "".join(path.read_text("utf-8") for path in sorted((data / "banking77").glob("*test*")))
    assert len(text) > 100_000
    assert [text[s.start - 20 : s.end] for s in secrets(text)] == []
