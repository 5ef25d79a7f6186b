"""An iCalendar file keeps to RFC 5545 whatever stands in names, by our own reading of it and by a library's."""

from __future__ import annotations

from datetime import date
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from icalendar import Calendar

from suffice.layer import Duty
from suffice.report.ical import calendar
from suffice.steward import Done, Due

DAY = date(2026, 11, 28)
TEXT = st.text(st.characters(codec="utf-8"), max_size=300)


def due(what: str = "a", why: str = "b", day: date | None = DAY, **more: Any) -> Due:
    return Due("0123456789ab", Duty(what, why), day, "Ada", DAY, "s", None, {}, **more)


def plain(text: str) -> str:
    """What can be kept of a text: lines, and characters that can be seen."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(c for c in lines if c == "\n" or c.isprintable())


@settings(deadline=None)
@given(TEXT, TEXT, st.dates(date(1, 1, 1), date(9999, 12, 31)))
def test_any_text_and_day_come_back_as_they_were(what: str, why: str, day: date) -> None:
    made = calendar([due(what, why, day)], DAY)
    lines = made.split(b"\r\n")
    assert lines[-1] == b"" and all(len(line) <= 75 and b"\n" not in line and b"\r" not in line for line in lines)
    assert all(line.decode() is not None for line in lines), "no character is cut in two"
    (event,) = Calendar.from_ical(made).walk("VEVENT")
    assert str(event["SUMMARY"]) == plain(what) and str(event["DESCRIPTION"]).startswith(plain(why))
    assert event["DTSTART"].dt == day and str(event["UID"]) == "0123456789ab@suffice"
    assert not event.errors and event["DTSTAMP"].dt.isoformat() == "2026-11-28T00:00:00+00:00"


def test_it_is_the_same_on_every_day_but_for_its_stamp() -> None:
    one, two = (calendar([due()], day).split(b"\r\n") for day in (DAY, date(2026, 12, 1)))
    assert [a for a, b in zip(one, two, strict=True) if a != b] == [b"DTSTAMP:20261128T000000Z"]


def test_what_has_no_day_is_left_out_and_what_is_done_is_cancelled_without_an_alarm() -> None:
    done = due(done=Done("Ada", DAY, {}))
    (event,) = Calendar.from_ical(calendar([due(day=None), done], DAY)).walk("VEVENT")
    assert (event["STATUS"], event["SEQUENCE"], event.walk("VALARM")) == ("CANCELLED", 1, [])
    (alarm,) = Calendar.from_ical(calendar([due()], DAY)).walk("VALARM")
    assert alarm["TRIGGER"].dt.days == -7 and alarm["ACTION"] == "DISPLAY"


def test_an_empty_calendar_is_a_calendar() -> None:
    found = Calendar.from_ical(calendar([], DAY))
    assert found["VERSION"] == "2.0" and str(found["PRODID"]).startswith("-//Suffice//") and not found.walk("VEVENT")
