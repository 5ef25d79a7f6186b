"""Label: the reply is the expected label, and nothing around it."""

from __future__ import annotations

import string
from dataclasses import dataclass

from ..data import Example, Output
from ..score import Score
from ..types import Answer


@dataclass(frozen=True)
class Label:
    """1 when the reply is an accepted label, whatever its case, white space and trailing punctuation."""

    labels: tuple[str, ...] = ()
    """The contract's labels; with them, the reason says when a reply is no label at all."""

    def __call__(self, example: Example, answer: Answer) -> Score:
        if example.expected is None:
            return Score(None, "no expected answer")
        wanted, got = [str(one) for one in example.accepted], bare(answer.text)
        if got in {bare(one) for one in wanted}:
            return Score(1.0, "the expected label")
        named = " or ".join(f"`{one}`" for one in wanted)
        shown = " ".join(answer.text.split())[:80]
        no_label = " which is no label" if self.labels and got not in {bare(one) for one in self.labels} else ""
        return Score(0.0, f"want {named}, got `{shown}`{',' if no_label else ''}{no_label}")

    def misfit(self, output: Output) -> str | None:
        """It judges labels only."""
        return None if output.kind == "labels" else f"`label` judges labels; the output contract is {output.kind}"


def bare(text: str) -> str:
    """What is compared: no case, no white space around, no punctuation at the end."""
    return text.strip().rstrip(string.punctuation.replace("_", "") + "…。").strip().casefold()
