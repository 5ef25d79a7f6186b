"""Formulas: one text of the arithmetic, the same in Python, for arrays, and in JavaScript."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from javascript import run

from suffice.formula import JAVASCRIPT, Formula, as_formula, evaluate, least, name, script, whole

AMOUNTS = st.floats(min_value=0, max_value=1e9, allow_nan=False)
A, B = name("a"), name("b")
ALL = {
    "sum": A + B,
    "difference": A - B,
    "rest": 1 - A,
    "product": A * B,
    "quotient": A / B,
    "smaller": least(A, B),
    "pieces": whole(A / 7),
    "nested": (name("sum") * 2 - name("product")) / (B + 1),
}


@settings(max_examples=80, deadline=None)
@given(AMOUNTS, AMOUNTS)
def test_a_formula_is_its_arithmetic(a: float, b: float) -> None:
    found = evaluate(ALL, {"a": a, "b": b})
    assert found["sum"] == a + b and found["product"] == a * b and found["smaller"] == min(a, b)
    assert found["quotient"] == (a / b if b >= 1e-30 else 0.0)
    assert found["nested"] == ((a + b) * 2 - a * b) / (b + 1)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(AMOUNTS, AMOUNTS), min_size=1, max_size=20))
def test_arrays_are_worked_out_as_their_numbers_are(pairs: list[tuple[float, float]]) -> None:
    a, b = (np.array(side) for side in zip(*pairs, strict=True))
    together = evaluate(ALL, {"a": a, "b": b})
    alone = [evaluate(ALL, {"a": x, "b": y}) for x, y in pairs]
    for called in ALL:
        assert np.asarray(together[called]).tolist() == [one[called] for one in alone]


@settings(max_examples=10, deadline=None)
@given(st.lists(st.tuples(AMOUNTS, AMOUNTS), min_size=60, max_size=60))
def test_the_script_says_the_same(pairs: list[tuple[float, float]]) -> None:
    cases = [{"a": a, "b": b} for a, b in pairs]
    told = run(f"{JAVASCRIPT}\n{script(ALL, 'all')}\nreport({json.dumps(cases)}.map(all));")
    assert len(told) == 60
    for case, found in zip(cases, told, strict=True):
        assert found == pytest.approx(evaluate(ALL, case), rel=1e-12, abs=1e-12)


def test_whole_things_are_counted_a_hair_generously() -> None:
    counted = [whole(as_formula(x))({}) for x in (0.0, 1e-12, 0.2, 1.0, 3.0000000001, 3.001, -2.0)]
    assert counted == [0, 0, 1, 1, 3, 4, 0]


def test_a_missing_name_is_named() -> None:
    with pytest.raises(KeyError, match="b"):
        (A + B)({"a": 1.0})
    assert (A * (B + 2)).names == {"a", "b"} and Formula("constant", constant=2).script == "2"


def test_nothing_divides_by_nothing() -> None:
    values = (A / B)({"a": np.array([1.0, 0.0, 5.0]), "b": np.array([0.0, 0.0, 2.0])})
    assert values.tolist() == [0.0, 0.0, 2.5] and math.isfinite((A / B)({"a": 1.0, "b": 0.0}))
