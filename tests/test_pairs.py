"""Pairs come from gold contexts, are counted before anything is tuned on them, and tell what tuning gained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from suffice.data import Context, Dataset, Example, Output
from suffice.pairs import Pair, gained, gate, pairs, recalled


def test_each_gold_text_makes_a_pair_once() -> None:
    told = (Context("a.md", "Oslo is open."), Context("b.md", None), Context(None, "Rome is closed."))
    twice = [Example("one", "Where?", "Oslo", context=told), Example("two", "where? ", "Oslo", context=told[:1])]
    found = pairs(Dataset((*twice, Example("three", "Why?", "x")), Output("text")))
    assert found == (Pair("one/0", "Where?", "Oslo is open."), Pair("one/1", "Where?", "Rome is closed."))


def test_the_gate_wants_a_thousand() -> None:
    one = Pair("a", "b", "c")
    assert not gate([one] * 999).passed and gate([one] * 1000).passed
    assert gate([one] * 999).measured == "999"


def numbers(texts: Sequence[str]) -> Any:
    """The vector of the number at a text's end, which the text's first word may turn away."""
    angles = np.array([float(t.split()[-1]) + 0.5 * t.startswith("off") for t in texts])
    return np.stack((np.cos(angles), np.sin(angles)), 1).astype(np.float32)


def test_a_text_counts_where_it_is_among_the_nearest() -> None:
    held = [Pair("a", "q 0.1", "t 0.1"), Pair("b", "q 0.9", "t 1.3"), Pair("c", "q 2", "t 2")]
    assert recalled(numbers, held, ["other 0.9"], k=1) == [1.0, 0.0, 1.0]
    assert recalled(numbers, held, ["other 0.9"], k=2) == [1.0, 1.0, 1.0]
    assert recalled(lambda texts: np.ones((len(texts), 2), np.float32), held, k=2) == [0.0, 0.0, 0.0]


def test_what_was_gained_is_told_pair_by_pair() -> None:
    held = [Pair(str(n), f"off {0.05 * n}", f"t {0.05 * n}") for n in range(60)]
    found = gained(numbers, lambda texts: numbers([t.removeprefix("off ") for t in texts]), held, k=1)
    assert found.n == 60 and found.proven and found.lift > 0.9
    assert found.method.lower().find("mcnemar") >= 0


def test_pairs_of_one_text_are_a_group() -> None:
    held = [Pair(str(n), f"q {n // 2}", f"t {n // 2}") for n in range(10)]
    assert gained(numbers, numbers, held, k=1).groups == 5
