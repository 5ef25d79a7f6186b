"""Migrations: a ledger's schema, step by step, forth and back; each step is one file, and all of them one transaction.

Own steps rather than a tool's, because a ledger is opened by whoever runs any command: it must come up to date without
being asked, in the time of one look, whole or not at all even if killed, with several processes at the door, and with
nothing to install. Both databases roll back changes of tables, so that one transaction gives all of this.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from . import first, second

if TYPE_CHECKING:
    from sqlalchemy import Connection

LOCK = 0x5AFF1CE
"""The number of the lock under which PostgreSQL lets one process at a time migrate."""


class Step(Protocol):
    """From one schema to the next, and back. Old rows are never lost, in neither direction."""

    def up(self, connection: Connection, /) -> None:
        """Make what the next schema has and this one lacks."""
        ...

    def down(self, connection: Connection, /) -> None:
        """Make the tables fit the schema before."""
        ...


STEPS: Sequence[Step] = (first, second)
"""In order: the first makes schema 1 of an empty database."""
LATEST = len(STEPS)


def version(connection: Connection) -> int | None:
    """The schema of a database: 0 of an empty one, None where it is no ledger."""
    from sqlalchemy import inspect

    if not inspect(connection).has_table("meta"):
        return 0
    found = connection.exec_driver_sql("SELECT value FROM meta WHERE key = 'schema'").scalar()
    return int(found) if found is not None and str(found).isascii() and str(found).isdigit() else None


def alone(connection: Connection) -> None:
    """Wait, within a transaction, until no other process migrates. SQLite's write lock, already held, is enough."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")


def migrate(connection: Connection, before: int, to: int, steps: Sequence[Step] = STEPS) -> None:
    """From one schema to another, within a transaction that the caller holds."""
    for step in steps[before:to]:
        step.up(connection)
    for step in reversed(steps[to:before]):
        step.down(connection)
    if before != to:
        connection.exec_driver_sql(f"UPDATE meta SET value = '{to:d}' WHERE key = 'schema'")
