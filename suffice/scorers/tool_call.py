"""Tool call: whether the calls made are the calls that were right, argument by argument."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..data import Example, Output
from ..score import Score
from ..strict import parse
from ..types import Answer
from ..types import Json as Value


@dataclass(frozen=True)
class ToolCall:
    """1 where every expected call was made and no other, in any order; otherwise 0, with the first difference.

    `expected` is one call `{"name", "arguments"}`, a list of calls (none: `[]`), or `{"any_of": […]}` of these. An
    argument's value may be `{"any_of": […]}`; with null among those it may be left out. The reply is the answer's
    tool calls, otherwise its text as JSON: one call, or a list of calls.
    """

    tolerance: float = 1e-9

    def __call__(self, example: Example, answer: Answer) -> Score:
        if example.expected is None:
            return Score(None, "no expected answer")
        try:
            made = _made(answer)
        except ValueError as wrong:
            made = []
            if _alternatives(example.expected) != [[]]:
                return Score(0.0, str(wrong))
        told = [self._difference(want, made) for want in _alternatives(example.expected)]
        return Score(1.0, "the right calls") if None in told else Score(0.0, str(told[0]))

    def misfit(self, output: Output) -> str | None:
        """It judges tool calls only."""
        return None if output.kind == "tools" else f"`tool_call` judges calls; the output contract is {output.kind}"

    def _difference(self, want: Sequence[Value], made: Sequence[Value]) -> str | None:
        left = list(made)
        for call in want:
            match = next((at for at, one in enumerate(left) if self._wrong(call, one) is None), None)
            if match is None:
                return self._nearest(call, left)
            left.pop(match)
        return f"{left[0]['name']}: nobody asked for this call" if left else None

    def _nearest(self, call: Value, made: Sequence[Value]) -> str:
        if not isinstance(call, Mapping):
            return f"{_shown(call)} is expected, and is no call"
        alike = [one for one in made if one["name"] == call.get("name")]
        if not alike:
            said = ", ".join(one["name"] for one in made) or "nothing"
            return f"want a call of {call.get('name')}, got {said}"
        return str(self._wrong(call, alike[0]))

    def _wrong(self, want: Value, made: Value) -> str | None:
        if not isinstance(want, Mapping):
            return "no call is expected"
        if want.get("name") != made["name"]:
            return f"want {want.get('name')}, got {made['name']}"
        arguments = want.get("arguments") or {}
        for name in [*arguments, *(n for n in made["arguments"] if n not in arguments)]:
            if name not in arguments:
                return f"{name}: nobody asked for it"
            if not self._fits(arguments[name], made["arguments"].get(name)):
                return f"{name}: want {_shown(arguments[name])}, got {_shown(made['arguments'].get(name))}"
        return None

    def _fits(self, want: Value, got: Value) -> bool:
        match want, got:
            case {"any_of": list() as several}, _:
                return any(self._fits(one, got) for one in several)
            case (bool(), _) | (_, bool()):
                return want is got
            case (int() | float(), int() | float()):
                return want == got or math.isclose(want, got, rel_tol=self.tolerance)
            case str(), str():
                return _plain(want) == _plain(got)
            case list(), list():
                return len(want) == len(got) and all(map(self._fits, want, got))
            case Mapping(), Mapping():
                return all(self._fits(want.get(key), got.get(key)) for key in {*want, *got})
            case _:
                return bool(want == got)


def _alternatives(expected: Value) -> list[list[Value]]:
    several = expected["any_of"] if isinstance(expected, Mapping) and set(expected) == {"any_of"} else [expected]
    return [list(one) if isinstance(one, list) else [one] for one in several]


def _made(answer: Answer) -> list[Value]:
    if answer.tool_calls:
        return [{"name": c.name, "arguments": dict(c.arguments)} for c in answer.tool_calls]
    value = answer.value if answer.value is not None else parse(answer.text)
    calls = value if isinstance(value, list) else [value]
    for call in calls:
        if not isinstance(call, Mapping) or not isinstance(call.get("name"), str):
            raise ValueError('a call is {"name", "arguments"}')
        if not isinstance(call.get("arguments", {}), Mapping):
            raise ValueError("a call's arguments are an object")
    return [{"name": c["name"], "arguments": dict(c.get("arguments", {}))} for c in calls]


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def _shown(value: Value) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else f"{text[:79]}…"
