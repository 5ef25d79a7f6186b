"""A ledger on PostgreSQL: two writers, writers that are killed and a server that is: nothing lost, nothing twice."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from clusters import Cluster, absent, cluster
from worlds import world

from suffice.climb import climb
from suffice.errors import Damaged, InputError
from suffice.history import decisions, remember, verdicts
from suffice.layer import Duty
from suffice.ledger import Attempt, Ledger
from suffice.record import Record
from suffice.score import Score
from suffice.steward import dues, open_duty, settle
from suffice.types import Answer, Step
from suffice.undertake import choose

ANSWER = Answer("ja, \x00 und \ud800 auch", cost=0.1, trace=(Step("model", 12.5),))
VERDICT: dict[str, Any] = json.loads((Path(__file__).parent / "verdicts" / "met.json").read_text("utf-8"))
DAY = date(2026, 11, 28)


@pytest.fixture
def url(postgres: Cluster) -> str:
    return postgres.database()


def test_without_a_server_these_tests_are_skipped_but_fail_where_one_must_be(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = (("", pytest.skip.Exception), ("elsewhere", pytest.skip.Exception), ("x postgres", pytest.fail.Exception))
    for must, outcome in wanted:
        monkeypatch.setenv("SUFFICE_MUST_HAVE", must)
        with pytest.raises(outcome, match="no server"):
            absent("no server")


def test_what_was_kept_is_there_when_opened_again(url: str) -> None:
    with Ledger.open(url) as ledger:
        ledger.keep("k", ANSWER, Attempt("k", "m", usd=0.1 + 0.2))
        run = ledger.begin({"n": 1})
        ledger.record(run, Record("e", None, Score(0.0), "down", "timeout"))
        ledger.record(run, Record("e", ANSWER, Score(1.0, "equal")))
        ledger.finish(run)
        ledger.keep("k", Answer("no"))
    with Ledger.open(url) as ledger:
        assert ledger.reply("k") == ANSWER and ledger.reply("other") is None
        assert ledger.records(run) == (Record("e", ANSWER, Score(1.0, "equal")),)
        assert (ledger.manifest(run), ledger.finished(run)) == ({"n": 1}, True)
        assert ledger.attempts() == (Attempt("k", "m", usd=0.1 + 0.2),)
        assert (ledger.totals().replies, ledger.totals().usd) == (1, 0.1 + 0.2)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres"])
def test_a_url_without_a_driver_is_one_with_ours(url: str, scheme: str) -> None:
    with Ledger.open(url.replace("postgresql+psycopg", scheme)) as ledger:
        ledger.keep("k", ANSWER)
    with Ledger.open(url) as ledger:
        assert ledger.reply("k") == ANSWER


def test_a_server_that_is_not_there_is_one_clear_error_without_the_password() -> None:
    with pytest.raises(Damaged, match="cannot use the ledger") as wrong:
        Ledger.open("postgresql+psycopg://ada:hunter2@127.0.0.1:1/none")
    assert "hunter2" not in str(wrong.value) and wrong.value.file == "postgresql+psycopg://127.0.0.1:1/none"


WRITER = """
import sys
from suffice.ledger import Attempt, Ledger
from suffice.record import Record
from suffice.score import Score
from suffice.types import Answer
with Ledger.open(sys.argv[1]) as ledger:
    run = ledger.begin({"shared": True})
    for n in range(int(sys.argv[3])):
        ledger.keep(f"k{n}", Answer(str(n)), Attempt(f"k{n}", sys.argv[2], usd=0.001))
        ledger.record(run, Record(f"{sys.argv[2]}.{n}", Answer(""), Score(1.0)))
        if n % 10 == 0:
            ledger.declare("step", [sys.argv[2], n])
        print(n, flush=True)
"""


def writer(url: str, name: str, n: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, url, name, str(n)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_two_writers_in_two_processes_lose_nothing_and_keep_one_chain(url: str) -> None:
    both = [writer(url, name, 60) for name in "ab"]
    assert [(p.communicate()[1], p.returncode) for p in both] == [("", 0), ("", 0)]
    with Ledger.open(url) as ledger:
        assert ledger.totals().replies == 60, "a reply that both bought is kept once"
        assert ledger.totals().attempts == 120, "and both attempts are counted"
        assert len(ledger.records(ledger.begin({"shared": True}))) == 120
        steps = ledger.declared("step")  # raises where a link does not fit the one before it
        assert sorted(tuple(d.body) for d in steps) == sorted((name, n) for name in "ab" for n in range(0, 60, 10))


def told(process: subprocess.Popen[str]) -> int:
    """How many rounds a writer said were kept, once it has ended."""
    return len(process.communicate()[0].splitlines())


def test_a_writer_that_is_killed_has_lost_nothing_that_it_said_was_kept(url: str) -> None:
    killed = writer(url, "a", 100_000)
    assert killed.stdout is not None
    for _ in range(25):
        killed.stdout.readline()
    killed.send_signal(signal.SIGKILL)
    kept = 25 + told(killed)
    again = writer(url, "a", kept + 5)
    assert (again.communicate()[1], again.returncode) == ("", 0)
    with Ledger.open(url) as ledger:
        records = [r.id for r in ledger.records(ledger.begin({"shared": True}))]
        assert {f"a.{n}" for n in range(kept + 5)} <= set(records) and len(records) == len(set(records))
        assert all(ledger.reply(f"k{n}") == Answer(str(n)) for n in range(kept))
        assert len(ledger.declared("step")) >= kept // 10


def test_a_server_that_is_killed_comes_back_with_all_that_was_kept(tmp_path: Path) -> None:
    with cluster() as own:
        url = own.database()
        cut = writer(url, "a", 100_000)
        assert cut.stdout is not None
        for _ in range(25):
            cut.stdout.readline()
        own.kill()
        out, said = cut.communicate(timeout=60)
        kept = 25 + len(out.splitlines())
        assert cut.returncode != 0 and "suffice.errors.Damaged: postgresql+psycopg://" in said
        own.start()
        again = writer(url, "a", kept + 5)
        assert (again.communicate()[1], again.returncode) == ("", 0)
        with Ledger.open(url) as ledger:
            records = [r.id for r in ledger.records(ledger.begin({"shared": True}))]
            assert {f"a.{n}" for n in range(kept + 5)} <= set(records) and len(records) == len(set(records))
            assert all(ledger.reply(f"k{n}") == Answer(str(n)) for n in range(kept))
            assert ledger.declared("step")


def test_a_duty_done_twice_at_once_is_done_once(url: str) -> None:
    weekly = Duty("re-index", "it moves", every_days=7, owner="Ada")
    with Ledger.open(url) as ledger, ThreadPoolExecutor(4) as pool:
        one = open_duty(ledger, weekly, due=DAY, stack="s", evidence={}, opened=DAY)
        ledgers = [Ledger.open(url) for _ in range(4)]

        def act(mine: Ledger) -> str:
            try:
                return settle(mine, one.id, by="Ada", evidence={}, on=DAY).id
            except InputError as late:
                return late.message

        done = list(pool.map(act, ledgers))
        for mine in ledgers:
            mine.close()
        assert sorted(d == one.id for d in done) == [False, False, False, True]
        assert [d.due for d in dues(ledger, DAY)] == [date(2026, 12, 5)]


def test_a_duty_opened_by_many_at_once_is_one(url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        ledgers = [Ledger.open(url) for _ in range(4)]
        drift = Duty("look at the drift", "inputs moved", kind="drift")
        ids = set(pool.map(lambda mine: open_duty(mine, drift, due=DAY, stack="s", evidence={}).id, ledgers))
        for mine in ledgers:
            mine.close()
    assert len(ids) == 1


def test_decisions_by_many_at_once_are_one_chain(url: str) -> None:
    now = datetime(2026, 11, 28, tzinfo=UTC)
    with Ledger.open(url) as ledger, ThreadPoolExecutor(4) as pool:
        verdict = remember(ledger, VERDICT, now)
        ledgers = [Ledger.open(url) for _ in range(4)]
        told = {"chosen": "kept", "because": "so", "at": now}
        list(pool.map(lambda mine: choose(mine, verdict, by="Ada", **told), ledgers))
        for mine in ledgers:
            mine.close()
        assert len(decisions(ledger)) == 4 and len({d.hash for d in decisions(ledger)}) == 4
        assert len(verdicts(ledger)) == 1


def test_a_climb_keeps_everything_there_and_repeats_for_nothing(url: str, tmp_path: Path) -> None:
    task = world(tmp_path, "few_shot", n=120)
    with Ledger.open(url) as ledger:
        first = climb(task, ledger=ledger)
        paid = ledger.totals()
        again = climb(task, ledger=ledger)
        assert again.body["headline"] == first.body["headline"] and ledger.totals() == paid
        assert len(verdicts(ledger)) == 1 and verdicts(ledger)[0].stop_at == first.stop_at
        assert {d.duty.kind for d in dues(ledger, datetime.now(UTC).date())} >= {"re-measure", "edge set", "owner"}
    assert not (tmp_path / ".suffice" / "ledger.db").exists()


@pytest.mark.parametrize("given", ["option", "environment"])
def test_commands_find_it_by_option_and_by_environment(url: str, tmp_path: Path, given: str) -> None:
    with Ledger.open(url) as ledger:
        climb(world(tmp_path, "few_shot", n=120), ledger=ledger)
    more, env = (["--ledger", url], {}) if given == "option" else ([], {"SUFFICE_LEDGER": url})
    import os

    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "suffice", "due", *more, "--json", "--today", "2031-01-01"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, **env},
    )
    body = json.loads(done.stdout)
    assert done.returncode == 1 and body["overdue"] >= 2 and time.monotonic() - start < 60
    assert {d["task"] for d in body["duties"]} == {"parcels"}


def test_a_ledger_there_goes_back_and_forth_by_command(url: str, tmp_path: Path) -> None:
    with Ledger.open(url) as ledger:
        remember(ledger, VERDICT, datetime(2026, 11, 28, tzinfo=UTC))

    def told(*more: str) -> Any:
        command = [sys.executable, "-m", "suffice", "ledger", "--ledger", url, "--json", *more]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    assert told("--schema", "1") == {"ledger": url.replace("tester@", ""), "before": 2, "schema": 1}
    assert (told()["schema"], told()["verdicts"]) == (2, 1)
