"""Recall: how much of the text that holds an example's answer a stack's search puts before the model."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from .data import Example, likeness
from .stack import Stack
from .types import Answer, Passage, Request

SEARCHERS = ("retrieval",)


def recall_of(stack: Stack, examples: Iterable[Example]) -> dict[str, float]:
    """By example, the share of the gold text's sentences that stand in the passages shown; nothing without a search.

    Where an example names a document only, it is 1 when a passage of that document is shown, otherwise 0.
    """
    if not any(name in SEARCHERS for name in stack.names):
        return {}
    shown = ((e, _shown(stack, e.request)) for e in examples if _gold(e))
    return {e.id: _held(passages, e) for e, passages in shown if passages is not None}


def _gold(example: Example) -> bool:
    return any(c.text or c.document for c in example.context)


def _shown(stack: Stack, request: Request) -> tuple[Passage, ...] | None:
    """The passages that reach the model; None where a layer answers without asking it."""
    heard: list[Request] = []

    def listen(final: Request) -> Answer:
        heard.append(final)
        return Answer("")

    stack.over(listen)(request)
    return heard[0].passages if heard else None


def _held(passages: Sequence[Passage], example: Example) -> float:
    texts = [c.text for c in example.context if c.text]
    if not texts:
        named = {c.document for c in example.context if c.document}
        return float(any(d == p.document or d.endswith(f"/{p.document}") for d in named for p in passages))
    read = " ".join(likeness(p.text) for p in passages)
    parts = [part for text in texts for piece in re.split(r"(?<=[.!?])\s+|\n+", text) if (part := likeness(piece))]
    return sum(part in read for part in parts) / len(parts) if parts else 0.0
