"""The task folder: loads once it is filled, says in a sentence what is left, and writes over nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from audit.made import call, traffic

from suffice.audit.choose import choose
from suffice.audit.collect import Collector
from suffice.audit.folder import Written, write
from suffice.audit.shown import impersonal
from suffice.errors import InputError
from suffice.exchange import Exchange
from suffice.load import load
from suffice.types import Message, Tool, ToolCall

RECORD = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "n": {"type": "integer"}},
    "required": ["city", "n"],
    "additionalProperties": False,
}


def made(calls: Iterable[Exchange], folder: Path, n: int = 40) -> Written:
    collected = Collector()
    for one in calls:
        collected.add(one)
    return write(folder, choose(collected, "model", n))


def rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "examples.jsonl").read_text("utf-8").splitlines()]


def fill(folder: Path, answer: Any) -> None:
    filled = [{**row, "expected": answer} for row in rows(folder)]
    (folder / "examples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in filled), "utf-8")


def labelled(n: int) -> Iterable[Exchange]:
    for at, one in enumerate(traffic(n)):
        yield replace(one, reply=Message("assistant", ("refund", "delivery", "account")[at % 3]), trace=f"t{at // 2}")


def test_labels_are_read_from_the_replies(tmp_path: Path) -> None:
    found = made(labelled(300), tmp_path / "task")
    assert found.files == (
        "LABELLING.md", "examples.jsonl", "prompt.md", "replies.jsonl", "suffice.yaml",
    )  # fmt: skip
    assert "`expected` is missing" in found.left and "in 39 more rows" in found.left
    with pytest.raises(InputError, match="expected"):
        load(tmp_path / "task")
    fill(tmp_path / "task", "refund")
    task = load(tmp_path / "task")
    assert task.output.kind == "labels" and task.output.labels == ("account", "delivery", "refund")
    assert task.model == "openai/gpt-4o-mini" and task.prompt and len(task.dataset) == 40
    assert {e.partition for e in task.dataset} == {"core", "edge"} and all(e.time and e.group for e in task.dataset)
    edge = [e.split for e in task.dataset if e.partition == "edge"]
    assert len(edge) == 16 and edge.count("dev") == 8 and {e.split for e in task.dataset.part("core")} == {None}
    assert len(task.parts.edge) <= 8 and len(task.parts.dev) >= 8


def test_todays_stack_can_be_scored_from_the_logged_replies(tmp_path: Path) -> None:
    made(labelled(300), tmp_path / "task")
    fill(tmp_path / "task", "refund")
    config = tmp_path / "task" / "suffice.yaml"
    config.write_text(config.read_text("utf-8").replace('"openai/gpt-4o-mini"', '"recorded:replies.jsonl"'), "utf-8")
    task = load(tmp_path / "task")
    assert task.model == "recorded:replies.jsonl"


def test_a_schema_that_calls_name_becomes_the_contract(tmp_path: Path) -> None:
    calls = [replace(c, schema=RECORD, reply=Message("assistant", '{"city": "Oslo", "n": 3}')) for c in traffic(100)]
    found = made(calls, tmp_path / "task")
    assert "expected" in found.left and json.loads((tmp_path / "task" / "schema.json").read_text()) == RECORD
    fill(tmp_path / "task", {"city": "Oslo", "n": 1})
    assert load(tmp_path / "task").output.schema == RECORD


def test_tools_that_calls_use_become_the_contract(tmp_path: Path) -> None:
    tool = Tool("search", "Finds", {"type": "object", "properties": {"q": {"type": "string"}}})
    reply = Message("assistant", "", (ToolCall("search", {"q": "x"}),))
    found = made([replace(c, tools=(tool,), reply=reply) for c in traffic(100)], tmp_path / "task")
    assert "tools.json" in found.files
    fill(tmp_path / "task", [{"name": "search", "arguments": {"q": "y"}}])
    assert load(tmp_path / "task").output.tools[0].name == "search"


def test_expected_answers_of_an_evaluation_are_kept(tmp_path: Path) -> None:
    calls = (replace(c, expected="delivery", reply=Message("assistant", "delivery" if n % 3 else "refund"))
             for n, c in enumerate(traffic(100)))  # fmt: skip
    assert made(calls, tmp_path / "task").left == ""
    assert load(tmp_path / "task").dataset[0].expected == "delivery"


def test_a_prompt_with_braces_stays_a_prompt(tmp_path: Path) -> None:
    system = 'Fill {{name}} and reply {"a": {"b": 1}}'
    calls = [call(str(n), f"q {n}", "Some longer text that is no label " + str(n), system=system) for n in range(40)]
    made(calls, tmp_path / "task", 20)
    assert '{"a": {"b": 1}}' in (tmp_path / "task" / "prompt.md").read_text("utf-8")
    fill(tmp_path / "task", "something")
    load(tmp_path / "task")


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "examples.jsonl").write_text("mine", "utf-8")
    with pytest.raises(InputError, match="is there already"):
        made(labelled(60), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["examples.jsonl"]
    assert (tmp_path / "examples.jsonl").read_text("utf-8") == "mine"


def test_secrets_are_masked_in_every_file(tmp_path: Path) -> None:
    key, word = "sk-proj-abcdefghijklmnop0123456789", "hunter22hunter"
    calls = [
        call(str(n), f"my key is {key} and question {n}", f"use {key}: {n} " * 3, system=f"password: {word}\nBe kind.",
             trace=key, schema={"type": "object", "description": f"like {key}"} if n % 2 else None)
        for n in range(60)
    ]  # fmt: skip
    made(calls, tmp_path / "task", 20)
    for path in (tmp_path / "task").iterdir():
        text = path.read_text("utf-8")
        assert key not in text and word not in text, path.name
    assert "[api key]" in (tmp_path / "task" / "examples.jsonl").read_text("utf-8")


def test_what_is_personal_is_masked_where_that_was_asked_for(tmp_path: Path) -> None:
    calls = [call(str(n), f"I am jane.doe@example.org, call +44 20 7946 0958 about {n}", "Fine.") for n in range(60)]
    made(calls, tmp_path / "open", 20)
    assert "jane.doe@" in (tmp_path / "open" / "examples.jsonl").read_text("utf-8")
    with impersonal():
        made(calls, tmp_path / "masked", 20)
    for path in (tmp_path / "masked").iterdir():
        text = path.read_text("utf-8")
        assert "jane.doe" not in text and "7946" not in text, path.name


def test_where_nothing_can_be_labelled_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="can be labelled") as wrong:
        made([Exchange("1"), Exchange("2")], tmp_path / "task")
    assert "does not say what was asked" in wrong.value.hint and not (tmp_path / "task").exists()
