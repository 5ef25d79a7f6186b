"""What the retrieval layer fills in, checks and promises."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

from suffice.citations import CITE
from suffice.data import Dataset
from suffice.layers.retrieval import Retrieval
from suffice.plugins import build, spec_of
from suffice.stack import Stack
from suffice.task import Profile, Task
from suffice.types import Answer, Passage, Request, wording

NOTHING = Dataset(())


@pytest.fixture
def task(tmp_path: Path) -> Task:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "leave.md").write_text("# Leave\nEverybody has 25 days of leave a year.", encoding="utf-8")
    (tmp_path / "docs" / "hotels.md").write_text("# Hotels\nA night costs at most 120 euros.", encoding="utf-8")
    return Task("t", "g", NOTHING, documents=tmp_path / "docs", folder=tmp_path)


def echo(request: Request) -> Answer:
    return Answer(wording(request)[-1].content)


def saying(text: str) -> Stack:
    return Stack(lambda _: Answer(text))


def layer(task: Task, **fields: object) -> Retrieval:
    made = Retrieval.for_task(task)
    assert made is not None
    return replace(made, mode="lexical", **fields).fit(echo, NOTHING)  # type: ignore[arg-type]


def test_no_documents_no_layer(task: Task) -> None:
    assert Retrieval.for_task(replace(task, documents=None)) is None


def test_the_question_finds_its_passage(task: Task) -> None:
    answer = Stack(echo, (layer(task, k=1),))(Request("How many days of leave?"))
    assert "25 days" in answer.text and "120" not in answer.text
    notes = answer.trace[0].notes
    assert notes["passages"] == ["leave.md#leave/1"] and notes["scores"][0] > 0


def test_passages_given_from_above_stand_as_they_are(task: Task) -> None:
    given = Passage("x#1", "x", "Gold.")
    answer = Stack(echo, (layer(task),))(Request("leave?", passages=(given,)))
    assert "Gold." in answer.text and "25 days" not in answer.text


def test_citations_are_asked_for_and_checked(task: Task) -> None:
    stack = saying("25 days [1], or 30 [7].").push(layer(task, k=1, cite=True))
    answer = stack(Request("How many days of leave?"))
    assert (answer.text, answer.citations) == ("25 days, or 30.", ("leave.md#leave/1",))
    assert answer.trace[0].notes["invented"] == ["[7]"]
    assert CITE in stack.wording(Request("leave?"))[0].content


def test_an_answer_without_marks_is_attributed(task: Task) -> None:
    answer = saying("25 days of leave").push(layer(task, k=2, cite=True))(Request("leave, or hotels at night?"))
    assert answer.citations == ("leave.md#leave/1",) and answer.trace[0].notes["attributed"]


def test_where_nothing_is_found_nothing_is_cited(task: Task) -> None:
    stack = saying("I do not know [1]").push(layer(task, cite=True))
    assert stack(Request("zebra?")).citations == () and stack.wording(Request("zebra?"))[0].role == "user"


def test_a_structured_reply_keeps_its_text(task: Task) -> None:
    reply = '{"days": [1]}'
    answer = saying(reply).push(layer(task, cite=True))(Request("leave?", schema={"type": "object"}))
    assert answer.text == reply


def test_documents_that_changed_since_the_verdict_are_indexed_and_noted(task: Task, tmp_path: Path) -> None:
    fitted = layer(task, k=1)
    (tmp_path / "docs" / "leave.md").write_text("# Leave\n30 days of leave.", encoding="utf-8")
    loaded = replace(build("layers", spec_of(fitted)), folder=tmp_path)
    answer = Stack(echo, (loaded,))(Request("days of leave?"))
    assert "30 days" in answer.text and "corpus changed" in answer.trace[0].notes["stale"]
    assert "stale" not in Stack(echo, (fitted.fit(echo, NOTHING),))(Request("leave?")).trace[0].notes


def test_what_was_fitted_is_data_and_comes_back_equal(task: Task, tmp_path: Path) -> None:
    stack = Stack(Scripted(), (layer(task),))
    assert replace(build("layers", stack.spec["layers"][0]), folder=tmp_path) == stack.layers[0]
    assert str(tmp_path) not in str(stack.spec)


class Scripted:
    """A model with a spec."""

    spec: ClassVar[dict[str, str]] = {"use": "scripted"}


def test_hourly_knowledge_is_not_for_an_index(task: Task) -> None:
    hourly = replace(task, profile=Profile(knowledge_changes="hourly"))
    assert not layer(task).gates(hourly, NOTHING)[0].passed
    assert layer(task).gates(task, NOTHING)[0].passed


def test_the_index_is_due_as_often_as_the_knowledge_changes(task: Task) -> None:
    weekly = replace(task, profile=Profile(knowledge_changes="weekly", owner="Ada"))
    duty = layer(task).duties(weekly)[0]
    assert (duty.every_days, duty.owner, duty.command) == (7, "Ada", "suffice index")
    assert layer(task).duties(task)[0].when == "when a document changes"
