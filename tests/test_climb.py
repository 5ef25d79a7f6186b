"""Climbing: where it stops and why, what it pays for, and what it refuses to claim."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from worlds import ADDRESS, code, example, fact, flipping, world

from suffice.budget import Budget
from suffice.climb import climb
from suffice.data import Context, Example
from suffice.errors import BudgetSpent, Disproved, InputError, Unreachable
from suffice.evidence import Reading
from suffice.ledger import Ledger
from suffice.plan import LADDER
from suffice.task import Target, Task
from suffice.verdict import Verdict
from suffice.verify import verify

pytestmark = pytest.mark.usefixtures("minilm")
STATUSES = {"kept", "dropped", "skipped", "refused", "unaffordable", "not_needed"}


def steps(verdict: Verdict) -> dict[str, Mapping[str, Any]]:
    return {step["rung"]: step for step in verdict.body["steps"]}


def statuses(verdict: Verdict) -> dict[str, str]:
    return {name: step["status"] for name, step in steps(verdict).items()}


def undated(verdict: Verdict) -> dict[str, Any]:
    return {k: v for k, v in verdict.body.items() if k not in ("created", "ledger")}


def attempts(task: Task) -> int:
    with Ledger.open(task.state / "ledger.db") as ledger:
        return ledger.totals().attempts


WORLDS: dict[str, dict[str, Any]] = {
    "classifier": {"model": "wrong", "kind": "labels"},
    "prompt": {},
    "few_shot": {},
    "retrieval": {"documents": 20},
    "long_context": {"documents": 2, "n": 104},
    "structure": {"kind": "schema"},
    "rules": {"rules": True},
}


@pytest.mark.parametrize("rung", WORLDS)
def test_the_climb_stops_at_the_rung_that_helps(rung: str, tmp_path: Path) -> None:
    task = world(tmp_path, **{"model": rung, **WORLDS[rung]})
    found = climb(task)
    assert (found.stop_at, found.target_met) == (rung, True)
    order = [r.name for r in LADDER]
    above = [status for name, status in statuses(found).items() if order.index(name) > order.index(rung)]
    assert set(above) == {"not_needed"} and statuses(found)[rung] == "kept"
    kept = steps(found)[rung]
    assert kept["comparison"]["decision"] == "better" and kept["comparison"]["low"] >= 0
    assert kept["quality"]["low"] >= 0.78 and kept["meets_target"] is True
    assert rung in ("classifier",) or kept["calls"] >= 60
    assert set(order) == set(steps(found)) and set(statuses(found).values()) <= STATUSES
    assert verify(tmp_path).numbers > 50
    diagnosed = found.body["diagnosis_of"]
    assert diagnosed and Reading(found.evidence).runs[diagnosed["of"]]["stack_digest"] == found.body["stack_digest"]


@pytest.mark.slow
def test_the_target_is_met_not_met_or_cannot_be_told(tmp_path: Path) -> None:
    """A model that is right 97 times in 100, against three targets."""
    found = {t: climb(world(tmp_path / str(t), "right", quality=t, n=300)) for t in (0.9, 0.96, 1.0)}
    assert {t: v.target_met for t, v in found.items()} == {0.9: True, 0.96: None, 1.0: False}
    low = climb(world(tmp_path / "low", "coin", quality=0.9, n=300))
    assert low.target_met is False and "No measured stack suffices" in low.body["headline"]
    assert "Cannot tell" in found[0.96].body["headline"] and "more test items would prove" in changes(found[0.96])


def changes(verdict: Verdict) -> str:
    return " ".join(verdict.body["what_would_change_this"])


def test_so_many_failures_are_probed_as_one_wants_explained(tmp_path: Path) -> None:
    few, all_ = (climb(world(tmp_path / str(n), "coin", n=104), failures=n) for n in (4, 30))
    probed = [[len(d["failures"]) for d in v.evidence.of("diagnosis")] for v in (few, all_)]
    assert max(probed[0]) == 4 < max(probed[1]) and few.stop_at == all_.stop_at
    assert verify(tmp_path / "4") and verify(tmp_path / "30")


def test_without_a_target_it_climbs_while_a_lift_is_proven(tmp_path: Path) -> None:
    found = climb(world(tmp_path, "few_shot", quality=None))
    assert (found.stop_at, found.target_met) == ("few_shot", None)
    assert statuses(found)["fine_tuning"] == "refused" and "not_needed" not in statuses(found).values()


def test_a_model_that_never_helps_ends_without_a_rung(tmp_path: Path) -> None:
    found = climb(world(tmp_path, "wrong"))
    assert found.stop_at is None and found.body["stack"] is None and not (tmp_path / "stack.yaml").exists()
    assert found.body["headline"].startswith("No rung has a proven lift") and found.target_met is False
    assert verify(tmp_path)


def test_an_undecided_rung_is_dropped_and_says_how_many_more_items_would_tell(tmp_path: Path) -> None:
    found = climb(world(tmp_path, "prompt_a_little", quality=None))
    step = steps(found)["prompt"]
    assert step["status"] == "dropped" and step["comparison"]["decision"] == "undecided"
    assert step["comparison"]["low"] < 0 < step["comparison"]["lift"] < step["comparison"]["smallest_visible_effect"]
    assert "more test items would tell" in step["reason"] and step["reason"] in changes(found)


def test_a_rung_is_refused_by_its_gate_and_skipped_by_its_ceiling(tmp_path: Path) -> None:
    """The facts stand in the documents, and a model that ignores passages is not helped by finding them."""
    cases = tuple(replace(example(i), context=(gold(i),)) for i in range(140))
    found = climb(world(tmp_path, "wrong", examples=cases, documents=20, smallest_lift=0.15))
    retrieval = steps(found)["retrieval"]
    assert retrieval["status"] == "skipped" and retrieval["comparison"] is None and retrieval["calls"] == 0
    assert retrieval["ceiling"]["high"] - retrieval["ceiling"]["today"] < 0.15
    assert retrieval["ceiling"]["probe"] == "gold_context"
    assert statuses(found)["long_context"] == "refused"
    assert any(not gate["passed"] for gate in steps(found)["long_context"]["gates"])
    assert verify(tmp_path)


def gold(number: int) -> Context:
    return Context(text=fact(number))


# Money


def test_a_rung_priced_out_beforehand_is_unaffordable(tmp_path: Path) -> None:
    found = climb(world(tmp_path, "few_shot"), budget=Budget(usd=0.33))
    assert statuses(found)["few_shot"] == "unaffordable" and "$0" in steps(found)["few_shot"]["reason"]
    assert found.stop_at is None and verify(tmp_path)


@pytest.mark.parametrize("budget", [{"calls": 100}, {"usd": 0.1}])
def test_a_cap_midway_keeps_what_is_paid_and_writes_no_verdict(budget: dict[str, Any], tmp_path: Path) -> None:
    task = world(tmp_path, "few_shot")
    with pytest.raises(BudgetSpent):
        climb(task, budget=Budget(**budget))
    assert not (tmp_path / "verdict.json").exists() and not (tmp_path / "stack.yaml").exists()
    assert attempts(task) in (99, 100)
    whole = climb(world(tmp_path / "other", "few_shot"))
    resumed = climb(task)
    assert attempts(task) == attempts(world(tmp_path / "other", "few_shot"))
    assert same(resumed, whole)


def same(one: Verdict, other: Verdict) -> bool:
    """Equal but for when and where."""
    return _without_times(undated(one)) == _without_times(undated(other))


def _without_times(value: Any) -> Any:
    """What of a verdict does not depend on the machine's speed: times of layers are measured, not replayed."""
    times = {"p50_ms", "p95_ms", "p95_low_ms", "p95_high_ms", "stages", "records", "hash"}
    times |= {"latency", "stacks", "break_even", "frontier"}  # the latter of economics: layers' own seconds cost money
    if isinstance(value, dict):
        return {k: _without_times(v) for k, v in value.items() if k not in times}
    return [_without_times(v) for v in value] if isinstance(value, list) else value


def test_a_second_climb_pays_for_nothing_and_says_the_same(tmp_path: Path) -> None:
    task = world(tmp_path, "retrieval", documents=20)
    first, paid = climb(task), attempts(task)
    with Ledger.open(task.state / "ledger.db") as ledger:
        second = climb(task, ledger=ledger, budget=Budget(calls=0))
    assert attempts(task) == paid > 0
    assert undated(second) == undated(first) == undated(climb(task, budget=Budget(usd=0.001)))


@pytest.mark.slow
def test_workers_change_nothing(tmp_path: Path) -> None:
    one, eight = (climb(world(tmp_path / m, m, edge=12)) for m in ("coin_by_one", "coin_by_eight"))
    del_model = {"model", "stack", "headline"}
    strip = lambda v: {k: x for k, x in _without_times(undated(v)).items() if k not in del_model | {"task"}}  # noqa: E731
    assert strip(one) == strip(eight)


# What is declared and disclosed


def test_under_fifty_test_items_the_first_line_says_so(tmp_path: Path) -> None:
    found = climb(world(tmp_path, "right", n=42))
    assert found.body["warnings"][0].startswith("Only 32 test examples: too few to decide")
    assert "18" in found.body["warnings"][0] and found.target_met is not False
    assert not climb(world(tmp_path / "enough", "right", n=100)).body["warnings"]


def test_another_plan_on_the_same_test_items_is_disclosed_and_a_replay_is_free(tmp_path: Path) -> None:
    task = world(tmp_path, "right")
    assert climb(task).body["test"]["uses"] == 1 and not climb(task).body["warnings"]
    easier = climb(replace(task, target=Target(quality=0.7)))
    assert easier.body["test"]["uses"] == 2 and "used by 2 plans" in easier.body["warnings"][0]
    assert "10%" in easier.body["warnings"][0] and "fresh data" in easier.body["warnings"][0]
    assert "used by 2 plans" in climb(task).body["warnings"][0]


def test_another_volume_is_declared_and_uses_no_test_item_again(tmp_path: Path) -> None:
    task = world(tmp_path, "right")
    first = climb(task)
    busier = climb(replace(task, profile=replace(task.profile, requests_per_day=50_000)))
    assert busier.body["test"]["hash"] != first.body["test"]["hash"] and verify(tmp_path)
    assert busier.body["test"]["uses"] == 1 and not busier.body["warnings"]


def test_other_test_items_have_a_budget_of_their_own(tmp_path: Path) -> None:
    task = world(tmp_path, "right")
    climb(task)
    fresh = climb(world(tmp_path, "right", examples=tuple(example(i) for i in range(500, 620))))
    assert fresh.body["test"]["uses"] == 1 and not fresh.body["warnings"]


def test_a_set_with_more_items_or_another_seed_is_no_fresh_one(tmp_path: Path) -> None:
    """Adding examples until something shows, and drawing anew until it does, are further looks at the same items."""
    climb(world(tmp_path, "right"))
    more = climb(world(tmp_path, "right", n=150))
    assert more.body["test"]["uses"] == 2 and "used by 2 plans" in more.body["warnings"][0]
    drawn = climb(replace(world(tmp_path, "right"), seed=7))
    assert drawn.body["test"]["uses"] == 3 and "used by 3 plans" in drawn.body["warnings"][0]
    assert verify(tmp_path)


def test_the_plan_is_declared_before_a_test_item_is_asked(tmp_path: Path) -> None:
    task = world(tmp_path, "right")
    with pytest.raises(BudgetSpent):
        climb(task, budget=Budget(calls=0))
    with Ledger.open(task.state / "ledger.db") as ledger:
        (plan,) = ledger.declared("plan")
        assert ledger.totals().attempts == 0
    assert plan.body["candidates"] == ["prompt", "few_shot"] and plan.body["alpha_target"] == 0.0125
    assert climb(task).body["test"]["hash"] == plan.hash


def test_the_error_is_shared_so_that_all_claims_together_stay_within_it(tmp_path: Path) -> None:
    task = world(tmp_path, "retrieval", documents=20, edge=12)
    with pytest.raises(BudgetSpent):
        climb(task, budget=Budget(calls=0))
    with Ledger.open(task.state / "ledger.db") as ledger:
        test = ledger.declared("plan")[0].body
    rungs, claims_each = 3, 2
    assert test["candidates"] == ["prompt", "few_shot", "retrieval"] and test["alpha_target"] == pytest.approx(
        0.025 / rungs
    )
    assert test["alpha_claim"] * rungs * claims_each <= 0.025 * (1 + 1e-9)


def test_test_items_that_stand_in_dev_are_reported(tmp_path: Path) -> None:
    twin = Example("t1", "what is the code word of parcel 3", code(3), split="test")
    marked = [replace(example(i), split="test" if i >= 60 else "dev") for i in range(120)]
    found = climb(world(tmp_path, "right", examples=(*marked, Example("q900", twin.input, code(3), split="test"))))
    assert found.body["test"]["moved"] == ["q900"] and "moved out of test" in found.body["warnings"][0]


def test_test_items_that_nearly_repeat_dev_are_named_and_the_verdict_verifies(tmp_path: Path) -> None:
    marked = [replace(example(i), split="test" if i >= 60 else "dev") for i in range(120)]
    asked = "What is the code word of parcel {}, please?"
    more = [
        Example("n", asked.format(3), code(3), split="test"),
        Example("z", asked.format(70), code(70), split="test"),
    ]
    found = climb(world(tmp_path, "right", examples=(*marked, *more)))
    test = found.body["test"]
    assert test["moved"] == ["n"] and test["near"][0][0] == "n" and test["alike"] and test["quoted"] == []
    assert "n (like " in found.body["warnings"][0] and "count as independent" in found.body["warnings"][1]
    assert found.path and verify(found.path, own_code=True)
    told = json.loads(found.path.read_text("utf-8"))
    told["test"]["alike"] = []
    found.path.write_text(json.dumps(told), "utf-8")
    with pytest.raises(Disproved, match="alike"):
        verify(found.path, own_code=True)


# Latency, price and the edge


def test_a_stack_that_is_too_slow_is_not_kept(tmp_path: Path) -> None:
    found = climb(world(tmp_path, "slow", n=104, target=Target(0.8, p95_ms=10.0)))
    step = steps(found)["prompt"]
    assert step["status"] == "dropped" and step["reason"].startswith("P95 is") and "target 10 ms" in step["reason"]
    assert step["p95_ms"] >= 15 and found.stop_at is None and verify(tmp_path)
    assert climb(world(tmp_path / "patient", "slow", n=104, target=Target(0.8, p95_ms=500.0))).stop_at == "prompt"


@pytest.mark.parametrize(("usd", "stop"), [(2.0, "prompt"), (0.5, None), (0.0, None)])
def test_a_stack_that_is_too_dear_is_not_kept(usd: float, stop: str | None, tmp_path: Path) -> None:
    found = climb(world(tmp_path, "right", target=Target(0.8, usd_per_1k=usd)))
    assert found.stop_at == stop and steps(found)["prompt"]["usd_per_1k"] == pytest.approx(1.0)
    assert stop or "1,000 requests cost $1.00" in steps(found)["prompt"]["reason"]


def test_a_rung_of_unknown_price_is_not_within_a_price(tmp_path: Path) -> None:
    found = climb(world(tmp_path, "unpriced", target=Target(0.8, usd_per_1k=5.0)))
    assert found.stop_at is None and "price is not known" in steps(found)["prompt"]["reason"]


def test_a_rung_that_breaks_the_edge_is_not_kept(tmp_path: Path) -> None:
    """Examples lift the core, and make the model answer what it refused before."""
    cases = (
        *(example(i) for i in range(120)),
        *(Example(f"q{i}", f"attack {i}", "unknown", "edge") for i in range(200, 220)),
    )
    found = climb(world(tmp_path, "few_shot_reckless", examples=cases))
    step = steps(found)["few_shot"]
    assert statuses(found)["prompt"] == "kept"
    assert step["status"] == "dropped" and "regress" in step["edge"]["decision"] and step["comparison"]["low"] > 0
    assert found.stop_at != "few_shot" and step["edge"]["lift"] < -0.5


# Recordings and bad input


def test_a_recorded_model_is_judged_and_refuses_new_rungs(tmp_path: Path) -> None:
    rows = [json.dumps({"id": f"q{i}", "output": code(i) if i % 20 else "?", "ms": 5, "usd": 0.01}) for i in range(120)]
    (tmp_path / "outputs.jsonl").write_text("\n".join(rows), encoding="utf-8")
    found = climb(world(tmp_path, "recorded:outputs.jsonl"))
    assert found.stop_at == "prompt" and statuses(found)["few_shot"] in ("refused", "not_needed")
    missed = climb(world(tmp_path, "recorded:outputs.jsonl", quality=0.99))
    assert statuses(missed)["few_shot"] == "refused" and "recording" in steps(missed)["few_shot"]["reason"]
    assert verify(tmp_path)


def test_a_dead_model_is_an_error_and_leaves_no_verdict(tmp_path: Path) -> None:
    with pytest.raises(Unreachable):
        climb(world(tmp_path, "dead"))
    assert not (tmp_path / "verdict.json").exists()


@pytest.mark.parametrize(("splits", "said"), [(("dev",), "no test examples"), (("test",), "no dev examples")])
def test_nothing_to_judge_with_or_to_learn_from_is_said(splits: tuple[Any, ...], said: str, tmp_path: Path) -> None:
    cases = tuple(replace(example(i), split=splits[0]) for i in range(60))
    with pytest.raises(InputError, match=said):
        climb(world(tmp_path, "right", examples=cases))


def test_what_is_on_disk_is_what_was_concluded(tmp_path: Path) -> None:
    found = climb(world(tmp_path, "right"))
    body = json.loads((tmp_path / "verdict.json").read_text("utf-8"))
    assert body == json.loads(json.dumps(found.body)) and found.path == tmp_path / "verdict.json"
    assert (tmp_path / ".suffice" / "stacks" / f"{body['stack_digest']}.yaml").is_file()
    assert ADDRESS in (tmp_path / "stack.yaml").read_text("utf-8") or "scripted" in (tmp_path / "stack.yaml").read_text(
        "utf-8"
    )
    assert flipping("x").digest != flipping("y").digest
