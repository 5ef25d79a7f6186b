"""The first schema: replies, attempts, runs, records and declarations, as ledgers of version 0.1 have them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import InputError

if TYPE_CHECKING:
    from sqlalchemy import Connection

TABLES = """
CREATE TABLE meta (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE replies (key TEXT NOT NULL PRIMARY KEY, body TEXT NOT NULL, checksum TEXT NOT NULL, at REAL);
CREATE TABLE attempts (
    sequence {serial}, key TEXT NOT NULL, model TEXT NOT NULL, number INTEGER NOT NULL, fault TEXT NOT NULL,
    billed INTEGER NOT NULL, usd REAL, ms REAL, run TEXT NOT NULL, example TEXT NOT NULL, at REAL
);
CREATE INDEX attempts_run ON attempts (run);
CREATE TABLE runs (id TEXT NOT NULL PRIMARY KEY, manifest TEXT NOT NULL, started REAL, finished REAL);
CREATE TABLE records (
    sequence {serial}, run TEXT NOT NULL, example TEXT NOT NULL, body TEXT NOT NULL, checksum TEXT NOT NULL,
    at REAL, UNIQUE (run, example)
);
CREATE TABLE declarations (
    sequence {serial}, kind TEXT NOT NULL, body TEXT NOT NULL, previous TEXT NOT NULL, hash TEXT NOT NULL, at REAL
);
INSERT INTO meta (key, value) VALUES ('schema', '1')
"""
SERIAL = {"sqlite": "INTEGER NOT NULL PRIMARY KEY", "postgresql": "SERIAL PRIMARY KEY"}
"""A column that counts rows."""


def up(connection: Connection) -> None:
    """Make all of it."""
    for statement in TABLES.format(serial=SERIAL[connection.dialect.name]).split(";"):
        connection.exec_driver_sql(statement)


def down(_: Connection) -> None:
    """There is nothing before the first schema but an empty database."""
    raise InputError("a ledger cannot go back beyond schema 1", hint="delete the ledger to be rid of it")
