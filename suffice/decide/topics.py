"""The rules of all kinds of failure, in the order of the framework's walls and matrix.

Of a topic the first row that holds is taken, the heaviest standing first. A row whose condition is open is passed
over, and what it waits for is asked: so what nobody knows buys no tuning. The last row of a topic always holds.
"""

from __future__ import annotations

from .behaviour import CERTAINTY, FORMAT, JUDGEMENT, RULES, TONE, TOOLS
from .burden import COST, PROMPT_LENGTH, SMALL_MODEL
from .opening import CASE, START
from .rule import Topic
from .walls import DECAY, INSTRUCTION, KNOWLEDGE, SEARCH, UNEXPLAINED, VOCABULARY

TOPICS: tuple[Topic, ...] = (
    *(INSTRUCTION, KNOWLEDGE, SEARCH, FORMAT, CERTAINTY, TONE, TOOLS, RULES, VOCABULARY, JUDGEMENT),
    *(PROMPT_LENGTH, COST, SMALL_MODEL, DECAY, UNEXPLAINED),
)

__all__ = ["CASE", "START", "TOPICS"]
