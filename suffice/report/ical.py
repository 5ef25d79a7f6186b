"""Duties as an iCalendar file (RFC 5545): an all-day event each, known by a UID that never changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING

from ..version import __version__

if TYPE_CHECKING:
    from ..steward import Due

OCTETS = 75
"""The longest line, without its end (RFC 5545 §3.1)."""
WARNED_DAYS = 7
"""How long before its day a calendar reminds somebody."""


def calendar(found: Sequence[Due], today: date) -> bytes:
    """The calendar of every duty that has a day; one that is done is cancelled, so that it leaves a calendar again.

    Importing it twice doubles nothing: a calendar knows an event by its UID, which is the duty's id.
    """
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", f"PRODID:-//Suffice//Suffice {__version__}//EN"]
    lines += ["CALSCALE:GREGORIAN", "METHOD:PUBLISH"]
    for due in found:
        lines += _event(due, today)
    return b"".join(_folded(line) for line in [*lines, "END:VCALENDAR"])


def _event(due: Due, today: date) -> Iterator[str]:
    if due.due is None:
        return
    after = min(due.due, date.max - timedelta(days=1)) + timedelta(days=1)
    yield "BEGIN:VEVENT"
    yield f"UID:{due.id}@suffice"
    yield f"DTSTAMP:{_day(today)}T000000Z"
    yield f"SEQUENCE:{1 if due.done else 0}"
    yield f"DTSTART;VALUE=DATE:{_day(due.due)}"
    yield f"DTEND;VALUE=DATE:{_day(after)}"
    yield f"SUMMARY:{escaped(f'{due.duty.what} ({due.task})' if due.task else due.duty.what)}"
    yield f"DESCRIPTION:{escaped(_described(due))}"
    yield f"CATEGORIES:{escaped(due.duty.kind)}"
    yield f"STATUS:{'CANCELLED' if due.done else 'CONFIRMED'}"
    yield "TRANSP:TRANSPARENT"
    if not due.done:
        yield "BEGIN:VALARM"
        yield "ACTION:DISPLAY"
        yield f"DESCRIPTION:{escaped(due.duty.what)}"
        yield f"TRIGGER:-P{WARNED_DAYS}D"
        yield "END:VALARM"
    yield "END:VEVENT"


def _described(due: Due) -> str:
    told = [due.duty.why, f"Owner: {due.owner or 'nobody'}"]
    told += [f"Also when: {due.duty.when}"] if due.duty.when else []
    told += [f"Command: {due.duty.command}"] if due.duty.command else []
    told += [f"Costs: {due.cost_usd[0]:,.0f} to {due.cost_usd[1]:,.0f} USD"] if due.cost_usd else []
    told += [f"Stack: {due.stack}"] if due.stack else []
    told += [f"Done: {due.done.on} by {due.done.by}"] if due.done else []
    told += ["" if due.done else f"When it is done: suffice due --done {due.id} --by NAME"]
    return "\n".join(filter(None, told))


def _day(day: date) -> str:
    return f"{day.year:04d}{day.month:02d}{day.day:02d}"


def escaped(text: str) -> str:
    """TEXT of RFC 5545 §3.3.11: backslash, semicolon, comma and newline escaped, other control characters left out."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    kept = "".join(c for c in lines if c == "\n" or (c.isprintable() and not "\ud800" <= c <= "\udfff"))
    return kept.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")


def _folded(line: str) -> bytes:
    """The line in pieces of at most 75 octets, each after the first led in by a space; no character is cut."""
    pieces, piece = [], b""
    for character in line:
        more = character.encode()
        if len(piece) + len(more) > OCTETS:
            pieces.append(piece)
            piece = b" "
        piece += more
    return b"\r\n".join([*pieces, piece]) + b"\r\n"
