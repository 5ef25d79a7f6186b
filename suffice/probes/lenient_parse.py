"""Lenient parse: read the same reply forgivingly. What that fixes was a failure of format."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import ClassVar

from ..data import Output
from ..layer import Cause, Layer
from ..lenient import named_labels, record_in
from ..probe import Arms, Setting
from ..types import Answer, Ask, Request


@dataclass(frozen=True)
class LenientParse:
    """The sham reads the same reply as strictly as before, so chance cannot fix anything."""

    order: ClassVar[int] = 10
    proves: ClassVar[tuple[Cause, ...]] = ("format",)

    def arms(self, setting: Setting) -> Arms | None:
        if setting.output.kind not in ("labels", "schema"):
            return None
        return Arms(setting.stack.push(Lenient(setting.output)), (setting.stack,))


@dataclass(frozen=True)
class Lenient(Layer):
    """Find the label, or the record, that the reply holds somewhere."""

    output: Output = Output()

    def __call__(self, request: Request, ask: Ask) -> Answer:
        answer = ask(request)
        if self.output.kind == "labels":
            named = named_labels(answer.text, self.output.labels)
            return replace(answer, text=named[0], value=named[0]) if len(named) == 1 else answer
        value = record_in(answer.text, self.output.schema or {})
        return answer if value is None else replace(answer, text=json.dumps(value), value=value)
