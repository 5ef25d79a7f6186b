"""A candidate for training: an example with where it comes from; and one that was left out, with the reason."""

from __future__ import annotations

from dataclasses import dataclass

from ..data import Example
from ..demonstrations import Provenance


@dataclass(frozen=True, slots=True)
class Candidate:
    """One solved example and its provenance."""

    example: Example
    provenance: Provenance = Provenance()

    @property
    def id(self) -> str:
        return self.example.id

    @property
    def weight(self) -> int:
        """0 where a person has looked at the reply, 1 where people gave it, 2 where a model wrote it."""
        origin = self.provenance.origin
        return 0 if origin in ("review", "escalation") else 1 if origin == "examples" else 2


@dataclass(frozen=True, slots=True)
class Dropped:
    """A candidate that is left out."""

    candidate: Candidate
    step: str
    reason: str
    beside: tuple[str, ...] = ()
    """Ids of the examples that it repeats or contradicts."""
