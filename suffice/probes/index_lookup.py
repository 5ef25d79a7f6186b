"""Index look-up: ask the index for the passage in its own words. What that fixes the search had missed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from ..layer import Cause
from ..plugins import name_of
from ..probe import Arms, Setting
from ..types import Passage
from ._gold import WHOLE, Given, gold_passages, hash_of, held, holds, searched, searches, shown, without_knowledge

WORDS = 60
"""Of a passage, so many words are asked for."""


@dataclass(frozen=True)
class IndexLookup:
    """The sham shows what the index returns for another failure's passage."""

    order: ClassVar[int] = 20
    proves: ClassVar[tuple[Cause, ...]] = ("retrieval",)

    def arms(self, setting: Setting) -> Arms | None:
        if not searches(setting.stack):
            return None
        found = _found(setting)
        if len({p[0].text for p in found.values()}) < 2:
            return None
        ids = sorted(found, key=lambda id_: hash_of(setting.seed, id_))
        sham = {a: found[b] for a, b in zip(ids, [*ids[1:], ids[0]], strict=True)}
        bare = without_knowledge(setting.stack)
        return Arms(bare.under(Given("looked up", found)), (bare.under(Given("sham", sham)),), applies=frozenset(found))


def _found(setting: Setting) -> dict[str, tuple[Passage, ...]]:
    """What the index holds of each passage that the question's own search did not bring."""
    finders = tuple(x for x in setting.stack.layers if name_of(type(x)) == "retrieval")
    alone = replace(setting.stack, layers=finders)
    gold = gold_passages(setting, setting.failures)
    kept = {}
    for example in (e for e in setting.failures if e.id in gold):
        told, request = gold[example.id], example.request
        if held(searched(setting.stack, request), example, told) >= WHOLE:
            continue
        asked = replace(request, input=" ".join(told.text.split()[:WORDS]))
        holding = tuple(p for p in shown(alone, asked) if holds(p, example, told))
        if holding:
            kept[example.id] = holding
    return kept
