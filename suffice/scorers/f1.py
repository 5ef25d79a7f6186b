"""F1: how many words the reply and an accepted answer share."""

from __future__ import annotations

import re
import string
from collections import Counter
from dataclasses import dataclass

from ..data import Example, Output
from ..score import Score
from ..types import Answer

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


@dataclass(frozen=True)
class F1:
    """Token F1 as SQuAD defines it (Rajpurkar et al. 2016, section 6.1): the best over the accepted answers."""

    def __call__(self, example: Example, answer: Answer) -> Score:
        if example.expected is None:
            return Score(None, "no expected answer")
        best, want = max((_f1(str(one), answer.text), str(one)) for one in example.accepted)
        return Score(best, f"shares words with `{want[:80]}`: F1 {best:.2f}")

    def misfit(self, output: Output) -> str | None:
        """It compares free texts."""
        return None if output.kind == "text" else f"`f1` compares free texts; the output contract is {output.kind}"


def _f1(want: str, got: str) -> float:
    wanted, given = _tokens(want), _tokens(got)
    if not wanted or not given:
        return float(wanted == given)
    shared = (Counter(wanted) & Counter(given)).total()
    return 2 * shared / (len(wanted) + len(given))


def _tokens(text: str) -> list[str]:
    """Lower case, no punctuation, no articles."""
    return _ARTICLES.sub(" ", text.lower().translate(_NO_PUNCTUATION)).split()
