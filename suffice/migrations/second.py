"""The second schema: verdicts, decisions and duties; and PostgreSQL keeps money and times in double precision.

Schema 1 kept them there in single precision: a time to the minute or two, a price to seven digits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .first import SERIAL

if TYPE_CHECKING:
    from sqlalchemy import Connection

TABLES = """
CREATE TABLE IF NOT EXISTS verdicts (
    sequence {serial}, digest TEXT NOT NULL, task TEXT NOT NULL, stop_at TEXT, target_met INTEGER, stack TEXT,
    body TEXT NOT NULL, checksum TEXT NOT NULL, at {double}, UNIQUE (digest)
);
CREATE TABLE IF NOT EXISTS decisions (
    sequence {serial}, verdict TEXT NOT NULL, task TEXT NOT NULL, who TEXT NOT NULL, chosen TEXT NOT NULL,
    because TEXT NOT NULL, body TEXT NOT NULL, previous TEXT NOT NULL, hash TEXT NOT NULL, at {double}
);
CREATE TABLE IF NOT EXISTS duties (
    sequence {serial}, id TEXT NOT NULL, slot TEXT NOT NULL, task TEXT NOT NULL, stack TEXT NOT NULL,
    body TEXT NOT NULL, opened TEXT NOT NULL, due TEXT, done TEXT, UNIQUE (id), UNIQUE (slot)
)
"""
DOUBLE = {"sqlite": "REAL", "postgresql": "DOUBLE PRECISION"}
SINGLE = {
    "replies": ("at",),
    "attempts": ("usd", "ms", "at"),
    "runs": ("started", "finished"),
    "records": ("at",),
    "declarations": ("at",),
}
"""What schema 1 keeps in PostgreSQL's REAL."""


def up(connection: Connection) -> None:
    """Make the new tables, or find them as they were left; widen what was too narrow."""
    kind = connection.dialect.name
    for statement in TABLES.format(serial=SERIAL[kind], double=DOUBLE[kind]).split(";"):
        connection.exec_driver_sql(statement)
    if kind == "postgresql":
        for table, columns in SINGLE.items():
            changes = ", ".join(f"ALTER COLUMN {column} TYPE DOUBLE PRECISION" for column in columns)
            connection.exec_driver_sql(f"ALTER TABLE {table} {changes}")


def down(_: Connection) -> None:
    """Nothing to undo: an older version pays no attention to tables it does not know, and reads wider numbers."""
