"""Who sees what: the parts that a dataset is split into."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

import pytest

from suffice.data import Dataset, Example, likeness
from suffice.split import Parts, seeded, split

PARTS = ("pool", "select", "test", "edge")


def cases(n: int, **more: str) -> list[Example]:
    return [Example(f"e{i}", f"question {i}", f"answer {i}", **more) for i in range(n)]  # type: ignore[arg-type]


def parted(examples: Sequence[Example], seed: int = 0) -> Parts:
    return split(Dataset(tuple(examples)), seed)


def ids(parts: Parts) -> dict[str, list[str]]:
    return {part: [e.id for e in getattr(parts, part)] for part in PARTS}


def sizes(parts: Parts) -> dict[str, int]:
    return {part: len(getattr(parts, part)) for part in PARTS}


def test_every_example_is_in_exactly_one_part() -> None:
    parts = parted([*cases(90), *(Example(f"x{i}", f"odd {i}", partition="edge") for i in range(10))])
    placed = Counter(id_ for part in ids(parts).values() for id_ in part)
    assert set(placed.values()) == {1} and len(placed) == 100


@pytest.mark.parametrize(
    ("core", "test"), [(300, 150), (100, 50), (80, 50), (60, 50), (59, 49), (30, 20), (12, 6), (3, 2), (1, 0)]
)
def test_test_is_half_raised_to_fifty_where_ten_remain(core: int, test: int) -> None:
    parts = parted(cases(core))
    assert len(parts.test) == test and len(parts.dev) == core - test


def test_dev_is_six_tenths_pool_and_select_has_a_cap() -> None:
    assert sizes(parted(cases(200))) == {"pool": 60, "select": 40, "test": 100, "edge": 0}
    assert len(parted(cases(2000)).select) == 80


def test_a_given_split_is_honoured() -> None:
    marked = [*cases(40), *(Example(f"t{i}", f"later {i}", split="test") for i in range(7))]
    parts = parted(marked)
    assert sorted(ids(parts)["test"]) == [f"t{i}" for i in range(7)]
    kept = [*(Example(f"d{i}", f"shown {i}", split="dev") for i in range(8)), *cases(60)]
    assert {f"d{i}" for i in range(8)} <= {e.id for e in parted(kept).dev}


def test_edge_is_all_test_unless_marked() -> None:
    odd = [Example(f"x{i}", f"odd {i}", partition="edge", split="dev" if i < 2 else None) for i in range(6)]
    parts = parted([*cases(40), *odd])
    assert sorted(ids(parts)["edge"]) == ["x2", "x3", "x4", "x5"]
    assert {"x0", "x1"} <= {e.id for e in parts.dev}


@pytest.mark.parametrize("seed", range(5))
def test_groups_and_texts_that_read_the_same_stay_whole(seed: int) -> None:
    draw = random.Random(seed)
    examples = [
        Example(f"e{i}", f"Frage {draw.randrange(60)}{draw.choice(['', '!', ' ?'])}", "x", group=draw.choice(groups))
        for i, groups in enumerate([[None, "a", "b", "c"]] * 200)
    ]
    parts = parted(examples, seed)
    home = {e.id: part for part in PARTS for e in getattr(parts, part)}
    for same in (lambda e: e.group or e.id, lambda e: likeness(e.text)):
        together: dict[str, set[str]] = {}
        for e in examples:
            together.setdefault(same(e), set()).add(home[e.id])
        assert all(len(places) == 1 for places in together.values())


def test_a_test_item_that_also_stands_in_dev_is_moved_out_and_told() -> None:
    twins = [Example("a", "Where is it?", split="dev"), Example("b", "where IS it", split="test")]
    parts = parted([*twins, Example("c", "another one", split="test"), *cases(20)])
    assert parts.moved == ("b",) and ids(parts)["test"] == ["c"]
    assert "b" in parts.dev.by_id


def test_texts_that_read_as_nothing_are_not_taken_for_the_same() -> None:
    parts = parted([Example(f"e{i}", "?" * (i + 1), "x") for i in range(40)])
    assert len(parts.test) == 30 and parts.moved == ()


def test_labels_keep_their_shares() -> None:
    examples = [Example(f"e{i}", f"text {i}", "rare" if i % 10 == 0 else "usual") for i in range(400)]
    parts = parted(examples)
    assert Counter(e.expected for e in parts.test) == {"usual": 180, "rare": 20}
    assert Counter(e.expected for e in parts.select)["rare"] in (7, 8, 9)


@pytest.mark.parametrize("grouped", [False, True])
def test_the_parts_and_their_order_depend_on_the_seed_and_the_ids_alone(grouped: bool) -> None:
    label = ("yes", "no", "maybe")
    examples = [
        Example(f"e{i}", f"text {i}", label[i % 3], group=f"g{i // 4}" if grouped else None) for i in range(240)
    ]
    shuffled = random.Random(1).sample(examples, len(examples))
    assert ids(parted(examples)) == ids(parted(shuffled))
    assert set(ids(parted(examples, 1))["test"]) != set(ids(parted(examples, 2))["test"])


def test_a_seeded_order_is_a_prefix_of_itself_when_examples_are_taken_away() -> None:
    order = [e.id for e in seeded(cases(50), 3)]
    assert [e.id for e in seeded(cases(50)[10:], 3)] == [i for i in order if int(i[1:]) >= 10]


@pytest.mark.parametrize("size", [7, 20, 45])
def test_large_groups_leave_ten_for_dev(size: int) -> None:
    """Whole groups cannot hit every size, but the last one must not swallow what dev needs."""
    for seed in range(20):
        examples = [
            Example(f"e{i}", f"text {i}", "x", group=f"g{i // size}" if i < 2 * size else None) for i in range(100)
        ]
        parts = parted(examples, seed)
        assert len(parts.dev) >= 10 and abs(len(parts.test) - 50) <= size / 2 + 1


def test_ten_thousand_rows_split_in_half() -> None:
    examples = [Example(f"e{i}", f"a question about thing {i}", f"label {i % 77}") for i in range(10_000)]
    parts = parted(examples)
    assert len(parts.test) == 5000


def test_a_test_item_that_nearly_repeats_a_dev_item_is_moved_out_and_named_with_it() -> None:
    asked = "Could you tell me where my blue parcel is"
    marked = [
        *(Example("d", asked, split="dev"), Example("n", f"{asked} now", split="test")),
        *(Example("x", f"{asked}?", split="test"), Example("o", asked.replace("blue", "red"), split="test")),
    ]
    parts = parted([*marked, *cases(20)])
    assert parts.moved == ("n", "x") and parts.near == (("n", "d"),) and ids(parts)["test"] == ["o"]


@pytest.mark.parametrize("seed", range(5))
def test_near_duplicates_stay_on_one_side_and_are_told_where_they_judge(seed: int) -> None:
    texts = [f"please tell me about {a}{b} and its long history" for a in "abcdefgh" for b in "ijklm"]
    examples = [Example(f"e{i}{more}", text + more) for i, text in enumerate(texts) for more in ("", " today")]
    parts = parted(examples, seed)
    home = {e.id: part for part in PARTS for e in getattr(parts, part)}
    assert all(home[f"e{i}"] == home[f"e{i} today"] for i in range(len(texts)))
    assert set(parts.alike) == {(e.id, f"{e.id} today") for e in parts.test if not e.id.endswith("today")}
    assert parts.moved == parts.near == ()
    grouped = parted([Example(e.id, e.input, group=e.id.split()[0]) for e in examples], seed)
    assert grouped.alike == ()
