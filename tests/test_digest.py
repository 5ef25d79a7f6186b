"""Digests: equal values, equal bytes; different values, different bytes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suffice.digest import canonical, digest_of, file_digest, plain

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@dataclass(frozen=True)
class Thing:
    name: str
    parts: tuple[int, ...] = ()
    hidden: int = field(default=0, repr=False)


@given(VALUES)
def test_canonical_json_is_json_and_reads_back_as_the_value(value: object) -> None:
    try:
        told = canonical(value).decode()
    except UnicodeDecodeError:  # a lone surrogate stays one
        told = canonical(value).decode("utf-8", "surrogatepass")
    assert json.loads(told) == json.loads(json.dumps(value))


@given(st.dictionaries(st.text(), st.integers(), min_size=2))
def test_the_order_of_keys_does_not_matter(value: dict[str, int]) -> None:
    assert digest_of(value) == digest_of(dict(reversed(value.items())))


@pytest.mark.parametrize(
    ("one", "other"), [(1, "1"), (1, True), ([1, [2]], [[1], 2]), (None, "null"), ({}, []), ("a", ["a"]), (0.1, 0.2)]
)
def test_different_values_have_different_digests(one: object, other: object) -> None:
    assert digest_of(one) != digest_of(other)


def test_dataclasses_tuples_sets_and_paths_are_plain_and_hidden_fields_are_not_there() -> None:
    thing = Thing("a", (1, 2), hidden=7)
    assert plain({"t": thing, "p": Path("a/b"), "s": {"y", "x"}}) == {
        "t": {"name": "a", "parts": [1, 2]},
        "p": "a/b",
        "s": ["x", "y"],
    }
    assert digest_of(thing) == digest_of(Thing("a", (1, 2), hidden=8)) != digest_of(Thing("a", (1, 3)))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {"a": [float("-inf")]}])
def test_what_is_no_json_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        digest_of(value)


def test_a_value_is_never_silently_turned_into_text() -> None:
    with pytest.raises(TypeError):
        digest_of({"model": object()})


def test_a_lone_surrogate_has_a_digest() -> None:
    assert len(digest_of("\ud800")) == 64


def test_a_files_digest_is_that_of_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"abc" * 100_000)
    assert file_digest(tmp_path / "f") == hashlib.sha256(b"abc" * 100_000).hexdigest()
