"""The ledger: replies bought, attempts made, runs, records and declarations, durable before anybody builds on them.

One writer thread commits whatever has been handed in since its last commit (group commit, power-loss safe), so that a
disk flush is shared by a batch of rows. Several processes may use one ledger: rows merge by their keys.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import threading
import time
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from .database import Row, engine_at, insert, lookup, schema, shown, transaction, unusable
from .digest import digest_of, plain
from .errors import Damaged, SufficeError
from .record import Record
from .stored import answer_json, answer_of, record_json, record_of, text_of
from .types import Answer, Json

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, Executable

GATHER_SECONDS = 0.002
"""How long rows may gather before a commit, while several threads are handing them in."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at a model, paid or not; `fault` is empty where it was answered."""

    key: str
    model: str
    number: int = 1
    fault: str = ""
    billed: bool = True
    usd: float | None = 0.0
    """What it cost; of a billed failure, the most that it can have cost; None where no price is known."""
    ms: float = 0.0
    run: str = ""
    example: str = ""


@dataclass(frozen=True, slots=True)
class Declaration:
    """One link of the chain: what was declared, and a hash that covers it and everything declared before it."""

    sequence: int
    kind: str
    body: Json
    previous: str
    hash: str


@dataclass(frozen=True, slots=True)
class Totals:
    """What the rows add up to."""

    attempts: int
    billed: int
    usd: float | None
    """None where some attempt's price is not known."""
    faults: Mapping[str, int]
    replies: int
    records: int


class Ticket:
    """Rows on their way to the disk."""

    def __init__(self) -> None:
        self.rows: dict[str, list[Row]] = {}
        self.posts = 0
        self._failed: SufficeError | None = None
        self._done = threading.Event()

    def finish(self, failed: SufficeError | None = None) -> None:
        """Say that the rows are durable, or why they are not."""
        self._failed = failed
        self._done.set()

    def wait(self) -> None:
        """Return once the rows are durable; raise if they could not be written."""
        self._done.wait()
        if self._failed is not None:
            raise self._failed


class Ledger:
    """A database of evidence. Open it with `Ledger.open`; close it, or use it as a context manager."""

    def __init__(self, engine: Engine, name: str) -> None:
        self.name = name
        self._engine = engine
        self._lock = threading.Condition(threading.Lock())
        self._gathering = Ticket()
        self._writing: Ticket | None = None
        self._fresh: dict[str, Answer] = {}
        self._closed = False
        self._broken: SufficeError | None = None
        self._inserts = {
            "replies": insert(engine, "replies", ("key", "body", "checksum", "at"), key=("key",)),
            "attempts": insert(engine, "attempts", (*_names(Attempt), "at")),
            "records": insert(
                engine,
                "records",
                ("run", "example", "body", "checksum", "at"),
                key=("run", "example"),
                replace=True,
            ),
        }
        self._lookup = lookup(engine, schema().tables["replies"], "key", ("body", "checksum"))
        self._reading = threading.Lock()
        self._reader = engine.connect()
        self._writer = threading.Thread(target=self._write_forever, name="ledger", daemon=True)
        self._writer.start()

    @classmethod
    def open(cls, where: Path | str | None = None) -> Self:
        """The ledger in a file (made if need be), at a database URL, or, without an argument, a passing one."""
        if where is not None:
            return cls(engine_at(where), shown(where))
        folder = tempfile.mkdtemp(prefix="suffice-")
        ledger = cls(engine_at(Path(folder) / "ledger.db", durable=False), "(passing)")
        weakref.finalize(ledger, shutil.rmtree, folder, ignore_errors=True)
        return ledger

    def close(self) -> None:
        """Write what is left, then let go of the database."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._lock.notify_all()
        self._writer.join()
        self._reader.close()
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Replies and attempts

    def reply(self, key: str) -> Answer | None:
        """The reply kept under this key, or None. A row that does not match its checksum is forgotten."""
        if (fresh := self._fresh.get(key)) is not None:
            return fresh
        with self._reading:
            cursor = self._reader.connection.cursor()
            cursor.execute(self._lookup.sql, self._lookup.given([(key,)])[0])
            row = cursor.fetchone()
            cursor.close()
        if row is None:
            return None
        if row[1] != _checksum(key, row[0]):
            self._forget(key)
            return None
        return answer_of(json.loads(row[0]))

    def keep(self, key: str, answer: Answer, attempt: Attempt | None = None) -> None:
        """Keep a reply, and the attempt that bought it; return once they are durable."""
        self.post_reply(key, answer, attempt).wait()

    def post_reply(self, key: str, answer: Answer, attempt: Attempt | None = None) -> Ticket:
        """Like `keep`, returning at once: from here on `reply` knows the answer."""
        body = text_of(answer_json(answer))
        self._fresh[key] = answer
        rows: list[tuple[str, Row]] = [("replies", (key, body, _checksum(key, body), time.time()))]
        return self._post(rows if attempt is None else [*rows, ("attempts", _row(attempt))])

    def post_attempt(self, attempt: Attempt) -> Ticket:
        """Note an attempt that brought no reply."""
        return self._post([("attempts", _row(attempt))])

    def attempts(self, run: str | None = None) -> tuple[Attempt, ...]:
        """Every attempt, in order, of the whole ledger or of one run."""
        from sqlalchemy import select

        t = schema().tables["attempts"]
        wanted = select(*(t.c[name] for name in _names(Attempt))).order_by(t.c.sequence)
        rows = self._select(wanted if run is None else wanted.where(t.c.run == run))
        return tuple(replace(Attempt(*row), billed=bool(row.billed)) for row in rows)

    # Runs and records

    def begin(self, manifest: Mapping[str, Json]) -> str:
        """Open the run with this manifest, or reopen it; its id is the manifest's digest."""
        run = digest_of(manifest)
        made = insert(self._engine, "runs", ("id", "manifest", "started"), key=("id",))
        with self._transaction() as connection:
            connection.exec_driver_sql(made.sql, made.given([(run, text_of(manifest), time.time())])[0])
        return run

    def record(self, run: str, record: Record) -> None:
        """Keep a record; return once it is durable. A later record of the same example takes its place."""
        self.post_record(run, record).wait()

    def post_record(self, run: str, record: Record) -> Ticket:
        """Like `record`, returning at once."""
        body = text_of(record_json(record))
        return self._post([("records", (run, record.id, body, _checksum(run, body), time.time()))])

    def records(self, run: str) -> tuple[Record, ...]:
        """The records of a run, in the order in which they were first made."""
        from sqlalchemy import select

        t = schema().tables["records"]
        rows = self._select(select(t.c.example, t.c.body, t.c.checksum).where(t.c.run == run).order_by(t.c.sequence))
        return tuple(self._checked(run, *row) for row in rows)

    def manifest(self, run: str) -> Mapping[str, Json] | None:
        """What a run was begun with."""
        from sqlalchemy import select

        t = schema().tables["runs"]
        rows = self._select(select(t.c.manifest).where(t.c.id == run))
        found: Mapping[str, Json] | None = json.loads(rows[0][0]) if rows else None
        return found

    def finish(self, run: str) -> None:
        """Say that a run is complete."""
        t = schema().tables["runs"]
        with self._transaction() as connection:
            connection.execute(t.update().where(t.c.id == run, t.c.finished.is_(None)).values(finished=time.time()))

    def finished(self, run: str) -> bool:
        """Whether a run is complete."""
        from sqlalchemy import select

        t = schema().tables["runs"]
        return bool(self._select(select(t.c.id).where(t.c.id == run, t.c.finished.is_not(None))))

    # Declarations

    def declare(self, kind: str, body: Json) -> str:
        """Add a link to the chain; its hash covers the link before it. Durable on return."""
        from sqlalchemy import select

        t, text = schema().tables["declarations"], text_of(plain(body))
        with self._transaction() as connection:
            if connection.dialect.name != "sqlite":
                connection.exec_driver_sql("LOCK TABLE declarations IN EXCLUSIVE MODE")
            last = connection.execute(select(t.c.hash).order_by(t.c.sequence.desc()).limit(1)).scalar() or ""
            link = _link(last, kind, text)
            connection.execute(t.insert().values(kind=kind, body=text, previous=last, hash=link, at=time.time()))
        return link

    def declared(self, kind: str | None = None) -> tuple[Declaration, ...]:
        """What was declared, in order, the chain checked; only links of one kind where `kind` is given."""
        from sqlalchemy import select

        t = schema().tables["declarations"]
        rows = self._select(select(t.c.sequence, t.c.kind, t.c.body, t.c.previous, t.c.hash).order_by(t.c.sequence))
        last, links = "", []
        for sequence, of_kind, body, previous, link in rows:
            if previous != last or link != _link(last, of_kind, body):
                raise Damaged(f"declaration {sequence} was changed after it was made", file=self.name)
            last = link
            links.append(Declaration(sequence, of_kind, json.loads(body), previous, link))
        return tuple(link for link in links if kind in (None, link.kind))

    # The whole

    def totals(self, run: str | None = None) -> Totals:
        """What the rows add up to, of the whole ledger or of one run (`replies` always counts the whole)."""
        from sqlalchemy import func, select

        a, r, kept = (schema().tables[name] for name in ("attempts", "records", "replies"))
        sums = (func.count(), func.sum(a.c.billed), func.sum(a.c.usd), func.count(a.c.usd))
        faults, records = select(a.c.fault, *sums).group_by(a.c.fault), select(func.count()).select_from(r)
        if run is not None:
            faults, records = faults.where(a.c.run == run), records.where(r.c.run == run)
        rows = self._select(faults)
        return Totals(
            attempts=sum(row[1] for row in rows),
            billed=sum(row[2] for row in rows),
            usd=sum(row[3] or 0.0 for row in rows) if all(row[4] == row[1] for row in rows) else None,
            faults={row[0]: row[1] for row in rows if row[0]},
            replies=self._select(select(func.count()).select_from(kept))[0][0],
            records=self._select(records)[0][0],
        )

    def flush(self) -> None:
        """Return once everything handed in so far is durable."""
        with self._lock:
            pending = [t for t in (self._writing, self._gathering) if t is not None and t.posts]
        for ticket in pending:
            ticket.wait()

    # Beneath

    def _forget(self, key: str) -> None:
        t = schema().tables["replies"]
        with self._transaction() as connection:
            connection.execute(t.delete().where(t.c.key == key))

    def _post(self, rows: Sequence[tuple[str, Row]]) -> Ticket:
        with self._lock:
            if self._closed or self._broken is not None:
                raise self._broken or RuntimeError("the ledger is closed")
            ticket = self._gathering
            for table, row in rows:
                ticket.rows.setdefault(table, []).append(row)
            ticket.posts += 1
            if ticket.posts == 1:
                self._lock.notify()
        return ticket

    def _write_forever(self) -> None:
        with self._engine.connect() as connection:
            while (ticket := self._gathered()) is not None:
                self._commit(connection, ticket)

    def _gathered(self) -> Ticket | None:
        """The next rows to write; None when the ledger is closed and nothing is left."""
        crowded = self._writing is not None and self._writing.posts > 2
        with self._lock:
            while not self._gathering.posts and not self._closed:
                self._lock.wait()
        if crowded and not self._closed:
            time.sleep(GATHER_SECONDS)
        with self._lock:
            self._writing, self._gathering = self._gathering, Ticket()
            return self._writing if self._writing.posts else None

    def _commit(self, connection: Connection, ticket: Ticket) -> None:
        try:
            with transaction(connection):
                for table, rows in ticket.rows.items():
                    prepared = self._inserts[table]
                    connection.exec_driver_sql(prepared.sql, prepared.given(rows))
        except Exception as wrong:
            self._broken = unusable(self.name, wrong)
            return ticket.finish(self._broken)
        for row in ticket.rows.get("replies", ()):
            self._fresh.pop(row[0], None)
        return ticket.finish()

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        from sqlalchemy.exc import SQLAlchemyError

        self.flush()
        try:
            with self._engine.connect() as connection, transaction(connection):
                yield connection
        except SQLAlchemyError as wrong:
            raise unusable(self.name, wrong) from wrong

    def _select(self, wanted: Executable) -> Sequence[Any]:
        from sqlalchemy.exc import SQLAlchemyError

        self.flush()
        try:
            with self._engine.connect() as connection:
                return connection.execute(wanted).fetchall()
        except SQLAlchemyError as wrong:
            raise unusable(self.name, wrong) from wrong

    def _checked(self, run: str, example: str, body: str, checksum: str) -> Record:
        if checksum != _checksum(run, body):
            raise Damaged(f"the record of example `{example}` was changed", file=self.name, hint="use another ledger")
        return record_of(json.loads(body))


def _names(kind: type) -> tuple[str, ...]:
    return tuple(f.name for f in fields(kind))


def _row(attempt: Attempt) -> Row:
    key, model, number, fault, billed, usd, ms, run, example = astuple(attempt)
    return (key, model, number, fault, int(billed), usd, ms, run, example, time.time())


def _checksum(key: str, body: str) -> str:
    return hashlib.sha256(f"{key}{body}".encode()).hexdigest()[:16]


def _link(previous: str, kind: str, body: str) -> str:
    return hashlib.sha256(f"{previous}\n{kind}\n{body}".encode()).hexdigest()
