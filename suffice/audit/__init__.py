"""The audit: what a log of production traffic says of a stack, read once and in constant memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..exchange import Exchange
    from .found import Audit


def audit(exchanges: Iterable[Exchange], *, sources: Sequence[str] = (), seed: int = 0) -> Audit:
    """Everything that `suffice audit` finds in these exchanges; each is looked at once and then forgotten."""
    from .collect import Collector
    from .conclude import conclude

    collected = Collector(seed=seed)
    for exchange in exchanges:
        collected.add(exchange)
    return conclude(collected, sources)
