"""Logged calls made by hand, for the tests of the audit."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from suffice.exchange import Exchange
from suffice.types import Message, Usage

_WORDS = """refund order parcel late broken invoice address cancel password login change delivery card payment question
customer account receipt return size colour shop window ticket train hotel breakfast weather"""
WORDS = _WORDS.split()
RULES = "\n".join(f"Rule {n}: look at policy {n} before you answer." for n in range(120))
SYSTEM = f"You are a support agent.\n{RULES}"
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}


def call(id_: str = "1", asked: str = "Where is my parcel?", said: str | None = "On its way.", **more: Any) -> Exchange:
    """One call with a system prompt."""
    messages = (Message("system", more.pop("system", SYSTEM)), Message("user", asked))
    reply = None if said is None else Message("assistant", said)
    return replace(Exchange(id_, messages, reply, model="gpt-4o-mini", finish="stop"), **more)


def traffic(n: int, *, seed: int = 0, every: float = 60.0) -> Iterator[Exchange]:
    """Calls that differ in their words, one a minute."""
    draw = random.Random(seed)
    for at in range(n):
        asked = " ".join(draw.choice(WORDS) for _ in range(draw.randint(5, 40)))
        usage = Usage(1_300 + at % 50, 20 + at % 9)
        yield call(
            f"c{at}", asked, f"Reply {at}.", time=1.7e9 + at * every, ms=draw.lognormvariate(6, 0.5), usage=usage
        )
