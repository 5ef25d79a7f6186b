"""JSON: the share of the record's fields that are right."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from ..data import Example, Output
from ..score import Score
from ..strict import parse
from ..types import Answer
from ..types import Json as Value

_ABSENT = None
"""A field that is null and a field that is not there are the same."""


@dataclass(frozen=True)
class Json:
    """The mean over the expected fields; a field that nobody asked for counts as a wrong one.

    Numbers are equal within a relative `tolerance`, dates when they are the same day or moment; `"5"` is not `5`.
    """

    tolerance: float = 1e-9

    def __call__(self, example: Example, answer: Answer) -> Score:
        if example.expected is None:
            return Score(None, "no expected answer")
        try:
            got = answer.value if answer.value is not None else parse(answer.text)
        except ValueError as wrong:
            return Score(0.0, f"not JSON: {str(wrong).removeprefix('not JSON: ')}")
        return max((self._score(want, got) for want in _alternatives(example, got)), key=lambda s: s.value or 0.0)

    def misfit(self, output: Output) -> str | None:
        """It judges records only."""
        return None if output.kind == "schema" else f"`json` judges records; the output contract is {output.kind}"

    def _score(self, want: Value, got: Value) -> Score:
        if not isinstance(want, Mapping):
            right = self._equal(want, got)
            return Score(float(right), "equal" if right else f"want {_shown(want)}, got {_shown(got)}")
        if not isinstance(got, Mapping):
            return Score(0.0, f"want an object, got {_shown(got)}")
        return self._fields(want, got)

    def _fields(self, want: Mapping[str, Value], got: Mapping[str, Value]) -> Score:
        names = [*want, *(name for name in got if name not in want and got[name] is not _ABSENT)]
        wrong = [name for name in names if not self._equal(want.get(name), got.get(name))]
        if not wrong:
            return Score(1.0, "every field is right")
        told = "; ".join(_difference(name, want, got) for name in wrong[:5])
        more = f"; and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        return Score(1 - len(wrong) / len(names), f"{told}{more}")

    def _equal(self, want: Value, got: Value) -> bool:
        match want, got:
            case (bool(), _) | (_, bool()):
                return want is got
            case (int() | float(), int() | float()):
                return want == got or math.isclose(want, got, rel_tol=self.tolerance)
            case (str(), str()):
                return want.strip() == got.strip() or (_moment(want) is not None and _moment(want) == _moment(got))
            case (list(), list()):
                return len(want) == len(got) and all(map(self._equal, want, got))
            case (Mapping(), Mapping()):
                return all(self._equal(want.get(name), got.get(name)) for name in {*want, *got})
            case _:
                return bool(want == got)


def _alternatives(example: Example, got: Value) -> tuple[Value, ...]:
    """A list is alternatives, unless a list is what was replied (an array-typed schema)."""
    return (example.expected,) if isinstance(example.expected, list) and isinstance(got, list) else example.accepted


def _moment(text: str) -> date | datetime | None:
    """An ISO date or time; a time at midnight without a zone is its day. Undashed digits are a number, not a date."""
    if "-" not in text.strip()[1:]:
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    bare = moment.tzinfo is None and moment.time() == datetime.min.time()
    return moment.date() if bare else moment


def _difference(name: str, want: Mapping[str, Value], got: Mapping[str, Value]) -> str:
    if want.get(name) is _ABSENT:
        return f"{name}: nobody asked for it, got {_shown(got.get(name))}"
    if got.get(name) is _ABSENT:
        return f"{name}: missing, want {_shown(want[name])}"
    return f"{name}: want {_shown(want[name])}, got {_shown(got[name])}"


def _shown(value: Value) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else f"{text[:79]}…"
