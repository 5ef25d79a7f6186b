"""The database beneath the ledger: its tables, how it is opened, and what it says when it cannot be."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from . import migrations
from .errors import Damaged, InputError, SufficeError

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, MetaData, Table

SCHEMA = migrations.LATEST
BUSY_SECONDS = 60.0
"""How long a write waits for another process's write."""

Row = tuple[Any, ...]
T = TypeVar("T")


@lru_cache
def schema() -> MetaData:
    """The tables. Bodies are JSON in ASCII; times are Unix seconds and inform only: order comes from `sequence`."""
    from sqlalchemy import DOUBLE_PRECISION, REAL, Column, Index, Integer, MetaData, Table, Text, UniqueConstraint

    tables = MetaData()
    real: REAL[float] = REAL().with_variant(DOUBLE_PRECISION(), "postgresql")

    def number() -> Column[int]:
        return Column("sequence", Integer, primary_key=True, autoincrement=True)

    def text(name: str) -> Column[str]:
        return Column(name, Text, nullable=False)

    Table("meta", tables, Column("key", Text, primary_key=True), text("value"))
    Table("replies", tables, Column("key", Text, primary_key=True), text("body"), text("checksum"), Column("at", real))
    Table(
        "attempts",
        tables,
        number(),
        *map(text, ("key", "model")),
        Column("number", Integer, nullable=False),
        text("fault"),
        Column("billed", Integer, nullable=False),
        Column("usd", real),
        Column("ms", real),
        *map(text, ("run", "example")),
        Column("at", real),
        Index("attempts_run", "run"),
    )
    Table(
        "runs",
        tables,
        Column("id", Text, primary_key=True),
        text("manifest"),
        Column("started", real),
        Column("finished", real),
    )
    Table(
        "records",
        tables,
        number(),
        *map(text, ("run", "example", "body", "checksum")),
        Column("at", real),
        UniqueConstraint("run", "example"),
    )
    Table("declarations", tables, number(), *map(text, ("kind", "body", "previous", "hash")), Column("at", real))
    Table(
        "verdicts",
        tables,
        number(),
        *map(text, ("digest", "task")),
        Column("stop_at", Text),
        Column("target_met", Integer),
        Column("stack", Text),
        *map(text, ("body", "checksum")),
        Column("at", real),
        UniqueConstraint("digest"),
    )
    names = ("verdict", "task", "who", "chosen", "because", "body", "previous", "hash")
    Table("decisions", tables, number(), *map(text, names), Column("at", real))
    Table(
        "duties",
        tables,
        number(),
        *map(text, ("id", "slot", "task", "stack", "body", "opened")),
        *(Column(name, Text) for name in ("due", "done")),
        UniqueConstraint("id"),
        UniqueConstraint("slot"),
    )
    return tables


def engine_at(where: Path | str, *, durable: bool = True) -> Engine:
    """The engine for a file (made if need be, readable by its owner only) or a database URL, its schema checked."""
    from sqlalchemy.exc import SQLAlchemyError

    name = shown(where)
    try:
        engine = _engine(where, durable=durable)
        with _closing_where_it_fails(engine):
            _patiently(lambda: _prepare(engine, name))
        return engine
    except (SQLAlchemyError, ImportError, ValueError) as wrong:
        raise unusable(name, wrong) from wrong


@contextmanager
def _closing_where_it_fails(engine: Engine) -> Iterator[None]:
    try:
        yield
    except BaseException:
        engine.dispose()
        raise


def _engine(where: Path | str, *, durable: bool) -> Engine:
    from sqlalchemy import create_engine, event

    _known(where)
    url = _with_driver(str(where)) if "://" in str(where) else f"sqlite:///{_private(Path(where))}"
    sqlite = url.startswith("sqlite")
    given = {"timeout": BUSY_SECONDS, "check_same_thread": False} if sqlite else {}
    engine = create_engine(url, connect_args=given, isolation_level="AUTOCOMMIT")
    if sqlite:
        event.listen(engine, "connect", _pragmas("NORMAL" if durable else "OFF"))
    return engine


def _known(where: Path | str) -> None:
    """A ledger is a file, or at the address of a database that Suffice is tested with."""
    scheme, separator, _ = str(where).partition("://")
    if separator and scheme.partition("+")[0] not in ("sqlite", "postgresql", "postgres"):
        said = f"no ledger can be at `{scheme[:40]}://`"
        raise InputError(said, file=shown(where), hint="give a file, or postgresql://USER@HOST/DATABASE")


def _with_driver(url: str) -> str:
    """The URL with the driver that Suffice is tested with, where it names none."""
    scheme, _, rest = url.partition("://")
    return f"postgresql+psycopg://{rest}" if scheme in ("postgres", "postgresql") else url


def shown(where: Path | str) -> str:
    """A ledger's place without the user, password and options that a URL may hold."""
    scheme, separator, rest = str(where).partition("://")
    if not separator:
        return scheme
    head = rest.partition("?")[0]
    place = head if "@" in head or "/" in head else rest  # a question mark before any of these is in a password
    return f"{scheme}{separator}{place.rpartition('@')[2].partition('?')[0]}"


def flusher(engine: Engine) -> Callable[[], None]:
    """What makes commits outlive a power failure: a flush of SQLite's write-ahead log. Elsewhere a commit is enough."""
    if engine.dialect.name != "sqlite":
        return lambda: None
    log = Path(f"{engine.url.database}-wal")

    def flush() -> None:
        with suppress(FileNotFoundError):  # all of it is in the database, flushed by SQLite itself
            handle = os.open(log, os.O_RDONLY)
            try:
                getattr(os, "fdatasync", os.fsync)(handle)
            finally:
                os.close(handle)

    return flush


@contextmanager
def transaction(execute: Callable[[str], object], sqlite: bool) -> Iterator[None]:
    """All or nothing. On SQLite it takes the write lock at once, so that waiting for it cannot fail half-way."""
    execute("BEGIN IMMEDIATE" if sqlite else "BEGIN")
    try:
        yield
        execute("COMMIT")
    except BaseException:
        with suppress(Exception):
            execute("ROLLBACK")
        raise


@dataclass(frozen=True)
class Prepared:
    """A statement worded once for its driver; executing it costs no more than the driver itself."""

    sql: str
    names: tuple[str, ...]
    by_position: bool

    def given(self, rows: Sequence[Row]) -> list[Any]:
        """Rows, in the order of `names`, as the driver wants them."""
        return list(rows) if self.by_position else [dict(zip(self.names, row, strict=True)) for row in rows]


def insert(
    engine: Engine, table: str, columns: Sequence[str], *, key: Sequence[str] = (), replace: bool = False
) -> Prepared:
    """An INSERT; a row whose `key` exists is left as it is, or replaced."""
    from sqlalchemy.dialects import postgresql, sqlite

    maker = sqlite.insert if engine.dialect.name == "sqlite" else postgresql.insert
    wanted: Any = maker(schema().tables[table])
    if replace:
        new = {c: wanted.excluded[c] for c in columns if c not in key}
        wanted = wanted.on_conflict_do_update(index_elements=key, set_=new)
    elif key:
        wanted = wanted.on_conflict_do_nothing()
    return _prepared(wanted, engine, columns)


def lookup(engine: Engine, table: Table, key: str, columns: Sequence[str]) -> Prepared:
    """A SELECT of some columns by one key."""
    from sqlalchemy import bindparam, select

    wanted = select(*(table.c[c] for c in columns)).where(table.c[key] == bindparam(key))
    return _prepared(wanted, engine, None)


def unusable(name: str, wrong: BaseException) -> SufficeError:
    """The clear error behind a driver's error: not a database, damaged, full, locked, unreachable."""
    said = str(getattr(wrong, "orig", None) or wrong).strip()
    if "not a database" in said or "malformed" in said or "disk image" in said:
        return Damaged(
            f"the ledger is damaged: {said}",
            file=name,
            hint="move the file away and run again (replies in it must be bought again), or restore a copy",
        )
    if isinstance(wrong, ImportError):
        return InputError(f"no driver for this ledger: {said}", file=name, hint="pip install 'suffice[postgres]'")
    if "disk is full" in said or "No space left" in said:
        return Damaged(f"the disk is full: {said}", file=name, hint="make room, then run again: it goes on from here")
    return Damaged(f"cannot use the ledger: {said}", file=name, hint="check that the place exists and can be written")


def _prepared(statement: Any, engine: Engine, columns: Sequence[str] | None) -> Prepared:
    compiled = statement.compile(dialect=engine.dialect, column_keys=columns)
    order = tuple(compiled.positiontup if compiled.positional else columns or compiled.params)
    if columns is not None and order != tuple(columns):
        raise ValueError(f"name the columns in the table's order: {order}")
    return Prepared(str(compiled), order, bool(compiled.positional))


def _private(path: Path) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as wrong:
        raise unusable(str(path), wrong) from wrong
    return path


def _pragmas(synchronous: str) -> Callable[[Any, Any], None]:
    def connected(connection: Any, _: Any) -> None:
        _patiently(lambda: connection.execute("PRAGMA journal_mode = WAL"))
        connection.execute(f"PRAGMA synchronous = {synchronous}")

    return connected


def _prepare(engine: Engine, name: str) -> None:
    """Bring the tables up to this version's schema, those of an empty database too; refuse a newer one."""
    with engine.connect() as connection:
        if _version(connection, name) < SCHEMA:
            with transaction(connection.exec_driver_sql, engine.dialect.name == "sqlite"):
                migrations.alone(connection)
                migrations.migrate(connection, _version(connection, name), SCHEMA)


def migrated(where: Path | str, to: int) -> tuple[int, int]:
    """Bring a ledger that exists to another schema, back too: for an older version. The schema before, and now.

    All of it or nothing, whatever ends the process. Rows that the older schema has no place for stay where they are,
    unseen, until the ledger comes forth again. Raises `InputError` for a schema that this version does not know.
    """
    from sqlalchemy.exc import SQLAlchemyError

    name = shown(where)
    if not 1 <= to <= SCHEMA:
        raise InputError(f"there is no schema {to}", file=name, hint=f"this version knows 1 to {SCHEMA}")
    try:
        engine = _engine(where, durable=True)
        with (
            _closing_where_it_fails(engine),
            engine.connect() as connection,
            transaction(connection.exec_driver_sql, engine.dialect.name == "sqlite"),
        ):
            migrations.alone(connection)
            before = _version(connection, name)
            migrations.migrate(connection, before, to)
        engine.dispose()
        return before, to
    except (SQLAlchemyError, ImportError, ValueError) as wrong:
        raise unusable(name, wrong) from wrong


def _version(connection: Connection, name: str) -> int:
    """The schema of a database; 0 of an empty one."""
    found = migrations.version(connection)
    if found is None:
        raise Damaged("the file is a database, but not a ledger", file=name, hint="give the path of another file")
    if found > SCHEMA:
        raise InputError(
            f"the ledger has schema {found}; this version of Suffice knows {SCHEMA}",
            file=name,
            hint="pip install --upgrade suffice, or use another ledger",
        )
    return found


def _patiently(act: Callable[[], T]) -> T:
    """Again while another process holds the lock: opening and switching to WAL do not wait by themselves."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            return act()
        except Exception as wrong:
            if not any(w in str(wrong) for w in ("locked", "already exists")) or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
