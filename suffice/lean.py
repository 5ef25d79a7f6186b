"""Lean: what a tuned model still needs around it: the bare goal, no examples, no long prompt; knowledge stays."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .places import placed
from .plugins import find, name_of
from .stack import Stack
from .task import Task

SPARED = ("classifier", "few_shot", "adapter", "student")
"""Layers whose work is learned, or that answer in the model's place."""


def lean(stack: Stack, task: Task) -> Stack:
    """The stack without its examples, its prompt cut down to the task's goal. Retrieval and rules stay as they are.

    Facts belong in documents, not in weights (docs/framework.md §3), so what is retrieved is not learned away.
    """
    spared = replace(stack, layers=tuple(x for x in stack.layers if name_of(type(x)) not in SPARED))
    return placed(spared, _bare(task, next((x for x in stack.layers if name_of(type(x)) == "prompt"), None)))


def held_to(stack: Stack, task: Task) -> Stack | None:
    """The stack held to the output contract, where there is one that the engine can enforce and it is not yet."""
    if "structure" in stack.names:
        return None
    layer = find("layers", "structure").for_task(task)
    return None if layer is None else placed(stack, layer)


def _bare(task: Task, today: Any) -> Any:
    """The goal alone, over today's wording of the question."""
    bare = find("layers", "prompt").for_task(replace(task, prompt=None))
    return replace(bare, instructions=task.goal, question=today.question) if today is not None else bare
