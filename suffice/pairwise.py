"""Pairwise: a judge's preference between two arms' outputs of every example, asked in both orders."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, Self, runtime_checkable

from .calls import Calls
from .data import Example
from .errors import InputError, ModelError
from .labels import Arm
from .run import FATAL
from .score import Preference, Scorer
from .types import Answer, Ask


@runtime_checkable
class Prefers(Protocol):
    """A scorer that can also say which of two replies is better."""

    def over(self, ask: Ask) -> Self: ...

    def preference(self, example: Example, before: Answer, after: Answer) -> Preference: ...


def preferences(
    scorer: Scorer, examples: Sequence[Example], before: Arm, after: Arm, *, calls: Calls, workers: int | None = None
) -> dict[str, Preference]:
    """The preferences by example id, of all pairs in which both arms replied; what the ledger holds is not bought.

    Raises `BudgetSpent`, or `ModelError` where nobody is there; what was paid for is kept.
    """
    if not isinstance(scorer, Prefers):
        raise InputError("the scorer cannot compare two replies", hint="score: judge")
    judge = scorer.over(calls)
    width = max(1, min(workers or calls.parallel, calls.parallel))
    with ThreadPoolExecutor(width, "pairwise") as pool:
        asked = {
            e.id: pool.submit(_asked, judge, calls, e, pair) for e in examples if (pair := _pair(e, before, after))
        }
        try:
            return {id_: one.result() for id_, one in asked.items()}
        except BaseException:
            calls.stop.set()
            for one in asked.values():
                one.cancel()
            raise


def _pair(example: Example, before: Arm, after: Arm) -> tuple[Answer, Answer] | None:
    old, new = before.outputs[example.id], after.outputs[example.id]
    return None if old is None or new is None else (Answer(old), Answer(new))


def _asked(judge: Prefers, calls: Calls, example: Example, pair: tuple[Answer, Answer]) -> Preference:
    try:
        found = judge.preference(example, *pair)
    except ModelError as wrong:
        if wrong.fault in FATAL:
            raise
        return Preference(None, reason=f"the judge could not be asked: {wrong.message}")
    calls.settled()
    return found
