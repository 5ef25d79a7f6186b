"""A ledger goes forth and back between schemas with everything in it, on SQLite and PostgreSQL, whatever is killed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from clusters import Cluster

from suffice import migrations
from suffice.database import SCHEMA, engine_at, migrated, schema
from suffice.errors import Damaged, InputError
from suffice.history import decisions, verdicts
from suffice.ledger import Attempt, Ledger, link_of
from suffice.record import Record
from suffice.score import Score
from suffice.steward import dues, settle, today_utc
from suffice.types import Answer
from suffice.undertake import choose, undertake

VERDICT: dict[str, Any] = json.loads((Path(__file__).parent / "verdicts" / "met.json").read_text("utf-8"))
DUTY = {
    "what": "weigh it",
    "why": "it drifts",
    "every_days": 7,
    "when": "",
    "owner": "Ada",
    "command": "",
    "kind": "review",
}
GIVEN = {**VERDICT, "duties": [DUTY]}
NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """An empty ledger of either kind."""
    if request.param == "sqlite":
        return tmp_path / "ledger.db"
    found: Cluster = request.getfixturevalue("postgres")
    return found.database()


def bare(place: Path | str) -> Any:
    """An engine without anything of ours, but for what a step needs."""
    from sqlalchemy import NullPool, create_engine

    return create_engine(str(place) if "://" in str(place) else f"sqlite:///{place}", poolclass=NullPool)


def old(place: Path | str) -> None:
    """A ledger of schema 1 with rows in it, as the version before wrote them."""
    chain = [link_of("", "plan", {"n": 1})]
    chain.append(link_of(chain[0], "open", ["t"]))
    with bare(place).begin() as connection:
        migrations.migrate(connection, 0, 1)
        for sql in (
            "INSERT INTO attempts (key, model, number, fault, billed, usd, ms, run, example, at) "
            "VALUES ('k', 'm', 1, '', 1, 0.25, 12.5, 'r', 'e', 0.0)",
            "INSERT INTO runs (id, manifest, started, finished) VALUES ('r', '{\"n\":1}', 0.0, 1.0)",
        ):
            connection.exec_driver_sql(sql)
        for kind, body, previous, link in (("plan", '{"n":1}', "", chain[0]), ("open", '["t"]', chain[0], chain[1])):
            values = f"'{kind}', '{body}', '{previous}', '{link}', 0.0"
            connection.exec_driver_sql(f"INSERT INTO declarations (kind, body, previous, hash, at) VALUES ({values})")


def seen(place: Path | str) -> tuple[Any, ...]:
    """What somebody with schema 1 reads, by the SQL of that version."""
    with bare(place).connect() as connection:
        told = (
            connection.exec_driver_sql(sql).fetchall()
            for sql in (
                "SELECT value FROM meta WHERE key = 'schema'",
                "SELECT key, model, usd, ms FROM attempts ORDER BY sequence",
                "SELECT id, manifest, finished FROM runs",
                "SELECT kind, body, previous, hash FROM declarations ORDER BY sequence",
            )
        )
        return tuple([tuple(row) for row in rows] for rows in told)


def test_an_older_ledger_opens_with_everything_in_it(place: Path | str) -> None:
    old(place)
    before = seen(place)
    with Ledger.open(place) as ledger:
        assert ledger.attempts() == (Attempt("k", "m", usd=0.25, ms=12.5, run="r", example="e"),)
        assert (ledger.manifest("r"), ledger.finished("r")) == ({"n": 1}, True)
        assert [d.kind for d in ledger.declared()] == ["plan", "open"]
        ledger.post_attempt(Attempt("k", "m", usd=1 / 3, ms=1.0)).wait()
    with Ledger.open(place) as ledger:
        assert ledger.attempts()[-1].usd == 1 / 3, "money is kept in double precision"
        assert verdicts(ledger) == () and dues(ledger, today_utc()) == ()
    assert seen(place)[1][:1] == before[1] and seen(place)[2:] == before[2:]


def test_there_and_back_keeps_old_rows_and_forth_again_the_new_ones(place: Path | str) -> None:
    old(place)
    with Ledger.open(place) as ledger:
        verdict = undertake(ledger, GIVEN, NOON)
        (duty,) = dues(ledger, NOON.date())
        choose(ledger, verdict, by="Ada", chosen="kept", because="it suffices", at=NOON)
        settle(ledger, duty.id, by="Ada", evidence={"note": "done"}, on=NOON.date())
        later = dues(ledger, NOON.date(), done=True)
        decided = decisions(ledger)
    assert migrated(place, 1) == (SCHEMA, 1)
    told = seen(place)
    assert told[0] == [("1",)] and told[1] == [("k", "m", 0.25, 12.5)] and len(told[3]) == 2
    with bare(place).begin() as connection:  # and the older version goes on writing
        connection.exec_driver_sql("INSERT INTO runs (id, manifest, started) VALUES ('s', '{}', 0.0)")
    assert migrated(place, SCHEMA) == (1, SCHEMA)
    with Ledger.open(place) as ledger:
        assert verdicts(ledger) == (verdict,) and decisions(ledger) == decided
        assert dues(ledger, NOON.date(), done=True) == later and len(later) == 2
        assert ledger.manifest("s") == {} and ledger.manifest("r") == {"n": 1}


def test_the_steps_lead_to_the_tables_that_the_code_reads(place: Path | str) -> None:
    from sqlalchemy import create_engine, inspect

    def shape(engine: Any) -> Any:
        found = inspect(engine)
        return {
            t: (
                [(c["name"], str(c["type"]), c["nullable"]) for c in found.get_columns(t)],
                found.get_pk_constraint(t)["constrained_columns"],
                sorted(c["column_names"] for c in found.get_unique_constraints(t)),
                sorted(i["name"] for i in found.get_indexes(t) if not i["unique"]),
            )
            for t in sorted(found.get_table_names())
        }

    engine_at(place).dispose()
    stepped = shape(bare(place))
    other = create_engine("sqlite://") if isinstance(place, Path) else bare(place)
    if not isinstance(place, Path):
        schema().drop_all(other)
    schema().create_all(other)
    assert shape(other) == stepped


def test_a_schema_that_nobody_knows_is_refused(place: Path | str) -> None:
    Ledger.open(place).close()
    for strange in (0, SCHEMA + 1):
        with pytest.raises(InputError, match=f"there is no schema {strange}"):
            migrated(place, strange)
    with bare(place).begin() as connection:
        connection.exec_driver_sql("UPDATE meta SET value = '99' WHERE key = 'schema'")
    for act in (lambda: Ledger.open(place), lambda: migrated(place, 1)):
        with pytest.raises(InputError, match="schema 99") as newer:
            act()
        assert "upgrade" in newer.value.hint
    for no_number in ("x", "²", ""):
        with bare(place).begin() as connection:
            connection.exec_driver_sql(f"UPDATE meta SET value = '{no_number}' WHERE key = 'schema'")
        with pytest.raises(Damaged, match="not a ledger"):
            Ledger.open(place)


SLOW = """
import sys, time
from suffice import migrations
from suffice.database import _engine, transaction

class Slow:
    def up(self, connection):
        migrations.STEPS[1].up(connection)
        connection.exec_driver_sql("UPDATE attempts SET usd = 99")
        connection.exec_driver_sql("DELETE FROM declarations")
        print("half-way", flush=True)
        time.sleep(60)
    def down(self, connection): pass

engine = _engine(sys.argv[1], durable=True)
with engine.connect() as connection, transaction(connection.exec_driver_sql, engine.dialect.name == "sqlite"):
    migrations.alone(connection)
    migrations.migrate(connection, 1, 2, (migrations.STEPS[0], Slow()))
"""


def test_a_kill_in_the_middle_of_a_migration_loses_nothing(place: Path | str) -> None:
    old(place)
    before = seen(place)
    with subprocess.Popen([sys.executable, "-c", SLOW, str(place)], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None and child.stdout.readline() == "half-way\n"
        child.send_signal(signal.SIGKILL)
    assert seen(place) == before
    with Ledger.open(place) as ledger:
        assert ledger.attempts()[0].usd == 0.25 and len(ledger.declared()) == 2
    assert seen(place)[0] == [(str(SCHEMA),)]


OPEN = """
import sys
from suffice.ledger import Ledger
with Ledger.open(sys.argv[1]) as ledger:
    ledger.declare("met", [sys.argv[2]])
"""


@pytest.mark.parametrize("made", [lambda _: None, old], ids=["empty", "older"])
def test_several_processes_at_the_door_migrate_once(place: Path | str, made: Callable[[Path | str], None]) -> None:
    made(place)
    doors = [
        subprocess.Popen([sys.executable, "-c", OPEN, str(place), str(n)], stderr=subprocess.PIPE, text=True)
        for n in range(3)
    ]
    assert [(p.communicate()[1], p.returncode) for p in doors] == [("", 0)] * 3
    with Ledger.open(place) as ledger:
        assert sorted(d.body[0] for d in ledger.declared("met")) == ["0", "1", "2"]


def test_records_of_an_older_ledger_are_read_and_replaced(place: Path | str) -> None:
    with Ledger.open(place) as ledger:
        run = ledger.begin({"n": 2})
        ledger.record(run, Record("e", Answer("no"), Score(0.0)))
    migrated(place, 1)
    with Ledger.open(place) as ledger:
        ledger.record(run, Record("e", Answer("yes"), Score(1.0)))
        assert [r.value for r in ledger.records(run)] == [1.0]
