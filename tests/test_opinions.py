"""What dev says of labels: never the example itself, its group or its twin, and nothing that test says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from suffice.data import Dataset, Example, Output
from suffice.opinions import joined, opinions
from suffice.types import Json

TOPICS = {"refund": "please send the money back for", "shipping": "where on its way is the parcel of"}
THINGS = ("a lamp", "two chairs", "the blue sofa", "one rug", "my table", "our shelf", "that clock", "an oven")


def cases(n: int, *, part: str = "d", **more: str) -> list[Example]:
    """Half of each label, worded apart."""
    names = list(TOPICS)
    return [
        Example(f"{part}{i}", f"{TOPICS[names[i % 2]]} {THINGS[i // 2 % 8]} no {i}", names[i % 2], **more)  # type: ignore[arg-type]
        for i in range(n)
    ]


def parts(dev: list[Example], test: list[Example]) -> dict[str, Dataset]:
    output = Output("labels", tuple(TOPICS))
    return {"pool": Dataset(tuple(dev), output), "test": Dataset(tuple(test), output)}


def by_id(folder: Path, dev: list[Example], test: list[Example]) -> dict[str, tuple[int, str]]:
    """How many of the nearest carry `refund`, and what the classifier says."""
    found = opinions(parts(dev, test), folder=folder, embedder=None)
    assert all(o.by == "words" and 0 <= o.confidence <= 1 for o in found)
    return {o.id: (o.near.get("refund", 0), o.label) for o in found}


def test_dev_speaks_for_the_label_that_is_meant(tmp_path: Path) -> None:
    dev = cases(60)
    dev[4] = replace(dev[4], expected="shipping")
    found = by_id(tmp_path, dev, cases(4, part="t"))
    assert set(found) == {e.id for e in dev} | {"t0", "t1", "t2", "t3"}
    assert found["d4"][0] >= 10 and found["d4"][1] == "refund"
    assert found["t0"][0] >= 10 and found["t1"][0] <= 5 and found["t1"][1] == "shipping"


def test_what_test_is_labelled_changes_no_opinion(tmp_path: Path) -> None:
    dev, test = cases(60), cases(20, part="t")
    other = [replace(e, expected="shipping") for e in test]
    assert by_id(tmp_path, dev, test) == by_id(tmp_path, dev, other)


def test_neither_its_twin_nor_its_group_speaks_for_an_example(tmp_path: Path) -> None:
    odd: Json = "please ship the money parcel of my lamp back"
    dev = [*cases(60), Example("odd", odd, "third", group="x"), Example("twin", f"{odd}!", "third", group="y")]
    dev += [Example(f"same{i}", f"{odd} and more {THINGS[i]}", "third", group="x") for i in range(6)]
    dev += [Example("friend", f"{odd}, as I said before", "third", group="y")]
    found = {o.id: o for o in opinions(parts(dev, []), folder=tmp_path, embedder=None)}
    assert sum(found["odd"].near.values()) == 17
    assert "third" not in found["odd"].near and found["odd"].label != "third"
    assert "third" not in found["friend"].near  # joined to the group of its group's twin


def test_the_order_of_the_examples_does_not_matter(tmp_path: Path) -> None:
    dev = cases(40)
    assert by_id(tmp_path, dev, []) == by_id(tmp_path, dev[::-1], [])


def test_one_label_or_none_has_no_opinions(tmp_path: Path) -> None:
    assert opinions(parts([e for e in cases(20) if e.expected == "refund"], []), folder=tmp_path, embedder=None) == ()
    assert opinions(parts([Example("a", "b")], []), folder=tmp_path, embedder=None) == ()


@pytest.mark.usefixtures("minilm")
def test_meaning_is_compared_where_the_embedder_is_there(tmp_path: Path) -> None:
    found = opinions(parts(cases(30), []), folder=tmp_path)
    assert {o.by for o in found} == {"meaning"} and all(sum(o.near.values()) == 7 for o in found)


def test_heaps_are_joined_by_keys_and_pairs() -> None:
    of = joined({"a": "1", "b": "1", "c": "2", "d": "3", "e": "4"}, [("b", "c"), ("c", "d")])
    assert len({of[x] for x in "abcd"}) == 1 and of["e"] != of["a"]
