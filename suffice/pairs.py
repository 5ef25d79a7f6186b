"""Pairs: a question with the text that answers it, for tuning an embedder; whether there are enough, what it gained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .data import Dataset, likeness
from .layer import Gate
from .stats.paired import Paired, paired

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Embed = Callable[[Sequence[str]], "NDArray[np.float32]"]
"""From texts to unit vectors, one a row."""
ENOUGH = 1000
"""Pairs below which an embedder is not tuned."""
SOURCE = "docs/framework.md §5"


@dataclass(frozen=True, slots=True)
class Pair:
    """A question and a text that answers it."""

    id: str
    query: str
    text: str


def pairs(examples: Dataset) -> tuple[Pair, ...]:
    """Each example with each verbatim text of its gold context; the same two are a pair once."""
    found: dict[tuple[str, str], Pair] = {}
    for example in examples:
        for number, context in enumerate(c for c in example.context if c.text):
            text = str(context.text)
            key = (likeness(example.text), likeness(text))
            found.setdefault(key, Pair(f"{example.id}/{number}", example.text, text))
    return tuple(found.values())


def gate(found: Sequence[Pair]) -> Gate:
    """Whether there are enough pairs."""
    return Gate("query–document pairs", len(found) >= ENOUGH, f"{len(found)}", f"at least {ENOUGH}", SOURCE)


def recalled(embed: Embed, held: Sequence[Pair], others: Sequence[str] = (), *, k: int = 5) -> list[float]:
    """Of each pair, 1 where its text is among the k nearest to its query, of all pairs' texts and `others`.

    A text that is exactly as near as the pair's own counts against it.
    """
    import numpy as np

    texts = list(dict.fromkeys([*(pair.text for pair in held), *others]))
    place = {text: number for number, text in enumerate(texts)}
    queries, rows = embed([pair.query for pair in held]), embed(texts)
    near: Any = queries @ rows.T
    own = near[np.arange(len(held)), [place[pair.text] for pair in held]]
    return [float(n) for n in ((near >= own[:, None]).sum(1) <= k)]


def gained(
    before: Embed, after: Embed, held: Sequence[Pair], others: Sequence[str] = (), *, k: int = 5, alpha: float = 0.05
) -> Paired:
    """What tuning gained in recall at k, on pairs that were not learned from; those of one text are a group."""
    first, second = (recalled(embed, held, others, k=k) for embed in (before, after))
    alone = len({pair.text for pair in held}) == len(held)
    return paired(first, second, None if alone else [pair.text for pair in held], alpha=alpha)
