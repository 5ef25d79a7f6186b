"""What suspect labels and leaked items do to a verdict: recomputed, said in words, and never deciding."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from suffice.compare import pairs
from suffice.data import Dataset, Example
from suffice.effect import NOTE, Level, Sides, effect, effect_of, leaked_items
from suffice.evidence import Evidence, Reading
from suffice.stats.interval import proportion
from suffice.suspects import Suspect
from suffice.types import Json

LEVEL = Level(alpha_target=0.0125, alpha_claim=0.05, quality=0.9, tolerance=0.02)


def world(n: int, right: int, before: int) -> tuple[list[Example], Sides]:
    """`n` items, of which the kept stack gets the first `right`, and the one before it the first `before`."""
    examples = [Example(f"q{i}", f"{i}", "a") for i in range(n)]
    kept, against = ({f"q{i}": float(i < most) for i in range(n)} for most in (right, before))
    return examples, Sides(kept, against)


def test_without_suspects_or_leaks_the_numbers_are_those_of_the_verdict() -> None:
    examples, sides = world(200, 186, 160)
    found = effect(sides, examples, LEVEL)
    assert found.rows == () and found.note == NOTE
    limits = proportion(186, 200, 0.975)
    base = found.as_labelled
    assert (base.quality, base.low, base.high, base.n) == (0.93, limits.low, limits.high, 200)
    assert base.comparison == pairs(sides.against, sides.kept, examples, alpha=0.05)


def test_leaving_out_wrong_items_can_turn_an_open_target_into_a_met_one_and_says_so() -> None:
    examples, sides = world(200, 180, 150)
    suspects = [f"q{i}" for i in range(180, 196)]
    found = effect(sides, examples, LEVEL, suspects=suspects)
    (row,) = found.rows
    assert found.as_labelled.meets is None and row.meets is True
    assert (row.items, row.n, row.changed) == (16, 184, ("target",))
    assert row.words == (
        "without the suspects: 16 items left out: quality 0.978 (was 0.900); lift +0.163 (was +0.150); "
        "the target would be proven met, not undecided"
    )


def test_suspects_as_proposed_are_scored_again_for_both_stacks() -> None:
    examples, sides = world(200, 180, 150)
    again = Sides({"q180": 1.0, "q181": 1.0}, {"q180": 1.0, "q181": 0.0})
    _, row = effect(sides, examples, LEVEL, suspects=["q180", "q181"], rescored=again).rows
    assert (row.name, row.items, row.n) == ("with the suspects as proposed", 2, 200)
    assert row.quality == pytest.approx(182 / 200) and row.comparison.lift == pytest.approx(31 / 200)
    assert row.changed == () and row.words.endswith("no decision would be another")


def test_a_lift_that_rests_on_leaked_items_is_told() -> None:
    examples, sides = world(100, 60, 48)
    found = effect(sides, examples, LEVEL, leaked=[f"q{i}" for i in range(48, 57)])
    (row,) = found.rows
    assert found.as_labelled.comparison.decision == "better" and row.comparison.decision == "undecided"
    assert row.changed == ("lift",) and "9 items left out" in row.words
    assert row.words.endswith("the lift would be undecided, not proven")


def test_items_that_were_not_asked_or_judged_count_as_they_do_in_a_verdict() -> None:
    examples, sides = world(100, 95, 50)
    some = Sides({k: v for k, v in sides.kept.items() if k != "q3"} | {"q5": None}, dict(sides.against))
    base = effect(some, examples, LEVEL, suspects=["q3"]).as_labelled
    assert base.n == 98 and base.comparison.unjudged == 1
    assert base.low == proportion(93, 99, 0.975).low and base.high == proportion(94, 99, 0.975).high
    nothing = effect(Sides({"q0": None}, {"q0": 1.0}), examples[:1], LEVEL).as_labelled
    assert (nothing.n, nothing.low, nothing.high, nothing.meets) == (0, 0.0, 1.0, None)


def test_without_a_target_only_the_lift_can_change() -> None:
    examples, sides = world(100, 60, 48)
    found = effect(sides, examples, Level(0.01, 0.05, None, 0.02), suspects=[f"q{i}" for i in range(60, 100)])
    assert found.as_labelled.meets is None and found.rows[0].changed == ()


def test_of_items_that_read_the_same_all_but_the_first_are_leaked_and_so_are_quoted_ones() -> None:
    examples = [Example(f"q{i}", f"{i}", "a") for i in (4, 2, 3, 1, 9)]
    plan: dict[str, Json] = {"alike": [["q1", "q2"], ["q2", "q4"]], "quoted": [["q9", "a.md"]]}
    assert leaked_items(plan, examples) == ["q2", "q1", "q9"]
    assert leaked_items({}, examples) == []


def told(outputs: Sequence[tuple[str, str]], scorer: Json) -> Reading:
    """Evidence of two runs over a few items; `a` is right."""
    evidence = Evidence()
    target = {"quality": 0.9, "tolerance": 0.02}
    evidence.add("task", scorer=scorer, target=target, output={"kind": "text", "labels": [], "schema": None})
    evidence.add("plan", alpha_target=0.0125, alpha_claim=0.05, seed=0, alike=[["q0", "q1"]], quoted=[])
    examples = tuple(Example(f"q{i}", f"{i}", "a") for i in range(len(outputs)))
    evidence.add_examples(Dataset(examples), "test")
    for run, side in (("kept", 0), ("against", 1)):
        evidence.add("run", run=run, part="test", stack={}, stack_digest=run)
        for e, said in zip(examples, outputs, strict=True):
            value = float(said[side] == "a")
            evidence.add("record", run=run, id=e.id, value=value, output=said[side], status="ok")
    return Reading(evidence)


def suspect(id_: str, proposed: str, part: str = "test") -> Suspect:
    return Suspect(id_, part, "a", proposed, ("why",), (), 0.9)


def test_the_effect_follows_from_evidence_and_survives_the_disk(tmp_path: Path) -> None:
    reading = told([("a", "a")] * 30 + [("b", "b"), ("b", "c"), ("c", "a")], {"use": "exact"})
    listed = [suspect("q30", "b"), suspect("q31", "b"), suspect("d1", "b", "pool")]
    found = effect_of(reading, "kept", "against", listed)
    without, proposed, leaked = found.rows
    assert [row.items for row in found.rows] == [2, 2, 1]
    assert without.n == 31 and without.quality == pytest.approx(30 / 31)
    assert proposed.n == 33 and proposed.quality == pytest.approx(32 / 33)
    assert proposed.comparison.wins == 1 and leaked.n == 32
    reading.evidence.write(tmp_path / "records.jsonl")
    again = Reading(Evidence.read(tmp_path / "records.jsonl"))
    assert effect_of(again, "kept", "against", listed) == found


def test_graded_scores_are_not_scored_again() -> None:
    reading = told([("a", "a"), ("b", "b")] * 10, {"use": "f1"})
    found = effect_of(reading, "kept", "against", [suspect("q1", "b")])
    assert [row.name for row in found.rows] == ["without the suspects", "without leaked items"]
