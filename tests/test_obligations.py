"""Every stack obliges to something, whatever its layers; layers add their own."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from worlds import world

from suffice.climb import climb
from suffice.descend import duties_of
from suffice.freeze import freeze
from suffice.layer import Duty
from suffice.ledger import Ledger
from suffice.models.scripted import Scripted
from suffice.obligations import obligations
from suffice.plugins import find
from suffice.stack import Stack
from suffice.steward import dues, today_utc
from suffice.task import Profile, Task
from suffice.types import Answer


@pytest.fixture
def task(tmp_path: Path) -> Task:
    owned = world(tmp_path, "right", kind="labels")
    return replace(owned, model="openai/gpt-4o", strong_model="anthropic/claude-x", profile=Profile(owner="Ada"))


def stack(task: Task, *layers: str) -> Stack:
    found = [find("layers", name).for_task(task) for name in layers]
    return Stack(Scripted(lambda _: Answer("x")), tuple(found))


def kinds(duties: tuple[Duty, ...] | list[Duty]) -> set[str]:
    return {d.kind for d in duties}


def test_a_hosted_model_a_judge_an_edge_set_and_an_owner_oblige(task: Task) -> None:
    found = obligations(stack(task, "prompt"), task)
    assert kinds(found) == {"retirement", "edge set", "owner"}
    ending = next(d for d in found if d.kind == "retirement")
    assert (ending.about, ending.every_days, ending.owner) == ("openai/gpt-4o", None, "Ada") and ending.when
    judge = replace(task.dataset, scorer=find("scorers", "judge")())
    assert "re-judge" in kinds(obligations(stack(task, "prompt"), replace(task, dataset=judge)))


def test_what_asks_no_model_or_one_that_is_here_does_not_end(task: Task) -> None:
    assert "retirement" not in kinds(obligations(stack(task, "classifier"), task))
    assert "retirement" not in kinds(obligations(stack(task, "prompt"), replace(task, model="embedded")))


def test_a_stack_without_an_owner_is_to_find_one(task: Task) -> None:
    nobodys = replace(task, profile=Profile())
    (owner,) = [d for d in obligations(stack(task, "prompt"), nobodys) if d.kind == "owner"]
    assert owner.owner is None and owner.what.startswith("name somebody")
    assert owner.command == "suffice climb" and "profile.owner" in owner.why


def test_tuned_layers_oblige_to_train_again_and_to_read_the_terms_of_whom_they_learned_from(task: Task) -> None:
    for layer, about in (("adapter", "openai/gpt-4o"), ("student", "anthropic/claude-x")):
        found = {d.kind: d for d in duties_of(stack(task, layer), task)}
        assert {"re-tune", "terms", "retirement", "edge set", "owner"} <= found.keys(), layer
        assert found["terms"].about == about and found["terms"].every_days == 365 and found["re-tune"].every_days
        assert all(d.owner == "Ada" for d in found.values())
    assert "no competing models" in found["terms"].why


def test_every_layers_duties_say_why_when_and_by_which_command(task: Task) -> None:
    layers = ("classifier", "prompt", "few_shot", "structure", "adapter", "student")
    rules = find("layers", "rules")()
    for duty in (*duties_of(stack(task, *layers), task), *rules.duties(task)):
        assert duty.what and duty.why and (duty.every_days or duty.when) and duty.command, duty


def test_a_climb_writes_its_duties_into_the_ledger_with_their_days(tmp_path: Path) -> None:
    task = world(tmp_path, "few_shot", n=120)
    found, before = climb(task), today_utc()
    with Ledger.open(task.state / "ledger.db") as ledger:
        opened = dues(ledger, today_utc())
        assert [d.duty.what for d in opened if d.due is None] and all(
            d.stack == found.body["stack_digest"] for d in opened
        )
        assert {d.duty.what for d in opened} == {d["what"] for d in found.body["duties"]}
        assert {(d.due - d.opened).days for d in opened if d.due} == {30, 182}
        assert all(
            d.opened in (before, today_utc()) and d.evidence["records"] == found.body["records"]["sha256"]
            for d in opened
        )


def test_days_are_counted_from_the_day_on_which_the_verdict_is_frozen(tmp_path: Path) -> None:
    """A leap day's last half-hour in UTC, which is another day in most places."""
    task = world(tmp_path, "few_shot", n=120)
    with Ledger.open(task.state / "ledger.db") as ledger:
        found = climb(task, ledger=ledger, write=False)
        assert dues(ledger, date.max) == ()
        late = datetime(2028, 2, 29, 23, 30, tzinfo=UTC)
        frozen = freeze(found, task, ledger, stack(task, "prompt"), now=late)
        assert frozen.body["created"] == "2028-02-29T23:30:00+00:00"
        days = {d.duty.kind: d.due for d in dues(ledger, date(2028, 2, 29)) if d.due}
    assert days == {"owner": date(2028, 3, 30), "edge set": date(2028, 8, 29)}
