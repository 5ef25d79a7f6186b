"""The writer: rows of many threads, committed in groups by whoever needs them first, then flushed to the disk.

A commit makes rows outlive this process; the flush of SQLite's write-ahead log that follows makes them outlive the
machine (within each commit, it is what `synchronous = FULL` does). Apart, a run can buy its next reply after the first
step, while the disk is still busy with the second.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .database import Prepared, Row, flusher, transaction, unusable
from .errors import SufficeError

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

Committed = Callable[[Mapping[str, Sequence[Row]]], None]

FLUSH_SECONDS = 0.01
"""The least time between two flushes that nobody is waiting for."""


class Ticket:
    """Rows on their way to the disk."""

    def __init__(self, writer: Writer) -> None:
        self.rows: dict[str, list[Row]] = {}
        self.failed: SufficeError | None = None
        self.committed = threading.Event()
        self.flushed = threading.Event()
        self._writer = writer

    def wait(self, *, committed: bool = False) -> None:
        """Return once the rows are on the disk, or with `committed` once they outlive this process; raise otherwise."""
        self._writer.commit(self)
        if not committed and not self.failed:
            self._writer.hurry()
            self.flushed.wait()
        if self.failed is not None:
            raise self.failed


class Writer:
    """The one connection of this process that writes; `committed` is called with the rows of every commit."""

    def __init__(
        self, engine: Engine, name: str, inserts: Mapping[str, Prepared], committed: Committed, *, durable: bool
    ) -> None:
        self._name = name
        self._inserts = inserts
        self._sqlite = engine.dialect.name == "sqlite"
        self._connection = engine.connect()
        self._cursor = self._connection.connection.cursor()  # the driver's own, for what is done a thousand times
        self._flush = flusher(engine) if durable else lambda: None
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._turn = threading.Lock()
        self._gathering = Ticket(self)
        self._writing = self._gathering
        self._unflushed: list[Ticket] = []
        self._waiting = False
        self._closed = False
        self._broken: SufficeError | None = None
        self._alone = self._sqlite
        self._version: int | None = None
        self._looked = 0.0
        self._committed = committed
        self._flusher = threading.Thread(target=self._flush_forever, name="ledger", daemon=True)
        self._flusher.start()

    def post(self, rows: Sequence[tuple[str, Row]]) -> Ticket:
        """Hand in rows by table; they are written when somebody waits for them, or for any later ones."""
        with self._lock:
            if self._closed or self._broken is not None:
                raise self._broken or RuntimeError("the ledger is closed")
            for table, row in rows:
                self._gathering.rows.setdefault(table, []).append(row)
            return self._gathering

    def commit(self, ticket: Ticket) -> None:
        """Return once the ticket's rows are committed, or have failed to be: by this thread, or by one before it."""
        while not ticket.committed.is_set():
            writing = self._writing
            if self._turn.locked() and not writing.committed.is_set():
                writing.committed.wait()
            else:
                with self._turn:
                    self._commit()

    def hurry(self) -> None:
        """Somebody waits for the disk."""
        with self._lock:
            self._waiting = True
            self._changed.notify()

    def flush(self) -> None:
        """Return once everything handed in so far is on the disk."""
        with self._lock:
            pending = [*self._unflushed, self._writing, self._gathering]
        for ticket in pending:
            if ticket.rows or ticket.committed.is_set():
                ticket.wait()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A transaction of its own, on the disk when it ends; what was handed in before is committed before."""
        from sqlalchemy.exc import SQLAlchemyError

        with self._turn:
            self._commit()
            try:
                with transaction(self._connection.exec_driver_sql, self._sqlite):
                    yield self._connection
                self._flush()
            except SQLAlchemyError as wrong:
                raise unusable(self._name, wrong) from wrong

    def alone(self, within: float) -> bool:
        """Whether no other process has written to the database so far, made sure of in the last `within` seconds."""
        return self._alone and time.monotonic() - self._looked < within

    def close(self) -> None:
        """Write and flush what is left."""
        with self._turn:
            self._commit()
        with self._lock:
            self._closed = True
            self._changed.notify()
        self._flusher.join()
        self._connection.close()

    def _commit(self) -> None:
        """Commit what has gathered; only ever by the thread whose turn it is."""
        with self._lock:
            if not self._gathering.rows:
                return
            ticket = self._writing = self._gathering
            self._gathering = Ticket(self)
        try:
            with transaction(self._cursor.execute, self._sqlite):
                for table, rows in ticket.rows.items():
                    prepared = self._inserts[table]
                    self._cursor.executemany(prepared.sql, prepared.given(rows))
            self._look()
        except Exception as wrong:
            ticket.failed = self._broken = unusable(self._name, wrong)
            ticket.flushed.set()
        else:
            self._committed(ticket.rows)
            ticket.rows.clear()
            with self._lock:
                self._unflushed.append(ticket)
                self._changed.notify()
        ticket.committed.set()

    def _look(self) -> None:
        """Notice other processes: SQLite counts the commits that were not this connection's."""
        if self._alone:
            version = self._cursor.execute("PRAGMA data_version").fetchone()[0]
            self._alone = self._version in (None, version)
            self._version = version
            self._looked = time.monotonic()

    def _flush_forever(self) -> None:
        """Flush what has been committed, all of it at once, until the writer is closed."""
        while tickets := self._due():
            try:
                self._flush()
            except OSError as wrong:
                self._broken = unusable(self._name, wrong)
            with self._lock:
                del self._unflushed[: len(tickets)]
            for ticket in tickets:
                ticket.failed = self._broken
                ticket.flushed.set()

    def _due(self) -> list[Ticket]:
        with self._lock:
            while not self._unflushed and not self._closed:
                self._changed.wait()
            self._changed.wait_for(lambda: self._waiting or self._closed, FLUSH_SECONDS)
            self._waiting = False
            return list(self._unflushed)
