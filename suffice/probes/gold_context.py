"""Gold context: show the passage that holds the answer. What that fixes was missing knowledge, wherever it got lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from ..layer import Cause
from ..probe import Arms, Setting
from ..types import Passage
from ._gold import (
    WHOLE,
    Given,
    Holdings,
    gold_passages,
    held,
    searched,
    searches,
    shown,
    unlike,
    without_knowledge,
)


@dataclass(frozen=True)
class GoldContext:
    """The sham shows another example's passage, cut to the same length.

    A fix proves *coverage* when no document holds the passage, *context* when the stack had the passage and showed it
    cut or among others, *retrieval* when it searches documents that hold it and did not find it, *knowledge* otherwise.
    """

    order: ClassVar[int] = 25
    proves: ClassVar[tuple[Cause, ...]] = ("knowledge", "retrieval", "coverage", "context")

    def arms(self, setting: Setting) -> Arms | None:
        gold = gold_passages(setting, setting.failures)
        others = gold_passages(setting, setting.pool) or gold
        if not gold or len({p.text for p in others.values()} | {p.text for p in gold.values()}) < 2:
            return None
        bare = without_knowledge(setting.stack)
        sham = {id_: (unlike(passage, others, id_, setting.seed),) for id_, passage in gold.items()}
        return Arms(
            bare.under(Given("gold", {id_: (passage,) for id_, passage in gold.items()})),
            (bare.under(Given("sham", sham)),),
            causes=_causes(setting, gold),
            applies=frozenset(gold),
        )


def _causes(setting: Setting, gold: Mapping[str, Passage]) -> dict[str, Cause]:
    holdings = Holdings(setting.corpus)
    found: dict[str, Cause] = {}
    for example in setting.failures:
        if example.id not in gold:
            continue
        told, request = gold[example.id], example.request
        seen = held(shown(setting.stack, request), example, told)
        got = max(seen, held(searched(setting.stack, request), example, told))
        if got >= WHOLE or got > seen:
            found[example.id] = "context"
        elif not all(holdings.hold(c) for c in example.context):
            found[example.id] = "coverage"
        else:
            found[example.id] = "retrieval" if searches(setting.stack) else "knowledge"
    return found
