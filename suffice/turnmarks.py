"""Turn marks: what a chat template writes between turns, made harmless in texts: the same to learn from as to ask."""

from __future__ import annotations

import re

MARKS = re.compile(r"<(?=\||/?s>|(?:start|end)_of_turn>)")


def inert(text: str) -> str:
    """Text whose turn marks are only text: the engine reads `<|im_end|>` inside a message as the end of the turn.

    Half a surrogate pair, which no JSON can carry, becomes a question mark.
    """
    return MARKS.sub("< ", text.encode("utf-8", "replace").decode())
