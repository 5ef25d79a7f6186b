"""What the ledger says is kept is kept: across threads, processes, versions and damage."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from suffice.database import unusable
from suffice.errors import Damaged, InputError
from suffice.ledger import Attempt, Ledger
from suffice.record import Record
from suffice.score import Score
from suffice.types import Answer, Step

ANSWER = Answer("yes", cost=0.5, trace=(Step("model", 12.5),))


def edit(path: Path, sql: str) -> None:
    """Change the file behind the ledger's back."""
    with sqlite3.connect(path) as database:
        database.execute(sql)
    database.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "ledger.db"


def test_what_was_kept_is_there_when_opened_again(path: Path) -> None:
    with Ledger.open(path) as ledger:
        ledger.keep("k", ANSWER, Attempt("k", "m", usd=0.5))
        run = ledger.begin({"n": 1})
        ledger.record(run, Record("e", ANSWER, Score(1.0, "equal")))
        ledger.finish(run)
    with Ledger.open(path) as ledger:
        assert ledger.reply("k") == ANSWER
        assert ledger.reply("other") is None
        assert ledger.records(run) == (Record("e", ANSWER, Score(1.0, "equal")),)
        assert (ledger.manifest(run), ledger.finished(run)) == ({"n": 1}, True)
        assert ledger.attempts() == (Attempt("k", "m", usd=0.5),)


def test_only_its_owner_can_read_it(path: Path) -> None:
    with Ledger.open(path) as ledger:
        ledger.keep("k", ANSWER)
        assert {f.stat().st_mode & 0o777 for f in path.parent.iterdir()} == {0o600}


def test_a_reply_is_known_before_it_is_on_the_disk_and_the_first_one_stays(path: Path) -> None:
    with Ledger.open(path) as ledger:
        ticket = ledger.post_reply("k", ANSWER)
        assert ledger.reply("k") == ANSWER
        ticket.wait()
        ledger.keep("k", Answer("no"))
        assert ledger.reply("k") == ANSWER


def test_the_same_manifest_is_the_same_run(path: Path) -> None:
    with Ledger.open(path) as ledger:
        assert ledger.begin({"a": 1, "b": 2}) == ledger.begin({"b": 2, "a": 1}) != ledger.begin({"a": 2})


def test_a_later_record_takes_the_place_of_an_earlier_one(path: Path) -> None:
    with Ledger.open(path) as ledger:
        run = ledger.begin({})
        for record in (Record("a", None, Score(0.0), "down", "timeout"), Record("b", ANSWER, Score(1.0))):
            ledger.record(run, record)
        ledger.record(run, Record("a", ANSWER, Score(1.0)))
        assert [(r.id, r.value) for r in ledger.records(run)] == [("a", 1.0), ("b", 1.0)]


def test_totals_are_what_the_rows_say(path: Path) -> None:
    with Ledger.open(path) as ledger:
        ledger.keep("k", ANSWER, Attempt("k", "m", usd=0.25, run="r"))
        ledger.post_attempt(Attempt("k", "m", fault="rate_limited", billed=False, run="r"))
        ledger.post_attempt(Attempt("k", "m", fault="dropped", usd=0.5, run="s"))
        whole, part = ledger.totals(), ledger.totals("r")
        assert (whole.attempts, whole.billed, whole.usd, whole.replies) == (3, 2, 0.75, 1)
        assert whole.faults == {"rate_limited": 1, "dropped": 1}
        assert (part.attempts, part.usd, part.faults) == (2, 0.25, {"rate_limited": 1})
        ledger.post_attempt(Attempt("k", "m", usd=None))
        assert ledger.totals().usd is None


def test_many_threads_lose_nothing(path: Path) -> None:
    with Ledger.open(path) as ledger:

        def work(name: int) -> None:
            for number in range(25):
                ledger.keep(f"{name}.{number}", Answer(str(number)))

        threads = [threading.Thread(target=work, args=(n,)) for n in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert ledger.totals().replies == 16 * 25
        assert ledger.reply("7.7") == Answer("7")


TWO = """
import sys
from suffice.ledger import Ledger
from suffice.record import Record
from suffice.score import Score
from suffice.types import Answer
with Ledger.open(sys.argv[1]) as ledger:
    run = ledger.begin({"shared": True})
    for n in range(150):
        ledger.keep(f"k{n}", Answer(str(n)))
        ledger.record(run, Record(f"{sys.argv[2]}.{n}", Answer(""), Score(1.0)))
        if n % 50 == 0:
            ledger.declare("step", [sys.argv[2], n])
"""


def test_two_processes_share_a_ledger(path: Path) -> None:
    both = [subprocess.Popen([sys.executable, "-c", TWO, str(path), name], stderr=subprocess.PIPE) for name in "ab"]
    assert [(p.communicate()[1].decode(), p.returncode) for p in both] == [("", 0), ("", 0)]
    with Ledger.open(path) as ledger:
        assert ledger.totals().replies == 150
        assert len(ledger.records(ledger.begin({"shared": True}))) == 300
        assert len(ledger.declared("step")) == 6


def test_a_reply_that_another_process_bought_is_found(path: Path) -> None:
    with Ledger.open(path) as mine, Ledger.open(path) as theirs:
        mine.keep("a", ANSWER)
        theirs.keep("b", ANSWER)
        mine.keep("c", ANSWER)
        assert mine.reply("b") == ANSWER


def test_declarations_are_a_chain(path: Path) -> None:
    with Ledger.open(path) as ledger:
        first, second = ledger.declare("plan", {"alpha": 0.05}), ledger.declare("open", ["t1"])
        assert [d.hash for d in ledger.declared()] == [first, second]
        assert ledger.declared("open")[0].previous == first
        assert ledger.declared("plan")[0].body == {"alpha": 0.05}


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE declarations SET body = '{\"alpha\":0.5}' WHERE sequence = 1",
        "DELETE FROM declarations WHERE sequence = 1",
        "UPDATE declarations SET kind = 'other' WHERE sequence = 2",
    ],
)
def test_a_changed_declaration_is_noticed(path: Path, sql: str) -> None:
    with Ledger.open(path) as ledger:
        ledger.declare("plan", {"alpha": 0.05})
        ledger.declare("open", [])
    edit(path, sql)
    with Ledger.open(path) as ledger, pytest.raises(Damaged, match="was changed after it was made"):
        ledger.declared()


def test_a_reply_with_a_flipped_bit_is_no_reply_and_can_be_kept_anew(path: Path) -> None:
    with Ledger.open(path) as ledger:
        ledger.keep("k", ANSWER)
    edit(path, "UPDATE replies SET body = replace(body, 'yes', 'yez')")
    with Ledger.open(path) as ledger:
        assert ledger.reply("k") is None
        ledger.keep("k", ANSWER)
        assert ledger.reply("k") == ANSWER


def test_a_changed_record_is_noticed(path: Path) -> None:
    with Ledger.open(path) as ledger:
        run = ledger.begin({})
        ledger.record(run, Record("e", ANSWER, Score(0.0)))
    edit(path, "UPDATE records SET body = replace(body, '0.0', '1.0')")
    with Ledger.open(path) as ledger, pytest.raises(Damaged, match="record of example `e` was changed"):
        ledger.records(run)


def test_a_newer_schema_asks_for_an_upgrade(path: Path) -> None:
    Ledger.open(path).close()
    edit(path, "UPDATE meta SET value = '99'")
    with pytest.raises(InputError, match="schema 99") as newer:
        Ledger.open(path)
    assert "upgrade" in newer.value.hint


@pytest.mark.parametrize("content", [b"this is no database at all" * 99, b"SQLite format 3\0" + b"\1" * 4000])
def test_a_file_that_is_no_ledger_is_one_clear_error(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(Damaged, match="the ledger is damaged") as damaged:
        Ledger.open(path)
    assert damaged.value.file == str(path)
    assert damaged.value.hint
    assert path.read_bytes() == content


def test_a_place_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Damaged, match="cannot use the ledger"):
        Ledger.open(tmp_path / "file" / "ledger.db")


def test_a_passing_ledger_leaves_nothing_behind() -> None:
    with Ledger.open() as ledger:
        ledger.keep("k", ANSWER)
        assert ledger.reply("k") == ANSWER
        folder = Path(str(ledger._engine.url.database)).parent
        assert folder.is_dir()
    assert not folder.exists()


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("postgresql://ada:hunter2@127.0.0.1:1/x", "postgresql://127.0.0.1:1/x"),
        ("postgresql://127.0.0.1:1/x?user=ada&password=hunter2", "postgresql://127.0.0.1:1/x"),
        ("postgresql://127.0.0.1:1/x?password=p%40hunter2", "postgresql://127.0.0.1:1/x"),
        ("postgresql://ada:hun?hunter2@127.0.0.1:1/x", "postgresql://127.0.0.1:1/x"),
        ("postgresql://ada:hunter2@127.0.0.1:port/x", "postgresql://127.0.0.1:port/x"),
        ("postgresql://ada:hunter2@[::1/x", "postgresql://[::1/x"),
        ("mysql://ada:hunter2@127.0.0.1/x", "mysql://127.0.0.1/x"),
        ("http://ada:hunter2@127.0.0.1/x", "http://127.0.0.1/x"),
    ],
)
def test_a_url_that_cannot_be_used_is_one_clear_error_without_its_secrets(url: str, place: str) -> None:
    with pytest.raises((InputError, Damaged)) as wrong:
        Ledger.open(url)
    assert "hunter2" not in f"{wrong.value}{wrong.value.hint}" and wrong.value.file == place


def test_only_a_full_disk_is_called_one() -> None:
    told = unusable("here", OSError("failed to resolve host 'fullhost'"))
    assert "disk" not in str(told) and "disk is full" in str(unusable("here", OSError("database or disk is full")))


def test_a_full_disk_stops_everything_that_would_be_lost(path: Path) -> None:
    with Ledger.open(path) as ledger:
        ledger.keep("a", ANSWER)
        limit = ledger._writer._cursor.execute("PRAGMA page_count").fetchone()[0] + 2
        ledger._writer._cursor.execute(f"PRAGMA max_page_count = {limit}")
        with pytest.raises(Damaged, match="full"):
            ledger.keep("b", Answer("x" * 100_000))
        with pytest.raises(Damaged, match="full"):
            ledger.post_reply("c", ANSWER)
    with Ledger.open(path) as ledger:
        assert (ledger.reply("a"), ledger.reply("b")) == (ANSWER, None)
