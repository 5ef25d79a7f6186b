"""Looks: complete prefixes, groups whole, and a climb that asks no further than it must."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from worlds import example, world

from suffice.climb import climb
from suffice.data import Example
from suffice.digest import canonical, file_digest
from suffice.errors import Disproved
from suffice.evidence import Reading
from suffice.looks import asked_of, graded, groups_of, scores_of, sizes_of
from suffice.task import Looks
from suffice.verdict import Verdict
from suffice.verify import verify

PLAN = {"looks": "pocock", "sizes": (10, 30, 60), "alpha_target": 0.0125, "alpha_claim": 0.01}


def cases(n: int, group: int | None = None) -> list[Example]:
    return [Example(f"q{i}", "?", "!", group=f"g{i // group}" if group else None) for i in range(n)]


def test_looks_grow_to_everything_and_groups_are_whole() -> None:
    alone = sizes_of(cases(300), "pocock", 0.005)
    assert alone == tuple(sorted(set(alone))) and alone[-1] == 300 and len(alone) > 10
    whole = sizes_of(cases(300, group=7), "pocock", 0.005)
    assert whole[-1] == 300 and all(size % 7 == 0 for size in whole[:-1]) and len(whole) > 10
    assert sizes_of(cases(300), "none", 0.005) == (300,)
    assert sizes_of(cases(1), "pocock", 0.005) == (1,)


def test_what_is_asked_follows_from_the_declaration() -> None:
    target = {"quality": 0.8, "tolerance": 0.02}
    asked = asked_of(PLAN, target, cases(60), graded=False)
    assert (asked.bound, asked.ceiling, asked.exact) == (pytest.approx(0.78), 0.8, True)
    assert (asked.target.alpha, asked.lift.alpha, asked.lift.sizes) == (0.0125, 0.005, (10, 30, 60))
    assert asked_of(PLAN, {**target, "quality": None}, cases(60), graded=True).bound is None
    grouped = asked_of(PLAN, target, cases(60, group=2), graded=False, alpha_lift=0.001)
    assert grouped.groups == tuple(i // 2 for i in range(60)) and grouped.lift.alpha == 0.001 and not grouped.exact


def test_unjudged_items_are_as_low_and_as_high_as_can_be() -> None:
    found = scores_of({"q0": 1.0, "q1": None, "q2": 0.0}, cases(3))
    assert found.low.tolist() == [1, 0, 0] and found.high.tolist() == [1, 1, 0]
    assert groups_of(cases(3)) is None
    assert graded([0.0, None, 0.5]) and not graded([0.0, 1.0], [None])


# In a climb


def step(verdict: Verdict, rung: str) -> dict[str, object]:
    found: dict[str, object] = next(s for s in verdict.body["steps"] if s["rung"] == rung)
    return found


def asked(verdict: Verdict) -> int:
    """Records on test of stacks that ask the model."""
    runs = {x["run"] for x in verdict.evidence.of("run") if x["part"] == "test"}
    return sum(1 for x in verdict.evidence.of("record") if x["run"] in runs and x.get("asked"))


@pytest.mark.parametrize("looks", ["pocock", "obrien_fleming", "none"])
def test_a_climb_decides_the_same_with_fewer_items(looks: Looks, tmp_path: Path) -> None:
    found = climb(world(tmp_path, "few_shot", n=240, looks=looks))
    assert (found.stop_at, found.target_met) == ("few_shot", True) and verify(tmp_path)
    test = found.body["test"]
    assert test["looks"] == looks and test["sizes"][-1] == 120
    kept = step(found, "few_shot")
    if looks == "none":
        assert kept["looks"] is None and asked(found) >= 240
    else:
        assert kept["looks"]["items"] < 120 and "of 120 test items: that is enough" in str(kept["reason"])  # type: ignore[index]
        assert asked(found) < 200


def test_what_was_asked_is_a_complete_prefix_of_the_declared_order(tmp_path: Path) -> None:
    found = climb(world(tmp_path, "coin", n=200))
    reading = Reading(found.evidence)
    order = [e.id for e in reading.parts["test"]]
    looked = [x for x in found.evidence.of("rung") if x["items"] is not None]
    assert looked
    for line in looked:
        ids = list(reading.records[line["test"]])
        assert ids == order[: len(ids)] and line["items"] in found.body["test"]["sizes"]


def test_where_nothing_meets_the_target_what_is_held_is_asked_on_until_that_is_proven(tmp_path: Path) -> None:
    """Half right is far from 0.62, but the first looks only say that it is hopeless."""
    found = climb(world(tmp_path, "coin", n=500, quality=0.62))
    further = list(found.evidence.of("further"))
    assert found.stop_at == "prompt" and further
    (line,) = [x for x in found.evidence.of("rung") if x["rung"] == "prompt"]
    assert further[0]["items"] > line["items"] and found.body["quality"]["n"] == further[0]["items"]
    assert verify(tmp_path)


def test_without_a_target_the_last_stack_is_measured_on_everything(tmp_path: Path) -> None:
    found = climb(world(tmp_path, "few_shot", quality=None))
    assert found.stop_at == "few_shot" and found.body["quality"]["n"] == 60


def test_graded_scores_and_groups_are_bet_on(tmp_path: Path) -> None:
    grouped = tuple(replace(example(i), group=f"customer {i // 2}") for i in range(240))
    found = climb(world(tmp_path, "few_shot", examples=grouped))
    kept = step(found, "few_shot")
    assert found.stop_at == "few_shot" and kept["comparison"]["method"] == "betting, with looks"  # type: ignore[index]
    assert kept["comparison"]["groups"] >= 30 and verify(tmp_path)  # type: ignore[index]


def test_a_forged_stop_is_found(tmp_path: Path) -> None:
    """A prefix that ends where no look was declared, and one with an item left out."""
    found = climb(world(tmp_path, "few_shot", n=240))
    lines = [json.loads(x) for x in (tmp_path / "records.jsonl").read_text("utf-8").split("\n")[:-1]]
    kept = next(x for x in lines if x["kind"] == "rung" and x["rung"] == "few_shot")
    kept["items"] -= 1
    (tmp_path / "records.jsonl").write_bytes(b"".join(canonical(x) + b"\n" for x in lines))
    body = json.loads((tmp_path / "verdict.json").read_text("utf-8"))
    body["records"]["sha256"] = file_digest(tmp_path / "records.jsonl")
    (tmp_path / "verdict.json").write_text(json.dumps(body), "utf-8")
    with pytest.raises(Disproved, match=r"declared look"):
        verify(tmp_path)
    assert found.body["headline"]
