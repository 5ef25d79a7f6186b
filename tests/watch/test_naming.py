"""Naming: each kind by the monitors that move and those that do not, and "cannot tell" where that is not enough."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suffice.watch.monitors import BY_NAME
from suffice.watch.naming import UNKNOWN, told

ALL = frozenset(BY_NAME)


@pytest.mark.parametrize(
    ("moved", "kinds"),
    [
        ("anchors", ["judge"]),
        ("anchors, scores", ["judge"]),
        ("words", ["input"]),
        ("words, labels, passage scores, reply length, latency, scores", ["input"]),
        ("length", ["input"]),
        ("passage scores", ["retrieval"]),
        ("documents, canaries, labels, reply length, scores", ["retrieval"]),
        ("canaries", ["model"]),
        ("canaries, labels, reply length, latency, scores", ["model"]),
        ("labels", ["label"]),
        ("labels, right labels, scores", ["label"]),
        ("reply length", [UNKNOWN]),
        ("latency, scores", [UNKNOWN]),
        ("scores", [UNKNOWN]),
        ("", [UNKNOWN]),
        ("anchors, words", ["judge", "input"]),
        ("anchors, canaries", ["judge", "model"]),
        ("words, canaries", ["input", "model"]),
        ("labels, canaries, right labels", ["model", "label"]),
    ],
)
def test_the_table(moved: str, kinds: list[str]) -> None:
    names = {n for n in moved.split(", ") if n}
    assert [n.kind for n in told(names, ALL - names)] == kinds


@pytest.mark.parametrize(
    ("moved", "kinds"), [("labels", [UNKNOWN]), ("reply length", ["model"]), ("latency, scores", ["model"])]
)
def test_without_canaries_less_can_be_told(moved: str, kinds: list[str]) -> None:
    names = set(moved.split(", "))
    assert [n.kind for n in told(names, ALL - names - {"canaries"})] == kinds


def test_a_new_version_sides_with_the_model_where_retrieval_moved_too() -> None:
    moved = {"documents", "canaries"}
    assert [n.kind for n in told(moved, ALL - moved)] == ["retrieval"]
    assert [n.kind for n in told(moved, ALL - moved, {"model"})] == ["retrieval", "model"]
    assert [n.kind for n in told({"labels"}, ALL - {"labels", "canaries"}, {"model"})] == ["model"]


@given(st.sets(st.sampled_from(sorted(ALL))), st.sets(st.sampled_from(sorted(ALL))), st.booleans())
def test_every_pattern_has_a_name_and_what_it_names_has_moved(moved: set[str], there: set[str], new: bool) -> None:
    names = told(moved, there - moved, {"model"} if new else set())
    assert names and len({n.kind for n in names}) == len(names)
    assert all(set(n.moved) <= moved and n.why for n in names)
    if "anchors" in moved:
        assert names[0].kind == "judge"
