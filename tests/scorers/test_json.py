"""The json scorer counts right fields, and reads nothing but JSON."""

from __future__ import annotations

import json

import pytest

from suffice.data import Example, Output
from suffice.scorers.json import Json
from suffice.types import Answer
from suffice.types import Json as Value

ORDER = {"item": "lamp", "quantity": 2, "date": "2024-05-01", "gift": None}


def score(expected: Value, got: Value) -> float | None:
    return Json()(Example("a", "q", expected), Answer(got if isinstance(got, str) else json.dumps(got))).value


def test_the_value_is_the_share_of_right_fields() -> None:
    assert score(ORDER, ORDER) == 1.0
    assert score(ORDER, {**ORDER, "quantity": 3}) == pytest.approx(3 / 4)
    assert score(ORDER, {"item": "lamp"}) == pytest.approx(2 / 4)
    assert score(ORDER, {}) == pytest.approx(1 / 4)


def test_a_field_nobody_asked_for_counts_as_a_wrong_one() -> None:
    assert score({"item": "lamp"}, {"item": "lamp", "colour": "red"}) == 0.5
    assert score({"item": "lamp"}, {"item": "lamp", "colour": None}) == 1.0


@pytest.mark.parametrize(
    ("want", "got", "equal"),
    [
        (1, 1.0, True),
        (0.1 + 0.2, 0.3, True),
        (5, "5", False),
        (1, True, False),
        (True, True, True),
        ("2024-05-01", "2024-05-01T00:00:00", True),
        ("2024-05-01", "20240501", False),
        ("2024-05-01", "2024-05-02", False),
        ("2024-05-01T10:00:00Z", "2024-05-01T12:00:00+02:00", True),
        ("20240501", "2024-05-01", False),
        ("lamp ", "lamp", True),
        ("Lamp", "lamp", False),
        ([1, 2], [1.0, 2.0], True),
        ([1, 2], [2, 1], False),
        ({"a": 1}, {"a": 1, "b": None}, True),
        ({"a": {"b": [1]}}, {"a": {"b": [2]}}, False),
    ],
)
def test_values_of_one_type_are_compared_by_what_they_mean(want: Value, got: Value, equal: bool) -> None:
    assert score({"field": want}, {"field": got}) == float(equal)


@pytest.mark.parametrize(
    "text", ["", "no record", '```json\n{"item": "lamp"}\n```', '{"item": "lamp"', '{"item": NaN}', "[" * 100_000]
)
def test_what_is_not_strict_json_scores_nothing(text: str) -> None:
    said = Json()(Example("a", "q", {"item": "lamp"}), Answer(text))
    assert said.value == 0.0 and said.reason.startswith("not JSON: ")


def test_a_value_that_a_layer_parsed_is_taken_as_it_is() -> None:
    assert Json()(Example("a", "q", ORDER), Answer("unreadable", value=ORDER)).value == 1.0


def test_a_list_is_alternatives_unless_a_list_was_replied() -> None:
    assert score([{"a": 1}, {"a": 2}], {"a": 2}) == 1.0
    assert score({"any_of": [[1, 2], [2, 1]]}, [2, 1]) == 1.0
    assert score([1, 2], [1, 2]) == 1.0
    assert score([1, 2], [2]) == 0.0


def test_the_reason_names_each_wrong_field() -> None:
    said = Json()(Example("a", "q", ORDER), Answer(json.dumps({"item": "lamp", "quantity": 3, "colour": "red"})))
    assert said.reason == (
        'quantity: want 2, got 3; date: missing, want "2024-05-01"; colour: nobody asked for it, got "red"'
    )


def test_a_record_is_wanted_where_a_number_came() -> None:
    assert Json()(Example("a", "q", ORDER), Answer("3")).reason == "want an object, got 3"


def test_it_fits_records_only() -> None:
    assert Json().misfit(Output("schema", schema={})) is None
    assert Json().misfit(Output("labels", ("a",))) is not None
