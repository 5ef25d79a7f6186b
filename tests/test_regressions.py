"""Regressions: whose answers got worse, against whom, in which slices, and what early stopping does to the claim."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import binom_test

from suffice.data import Example
from suffice.evidence import Evidence, Reading
from suffice.regressions import general, regressions
from suffice.stats.rung import Asked
from suffice.stats.spending import look_plan

LABELS = ("refund", "shipping", "delay")


def reading(runs: Mapping[str, Mapping[str, float | None]], adapters: Mapping[str, str] = {}) -> Reading:
    evidence = Evidence()
    for run, values in runs.items():
        layers = [{"use": "adapter", "adapter": adapters[run]}] if run in adapters else []
        evidence.add("run", run=run, part="test", stack={"layers": layers}, stack_digest="", content="")
        for id_, value in values.items():
            evidence.add("record", run=run, id=id_, value=value)
    return Reading(evidence)


def cases(n: int, **more: Any) -> list[Example]:
    return [Example(f"e{i}", f"question {i}", LABELS[i % 3], **more) for i in range(n)]


def told(
    before: Sequence[float | None],
    after: Sequence[float | None],
    examples: Sequence[Example] | None = None,
    **more: Any,
) -> Mapping[str, Any]:
    items = examples or cases(len(before))
    runs = {
        name: {e.id: v for e, v in zip(items, values, strict=False)} for name, values in (("a", before), ("b", after))
    }
    return regressions(reading(runs), "a", "b", items, **{"tolerance": 0.02, "seed": 0, **more})


def test_losses_and_wins_are_counted_the_right_way_round() -> None:
    found = told([1, 1, 1, 0, 1, 1], [1, 0, 0, 1, 1, 1])
    assert (found["core"]["before"], found["core"]["after"]) == (5 / 6, 4 / 6)
    assert found["core"]["losses"] == 2 and found["lost"] == ["e1", "e2"]


def test_only_items_that_both_were_asked_and_that_could_be_judged_count() -> None:
    found = told([1, 1, 0, None, 1, 1], [1, None, 1, 1])
    assert found["items"] == 2 and found["core"]["n"] == 2
    assert told([None], [1])["core"] is None


def test_slices_are_told_as_holm_and_an_exact_sign_test_tell_them() -> None:
    draw = random.Random(2)
    rate = {"refund": 0.5, "shipping": 0.95, "delay": 0.9}
    items = cases(240)
    before = [float(draw.random() < 0.92) for _ in items]
    after = [float(draw.random() < rate[str(e.expected)]) for e in items]
    found = told(before, after, items)["slices"]
    change = {
        name: [a - b for e, b, a in zip(items, before, after, strict=True) if e.expected == name] for name in LABELS
    }
    losses, wins = ({k: sum(c == sign for c in v) for k, v in change.items()} for sign in (-1, 1))
    raw = [float(binom_test(losses[k], losses[k] + wins[k], 0.5, alternative="larger")) for k in LABELS]
    adjusted = dict(zip(LABELS, multipletests(raw, method="holm")[1], strict=True))
    assert {s["name"]: s["p"] for s in found} == pytest.approx(adjusted)
    assert {s["name"]: (s["wins"], s["losses"]) for s in found} == {k: (wins[k], losses[k]) for k in LABELS}
    assert [s["name"] for s in found if s["regressed"]] == ["refund"]


def test_each_slice_has_limits_that_hold_for_all_of_them_together() -> None:
    """What was lost in truth lies within the limits of all three slices in 19 of 20 draws, and none of them is wide."""
    draw, held, truth = random.Random(9), 0, {"refund": -0.3, "shipping": 0.0, "delay": 0.1}
    for _ in range(100):
        items = cases(180)
        before = [float(draw.random() < 0.6) for _ in items]
        after = [float(draw.random() < 0.6 + truth[str(e.expected)]) for e in items]
        found = told(before, after, items)["slices"]
        held += all(s["low"] <= truth[s["name"]] <= s["high"] for s in found)
        assert all(s["low"] <= s["after"] - s["before"] <= s["high"] and s["high"] - s["low"] < 0.8 for s in found)
    assert held >= 90


def test_a_group_that_got_worse_counts_once() -> None:
    """Twelve losses of one group say little; of as many groups, much."""
    before, after = [1.0] * 36, [0.0, 1.0, 1.0] * 12
    alone = {s["name"]: s for s in told(before, after, cases(36))["slices"]}["refund"]
    together = {s["name"]: s for s in told(before, after, cases(36, group="one"))["slices"]}["refund"]
    assert alone["regressed"] and not together["regressed"]
    assert (together["low"], together["high"]) == (-1.0, 1.0) and together["losses"] == 12


def test_a_gain_is_no_regression_of_any_slice() -> None:
    found = told([0] * 90, [1] * 90)
    assert not any(s["regressed"] for s in found["slices"]) and found["core"]["decision"] == "ruled out"


def test_where_nothing_changed_slices_regress_as_seldom_as_promised() -> None:
    draw, wrong = random.Random(5), 0
    for _ in range(200):
        before, after = ([float(draw.random() < 0.7) for _ in range(60)] for _ in range(2))
        wrong += any(s["regressed"] for s in told(before, after)["slices"])
    assert wrong <= 0.1 * 200


def test_free_answers_are_sliced_by_length_and_small_slices_go_together() -> None:
    free = [Example(f"e{i}", "word " * (i + 1), f"answer {i}") for i in range(30)]
    names = {s["name"] for s in told([1] * 30, [1] * 30, free)["slices"]}
    assert names == {"short inputs", "inputs of middling length", "long inputs"}
    rare = [*cases(30), *(Example(f"r{i}", "rare", f"rare {i}") for i in range(3))]
    (others,) = (s for s in told([1] * 33, [1] * 33, rare)["slices"] if s["name"] == "all others")
    assert others["n"] == 3


def looked(n: int) -> Asked:
    sizes = look_plan(n, 0.025, sizes=(n // 4, n // 2, n))
    return Asked(sizes, sizes, graded=True)


def test_what_was_stopped_at_a_look_is_decided_by_what_holds_at_every_look() -> None:
    """Sixty of 240 items, eight of them lost: enough for one look at a number fixed before, and not for three looks."""
    before, after = [1.0] * 60, [0.0] * 8 + [1.0] * 52
    assert told(before, after)["core"]["decision"] == "proven to regress"
    assert told(before, after, asked=looked(240))["core"]["decision"] == "cannot tell"
    assert told(before, [0.0] * 30 + [1.0] * 30, asked=looked(240))["core"]["decision"] == "proven to regress"
    assert told([0.0] * 60, [1.0] * 60, asked=looked(240))["core"]["decision"] == "ruled out"


def test_stopping_where_it_looks_best_proves_no_more_than_promised() -> None:
    """No loss and no gain, stopped at the look with the most losses: fixed tests would cry wolf."""
    draw, wrong = random.Random(1), 0
    for _ in range(60):
        changes = [draw.choice([-1, 0, 1]) for _ in range(160)]
        least = min((40, 80, 160), key=lambda n: sum(changes[:n]) / n)
        before = [1.0 if c < 0 else 0.0 for c in changes[:least]]
        after = [1.0 if c > 0 else 0.0 for c in changes[:least]]
        core = told(before, after, asked=looked(160), tolerance=0.0)["core"]
        wrong += core["decision"] == "proven to regress"
    assert wrong <= 5


def test_the_general_set_stands_only_beside_the_training_that_it_was_asked_of() -> None:
    items, runs = cases(4), dict.fromkeys(("a", "b", "c"), dict.fromkeys(("e0", "e1", "e2", "e3"), 1.0))
    asked = dict.fromkeys(general().by_id, 1.0)
    found = reading({**runs, "bare": asked, "tuned": asked}, {"b": "one", "c": "other", "tuned": "one"})
    found.evidence.add("general", before="bare", after="tuned", stack="")
    kept, other = (regressions(found, "a", run, items, tolerance=0.02, seed=0)["general"] for run in ("b", "c"))
    assert kept is not None and kept["n"] == len(general()) and other is None
