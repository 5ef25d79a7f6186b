"""Reuse: which earlier declarations rest on any of the items that are about to judge, however the sets were drawn."""

from __future__ import annotations

from collections.abc import Iterable

from .data import Example
from .digest import digest_of
from .ledger import Declaration, Ledger

ITEMS = "items"
"""The kind of declaration that says of what a set consists: a digest of each item's input."""
DIGITS = 16


def reused(ledger: Ledger, kind: str, fingerprint: str, examples: Iterable[Example]) -> list[Declaration]:
    """The declarations of a kind on a set that shares an item with these examples, and what these are, written down.

    A set with some examples more, another label or another seed is another set, but not another draw: what was seen of
    the items that it shares may be why it was drawn.
    """
    mine = {digest_of(e.input)[:DIGITS] for e in examples}
    known = {d.body["fingerprint"]: d.body["items"] for d in ledger.declared(ITEMS)}
    if fingerprint not in known:
        ledger.declare(ITEMS, {"fingerprint": fingerprint, "items": sorted(mine)})
    touched = {fingerprint, *(of for of, items in known.items() if not mine.isdisjoint(items))}
    return [d for d in ledger.declared(kind) if d.body["fingerprint"] in touched]
