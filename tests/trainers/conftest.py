"""A base to train, and what it is taught."""

from __future__ import annotations

import pytest
from bases import write_llama, write_tokenizer

from suffice.demonstrations import Demonstration
from suffice.trainer import Base
from suffice.types import Message


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Base:
    """A Llama with two layers, grouped heads and random numbers."""
    pytest.importorskip("peft")
    folder = tmp_path_factory.mktemp("tiny")
    write_tokenizer(folder)
    write_llama(folder)
    return Base("tiny", "0" * 64, folder)


WORDS = ("refund", "parcel", "login", "invoice")


@pytest.fixture(scope="session")
def rows() -> list[Demonstration]:
    """Sixty questions of different lengths, each answered with the word that it holds."""
    found = []
    for n in range(60):
        word = WORDS[n % len(WORDS)]
        asked = (Message("system", "Name the topic."), Message("user", f"{'please ' * (n % 5)}see my {word} {n}"))
        found.append(Demonstration(f"row-{n}", asked, Message("assistant", word)))
    return found
