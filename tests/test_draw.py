"""What people label is drawn blind: at random by the seed, both arms, and nothing says which."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from suffice.data import Example
from suffice.draw import drawn, to_label
from suffice.labels import Arm, Label, Labels, sha256
from suffice.split import seeded

EXAMPLES = [Example(f"q{n}", f"question {n}", "right") for n in range(200)]
BEFORE = Arm({e.id: f"before {e.id}" for e in EXAMPLES}, {})
AFTER = Arm({e.id: f"after {e.id}" if int(e.id[1:]) % 2 else BEFORE.outputs[e.id] for e in EXAMPLES}, {})


def test_every_output_of_the_drawn_items_stands_there_once_and_no_arm_is_named() -> None:
    rows = to_label(BEFORE, AFTER, EXAMPLES, 60)
    ids = {e.id for cluster in drawn(EXAMPLES, 0)[:60] for e in cluster}
    wanted = {(id_, arm.outputs[id_]) for id_ in ids for arm in (BEFORE, AFTER)}
    assert {(row["id"], row["output"]) for row in rows} == wanted and len(rows) == len(wanted)
    assert all(set(row) == {"id", "input", "expected", "output", "score"} and row["score"] is None for row in rows)


def test_the_rows_are_shuffled_over_items_and_arms() -> None:
    rows = to_label(BEFORE, AFTER, EXAMPLES, 200)
    both = [id_ for id_ in AFTER.outputs if AFTER.outputs[id_] != BEFORE.outputs[id_]]
    place = {row["output"]: at for at, row in enumerate(rows)}
    apart = [place[AFTER.outputs[id_]] - place[BEFORE.outputs[id_]] for id_ in both]
    assert 30 < sum(d > 0 for d in apart) < 70
    assert sum(abs(d) == 1 for d in apart) < 10


def test_the_seed_and_the_ids_alone_decide_and_the_order_is_not_that_of_the_looks() -> None:
    order = drawn(EXAMPLES, 0)
    assert drawn(EXAMPLES[::-1], 0) == order != drawn(EXAMPLES, 1)
    assert [e for cluster in order for e in cluster] != seeded(EXAMPLES, 0)


def test_more_items_are_those_drawn_before_and_others() -> None:
    few, more = (to_label(BEFORE, AFTER, EXAMPLES, n) for n in (30, 50))
    labels = Labels(tuple(Label(row["id"], sha256(row["output"]), 1.0) for row in few))
    left = to_label(BEFORE, AFTER, EXAMPLES, 50, labels=labels)
    known = {(row["id"], row["output"]) for row in few}
    assert {(r["id"], r["output"]) for r in left} == {(r["id"], r["output"]) for r in more} - known


def test_failed_calls_are_not_shown() -> None:
    failed = Arm(dict.fromkeys(BEFORE.outputs), {})
    assert to_label(failed, failed, EXAMPLES, 60) == []


@given(st.integers(1, 30), st.lists(st.integers(0, 8), min_size=30, max_size=30))
def test_groups_are_drawn_whole(items: int, groups: list[int]) -> None:
    examples = [Example(f"q{n}", "q", group=str(g)) for n, g in enumerate(groups)]
    arm = Arm({e.id: e.id for e in examples}, {})
    chosen = {row["id"] for row in to_label(arm, arm, examples, items)}
    assert len(chosen) >= items
    for e in examples:
        assert (e.id in chosen) == any(o.id in chosen for o in examples if o.group == e.group)
