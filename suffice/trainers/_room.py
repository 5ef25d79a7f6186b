"""Room: memory that is used again at every step, because pieces of other sizes each time leave holes between them."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

EVEN = 64
"""Pieces begin at multiples of so many numbers."""


class Room:
    """Pieces of one flat tensor, handed out one after the other from the last `begin` on."""

    def __init__(self, like: Tensor) -> None:
        self._flat, self._used = like.new_empty(0), 0

    def begin(self) -> None:
        """Everything handed out is free again; where it was not enough last time, there is more now."""
        if self._used > len(self._flat):
            self._flat = self._flat.new_empty(0)  # let go of the old before asking for the new
            self._flat = self._flat.new_empty(self._used)
        self._used = 0

    def take(self, *shape: int) -> Tensor:
        """An uninitialised tensor of this shape."""
        start, size = self._used, prod(shape)
        self._used += -(-size // EVEN) * EVEN
        if self._used > len(self._flat):
            return self._flat.new_empty(shape)
        return self._flat[start : start + size].view(shape)
