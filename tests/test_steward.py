"""Duties have days, are done by people, come round again, and are never lost or doubled."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suffice.errors import Damaged, InputError
from suffice.history import decisions, verdicts
from suffice.history import given as given_by
from suffice.layer import Duty
from suffice.ledger import Ledger
from suffice.steward import Due, close, dues, following_day, happened, named, open_duty, overdue, settle, today_utc
from suffice.undertake import choose, notice, take_on, undertake

MET: dict[str, Any] = json.loads((Path(__file__).parent / "verdicts" / "met.json").read_text("utf-8"))
DAY = date(2026, 11, 28)
NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
WEEKLY = Duty("re-index the documents", "they change weekly", 7, owner="Ada", command="suffice index", kind="re-index")
WAITING = Duty("measure the prompt again", "another model", when="the model changes", owner="Ada", kind="re-measure")
LAST = Duty("move from gpt-4o", "it ends", when="its maker names an end date", kind="retirement", about="openai/gpt-4o")


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with Ledger.open() as found:
        yield found


def opened(ledger: Ledger, duty: Duty, due: date | None, **more: Any) -> Due:
    return open_duty(ledger, duty, due=due, stack=more.pop("stack", "s"), evidence=more.pop("evidence", {}), opened=DAY)


def body(
    model: str = "openai/gpt-4o-2024-08-06", layers: Any = ("prompt",), owner: str | None = "Ada", **more: Any
) -> Any:
    """A verdict over some model, with that stack and these duties."""
    made = [{"use": x} if isinstance(x, str) else x for x in layers]
    task = {**MET["task"], "model": model, "profile": {**MET["task"]["profile"], "owner": owner}}
    duties = [
        {"what": d.what, "why": d.why, "every_days": d.every_days, "when": d.when, "owner": owner, "command": d.command}
        | {"kind": d.kind, "about": d.about}
        for d in more.pop("duties", ())
    ]
    stack = {"model": {"use": "openai"}, "layers": made}
    digest = more.pop("digest", "ab" * 32)
    return {**MET, "task": task, "stack": stack, "stack_digest": digest, "duties": duties, **more}


# Days


@given(st.dates(date(1990, 1, 1), date(9999, 12, 31)), st.integers(1, 3000))
def test_the_next_day_is_the_interval_later_whatever_the_year(done: date, days: int) -> None:
    after = following_day(Duty("a", "b", every_days=days), done)
    assert after is not None and after == min(date.max, done + timedelta(days=min(days, (date.max - done).days)))
    assert after >= done
    assert following_day(Duty("a", "b", when="c"), done) is None


def test_a_leap_day_and_the_nights_when_clocks_change_are_days_like_others() -> None:
    yearly, weekly = Duty("a", "b", every_days=365), Duty("a", "b", every_days=7)
    assert following_day(yearly, date(2027, 2, 28)) == date(2028, 2, 28)
    assert following_day(yearly, date(2028, 2, 29)) == date(2029, 2, 28)
    assert following_day(weekly, date(2028, 2, 23)) == date(2028, 3, 1)
    assert following_day(weekly, date(2026, 10, 24)) == date(2026, 10, 31)
    assert following_day(weekly, date(2027, 3, 27)) == date(2027, 4, 3)


@settings(deadline=None, max_examples=50)
@given(st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)), st.integers(-14, 14))
def test_a_verdict_is_dated_by_the_utc_day_it_was_given_on(given_at: datetime, hours: int) -> None:
    """Somebody's own clock says another day for some hours of most days; the duty's does not depend on it."""
    from datetime import timezone

    at = given_at.replace(tzinfo=UTC)
    there = at.astimezone(timezone(timedelta(hours=hours)))
    with Ledger.open() as ledger:
        undertake(ledger, body(model="embedded", duties=[WEEKLY]), there)
        (found,) = dues(ledger, at.date())
    assert (found.opened, found.due) == (at.date(), at.date() + timedelta(days=7))


def test_what_is_due_today_is_not_overdue_yet(ledger: Ledger) -> None:
    found = opened(ledger, WEEKLY, DAY)
    assert [found.standing(DAY + timedelta(days=n)) for n in (-1, 0, 1)] == ["dated", "due", "overdue"]
    assert opened(ledger, WAITING, None).standing(date.max) == "waiting"
    assert overdue(dues(ledger, DAY + timedelta(days=1)), DAY + timedelta(days=1)) == (found,)


# Doing


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=6))
def test_what_comes_round_is_open_once_and_due_its_interval_after_it_was_done(gaps: list[int]) -> None:
    with Ledger.open() as ledger:
        opened(ledger, WEEKLY, DAY)
        day = DAY
        for gap in gaps:
            day += timedelta(days=gap)
            (open_one,) = dues(ledger, day)
            done = settle(ledger, open_one.id, by="Ada", evidence={"note": "ok"}, on=day)
            (after,) = dues(ledger, day)
            assert (after.due, after.opened) == (day + timedelta(days=7), day)
            assert done.done is not None and (done.done.next, done.done.on) == (after.id, day)
        everything = dues(ledger, day, done=True)
        assert len(everything) == len(gaps) + 1 == len({d.id for d in everything})


def test_what_waits_for_an_event_waits_on_and_what_ends_once_ends(ledger: Ledger) -> None:
    waiting, last = opened(ledger, WAITING, None), opened(ledger, LAST, DAY)
    settle(ledger, waiting.id, by="Ada", evidence={}, on=DAY)
    settle(ledger, last.id, by="Ada", evidence={}, on=DAY)
    (left,) = dues(ledger, DAY)
    assert (left.duty, left.due) == (WAITING, None) and left.id != waiting.id


def test_an_event_that_happened_makes_its_duty_due(ledger: Ledger) -> None:
    waiting, weekly = opened(ledger, WAITING, None), opened(ledger, WEEKLY, DAY + timedelta(days=6))
    assert happened(ledger, waiting.id, on=DAY, evidence={"note": "gpt-6"}).due == DAY
    assert happened(ledger, weekly.id, on=DAY).due == DAY
    assert happened(ledger, weekly.id, on=DAY + timedelta(days=3)).due == DAY, "it is not put off"
    assert named(ledger, waiting.id).evidence["note"] == "gpt-6"


def test_what_is_wrong_is_said(ledger: Ledger) -> None:
    one = opened(ledger, WEEKLY, DAY)
    settle(ledger, one.id[:6], by="Ada", evidence={}, on=DAY)
    for act, said in (
        (lambda: settle(ledger, one.id, by="Bob", evidence={}, on=DAY), "was done already, on 2026-11-28 by Ada"),
        (lambda: settle(ledger, "ffffffff", by="Bob", evidence={}), "no duty `ffffffff`"),
        (lambda: settle(ledger, "", by="Bob", evidence={}), "no duty"),
        (lambda: settle(ledger, dues(ledger, DAY)[0].id, by=" ", evidence={}), "somebody must have done it"),
        (
            lambda: settle(ledger, dues(ledger, DAY)[0].id, by="B", evidence={}, on=DAY - timedelta(1)),
            "cannot have been",
        ),
    ):
        with pytest.raises(InputError, match=said):
            act()


def test_opening_it_again_keeps_it_and_moves_only_what_has_one_day(ledger: Ledger) -> None:
    weekly, last = opened(ledger, WEEKLY, DAY), opened(ledger, LAST, None)
    assert opened(ledger, WEEKLY, DAY + timedelta(days=5)) == weekly
    assert opened(ledger, LAST, DAY, evidence={"source": "a page"}).due == DAY
    moved = opened(ledger, LAST, DAY + timedelta(days=9), evidence={"source": "a newer page"})
    assert (moved.id, moved.due, moved.evidence) == (last.id, DAY + timedelta(days=9), {"source": "a newer page"})
    assert len(dues(ledger, DAY)) == 2
    assert opened(ledger, WEEKLY, DAY, stack="other").id != weekly.id


KILLED = """
import sys
from datetime import date, timedelta
from suffice.ledger import Ledger
from suffice.steward import dues, settle
day = date(2026, 11, 28)
with Ledger.open(sys.argv[1]) as ledger:
    while True:
        (one,) = dues(ledger, day)
        settle(ledger, one.id, by="Ada", evidence={}, on=day)
        day += timedelta(days=1)
        print(day, flush=True)
"""


@pytest.mark.parametrize("rounds", [3, 11])
def test_a_kill_between_done_and_due_again_leaves_exactly_one(tmp_path: Path, rounds: int) -> None:
    path = tmp_path / "ledger.db"
    with Ledger.open(path) as ledger:
        opened(ledger, WEEKLY, DAY)
    with subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for _ in range(rounds):
            last = date.fromisoformat(child.stdout.readline().strip())
        child.send_signal(signal.SIGKILL)
    with Ledger.open(path) as ledger:
        every = dues(ledger, date.max, done=True)
    done = [d.done for d in every if d.done]
    assert len(every) == len(done) + 1 == len({d.id for d in every})
    assert max(d.on for d in done) >= last - timedelta(days=1)
    assert all(d.next in {x.id for x in every} for d in done)


@pytest.mark.parametrize(
    "change", ["body = '{'", "body = '{}'", "due = 'soon'", "opened = ''", "done = '[]'", "done = '{\"on\":1}'"]
)
def test_a_row_that_is_no_duty_is_one_clear_error(tmp_path: Path, change: str) -> None:
    path = tmp_path / "ledger.db"
    with Ledger.open(path) as ledger:
        one = opened(ledger, WEEKLY, DAY)
    with sqlite3.connect(path) as database:
        database.execute(f"UPDATE duties SET {change}")
    database.close()
    with Ledger.open(path) as ledger, pytest.raises(Damaged, match=f"the duty {one.id} cannot be read"):
        dues(ledger, DAY, done=True)


# What a verdict obliges to


def test_a_verdict_opens_its_duties_once_and_another_stack_takes_their_place(ledger: Ledger) -> None:
    first = body(model="embedded", duties=[WEEKLY, WAITING])
    undertake(ledger, first, NOON)
    before = dues(ledger, DAY)
    undertake(ledger, first, NOON + timedelta(days=3))
    assert dues(ledger, DAY) == before and [d.due for d in before] == [DAY + timedelta(days=7), None]
    assert all(d.evidence["verdict"] and d.evidence["records"] and d.owner == "Ada" for d in before)
    later = NOON + timedelta(days=5)
    undertake(ledger, body(model="embedded", duties=[WEEKLY], digest="cd" * 32), later)
    (now,) = dues(ledger, later.date())
    assert (now.stack, now.due) == ("cd" * 32, later.date() + timedelta(days=7))
    gone = [d.done.closed for d in dues(ledger, later.date(), done=True) if d.done]
    assert len(gone) == 2 and all("another verdict took its place" in why for why in gone)
    undertake(ledger, first, later + timedelta(days=1))
    assert {d.stack for d in dues(ledger, later.date() + timedelta(days=1))} == {"ab" * 32}, (
        "given again, it is the last"
    )
    none = {**first, "stop_at": None, "stack": None, "stack_digest": None, "duties": []}
    undertake(ledger, none, later + timedelta(days=2))
    assert dues(ledger, later.date() + timedelta(days=2)) == ()


def test_a_missing_owner_is_due_in_a_month(ledger: Ledger) -> None:
    nobody = Duty("name somebody", "nobody does it", 182, kind="owner")
    undertake(ledger, body(model="embedded", owner=None, duties=[nobody]), NOON)
    assert dues(ledger, DAY)[0].due == date(2026, 12, 28)


def test_an_owner_who_is_named_later_gets_the_open_duties_and_naming_one_is_over(ledger: Ledger) -> None:
    nobody = Duty("name somebody who owns this stack", "nobody does it", 182, kind="owner")
    confirm = replace(nobody, what="confirm who owns this stack")
    undertake(ledger, body(model="embedded", owner=None, duties=[WEEKLY, nobody]), NOON)
    assert {d.owner for d in dues(ledger, DAY)} == {None}
    dated = {d.duty.what: d.due for d in dues(ledger, DAY)}
    undertake(ledger, body(model="embedded", duties=[WEEKLY, confirm]), NOON + timedelta(days=2))
    found = {d.duty.what: d for d in dues(ledger, DAY + timedelta(days=2))}
    assert found.keys() == {WEEKLY.what, confirm.what} and {d.owner for d in found.values()} == {"Ada"}
    assert found[WEEKLY.what].due == dated[WEEKLY.what]
    (over,) = [d.done for d in dues(ledger, DAY + timedelta(days=2), done=True) if d.done]
    assert (over.by, over.closed) == ("suffice", "Ada owns it now")
    undertake(ledger, body(model="embedded", owner="Bob", duties=[WEEKLY, confirm]), NOON + timedelta(days=3))
    assert {d.owner for d in dues(ledger, DAY + timedelta(days=3))} == {"Bob"}


def test_naming_somebody_is_done_once(ledger: Ledger) -> None:
    nobody = Duty("name somebody who owns this stack", "nobody does it", 182, kind="owner")
    undertake(ledger, body(model="embedded", owner=None, duties=[nobody]), NOON)
    done = settle(ledger, dues(ledger, DAY)[0].id, by="Ada", evidence={}, on=DAY)
    assert done.done is not None and done.done.next is None and dues(ledger, DAY) == ()


def test_a_model_that_ends_makes_moving_due_the_day_before(ledger: Ledger, tmp_path: Path) -> None:
    verdict = undertake(ledger, body(duties=[WAITING]), NOON)
    found = {d.duty.kind: d for d in dues(ledger, DAY)}["retirement"]
    assert found.due == date(2027, 1, 13) and found.evidence["ends"] == "2027-01-14"
    assert found.evidence["source"].startswith("https://") and found.duty.command == "suffice swap"
    (tmp_path / "retirements.yaml").write_text(
        'openai: [{for: "gpt-4o-2024-08-06", on: "2027-03-01", source: a letter}]\n'
    )
    notice(ledger, DAY, folder=tmp_path)
    assert named(ledger, found.id).due == date(2027, 2, 28) and named(ledger, found.id).evidence["source"] == "a letter"
    notice(ledger, DAY, listed={"gpt-4o-2024-08-06": "2027-01-02"})
    assert named(ledger, found.id).due == date(2027, 1, 1), "the server itself knows best"
    settle(ledger, found.id, by="Ada", evidence={}, on=DAY)
    notice(ledger, DAY, listed={"gpt-4o-2024-08-06": "2027-01-02"})
    assert [d.duty.kind for d in dues(ledger, DAY)] == ["re-measure"], "what was done is not due again"
    assert take_on(ledger, verdict)


def test_no_model_is_asked_or_it_is_here_and_nothing_ends(ledger: Ledger) -> None:
    undertake(ledger, body(layers=("classifier",)), NOON)
    assert dues(ledger, DAY) == ()
    undertake(ledger, body(model="embedded", digest="cd" * 32), NOON)
    assert dues(ledger, DAY) == ()


def test_a_tune_at_a_provider_ends_with_its_base_and_with_the_provider(ledger: Ledger) -> None:
    tuned = {"use": "adapter", "served": "ft:gpt-4.1-2025-04-14:acme::x", "trainer": "lora"}
    undertake(ledger, body(layers=(tuned, "prompt")), NOON)
    found = {d.duty.what: d for d in dues(ledger, DAY)}
    assert found["find another place to tune than openai"].due == date(2027, 1, 5)
    assert found["move from ft:gpt-4.1-2025-04-14:acme::x to another base before it ends"].due == date(2027, 1, 13)
    assert found["move from ft:gpt-4.1-2025-04-14:acme::x to another base before it ends"].cost_usd == (4000.0, 8000.0)


def test_terms_that_changed_since_are_due_in_two_weeks_once(ledger: Ledger) -> None:
    terms = Duty("read the terms again", "they bind", 365, owner="Ada", kind="terms", about="openai/gpt-4o-2024-08-06")
    undertake(ledger, body(model="openai/own", duties=[terms]), NOON)
    notice(ledger, DAY)
    (found,) = dues(ledger, DAY)
    assert found.due == DAY + timedelta(days=365)
    close(ledger, found.id, "as if it had been opened under older terms", on=DAY)
    old = {**found.evidence, "says": "anything goes"}
    again = open_duty(ledger, terms, due=found.due, stack=found.stack, evidence=old, task=found.task, opened=DAY)
    notice(ledger, DAY + timedelta(days=1))
    assert named(ledger, again.id).due == DAY + timedelta(days=15)
    settle(ledger, again.id, by="Ada", evidence={}, on=DAY + timedelta(days=2))
    notice(ledger, DAY + timedelta(days=3))
    assert [d.due for d in dues(ledger, DAY + timedelta(days=3))] == [DAY + timedelta(days=367)]


def test_a_rejected_verdict_obliges_to_nothing(ledger: Ledger) -> None:
    given_body = body(duties=[WEEKLY])
    verdict = undertake(ledger, given_body, NOON)
    assert len(dues(ledger, DAY)) == 2
    choose(ledger, verdict, by="Ada", chosen="rejected", because="too dear", at=NOON)
    undertake(ledger, given_body, NOON + timedelta(days=1))
    notice(ledger, DAY)
    assert dues(ledger, DAY) == ()


@pytest.mark.parametrize("chosen", ["kept", "rejected"])
def test_a_decision_stands_with_all_that_follows_of_it_or_not_at_all(tmp_path: Path, chosen: str) -> None:
    """A trigger that lets no duty be closed breaks it off halfway."""
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        old = undertake(ledger, body(duties=[WEEKLY]), NOON)
        new = given_by(ledger, body(duties=[WEEKLY], digest="cd" * 32), NOON + timedelta(days=1))
        with closing(sqlite3.connect(tmp_path / "ledger.db")) as file:
            file.execute("create trigger stop before update on duties begin select raise(abort, 'stopped here'); end")
        of = new if chosen == "kept" else old
        with pytest.raises(Exception, match="stopped here"):
            choose(ledger, of, by="Ada", chosen=chosen, because="it says so", at=NOON + timedelta(days=2))
        assert [d.verdict for d in decisions(ledger)] == []
        assert [v.digest for v in verdicts(ledger)] == [old.digest] and len(dues(ledger, DAY)) == 2


# What it costs


def test_costs_come_from_the_price_book_the_task_and_what_was_spent(ledger: Ledger, tmp_path: Path) -> None:
    tune, spent = replace(WEEKLY, what="train again", kind="re-tune"), {"usd": 3.5, "attempts": 1, "faults": {}}
    full = {"use": "adapter", "adapter": "ab", "trainer": "full"}
    undertake(ledger, body("embedded", (full,), duties=[tune, WAITING, WEEKLY], ledger=spent), NOON)
    cost = {d.duty.kind: d.cost_usd for d in dues(ledger, DAY)}
    assert cost == {"re-tune": (16_000.0, 32_000.0), "re-measure": (3.5, 3.5), "re-index": None}
    (tmp_path / "prices.yaml").write_text("engineer_week: 1000\n")
    assert {d.duty.kind: d.cost_usd for d in dues(ledger, DAY, folder=tmp_path)}["re-tune"] == (4000.0, 8000.0)
    told = opened(ledger, LAST, DAY, stack="x", evidence={"cost_usd": [1, 2]})
    assert next(d for d in dues(ledger, DAY) if d.id == told.id).cost_usd == (1.0, 2.0)


def test_today_is_a_utc_day() -> None:
    before, found, after = datetime.now(UTC).date(), today_utc(), datetime.now(UTC).date()
    assert before <= found <= after


def test_a_judge_that_ends_is_noticed_before_its_last_day(ledger: Ledger) -> None:
    judge = {"model": "openai/gpt-4o-2024-08-06", "verified": True, "labels": 60, "sets": 1}
    undertake(ledger, body("embedded", judge=judge), NOON)
    (found,) = [d for d in dues(ledger, DAY) if d.duty.about == judge["model"]]
    assert (found.duty.kind, found.due, found.owner) == ("re-judge", date(2027, 1, 13), "Ada")
    assert found.evidence["ends"] == "2027-01-14" and found.duty.command
    settle(ledger, found.id, by="Ada", evidence={}, on=DAY)
    assert not notice(ledger, DAY) and not [d for d in dues(ledger, DAY) if d.duty.about == judge["model"]]
    undertake(ledger, body("embedded", judge={**judge, "model": "embedded"}, digest="cd" * 32), NOON)
    assert not [d for d in dues(ledger, DAY) if d.duty.kind == "re-judge"]
