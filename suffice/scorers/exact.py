"""Exact: the reply is one of the accepted answers, but for surrounding white space."""

from __future__ import annotations

from dataclasses import dataclass

from ..data import Example, Output
from ..score import Score
from ..types import Answer, Json


@dataclass(frozen=True)
class Exact:
    """1 when the stripped reply equals an accepted answer, otherwise 0."""

    def __call__(self, example: Example, answer: Answer) -> Score:
        if example.expected is None:
            return Score(None, "no expected answer")
        wanted = [_text(one) for one in example.accepted]
        got = answer.text.strip()
        return Score(1.0, "equal") if got in wanted else Score(0.0, f"want {_named(wanted)}, got `{_short(got)}`")

    def misfit(self, output: Output) -> str | None:
        """It compares texts: records and tool calls have scorers of their own."""
        own = {"schema": "json", "tools": "tool_call"}.get(output.kind)
        return f"`exact` compares texts; for {output.kind} outputs use `{own}`" if own else None


def _text(value: Json) -> str:
    """Expected answers that YAML or CSV read as numbers or booleans are compared as they would be written."""
    import json

    return value.strip() if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _named(wanted: list[str]) -> str:
    return " or ".join(f"`{_short(one)}`" for one in wanted[:3]) + (" or others" if len(wanted) > 3 else "")


def _short(text: str, limit: int = 80) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
