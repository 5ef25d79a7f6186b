"""The tools of an example: its own, where its input brings some, otherwise the task's."""

from __future__ import annotations

from collections.abc import Sequence

from ..data import Example, Output
from ..types import Tool


def tools_of(example: Example, output: Output) -> Sequence[Tool]:
    """The tools of one example: those in its input's `tools`, where it has its own, otherwise the task's."""
    return example.held_to(output).tools
