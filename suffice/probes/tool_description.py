"""Tool description: say what each tool does and takes. What that fixes was tool use."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

from ..digest import digest_of
from ..layer import Cause, Layer
from ..probe import Arms, Setting
from ..types import Answer, Ask, Request, Tool
from ._tools import tools_of

FORM = 'Reply with the call as JSON and nothing else: {"name": …, "arguments": {…}}.'


@dataclass(frozen=True)
class ToolDescription:
    """The sham gives the tools' names alone."""

    order: ClassVar[int] = 35
    proves: ClassVar[tuple[Cause, ...]] = ("tool use",)

    def arms(self, setting: Setting) -> Arms | None:
        if setting.output.kind != "tools":
            return None
        tools = {e.id: tools_of(e, setting.output) for e in setting.failures}
        full = {id_: "\n".join(described(tool) for tool in some) for id_, some in tools.items()}
        bare = {id_: "\n".join(f"- {tool.name}" for tool in some) for id_, some in tools.items()}
        stack = setting.stack
        return Arms(stack.under(ToolsTold("described", full)), (stack.under(ToolsTold("named", bare)),))


@dataclass(frozen=True)
class ToolsTold(Layer):
    """Say in the instructions which tools there are."""

    role: str = ""
    tools: Mapping[str, str] = field(default_factory=dict, repr=False)
    content: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "content", digest_of(dict(self.tools)))

    def __call__(self, request: Request, ask: Ask) -> Answer:
        told = f"The tools that can be called:\n{self.tools.get(request.id or '', '')}\n\n{FORM}"
        return ask(replace(request, instructions=(*request.instructions, told)))


def described(tool: Tool) -> str:
    """A tool in words: its name, what it does, and its parameters as JSON Schema."""
    return f"- {tool.name}: {tool.description} Arguments: {json.dumps(dict(tool.parameters), ensure_ascii=False)}"
