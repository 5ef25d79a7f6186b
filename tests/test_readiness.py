"""The gates before training: each is refused by its own number, and by nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from worlds import world

import suffice
from suffice.curate import Candidate
from suffice.data import Context, Dataset, Example
from suffice.errors import InputError
from suffice.evidence import Reading
from suffice.layer import Cause, Gate
from suffice.minimum import MINIMA, Approach
from suffice.plan import LADDER, plan
from suffice.readiness import APPROACHES, GATES, Attempts, assumed, attempts_of, readiness, refused
from suffice.record import Diagnosis, Finding, Tried
from suffice.task import Profile, Target, Task

OWNED = Profile(requests_per_day=20_000, owner="Ada", stable_months=12)
TRIED = Attempts(prompts=2, examples=2, structure=1)


def ready(folder: Path, n: int = 1100, **more: object) -> Task:
    """A task whose every gate holds for a LoRA: 550 clean rows in dev, an owner, and no facts in documents."""
    return world(folder, n=n, profile=OWNED, **more)  # type: ignore[arg-type]


def missing(gates: Sequence[Gate]) -> list[str]:
    return [g.name for g in refused(gates)]


def named(gates: Sequence[Gate], name: str) -> Gate:
    return next(g for g in gates if g.name == name)


def found(cause: Cause, share: float) -> Diagnosis:
    return Diagnosis("r", 30, (Finding(cause, share, None, None, "probe", ("q1",), 30, 3, 0),))


def candidates(task: Task, count: int) -> list[Candidate]:
    return [Candidate(e) for e in task.parts.dev.examples[:count]]


def test_a_task_with_rows_an_owner_and_attempts_is_ready(tmp_path: Path) -> None:
    gates = readiness(ready(tmp_path), attempts=TRIED, diagnosis=found("behaviour", 0.6))
    assert missing(gates) == [] and all(g.measured and g.needed and g.source for g in gates)
    assert named(gates, "behaviour wall").measured == "60% of failures are behaviour"


@pytest.mark.parametrize(
    ("profile", "name", "measured"),
    [
        (Profile(20_000, None, 12), "owner", "nobody"),
        (Profile(20_000, None, 2, owner="Ada"), "stable requirements", "2 months"),
        (Profile(20_000, "weekly", 12, owner="Ada"), "slow knowledge", "weekly"),
        (Profile(20, None, 12, owner="Ada"), "volume", "20 requests a day"),
    ],
)
def test_each_surrounding_is_refused_by_its_own_number(
    profile: Profile, name: str, measured: str, tmp_path: Path
) -> None:
    gates = readiness(replace(ready(tmp_path), profile=profile), attempts=TRIED)
    assert missing(gates) == [name] and named(gates, name).measured == measured


def test_what_nobody_stated_and_nothing_can_tell_is_taken_on_trust_and_says_so(tmp_path: Path) -> None:
    silent = readiness(replace(ready(tmp_path), profile=Profile(owner="Ada")), attempts=TRIED)
    said = [(g.name, g.measured.split(":")[0]) for g in assumed(silent)]
    assert missing(silent) == [] and all(g.passed for g in assumed(silent))
    assert said == [
        ("stable requirements", "not stated"),
        ("slow knowledge", "not stated"),
        ("volume", "not stated"),
        ("no frozen facts", "There are neither documents nor gold contexts to look in"),
        ("still target", "Cannot tell"),
        ("behaviour wall", "not diagnosed"),
    ]
    full = replace(ready(tmp_path), profile=replace(OWNED, knowledge_changes="yearly"))
    shown = assumed(readiness(full, attempts=TRIED, diagnosis=found("behaviour", 0.6)))
    assert [g.name for g in shown] == ["no frozen facts"]
    fast = readiness(replace(full, profile=replace(OWNED, knowledge_changes="daily", stable_months=2)))
    assert {"slow knowledge", "stable requirements"} <= set(missing(fast))
    assert not {g.name for g in assumed(fast)} & {"slow knowledge", "stable requirements"}


@pytest.mark.parametrize(("approach", "rows"), [("narrow", 200), ("lora", 500), ("full", 5_000)])
def test_rows_are_counted_against_the_minimum_of_the_approach(approach: Approach, rows: int, tmp_path: Path) -> None:
    gates = readiness(ready(tmp_path, n=300), approach, attempts=TRIED)
    gate = named(gates, "clean pairs")
    assert gate.measured == "150 solved examples" and f"{rows:,} or more" in gate.needed
    assert missing(gates) == ["clean pairs"]


def test_rows_that_curation_would_drop_do_not_count(tmp_path: Path) -> None:
    task = ready(tmp_path)
    some = candidates(task, 505)
    copies = [replace(c, example=replace(c.example, id=f"copy-{c.id}")) for c in some[:60]]
    gate = named(readiness(task, rows=[*some[:445], *copies], attempts=TRIED), "clean pairs")
    assert gate.measured == "505 solved examples, 445 of them clean" and not gate.passed


def test_contradictions_are_refused_and_named(tmp_path: Path) -> None:
    task = ready(tmp_path, kind="labels")
    rows = candidates(task, 550)
    other = {"refund": "shipping", "shipping": "refund"}
    against = [Example(f"x{c.id}", c.example.input, other[str(c.example.expected)]) for c in rows[:12]]
    gates = readiness(task, rows=[*rows, *map(Candidate, against)], attempts=TRIED)
    assert missing(gates) == ["no contradictions"]
    assert named(gates, "no contradictions").measured.startswith("24 of 562 rows contradict others (4.3%): ")
    fewer = readiness(task, rows=[*rows, *map(Candidate, against[:5])], attempts=TRIED)
    assert missing(fewer) == []


def test_labels_that_look_wrong_in_large_numbers_are_refused(tmp_path: Path) -> None:
    task = ready(tmp_path, kind="labels")
    rows = candidates(task, 550)
    other = {"refund": "shipping", "shipping": "refund"}
    flipped = [
        replace(c, example=replace(c.example, expected=other[str(c.example.expected)])) if at % 6 == 0 else c
        for at, c in enumerate(rows)
    ]
    gates = readiness(task, rows=flipped, attempts=TRIED)
    assert missing(gates) == ["right labels"]
    assert "of 550 labels looked at seem wrong" in named(gates, "right labels").measured


def test_one_test_item_among_given_rows_is_refused_and_named(tmp_path: Path) -> None:
    task = ready(tmp_path)
    leak = task.parts.test[3]
    gates = readiness(task, rows=[*candidates(task, 550), Candidate(replace(leak, id="mine"))], attempts=TRIED)
    assert missing(gates) == ["no leaked test items"]
    assert f"mine repeats the test item `{leak.id}`" in named(gates, "no leaked test items").measured


def test_what_confirms_must_not_be_learned_either(tmp_path: Path) -> None:
    task = ready(tmp_path)
    confirming = Dataset((replace(task.parts.dev[0], id="c1"),), task.output)
    assert missing(readiness(replace(task, confirmation=confirming), attempts=TRIED)) == ["no leaked test items"]


def test_a_split_that_leaks_is_refused_though_its_items_were_moved(tmp_path: Path) -> None:
    task = ready(tmp_path)
    dev, test = (
        [replace(e, split=part) for e in examples]  # type: ignore[arg-type]  # one of Split
        for part, examples in (("dev", task.parts.dev), ("test", task.parts.test))
    )
    copied = [replace(e, id=f"copy-{e.id}", split="dev") for e in test[:80]]
    leaking = replace(task, dataset=task.dataset.only((*dev, *copied, *test)))
    gates = readiness(leaking, attempts=TRIED)
    assert missing(gates) == ["no leaked test items"]
    assert (
        "80 of 550 test items repeated dev and no longer judge (15%)" in named(gates, "no leaked test items").measured
    )
    few = replace(task, dataset=task.dataset.only((*dev, *copied[:20], *test)))
    assert missing(readiness(few, attempts=TRIED)) == []


def test_facts_are_refused_and_a_base_without_a_wall_too(tmp_path: Path) -> None:
    facts = world(tmp_path / "facts", n=1100, documents=1100, profile=OWNED)
    assert missing(readiness(facts, attempts=TRIED)) == ["no frozen facts"]
    gates = readiness(ready(tmp_path / "plain"), attempts=TRIED, diagnosis=found("knowledge", 0.9))
    assert missing(gates) == ["behaviour wall"]


def test_a_wall_that_may_be_chance_is_none_and_its_limits_are_told(tmp_path: Path) -> None:
    task = ready(tmp_path)

    def wall(*findings: Finding, failures: int = 80, note: str = "", tried: tuple[Tried, ...] = ()) -> Gate:
        told = Diagnosis("r", failures, findings, note, tried)
        return named(readiness(task, attempts=TRIED, diagnosis=told), "behaviour wall")

    rest = Finding("undiagnosed", 0.9, None, None, "no probe fixed them", (), 80, 0, 0)
    by_chance = wall(Finding("behaviour", 0.05, 0.0, 0.08, "examples", (), 80, 5, 4), rest)
    assert not by_chance.passed and "behaviour (0% to 8%) as far as is seen, which may be chance" in by_chance.measured
    assert not wall(Finding("behaviour", 0.05, 0.0, 0.08, "examples", ("q1",), 80, 5, 4)).passed
    proven = wall(Finding("behaviour", 0.4, 0.25, 0.55, "examples", ("q1",), 80, 34, 2), rest)
    assert proven.passed and proven.measured == "40% of failures are behaviour (25% to 55%)" and not proven.assumed
    unasked = wall(replace(rest, share=1.0), note="the stack answers without asking a model")
    assert unasked.passed and unasked.assumed
    assert unasked.measured == "not diagnosed: the stack answers without asking a model"
    in_vain = Tried("examples", ("behaviour",), 30, 0, 0, 0, 8, 60, 0.0)
    assert not wall(replace(rest, share=1.0), tried=(in_vain,)).passed
    nothing = wall(failures=0, note="nothing failed")
    assert not nothing.passed and not nothing.assumed and nothing.measured.startswith("nothing fails")


@pytest.mark.parametrize(
    ("attempts", "lacking"),
    [
        (Attempts(), "a prompt with role, output format and edge cases, examples, structure"),
        (Attempts(short=3, examples=1, structure=1), "a prompt with role, output format and edge cases"),
        (Attempts(prompts=1, structure=1), "examples"),
        (Attempts(prompts=1, examples=1), "structure"),
    ],
)
def test_training_waits_until_prompting_is_exhausted(attempts: Attempts, lacking: str, tmp_path: Path) -> None:
    gates = readiness(ready(tmp_path, kind="labels"), attempts=attempts)
    assert missing(gates) == ["prompting exhausted"]
    assert named(gates, "prompting exhausted").measured.endswith(f"not yet measured: {lacking}")


def test_before_a_climb_has_measured_anything_attempts_are_not_asked(tmp_path: Path) -> None:
    assert "prompting exhausted" not in {g.name for g in readiness(ready(tmp_path))}


def test_attempts_are_read_from_what_a_climb_measured(tmp_path: Path) -> None:
    task = world(tmp_path, "wrong", kind="schema", n=80, quality=None)
    found_ = attempts_of(Reading(suffice.climb(task).evidence))
    assert found_.prompts and found_.examples and found_.structure
    assert found_.serious == found_.prompts + found_.examples + found_.structure


def test_a_forced_gate_is_marked_and_no_longer_refuses(tmp_path: Path) -> None:
    task = replace(ready(tmp_path), profile=replace(OWNED, stable_months=3))
    gates = readiness(task, attempts=TRIED, forced=("stable requirements", "volume"))
    assert missing(gates) == [] and [g.name for g in gates if g.forced] == ["stable requirements"]
    assert not named(gates, "stable requirements").passed
    with pytest.raises(InputError, match="no gate is called `onwer`"):
        readiness(task, forced=("onwer",))


def test_a_forced_gate_opens_the_rung_and_stays_in_its_proposal(tmp_path: Path) -> None:
    task = replace(ready(tmp_path, model="embedded:"), model="embedded", profile=replace(OWNED, stable_months=3))
    rung = next(r for r in LADDER if r.name == "fine_tuning")
    assert plan(rung, task).reason == "stable requirements: 3 months, needed 6 months or more"
    forced = plan(rung, task, forced=("stable requirements",))
    assert forced.action == "try" and [g.name for g in forced.gates if g.forced] == ["stable requirements"]


@pytest.mark.parametrize(
    ("gate", "change", "told"),
    [
        ("owner", {"profile": Profile(20_000, None, 12)}, "owner: nobody, needed somebody who owns re-training"),
        ("metric", {"target": Target()}, "metric: no target is set, needed a target that re-training is paid with"),
    ],
)
def test_nobody_forces_a_tune_without_an_owner_or_a_metric(
    tmp_path: Path, gate: str, change: dict[str, Any], told: str
) -> None:
    task = replace(ready(tmp_path, model="embedded:"), model="embedded", **change)
    rung = next(r for r in LADDER if r.name == "fine_tuning")
    refused = plan(rung, task)
    assert refused.action == "refuse" and refused.reason.startswith(told)
    for ask in (lambda: plan(rung, task, forced=(gate,)), lambda: readiness(task, forced=(gate,))):
        with pytest.raises(InputError, match=f"the gate `{gate}` cannot be forced") as wrong:
            ask()
        assert "suffice.yaml" in wrong.value.hint
    assert gate in missing(readiness(task, "distillation"))


def test_distillation_asks_for_a_teacher_and_a_volume_that_pays(tmp_path: Path) -> None:
    task = replace(ready(tmp_path), profile=replace(OWNED, requests_per_day=500))
    assert missing(readiness(task, "distillation")) == ["teacher", "volume"]
    paying = replace(task, profile=OWNED)
    assert missing(readiness(paying, "distillation", teacher="the stack beneath")) == []
    moving = replace(task, profile=replace(OWNED, knowledge_changes="hourly"))
    assert missing(readiness(moving, "distillation", teacher="the stack beneath")) == ["slow knowledge"]


def test_embedding_and_preference_count_pairs_of_their_own(tmp_path: Path) -> None:
    task = ready(tmp_path)
    assert "0 of 550 dev examples name their passage" in named(readiness(task, "embedding"), "clean pairs").measured
    context = (Context("a.md"),)
    known = replace(task, dataset=task.dataset.only(replace(e, context=context) for e in task.dataset))
    assert named(readiness(known, "embedding"), "clean pairs").measured.startswith("550 of 550")
    gate = named(readiness(task, "preference", pairs=600), "preference pairs")
    assert gate.passed and not named(readiness(task, "preference"), "preference pairs").passed


def test_every_approach_has_a_minimum_and_its_gates_a_source(tmp_path: Path) -> None:
    task, seen = ready(tmp_path, kind="labels"), set[str]()
    assert set(APPROACHES) == set(MINIMA)
    for approach in APPROACHES:
        gates = readiness(task, approach, attempts=TRIED)
        assert len({g.name for g in gates}) == len(gates) and all(g.source.startswith("docs/") for g in gates)
        seen |= {g.name for g in gates}
    assert seen == set(GATES)
