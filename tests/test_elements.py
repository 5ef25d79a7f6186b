"""The elements of a document are what a JSON parser would find in it, wherever a read happens to end."""

from __future__ import annotations

import io
import json
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suffice.elements import Broken, Piece, pieces

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.text(), VALUES, max_size=4)
SPLITS = frozenset({("rows",), ("inside", "rows")})


def reads(text: bytes, size: int) -> Callable[[int], bytes]:
    """A file that gives at most `size` bytes at a time."""
    file = io.BytesIO(text)
    return lambda wanted: file.read(min(size, wanted))


def told(text: bytes, size: int = 1 << 20, longest: int = 1 << 20) -> list[Piece]:
    return list(pieces(reads(text, size), SPLITS, longest))


@settings(max_examples=50)
@given(st.lists(OBJECTS, max_size=5), st.integers(1, 40), st.sampled_from([None, 2]))
def test_an_array_at_the_top_is_its_elements(values: list[Any], size: int, indent: int | None) -> None:
    text = json.dumps(values, indent=indent).encode()
    assert [json.loads(piece.content) for piece in told(text, size)] == values


@settings(max_examples=50)
@given(st.lists(OBJECTS, min_size=1, max_size=5), OBJECTS, st.integers(1, 40), st.booleans())
def test_an_array_inside_is_its_elements_each_with_the_document_around(
    values: list[Any], around: dict[str, Any], size: int, deeper: bool
) -> None:
    before = {key: value for key, value in around.items() if key not in ("rows", "inside", "after")}
    inner: dict[str, Any] = {**before, "rows": values, "after": [1, {"rows": [2]}]}
    document = {**before, "inside": inner} if deeper else inner
    found = told(json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass"), size)
    assert [json.loads(piece.content) for piece in found] == values
    for piece in found:
        assert piece.path == (("inside", "rows") if deeper else ("rows",))
        context = json.loads(piece.around)
        assert context == ({**before, "inside": {**before, "rows": []}} if deeper else {**before, "rows": []})


@settings(max_examples=50)
@given(st.lists(OBJECTS, min_size=1, max_size=4), st.integers(1, 40))
def test_values_one_after_another_are_told_whole(values: list[Any], size: int) -> None:
    plain = [{f"k{key}": value for key, value in one.items()} for one in values]
    text = "\n".join(json.dumps(one, indent=1) for one in plain).encode()
    found = told(text, size)
    assert [json.loads(piece.content) for piece in found] == plain
    lines = [1 + sum(json.dumps(one, indent=1).count("\n") + 1 for one in plain[:at]) for at in range(len(plain))]
    assert [piece.line for piece in found] == lines


def test_a_document_whose_array_is_empty_is_told_whole() -> None:
    assert told(b'{"a": 1, "rows": [ ]}') == [Piece(1, b'{"a": 1, "rows": []}')]


def test_what_is_no_object_in_an_array_is_told_as_it_stands() -> None:
    assert [piece.content for piece in told(b'[1, "a", {"b": 2}, null]')] == [b'1, "a"', b'{"b": 2}', b"null"]


@pytest.mark.parametrize(
    ("text", "line"),
    [(b'[{"a": 1},\n{"b": 2', 2), (b'{"a": "no end', 1), (b'{"a": 1}}', 1), (b'{"a": 1}\nrubbish {"b": 2}', 1)],
)
def test_what_is_broken_is_said_after_what_could_be_read(text: bytes, line: int) -> None:
    found = []
    with pytest.raises(Broken) as broken:
        for piece in pieces(reads(text, 7), SPLITS, 1 << 20):
            found.append(piece)
    assert broken.value.line == line
    assert all(json.loads(piece.content) for piece in found)


def test_a_long_element_is_left_out_and_the_next_ones_are_told() -> None:
    text = json.dumps([{"a": 1}, {"b": "x" * 50_000}, {"c": 3}]).encode()
    assert [piece.content for piece in told(text, 1000, longest=10_000)] == [b'{"a": 1}', b"", b'{"c": 3}']


def test_memory_stays_flat_over_a_long_string() -> None:
    """A string of 50 MB in one element is read through, not held."""
    left = [50]

    def read(size: int) -> bytes:
        left[0] -= 1
        return b'[{"a": "' + b"x" * 1_000_000 if left[0] == 49 else b"x" * 1_000_000 if left[0] > 0 else b""

    tracemalloc.start()
    with pytest.raises(Broken):
        list(pieces(read, SPLITS, 1 << 20))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12_000_000
