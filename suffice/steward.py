"""Steward: duties with dates, kept in the ledger: opened by verdicts and events, done by people, due again.

Days are UTC dates. A duty that is done opens its next time in the same transaction, so that nothing that happens to the
process loses one or makes it twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from .database import schema
from .digest import digest_of, plain
from .errors import Damaged, InputError
from .history import words
from .layer import Duty
from .ledger import Ledger
from .pricebook import Book, book
from .stored import text_of
from .teachers import terms_of
from .types import Json

if TYPE_CHECKING:
    from sqlalchemy import Connection

Standing = Literal["overdue", "due", "dated", "waiting", "done"]
SHORTEST = 4
"""Characters by which a duty can be named."""
STEWARD = "suffice"
"""Who closes a duty that no longer stands."""
_COLUMNS = ("id", "slot", "task", "stack", "body", "opened", "due", "done")


@dataclass(frozen=True, slots=True)
class Done:
    """Who did a duty, on which day, and what they can show for it."""

    by: str
    on: date
    evidence: Mapping[str, Json]
    next: str | None = None
    """The id of its next time, where there is one."""
    closed: str = ""
    """Why it no longer stands, where it was not done but fell away."""


@dataclass(frozen=True, slots=True)
class Due:
    """A duty of one stack, and the day on which it must be done."""

    id: str
    duty: Duty
    due: date | None
    """None while it waits for its event."""
    owner: str | None
    opened: date
    stack: str
    """The digest of the stack that it comes from."""
    cost_usd: tuple[float, float] | None
    """Low and high, US dollars, each time; None where nobody knows."""
    evidence: Mapping[str, Json]
    """What it rests on: the verdict's digest, that of its records, the model, the source of a date."""
    done: Done | None = None
    task: str = ""

    def standing(self, today: date) -> Standing:
        """How it stands on a day: due on its own day, dated before it, overdue from the day after."""
        if self.done is not None:
            return "done"
        if self.due is None:
            return "waiting"
        if self.due == today:
            return "due"
        return "overdue" if self.due < today else "dated"


def today_utc() -> date:
    """The day it is, in UTC."""
    return datetime.now(UTC).date()


# Opening


def open_duty(
    ledger: Ledger,
    duty: Duty,
    *,
    due: date | None,
    stack: str,
    evidence: Mapping[str, Json],
    task: str = "",
    opened: date | None = None,
) -> Due:
    """Open a duty of a stack, once: while it is open, opening it again keeps it.

    An event duty that was waiting, or whose day has moved, takes the new day; what comes round by the calendar keeps
    its own. `evidence` may hold `cost_usd: [low, high]` where the cost is known better than from the price book.
    """
    day = opened or today_utc()
    with ledger.transaction() as connection:
        slot = opening(ledger, connection)(duty, due, stack, evidence, task, day)
    return _one(ledger, slot=slot)


Opening = Callable[[Duty, date | None, str, Mapping[str, Json], str, date], str]


def opening(ledger: Ledger, connection: Connection) -> Opening:
    """What opens duties within a transaction that somebody holds, so that several are opened or none."""
    made = ledger.insert("duties", _COLUMNS, key=("slot",))

    def open_one(
        duty: Duty, due: date | None, stack: str, evidence: Mapping[str, Json], task: str, opened: date
    ) -> str:
        slot = _slot(task, stack, duty)
        row = _row(connection, slot, task, stack, duty, evidence, opened, due)
        connection.exec_driver_sql(made.sql, made.given([row])[0])
        if due is not None and duty.every_days is None:
            _moved(connection, slot, due, evidence)
        return slot

    return open_one


# Reading


def dues(
    ledger: Ledger, today: date, *, task: str | None = None, folder: Path | None = None, done: bool = False
) -> tuple[Due, ...]:
    """The duties that are open on a day, the most pressing first; with `done`, those that are done after them.

    Costs are reckoned from the price book and the folder's own prices.yaml.
    """
    prices = book(folder)
    found = [d for d in every(ledger, task=task, open_only=not done) if d.opened <= today]
    priced = (replace(d, cost_usd=_cost(d, prices)) for d in found)
    return tuple(sorted(priced, key=lambda d: (d.done is not None, d.due or date.max, d.task, d.duty.what, d.id)))


def overdue(found: tuple[Due, ...], today: date) -> tuple[Due, ...]:
    """Those whose day has passed."""
    return tuple(d for d in found if d.standing(today) == "overdue")


# Doing


def settle(ledger: Ledger, id: str, *, by: str, evidence: Mapping[str, Json], on: date | None = None) -> Due:
    """Say that a duty was done, by whom and with what to show; its next time is opened with it.

    What comes round is due again its interval after the day on which it was done; what waits for an event waits on.
    Raises `InputError` for an id that is nobody's, and for a duty that is done already.
    """
    if not by.strip():
        raise InputError("somebody must have done it", hint="--by NAME")
    before = named(ledger, id)
    day = on or today_utc()
    if day < before.opened:
        raise InputError(f"it cannot have been done on {day}: it was opened on {before.opened}")
    _finish(ledger, before, Done(words(by), day, dict(evidence)), following_day(before.duty, day))
    return _one(ledger, id=before.id)


def close(ledger: Ledger, id: str, why: str, *, on: date | None = None) -> Due:
    """Say that a duty no longer stands, and why: it was not done, and has no next time."""
    before = named(ledger, id)
    _finish(ledger, before, Done(STEWARD, on or today_utc(), {}, closed=why), None)
    return _one(ledger, id=before.id)


def happened(ledger: Ledger, id: str, *, on: date | None = None, evidence: Mapping[str, Json] | None = None) -> Due:
    """Say that the event that a duty waits for has happened: it is due from that day on."""
    return brought_forward(ledger, named(ledger, id), on or today_utc(), evidence or {})


def named(ledger: Ledger, id: str) -> Due:
    """The open duty of that id, or of the one id that begins so."""
    found = [d for d in every(ledger) if d.id.startswith(id.lower())] if len(id) >= SHORTEST else []
    if len(found) != 1:
        told = f"{len(found)} duties begin with `{id[:64]}`" if found else f"no duty `{id[:64]}`"
        raise InputError(told, file=ledger.name, hint=f"`suffice due` lists them; {SHORTEST} characters are enough")
    if (done := found[0].done) is not None:
        raise InputError(
            f"{found[0].id} was done already, on {done.on} by {done.by}", hint="`suffice due` lists the rest"
        )
    return found[0]


def following_day(duty: Duty, done: date) -> date | None:
    """When a duty that was done on a day is due again; None where an event decides."""
    if duty.every_days is None:
        return None
    return done + timedelta(days=min(duty.every_days, (date.max - done).days))


# Beneath


def _cost(due: Due, prices: Book) -> tuple[float, float] | None:
    """What doing it once costs: as told with it, the engineer-weeks of a refresh, or what the last climb spent."""
    told, kind = due.evidence.get("cost_usd"), due.duty.kind
    if isinstance(told, list) and len(told) == 2:
        return float(told[0]), float(told[1])
    tuned = due.evidence.get("trainer")
    if kind == "re-tune" or (kind == "retirement" and tuned):
        weeks = prices.figure("full_refresh_weeks" if tuned == "full" else "lora_refresh_weeks")
        week = prices.figure("engineer_week")
        return weeks.low * week.low, weeks.high * week.high
    spent = due.evidence.get("climb_usd")
    if kind in ("re-measure", "retirement", "edge set", "re-judge") and isinstance(spent, int | float):
        return float(spent), float(spent)
    return None


def duty_of(said: Mapping[str, Json]) -> Duty:
    """A duty as a verdict holds it; those of older verdicts say no kind."""
    return Duty(**{name: said[name] for name in said if name in Duty.__dataclass_fields__})


def said_by(duty: Duty) -> dict[str, Json]:
    """Of a duty about terms: what they say today, so that a change is noticed."""
    found = terms_of(duty.about) if duty.kind == "terms" else None
    return {"says": found.says if found else None} if duty.kind == "terms" else {}


# Rows


def _slot(task: str, stack: str, duty: Duty) -> str:
    """What an open duty is known by: one stack has it once."""
    return digest_of([task, stack, duty.kind, duty.what])


def _row(
    connection: Connection,
    slot: str,
    task: str,
    stack: str,
    duty: Duty,
    evidence: Mapping[str, Json],
    opened: date,
    due: date | None,
) -> tuple[Any, ...]:
    """A row to insert; its id is that of no other, because rows are never deleted."""
    from sqlalchemy import func, select

    earlier = connection.execute(select(func.count()).select_from(schema().tables["duties"])).scalar()
    body = text_of({"duty": plain(duty), "evidence": plain(evidence)})
    id_ = digest_of([slot, earlier])[:12]
    return (id_, slot, task, stack, body, opened.isoformat(), due.isoformat() if due else None, None)


def _moved(connection: Connection, slot: str, due: date, evidence: Mapping[str, Json]) -> None:
    """Give an open duty another day, and what says so; within a transaction."""
    from sqlalchemy import select

    t = schema().tables["duties"]
    row = connection.execute(select(t.c.body, t.c.due).where(t.c.slot == slot)).one()
    body = json.loads(row.body)
    before = dict(body["evidence"])
    body["evidence"] |= plain(evidence)
    if row.due == due.isoformat() and body["evidence"] == before:
        return
    changed = t.update().where(t.c.slot == slot, t.c.done.is_(None))
    connection.execute(changed.values(due=due.isoformat(), body=text_of(body)))


def brought_forward(ledger: Ledger, old: Due, day: date, evidence: Mapping[str, Json] | None = None) -> Due:
    """The same duty, due on that day at the latest."""
    day = min(day, old.due) if old.due else day
    with ledger.transaction() as connection:
        _moved(connection, _slot(old.task, old.stack, old.duty), day, evidence or {})
    return _one(ledger, id=old.id)


def handed_over(connection: Connection, old: Due, owner: str) -> None:
    """Give an open duty to somebody else, within a transaction."""
    t = schema().tables["duties"]
    body = text_of({"duty": plain(replace(old.duty, owner=owner)), "evidence": plain(old.evidence)})
    connection.execute(t.update().where(t.c.id == old.id, t.c.done.is_(None)).values(body=body))


def _again(before: Due) -> bool:
    """Whether it has a next time: it comes round, or it waits for an event that may come again.

    That somebody be named is done once: the owner who was found confirms from then on.
    """
    if before.duty.kind == "owner" and not before.owner:
        return False
    return before.duty.every_days is not None or (
        bool(before.duty.when) and before.duty.kind not in ("retirement", "drift")
    )


def _finish(ledger: Ledger, before: Due, done: Done, due: date | None) -> None:
    """End a duty, and open its next time with it where the done says that there is one."""
    made = ledger.insert("duties", _COLUMNS)
    with ledger.transaction() as connection:
        evidence = {**before.evidence, **said_by(before.duty)}
        told = (before.task, before.stack, before.duty, evidence, done.on, due)
        row = _row(connection, _slot(before.task, before.stack, before.duty), *told)
        if not ending(connection, before, replace(done, next=row[0] if _again(before) and not done.closed else None)):
            raise InputError(f"{before.id} was done already", hint="`suffice due` lists the rest")
        if _again(before) and not done.closed:
            connection.exec_driver_sql(made.sql, made.given([row])[0])


def ending(connection: Connection, before: Due, done: Done) -> bool:
    """End a duty within a transaction; False where somebody else has."""
    t = schema().tables["duties"]
    ended = t.update().where(t.c.id == before.id, t.c.done.is_(None))
    told = text_of({**plain({**_said(done), "on": done.on.isoformat()})})
    return bool(connection.execute(ended.values(done=told, slot=before.id)).rowcount == 1)


def _said(done: Done) -> dict[str, Json]:
    return {f.name: getattr(done, f.name) for f in fields(done)}


def every(ledger: Ledger, *, task: str | None = None, open_only: bool = False) -> list[Due]:
    """Every duty in the order in which they were opened, without what it costs."""
    from sqlalchemy import select

    t = schema().tables["duties"]
    wanted = select(*(t.c[name] for name in _COLUMNS)).order_by(t.c.sequence)
    wanted = wanted if task is None else wanted.where(t.c.task == task)
    return [_read(ledger, row) for row in ledger.select(wanted.where(t.c.done.is_(None)) if open_only else wanted)]


def _one(ledger: Ledger, **where: str) -> Due:
    from sqlalchemy import select

    t = schema().tables["duties"]
    ((column, value),) = where.items()
    return _read(ledger, ledger.select(select(*(t.c[name] for name in _COLUMNS)).where(t.c[column] == value))[0])


def _read(ledger: Ledger, row: Any) -> Due:
    """A duty as its row says; one that says nothing of the kind was written by somebody else."""
    try:
        return _due(row)
    except (ValueError, KeyError, TypeError, AttributeError) as wrong:
        raise Damaged(f"the duty {row[0]} cannot be read", file=ledger.name, hint="restore a copy") from wrong


def _due(row: Any) -> Due:
    id_, _, task, stack, text, opened, due, done = row
    body = json.loads(text)
    duty = duty_of(body["duty"])
    when = date.fromisoformat(due) if due else None
    told = None if done is None else json.loads(done)
    ended = None if told is None else Done(**{**told, "on": date.fromisoformat(told["on"])})
    return Due(id_, duty, when, duty.owner, date.fromisoformat(opened), stack, None, body["evidence"], ended, task)
