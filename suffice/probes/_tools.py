"""The tools of an example: its own, where its input brings some, otherwise the task's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..data import Example, Output
from ..types import Json, Tool


def tools_of(example: Example, output: Output) -> Sequence[Tool]:
    """The tools of one example: those in its input's `tools`, where it has its own, otherwise the task's."""
    own = example.input.get("tools") if isinstance(example.input, Mapping) else None
    if not isinstance(own, list):
        return output.tools
    named = [t for t in own if isinstance(t, Mapping) and isinstance(t.get("name"), str)]
    return [Tool(t["name"], str(t.get("description", "")), _schema(t.get("parameters"))) for t in named]


def _schema(told: Json) -> Mapping[str, Json]:
    return told if isinstance(told, Mapping) else {}
