"""Undertake: write a verdict's duties into the ledger with their days, and notice later what has made them due."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import InputError, SufficeError
from .history import (
    TUNED,
    UNUSED,
    Decision,
    Remembered,
    deciding,
    decisions,
    digest_of_verdict,
    given,
    given_up,
    keep,
    remember,
    standing,
    verdict_in,
    verdicts,
)
from .layer import Duty
from .ledger import Ledger
from .obligations import UNASKED, closing_provider, ending_base, ending_judge
from .retirements import Retirement, retires, table
from .steward import (
    STEWARD,
    Done,
    Due,
    brought_forward,
    dues,
    duty_of,
    ending,
    every,
    following_day,
    handed_over,
    open_duty,
    opening,
    said_by,
)
from .types import Json

if TYPE_CHECKING:
    from sqlalchemy import Connection

NOTICE_DAYS = 14
"""How long somebody has for reading terms that have changed."""
FIRST_OWNER_DAYS = 30
"""How long a stack may be without an owner."""
AHEAD = timedelta(days=1)
"""How far another machine's clock may be before this one."""


def undertake(ledger: Ledger, body: Mapping[str, Json], at: datetime, folder: Path | None = None) -> Remembered:
    """Remember a verdict and take on its duties, dated from `at` (UTC): both or neither. Again, it changes nothing."""
    verdict = given(ledger, body, at)
    take_on(ledger, verdict, folder)
    return verdict


def taken_in(ledger: Ledger, file: Path) -> Remembered:
    """The verdict of a verdict.json, undertaken if the ledger does not know it: an older one, or one from elsewhere.

    One that is older than the task's last is remembered alone: the duties of the stack that came after it stand.
    One that would end the duties of another stack, or what they watch, must verify first. Raises `InputError` for a
    file that is none, that is from the future or has no records, and `Disproved` for one that does not follow from
    them, before anything of it is kept.
    """
    body = verdict_in(file)
    try:
        digest, at = digest_of_verdict(body), datetime.fromisoformat(body["created"]).astimezone(UTC)
        known = verdicts(ledger, str(body["task"]["name"]))
        if found := [v for v in known if v.digest == digest]:
            return found[0]
        if at > datetime.now(UTC) + AHEAD:
            raise InputError(f"this verdict is of {at:%Y-%m-%d}, which is yet to come", file=str(file))
        if any(v.at > at for v in known):
            return remember(ledger, body, at)
        if _ends_something(ledger, given(ledger, body, at)):
            _proven(file)
        return undertake(ledger, body, at, file.parent)
    except (LookupError, TypeError, AttributeError, ValueError, OverflowError) as wrong:
        raise InputError("this is no verdict", file=str(file), hint="`suffice climb FOLDER` writes one") from wrong


def take_on(ledger: Ledger, verdict: Remembered, folder: Path | None = None) -> tuple[Due, ...]:
    """Open every duty of a verdict, dated from its day, and close those of the task's other stacks: all or none.

    The verdict is kept with them. One that somebody has rejected or replaced obliges to nothing any more.
    """
    before, own = _others(ledger, verdict), _own(ledger, verdict)
    unused, opened = given_up(ledger, verdict), verdict.at.date()
    with ledger.transaction() as connection:
        keep(ledger, connection, verdict)
        if not unused:
            _replacing(ledger, connection, verdict, before, own)
    notice(ledger, opened, task=verdict.task, folder=folder)
    return tuple(d for d in dues(ledger, opened, task=verdict.task, folder=folder) if d.stack == verdict.stack)


def choose(
    ledger: Ledger,
    verdict: Remembered,
    *,
    by: str,
    chosen: str,
    because: str,
    at: datetime,
    evidence: Mapping[str, Json] | None = None,
    folder: Path | None = None,
) -> Decision:
    """Write down who decided what on a verdict, and what follows of it for duties: both or neither.

    Kept, its duties are taken on in the place of other stacks'; rejected or replaced, its own are closed.
    """
    before, own = _others(ledger, verdict), _own(ledger, verdict)
    with ledger.transaction() as connection:
        taken = deciding(connection, verdict, by=by, chosen=chosen, because=because, at=at, evidence=evidence)
        if taken.chosen == "kept":
            keep(ledger, connection, verdict)
            _replacing(ledger, connection, verdict, before, own)
        for old in own if taken.chosen in UNUSED else ():
            ending(connection, old, Done(STEWARD, at.date(), {}, closed=f"{taken.chosen} by {taken.by}"))
    if taken.chosen == "kept":
        notice(ledger, verdict.at.date(), task=verdict.task, folder=folder)
    return taken


def choose_to_keep(
    ledger: Ledger, verdict: Remembered, *, by: str, because: str, at: datetime, folder: Path | None = None
) -> None:
    """Keep a verdict, unless that was the last word on its task and stands: then it changes nothing."""
    last = decisions(ledger, verdict.task)[-1:]
    stands = any(v.digest == verdict.digest for v in standing(ledger, verdict.task))
    if not (stands and [(d.verdict, d.chosen) for d in last] == [(verdict.digest, "kept")]):
        choose(ledger, verdict, by=by, chosen="kept", because=because, at=at, folder=folder)


def _own(ledger: Ledger, verdict: Remembered) -> list[Due]:
    """The open duties of its own stack."""
    return [d for d in every(ledger, task=verdict.task, open_only=True) if d.stack == verdict.stack]


def _others(ledger: Ledger, verdict: Remembered) -> list[Due]:
    """The open duties of the task's other stacks."""
    return [d for d in every(ledger, task=verdict.task, open_only=True) if d.stack and d.stack != verdict.stack]


def _replacing(
    ledger: Ledger, connection: Connection, verdict: Remembered, before: Sequence[Due], own: Sequence[Due]
) -> None:
    """Close what other stacks obliged to and open what this one does, within a transaction; its own go to its owner."""
    opened, rests, open_one = verdict.at.date(), _rests_on(verdict), opening(ledger, connection)
    why = f"another verdict took its place: {verdict.digest[:12]}"
    for old in before:
        ending(connection, old, Done(STEWARD, opened, {}, closed=why))
    _handing_over(connection, verdict, own)
    for duty in duties_of(verdict):
        if verdict.stack is not None:
            open_one(duty, first_day(duty, opened), verdict.stack, {**rests, **said_by(duty)}, verdict.task, opened)


def _handing_over(connection: Connection, verdict: Remembered, own: Sequence[Due]) -> None:
    """Give open duties of the same stack to the owner whom the verdict names; naming or confirming another one ends."""
    asked = {d.what for d in duties_of(verdict) if d.kind == "owner"}
    why = f"{verdict.owner} owns it now" if verdict.owner else "nobody is named as its owner any more"
    for old in own:
        if old.duty.kind == "owner" and asked and old.duty.what not in asked:
            ending(connection, old, Done(STEWARD, verdict.at.date(), {}, closed=why))
        elif verdict.owner and old.owner != verdict.owner:
            handed_over(connection, old, verdict.owner)


def _ends_something(ledger: Ledger, verdict: Remembered) -> bool:
    """Whether a verdict would close a duty of another stack, or take a model out of those whose end is noticed."""
    watched = {address for v in standing(ledger, verdict.task) for address in _watched(v)}
    return bool(_others(ledger, verdict) or watched - _watched(verdict))


def _proven(file: Path) -> None:
    """Raise unless every number of a verdict.json follows from its records."""
    from .verify import verify

    try:
        verify(file)
    except SufficeError as wrong:
        wrong.hint = "only what verifies ends the duties that stand: lay its records beside it, or climb here"
        raise


def duties_of(verdict: Remembered) -> tuple[Duty, ...]:
    """The duties that a verdict tells of."""
    return tuple(duty_of(said) for said in verdict.body.get("duties") or ())


def first_day(duty: Duty, opened: date) -> date | None:
    """The day of a new duty: an interval from now, a month where an owner is missing, None where an event decides."""
    if duty.kind == "owner" and not duty.owner:
        return opened + timedelta(days=FIRST_OWNER_DAYS)
    return following_day(duty, opened)


def notice(
    ledger: Ledger,
    today: date,
    *,
    task: str | None = None,
    folder: Path | None = None,
    listed: Mapping[str, str] | None = None,
) -> tuple[Due, ...]:
    """Open what events have made due: models that end, tuning that closes, teachers' terms that have changed.

    `listed` are end dates that a server gave of its models. The duties that have got a day, or another one.
    """
    return tuple(d for verdict in standing(ledger, task) for d in _noticed(ledger, verdict, today, folder, listed))


def _noticed(
    ledger: Ledger, verdict: Remembered, today: date, folder: Path | None, listed: Mapping[str, str] | None
) -> Iterator[Due]:
    known = [d for d in every(ledger, task=verdict.task) if d.stack == verdict.stack]
    done = {(d.duty.what, d.evidence.get("ends")) for d in known if d.done and not d.done.closed}
    for duty, found in (*_ending(verdict, folder, listed), *_closing(verdict, folder)):
        evidence = {**_rests_on(verdict), **said_by(duty), **_source(found)}
        if (duty.what, evidence["ends"]) not in done:
            stack, last = str(verdict.stack), found.on - timedelta(days=1)
            yield open_duty(ledger, duty, due=last, stack=stack, evidence=evidence, task=verdict.task, opened=today)
    for old in known:
        if not old.done and _terms_changed(old):
            yield brought_forward(ledger, old, today + timedelta(days=NOTICE_DAYS))


def _ending(
    verdict: Remembered, folder: Path | None, listed: Mapping[str, str] | None
) -> Iterator[tuple[Duty, Retirement]]:
    """The models that the stack asks, and the one that judged it, that are known to end."""
    for address in _asked(verdict):
        if (found := retires(address, folder, listed=listed)) is not None:
            yield ending_base(address, verdict.owner), found
    if verdict.judge and (found := retires(verdict.judge, folder, listed=listed)) is not None:
        yield ending_judge(verdict.judge, verdict.owner), found


def _closing(verdict: Remembered, folder: Path | None) -> Iterator[tuple[Duty, Retirement]]:
    """Where a provider serves the tuned model and will take no new tuning jobs from anybody."""
    if any(re.match(r"(.*[/#])?ft:", address) for address in _asked(verdict)):
        ends = (r for r in table(folder) if r.what == "new jobs" and r.provider == "openai" and not r.whom)
        yield from ((closing_provider(closing.provider, verdict.owner), closing) for closing in list(ends)[:1])


def _rests_on(verdict: Remembered) -> dict[str, Json]:
    """What every duty of a verdict can be traced to, and what it cost to measure once."""
    body = verdict.body
    spent, stack = (body.get("ledger") or {}).get("usd"), body.get("stack") or {}
    trainers = [layer.get("trainer") for layer in stack.get("layers", ()) if layer["use"] in TUNED]
    told = {"verdict": verdict.digest, "records": (body.get("records") or {}).get("sha256")}
    return {**told, "climb_usd": spent, "trainer": trainers[0] if trainers else None}


def _terms_changed(old: Due) -> bool:
    return "says" in old.evidence and bool(said_by(old.duty)["says"] != old.evidence["says"])


def _asked(verdict: Remembered) -> tuple[str, ...]:
    """The models that a stack asks: its own, and the tuned ones that a provider serves."""
    if not set(verdict.layers) - UNASKED:
        return ()
    served = [layer.get("served") for layer in (verdict.body["stack"] or {}).get("layers", ())]
    return tuple(dict.fromkeys(str(a) for a in (verdict.body["task"]["model"], *served) if a))


def _watched(verdict: Remembered) -> set[str]:
    """The models whose end is noticed: those that the stack asks, and its judge."""
    return {*_asked(verdict), *([verdict.judge] if verdict.judge else [])}


def _source(found: Retirement) -> dict[str, Json]:
    return {"ends": found.on.isoformat(), "source": found.source, "read": found.read, "instead": found.use}
