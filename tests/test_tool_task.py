"""A task whose answers are tool calls, no call among them: it climbs, is diagnosed, and its verdict verifies."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from worlds import world

from suffice import climb
from suffice.data import Dataset, Example, Output
from suffice.plugins import find
from suffice.task import Task
from suffice.types import Tool
from suffice.verify import verify

TOOLS = tuple(Tool(f"tool{n}", f"Says the code of kind {n}.", {"type": "object"}) for n in range(3))
MODEL = """
import json
from suffice.models.scripted import Scripted


def knows_one_tool():
    def says(request):
        number, told = int(request.id[1:]), " ".join(request.instructions)
        name = f"tool{number % 3}" if "Says the code" in told else "tool0"
        return json.dumps([] if number % 5 == 0 else [{"name": name, "arguments": {"n": number}}])

    return Scripted(says)
"""


def calling(folder: Path) -> Task:
    """Every fifth request needs no call."""
    (folder / "model.py").write_text(MODEL, "utf-8")
    cases = tuple(
        Example(f"q{i}", f"Do thing {i}.", [] if i % 5 == 0 else [{"name": f"tool{i % 3}", "arguments": {"n": i}}])
        for i in range(160)
    )
    output = Output("tools", tools=TOOLS)
    data = Dataset(cases, output, find("scorers", "tool_call")(), "calls")
    model = f"{folder / 'model.py'}:knows_one_tool"
    return replace(world(folder, n=5), dataset=data, output=output, score="tool_call", model=model)


def test_a_tool_task_climbs_is_diagnosed_and_verifies(tmp_path: Path) -> None:
    found = climb(calling(tmp_path))
    first = found.body["diagnosis"][0]
    assert (first["cause"], first["proved_by"], first["share"]) == ("tool use", "tool_description", 1.0)
    assert verify(tmp_path / "verdict.json").scored > 0
