"""Duties as Markdown: a table of what is due, by whom, at what cost and with which command."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING

from .markdown import escaped

if TYPE_CHECKING:
    from ..steward import Due


def duties(found: Sequence[Due], today: date) -> str:
    """The page; what stands in names is shown as it is, never as markup."""
    return "\n".join(_lines(found, today)) + "\n"


def _lines(found: Sequence[Due], today: date) -> Iterator[str]:
    late = sum(d.standing(today) == "overdue" for d in found)
    yield f"## Duties on {today}: {late} overdue, {sum(d.standing(today) in ('due', 'dated') for d in found)} dated"
    yield ""
    yield "| Due | Duty | Why | Owner | Cost (USD) | Command | Task | Id |"
    yield "|---|---|---|---|--:|---|---|---|"
    for due in found:
        yield f"| {' | '.join(_cells(due, today))} |"
    yield ""


def _cells(due: Due, today: date) -> Iterator[str]:
    yield when(due, today)
    yield escaped(due.duty.what)
    yield escaped(due.duty.why)
    yield escaped(due.owner or "nobody")
    yield cost(due.cost_usd)
    yield f"<code>{escaped(due.duty.command)}</code>" if due.duty.command else ""
    yield escaped(due.task)
    yield due.id


def when(due: Due, today: date) -> str:
    """The day, or the event; bold where it has passed."""
    if due.done is not None:
        return f"done {due.done.on}"
    if due.due is None:
        return escaped(f"when {due.duty.when.removeprefix('when ')}")
    return f"**{due.due}, overdue**" if due.standing(today) == "overdue" else due.due.isoformat()


def cost(usd: tuple[float, float] | None) -> str:
    """A range of US dollars; empty where it is not known."""
    if usd is None:
        return ""
    low, high = (f"{x:,.0f}" if x >= 100 or x == 0 else f"{x:,.2f}" for x in usd)
    return low if low == high else f"{low} to {high}"
