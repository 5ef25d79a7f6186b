"""Contains: an accepted answer stands somewhere in the reply, in whole words."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from ..data import Example, Output
from ..score import Score
from ..types import Answer

_CJK = r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
_WORD = re.compile(rf"(?<!\w)-?\d+(?:[.,]\d+)*|{_CJK}|(?:(?!{_CJK})\w)+")


@dataclass(frozen=True)
class Contains:
    """1 when the words of an accepted answer follow one another in the reply, whatever case, accents, punctuation."""

    def __call__(self, example: Example, answer: Answer) -> Score:
        if example.expected is None:
            return Score(None, "no expected answer")
        got = f" {' '.join(words(answer.text))} "
        for want in example.accepted:
            looked_for = " ".join(words(str(want)))
            if looked_for and f" {looked_for} " in got:
                return Score(1.0, f"contains `{want}`")
        named = " or ".join(f"`{one}`" for one in example.accepted[:3])
        return Score(0.0, f"{named} is not in `{' '.join(answer.text.split())[:120]}`")

    def misfit(self, output: Output) -> str | None:
        """It searches a text; a reply that lists every label would always contain the right one."""
        return None if output.kind == "text" else f"`contains` searches free text; the contract is {output.kind}"


def words(text: str) -> list[str]:
    """The words of a text, folded; a number with separators and sign is one word (`1,200` is `1200`, `12km` two)."""
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    plain = unicodedata.normalize("NFC", "".join(c for c in folded if not unicodedata.combining(c)))
    return [_number(w) if w[-1].isdigit() else w for w in _WORD.findall(plain)]


def _number(word: str) -> str:
    """Commas that group thousands go; `3.50` stays as it is written."""
    return word.replace(",", "") if re.fullmatch(r"-?\d{1,3}(,\d{3})+(\.\d+)?", word) else word
