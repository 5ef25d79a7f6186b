"""Prefixes: how much of each prompt began an earlier one, as a provider's prefix cache would have found it."""

from __future__ import annotations

from array import array
from zlib import crc32

CHUNK = 1024
"""Bytes compared at a time: about 256 tokens, twice the step in which providers cache, so a little is missed."""
PLACES = 1 << 20
"""Chunks that are remembered, a gigabyte of different text; a later one may take an earlier one's place."""
SOON_S = 300.0
"""How long providers keep an unused prefix at least."""
FEWEST_BYTES = 4096
"""About 1,024 tokens: shorter prefixes are not cached by providers."""
_LONG_AGO = -1e18


class Prefixes:
    """A table of chained checksums: the place of a chunk is told by all that stands before it.

    Two different beginnings are taken for one with a chance of 1 in 4,096 a chunk, which can only add a chunk or two.
    """

    __slots__ = ("_known", "_times")

    def __init__(self) -> None:
        self._known = array("I", bytes(4 * PLACES))
        self._times = array("d", bytes(8 * PLACES))

    def seen(self, text: bytes, time: float | None, start: int) -> tuple[int, int]:
        """How many bytes at the beginning began an earlier text, and how many one of the last five minutes.

        `start` tells texts apart that share no cache: a checksum of the model's name.
        """
        known, times, mask = self._known, self._times, PLACES - 1
        now = _LONG_AGO if time is None else time
        ever, soon, at = -1, -1, start or 1
        length = len(text)
        for place in range(0, length - CHUNK + 1, CHUNK):
            at = crc32(text[place : place + CHUNK], at) or 1
            slot = at & mask
            if known[slot] == at:
                if soon < 0 and not 0 <= now - times[slot] <= SOON_S:
                    soon = place
            else:
                known[slot] = at
                if ever < 0:
                    ever = place
                if soon < 0:
                    soon = place
            times[slot] = now
        whole = length // CHUNK * CHUNK
        return (whole if ever < 0 else ever), (whole if soon < 0 else soon)
