"""Lenient parse: read the same reply forgivingly. What that fixes was a failure of format."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

from ..data import Output
from ..layer import Cause, Layer
from ..lenient import calls_in, named_labels, record_in
from ..probe import Arms, Setting
from ..types import Answer, Ask, Request, Tool
from ._tools import tools_of


@dataclass(frozen=True)
class LenientParse:
    """The sham reads the same reply as strictly as before, so chance cannot fix anything."""

    order: ClassVar[int] = 10
    proves: ClassVar[tuple[Cause, ...]] = ("format",)

    def arms(self, setting: Setting) -> Arms | None:
        if setting.output.kind == "text":
            return None
        tools = {e.id: tuple(tools_of(e, setting.output)) for e in setting.failures if setting.output.kind == "tools"}
        return Arms(setting.stack.push(Lenient(setting.output, tools)), (setting.stack,))


@dataclass(frozen=True)
class Lenient(Layer):
    """Find the label, the record or the calls that the reply holds somewhere."""

    output: Output = Output()
    tools: Mapping[str, tuple[Tool, ...]] = field(default_factory=dict, repr=False)
    """The tools of each example, where calls are what is asked for."""

    def __call__(self, request: Request, ask: Ask) -> Answer:
        answer = ask(request)
        if self.output.kind == "labels":
            named = named_labels(answer.text, self.output.labels)
            return replace(answer, text=named[0], value=named[0]) if len(named) == 1 else answer
        if self.output.kind == "tools":
            calls = calls_in(answer.text, self.tools.get(request.id or "", self.output.tools))
            return replace(answer, text=json.dumps(calls), value=calls) if calls else answer
        value = record_in(answer.text, self.output.schema or {})
        return answer if value is None else replace(answer, text=json.dumps(value), value=value)
