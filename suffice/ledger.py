"""The ledger: replies bought, attempts made, runs, records and declarations, durable before anybody builds on them.

`keep` and `record` return when their rows would survive the machine; a run buys its next reply as soon as the last one
would survive this process, and returns when all would survive the machine. Several processes may use one ledger: rows
merge by their keys.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from .database import Prepared, Row, engine_at, insert, lookup, schema, shown, unusable
from .digest import canonical, digest_of
from .errors import Damaged
from .record import Record
from .stored import answer_json, answer_of, record_json, record_of, text_of
from .types import Answer, Json
from .writer import Ticket, Writer

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, Executable

KNOWN_AT_MOST = 50_000
"""Larger ledgers are asked for every reply: their keys take too long to load."""
KNOWN_SECONDS = 0.05
"""How long after making sure the writer still counts as alone."""
_RECORD = ("run", "example", "body", "checksum", "at")


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


def place_of(state: Path, named: str | None = None) -> Path | str:
    """Where a task's ledger is: the path or URL named, else that of SUFFICE_LEDGER, else a file in its state folder."""
    given = named or os.environ.get("SUFFICE_LEDGER")
    if not given:
        return state / "ledger.db"
    return given if "://" in given else Path(given).expanduser()


class Ledger:
    """A database of evidence. Open it with `Ledger.open`; close it, or use it as a context manager."""

    def __init__(self, engine: Engine, name: str, *, durable: bool = True) -> None:
        self.name = name
        self._engine = engine
        self._fresh: dict[str, Answer] = {}
        inserts = {
            "replies": insert(engine, "replies", ("key", "body", "checksum", "at"), key=("key",)),
            "attempts": insert(engine, "attempts", (*_names(Attempt), "at")),
            "records": insert(engine, "records", _RECORD, key=("run", "example"), replace=True),
        }
        self._writer = Writer(engine, name, inserts, self._committed, durable=durable)
        self._lookup = lookup(engine, schema().tables["replies"], "key", ("body", "checksum"))
        self._reader = engine.raw_connection()
        self._known = self._hashes()
        self._closed = False
        self._remove: Callable[[], object] = lambda: None

    @classmethod
    def open(cls, where: Path | str | None = None) -> Self:
        """The ledger in a file (made if need be), at a database URL, or, without an argument, a passing one."""
        if where is not None:
            return cls(engine_at(where), shown(where))
        folder = tempfile.mkdtemp(prefix="suffice-")
        ledger = cls(engine_at(Path(folder) / "ledger.db", durable=False), "(passing)", durable=False)
        ledger._remove = weakref.finalize(ledger, shutil.rmtree, folder, ignore_errors=True)
        return ledger

    def close(self) -> None:
        """Write what is left, then let go of the database."""
        if not self._closed:
            self._closed = True
            self._writer.close()
            self._reader.close()
            self._engine.dispose()
            self._remove()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Replies and attempts

    def reply(self, key: str) -> Answer | None:
        """The reply kept under this key, or None. A row that does not match its checksum is forgotten."""
        if (fresh := self._fresh.get(key)) is not None:
            return fresh
        if self._unknown(key):
            return None
        cursor = self._reader.cursor()
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
        if self._known is not None:
            self._known.add(hash(key))
        rows: list[tuple[str, Row]] = [("replies", (key, body, _checksum(key, body), time.time()))]
        return self._writer.post(rows if attempt is None else [*rows, ("attempts", _row(attempt))])

    def post_attempt(self, attempt: Attempt) -> Ticket:
        """Note an attempt that brought no reply."""
        return self._writer.post([("attempts", _row(attempt))])

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
        with self._writer.transaction() as connection:
            connection.exec_driver_sql(made.sql, made.given([(run, text_of(manifest), time.time())])[0])
        return run

    def record(self, run: str, record: Record) -> None:
        """Keep a record; return once it is durable. A later record of the same example takes its place."""
        self.post_record(run, record).wait()

    def post_record(self, run: str, record: Record) -> Ticket:
        """Like `record`, returning at once."""
        body = text_of(record_json(record))
        return self._writer.post([("records", (run, record.id, body, _checksum(run, body), time.time()))])

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
        with self._writer.transaction() as connection:
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

        t, text = schema().tables["declarations"], _ordered(body)
        with self._writer.transaction() as connection:
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

    def select(self, wanted: Executable) -> Sequence[Any]:
        """The rows of a SELECT over `database.schema()`, everything handed in so far included."""
        return self._select(wanted)

    def transaction(self) -> AbstractContextManager[Connection]:
        """A transaction of its own, all or nothing, durable when it ends; others wait for SQLite's write lock."""
        return self._writer.transaction()

    def insert(self, table: str, columns: Sequence[str], *, key: Sequence[str] = ()) -> Prepared:
        """An INSERT for use in a transaction; a row whose `key` exists is left as it is."""
        return insert(self._engine, table, columns, key=key)

    def flush(self) -> None:
        """Return once everything handed in so far is durable."""
        self._writer.flush()

    # Beneath

    def _committed(self, rows: Mapping[str, Sequence[Row]]) -> None:
        for row in rows.get("replies", ()):
            self._fresh.pop(row[0], None)

    def _hashes(self) -> set[int] | None:
        """Of the keys of all replies, so that a run's look-ups of new ones need not ask the database."""
        from sqlalchemy import func, select

        t = schema().tables["replies"]
        if self._select(select(func.count()).select_from(t))[0][0] > KNOWN_AT_MOST:
            return None
        return {hash(row[0]) for row in self._select(select(t.c.key))}

    def _unknown(self, key: str) -> bool:
        """Whether there is surely no reply under this key: no other process has had the time to write one."""
        return self._known is not None and hash(key) not in self._known and self._writer.alone(KNOWN_SECONDS)

    def _forget(self, key: str) -> None:
        t = schema().tables["replies"]
        with self._writer.transaction() as connection:
            connection.execute(t.delete().where(t.c.key == key))

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


def _row(a: Attempt) -> Row:
    return (a.key, a.model, a.number, a.fault, int(a.billed), a.usd, a.ms, a.run, a.example, time.time())


def _checksum(key: str, body: str) -> str:
    return hashlib.sha256(f"{key}{body}".encode()).hexdigest()[:16]


def link_of(previous: str, kind: str, body: Json) -> str:
    """The hash of a declaration made after `previous`."""
    return _link(previous, kind, _ordered(body))


def _ordered(body: Json) -> str:
    return text_of(json.loads(canonical(body)))


def _link(previous: str, kind: str, body: str) -> str:
    return hashlib.sha256(f"{previous}\n{kind}\n{body}".encode()).hexdigest()
