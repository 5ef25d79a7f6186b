"""Tool calls on the ladder: tools reach the model, shots and schemas hold calls, and an input's own tools go first."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from worlds import world

from suffice.contract import validator
from suffice.data import Dataset, Example, Output
from suffice.demonstrations import demonstrations
from suffice.errors import InputError
from suffice.layers.few_shot import FewShot
from suffice.layers.prompt import Prompt
from suffice.layers.structure import Structure
from suffice.models.scripted import Scripted
from suffice.plugins import build, find, spec_of
from suffice.rows import read
from suffice.stack import Stack
from suffice.task import Task
from suffice.toolwords import calls_schema
from suffice.types import Request, Tool

PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = (Tool("weather", "Tells the weather.", PARAMETERS), Tool("time", "Tells the time.", PARAMETERS))
CALL = {"name": "weather", "arguments": {"city": "Rome"}}


def calling(folder: Path) -> Task:
    output = Output("tools", tools=TOOLS)
    cases = tuple(Example(f"q{i}", f"How is it in Rome {i}?", [CALL]) for i in range(8))
    data = Dataset(cases, output, find("scorers", "tool_call")(), "calls")
    return replace(world(folder, n=5), dataset=data, output=output, score="tool_call")


def test_a_prompt_offers_the_contracts_tools_and_rebuilds(tmp_path: Path) -> None:
    layer = Prompt.for_task(calling(tmp_path))
    model = Scripted(otherwise="[]")
    Stack(model, (layer,))(Request("Rome?"))
    assert model.heard[0].tools == TOOLS
    assert build("layers", json.loads(json.dumps(_plain(spec_of(layer))))).tools == TOOLS


def _plain(value: object) -> object:
    from suffice.digest import plain

    return plain(value)


def test_an_input_that_brings_tools_is_asked_with_those_alone(tmp_path: Path) -> None:
    own = [{"name": "sea", "description": "Tells of the sea.", "parameters": PARAMETERS}]
    example = Example("q1", {"question": "How is the sea?", "tools": own}, [])
    model = Scripted(otherwise="[]")
    Stack(model, (Prompt.for_task(calling(tmp_path)),))(example.request)
    assert [t.name for t in model.heard[0].tools] == ["sea"] and 'sea"' not in model.heard[0].input


@pytest.mark.usefixtures("minilm")
def test_shots_show_calls_as_the_json_that_is_read_back(tmp_path: Path) -> None:
    task = calling(tmp_path)
    layer = FewShot(mode="static", k=3, folder=tmp_path).fit(Stack(Scripted()), task.dataset)
    assert json.loads(layer.shots[0].output) == [CALL]


def test_structure_holds_a_reply_to_a_list_of_known_calls(tmp_path: Path) -> None:
    layer = Structure.for_task(calling(tmp_path))
    assert layer is not None
    model = Scripted(otherwise=json.dumps([CALL]))
    answer = Stack(model, (layer,))(Request("Rome?"))
    assert answer.value == [CALL] and answer.trace[0].notes["valid"]
    assert model.heard[0].schema == calls_schema(TOOLS)
    wrong = Stack(Scripted(otherwise='[{"name": "war", "arguments": {}}]'), (layer,))(Request("Rome?"))
    assert wrong.trace[0].notes["valid"] is False
    own = replace(Request("Rome?"), tools=(Tool("sea", "", PARAMETERS),))
    held = Stack(Scripted(otherwise='[{"name": "sea", "arguments": {"city": "Oslo"}}]'), (layer,))(own)
    assert held.trace[0].notes["valid"], "the request's own tools go before the contract's"


def test_the_schema_of_calls_takes_what_it_should_and_nothing_else() -> None:
    known = validator(calls_schema(TOOLS))
    assert known.is_valid([CALL]) and known.is_valid([])
    assert not known.is_valid([{"name": "weather", "arguments": {"city": 5}}]) and not known.is_valid(CALL)
    assert validator(calls_schema(())).is_valid([{"name": "anything", "arguments": {"a": 1}}])


def test_a_demonstration_carries_the_tools_that_its_example_had(tmp_path: Path) -> None:
    task = calling(tmp_path)
    own = [{"name": "sea", "parameters": PARAMETERS}]
    mixed = task.dataset.only((*task.dataset, Example("own", {"question": "Sea?", "tools": own}, [])))
    rows = {row.id: row for row in demonstrations(Stack(Scripted()), mixed)}
    assert rows["q1"].tools == TOOLS and [t.name for t in rows["own"].tools] == ["sea"]
    assert rows["q1"].reply.tool_calls[0].arguments == {"city": "Rome"} and not rows["own"].reply.tool_calls


def test_expected_calls_are_checked_against_the_tools_that_the_input_brings(tmp_path: Path) -> None:
    own = {"name": "sea", "parameters": PARAMETERS}
    values = ("Oslo", {"any_of": ["Oslo", "Oslo, Norway"]})
    calls = [[{"name": "sea", "arguments": {"city": value}}] for value in values]
    rows = [{"id": f"q{n}", "input": {"question": "?", "tools": [own]}, "expected": c} for n, c in enumerate(calls)]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert len(read(path, Output("tools", tools=TOOLS))) == 2
    wrong = {**rows[0], "expected": [{"name": "weather", "arguments": {}}]}
    path.write_text(json.dumps(wrong) + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"no tool called `weather` \(known: sea"):
        read(path, Output("tools", tools=TOOLS))
