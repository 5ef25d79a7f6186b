"""What the long-context layer shows, and when it declines."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from suffice.data import Dataset
from suffice.errors import InputError
from suffice.layers.long_context import LongContext
from suffice.plugins import build, spec_of
from suffice.stack import Stack
from suffice.task import Profile, Task
from suffice.types import Answer, Passage, Request, wording

NOTHING = Dataset(())


@pytest.fixture
def task(tmp_path: Path) -> Task:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "b.md").write_text("# Leave\n25 days.", encoding="utf-8")
    (tmp_path / "docs" / "a.md").write_text("# Hotels\n120 euros.", encoding="utf-8")
    (tmp_path / "docs" / "c.md").write_text("---\nlabels: [hr]\n---\nSalaries.", encoding="utf-8")
    return Task("t", "g", NOTHING, documents=tmp_path / "docs", folder=tmp_path)


def echo(request: Request) -> Answer:
    return Answer(wording(request)[-1].content)


def layer(task: Task, **fields: object) -> LongContext:
    made = LongContext.for_task(task)
    assert made is not None
    return replace(made, **fields)  # type: ignore[arg-type]


def test_every_question_sees_every_document_in_the_same_order(task: Task) -> None:
    stack = Stack(echo, (layer(task).fit(echo, NOTHING),))
    first, second = (stack(Request(q)).text.removesuffix(q) for q in ("leave?", "hotels?"))
    assert first == second and first.index("120 euros") < first.index("25 days")


def test_documents_with_labels_are_shown_to_their_readers_only(task: Task) -> None:
    assert "Salaries" not in Stack(echo, (layer(task),))(Request("?")).text
    assert "Salaries" in Stack(echo, (layer(task, labels=("hr",)),))(Request("?")).text


def test_what_does_not_fit_is_refused_never_cut(task: Task) -> None:
    small = layer(task, limit_words=5)
    gate = small.gates(task, NOTHING)[0]
    assert not gate.passed and gate.measured == "6 words in 2 sections"
    with pytest.raises(InputError, match="6 words, the prompt takes 5"):
        small.fit(echo, NOTHING)


def test_passages_given_from_above_stand_as_they_are(task: Task) -> None:
    answer = Stack(echo, (layer(task),))(Request("?", passages=(Passage("x#1", "x", "Gold."),)))
    assert "Gold." in answer.text and "25 days" not in answer.text


def test_documents_that_changed_since_the_verdict_are_shown_and_noted(task: Task, tmp_path: Path) -> None:
    fitted = layer(task).fit(echo, NOTHING)
    (tmp_path / "docs" / "b.md").write_text("# Leave\n30 days.", encoding="utf-8")
    answer = Stack(echo, (replace(build("layers", spec_of(fitted)), folder=tmp_path),))(Request("?"))
    assert "30 days" in answer.text and "corpus changed" in answer.trace[0].notes["stale"]


def test_citations_are_checked(task: Task) -> None:
    stack = Stack(lambda _: Answer("25 days [2] [9]"), (layer(task, cite=True),))
    assert stack(Request("?")).citations == ("b.md#leave/1",)


def test_no_documents_no_layer_and_a_duty_as_often_as_they_change(task: Task) -> None:
    assert LongContext.for_task(replace(task, documents=None)) is None
    assert layer(task).duties(replace(task, profile=Profile(knowledge_changes="monthly")))[0].every_days == 30
