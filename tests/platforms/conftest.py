"""Rows to tune on, and keys that may stand nowhere but in the environment and in headers."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from suffice.demonstrations import Demonstration
from suffice.types import Message

KEYS = {
    "TOGETHER_API_KEY": "tg-secret-0123456789",
    "OPENAI_API_KEY": "sk-secret-0123456789",
    "FIREWORKS_API_KEY": "fw-secret-0123456789",
    "AWS_ACCESS_KEY_ID": "AKIASECRET0123456789",
    "AWS_SECRET_ACCESS_KEY": "aws-secret-0123456789",
    "GOOGLE_ACCESS_TOKEN": "ya29.secret-token",
}


@pytest.fixture(autouse=True)
def keys() -> Iterator[dict[str, str]]:
    before = dict(os.environ)
    os.environ.update(KEYS)
    yield KEYS
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def rows() -> tuple[Demonstration, ...]:
    return tuple(
        Demonstration(
            f"r{n}", (Message("system", "Be brief."), Message("user", f"question {n}")), Message("assistant", "yes")
        )
        for n in range(120)
    )
