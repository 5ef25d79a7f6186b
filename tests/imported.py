"""What an importer tells of rows, for its tests."""

from __future__ import annotations

from typing import Any

from suffice.exchange import Exchange
from suffice.importer import Importer, Row, Unusable


def found(importer: Importer, *values: dict[str, Any], file: str = "log.jsonl") -> list[Exchange | Unusable]:
    """Everything it tells of these rows, which stand on the lines 1, 2 …"""
    return list(importer.exchanges(Row(file, line, value) for line, value in enumerate(values, 1)))


def told(importer: Importer, *values: dict[str, Any], file: str = "log.jsonl") -> list[Exchange]:
    """The exchanges it tells, where it can use every row."""
    made = found(importer, *values, file=file)
    assert not [one for one in made if isinstance(one, Unusable)], made
    return [one for one in made if isinstance(one, Exchange)]


def said(exchange: Exchange) -> list[tuple[str, str]]:
    """The messages as roles and texts, the reply last."""
    reply = [exchange.reply] if exchange.reply else []
    return [(message.role, message.content) for message in (*exchange.messages, *reply)]
