"""`suffice due`: what somebody must do, when and at what cost; exit 1 when something is overdue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import AsJson, LedgerAt
from .say import in_a_line, tell

if TYPE_CHECKING:
    from rich.console import Console

    from ..ledger import Ledger
    from ..steward import Due
    from ..types import Json

Today = Annotated[
    str | None, typer.Option("--today", metavar="YYYY-MM-DD", help="The day to look from, instead of today (UTC).")
]
COLOURS = {"overdue": "red", "due": "yellow", "dated": "", "waiting": "dim", "done": "dim"}


def due(
    folder: Annotated[
        Path | None, typer.Argument(help="The task folder.", show_default="this folder, or all of --ledger")
    ] = None,
    ledger: LedgerAt = None,
    today: Today = None,
    within: Annotated[
        int | None, typer.Option("--within", min=0, metavar="DAYS", help="Only what is due by then, or overdue.")
    ] = None,
    done: Annotated[str | None, typer.Option("--done", metavar="ID", help="This duty was done.")] = None,
    happened: Annotated[
        str | None, typer.Option("--happened", metavar="ID", help="The event that this duty waits for has happened.")
    ] = None,
    by: Annotated[str, typer.Option("--by", metavar="WHO", help="Who did it.")] = "",
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="What there is to show for it.")] = "",
    look: Annotated[
        bool, typer.Option("--look", help="Ask the models' own servers until when they answer (shutdown_date).")
    ] = False,
    ical: Annotated[Path | None, typer.Option("--ical", metavar="FILE", help="Write an iCalendar file.")] = None,
    markdown: Annotated[Path | None, typer.Option("--markdown", metavar="FILE", help="Write a Markdown table.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say what is due for the stacks that were kept, or that something was done; exit 1 when something is overdue."""
    from ..steward import dues, overdue
    from ..undertake import notice, taken_in

    day, home = day_of(today), _home(folder) if folder is not None or ledger is None else None
    given = home is not None and (home / "verdict.json").is_file()
    with opened(folder, ledger, begins=given) as (kept, task):
        if done is not None or happened is not None:
            changed = _changed(kept, done, happened, by, note, day)
            tell(as_json, {"changed": told(changed, day)}, lambda screen: _confirm(changed, screen))
            return
        if home is not None and given:
            taken_in(kept, home / "verdict.json")
        notice(kept, day, task=task, folder=home, listed=_listed(kept, task) if look else None)
        found = dues(kept, day, task=task, folder=home, done=True)
    open_ones = [d for d in found if d.done is None and _near(d, day, within)]
    _write(found, open_ones, day, ical, markdown)
    late = overdue(tuple(open_ones), day)
    body = {"today": day.isoformat(), "overdue": len(late), "duties": [told(d, day) for d in open_ones]}
    tell(as_json, body, lambda screen: _show(open_ones, day, screen))
    if late:
        raise typer.Exit(1)


def day_of(text: str | None) -> date:
    """The day that was named, or today's (UTC)."""
    from ..errors import InputError
    from ..steward import today_utc

    try:
        return date.fromisoformat(text) if text is not None else today_utc()
    except ValueError as wrong:
        raise InputError(f"`{str(text)[:40]}` is no day", hint="--today 2026-11-28") from wrong


@contextmanager
def opened(folder: Path | None, named: str | None, *, begins: bool = False) -> Iterator[tuple[Ledger, str | None]]:
    """The ledger of a task folder with the task's name, or one named by path or URL with every task in it.

    `begins` makes it where there is none: a verdict.json that came without its ledger obliges all the same.
    """
    from ..errors import InputError
    from ..ledger import Ledger, place_of

    home = _home(folder)
    place = place_of(home / ".suffice", named)
    if isinstance(place, Path) and not place.is_file() and not begins:
        raise InputError("no ledger there yet", file=str(place), hint="`suffice climb FOLDER` begins one")
    alone = folder is None and not (home / "suffice.yaml").is_file()
    with Ledger.open(place) as ledger:
        yield ledger, None if alone or (folder is None and named) else _task_in(home)


def _home(folder: Path | None) -> Path:
    """The folder that is meant, where its suffice.yaml may be named instead."""
    home = folder if folder is not None else Path()
    return home.parent if home.is_file() else home


def _task_in(home: Path) -> str | None:
    """The name of the task in a folder; None where there is none."""
    from ..yamlfile import read_yaml

    if not (home / "suffice.yaml").is_file():
        return None
    said = read_yaml(home / "suffice.yaml", "task file").value
    given = said.get("name") if isinstance(said, Mapping) else None
    return str(given or home.resolve().name or "task")


def told(due: Due, today: date) -> Mapping[str, Json]:
    """A duty as JSON."""
    day = due.due.isoformat() if due.due else None
    duty = {name: getattr(due.duty, name) for name in ("what", "why", "when", "every_days", "kind", "command")}
    done = {"on": due.done.on.isoformat(), "by": due.done.by, "evidence": due.done.evidence} if due.done else None
    known = {"id": due.id, "due": day, "standing": due.standing(today), **duty, "owner": due.owner, "task": due.task}
    known |= {"opened": due.opened.isoformat(), "stack": due.stack, "cost_usd": due.cost_usd, "evidence": due.evidence}
    return {**known, "done": done, "next": due.done.next if due.done else None}


def _changed(ledger: Ledger, done: str | None, happened: str | None, by: str, note: str, day: date) -> Due:
    from ..errors import InputError
    from ..history import words
    from ..steward import happened as came
    from ..steward import settle

    if done is not None and happened is not None:
        raise InputError("one thing at a time", hint="--done ID --by WHO, or --happened ID")
    evidence = {"note": words(note)} if note else {}
    if happened is not None:
        return came(ledger, happened, on=day, evidence=evidence)
    return settle(ledger, str(done), by=by, evidence=evidence, on=day)


def _listed(ledger: Ledger, task: str | None) -> Mapping[str, str]:
    """The end dates that the servers of the models in use, judges among them, give."""
    from ..history import standing
    from ..model import resolve
    from ..retirements import hosted

    found: dict[str, str] = {}
    used = (a for v in standing(ledger, task) for a in (str(v.body["task"]["model"]), v.judge) if a)
    for address in dict.fromkeys(used):
        ask = getattr(resolve(address), "shutdown_dates", None) if hosted(address) else None
        found |= {name.casefold(): day for name, day in ask().items()} if ask is not None else {}
    return found


def _near(due: Due, today: date, within: int | None) -> bool:
    return within is None or (due.due is not None and (due.due - today).days <= within)


def _write(
    found: Sequence[Due], open_ones: Sequence[Due], today: date, ical: Path | None, markdown: Path | None
) -> None:
    from ..artifacts import write_whole
    from ..report.duty import duties
    from ..report.ical import calendar

    if ical is not None:
        write_whole(ical, calendar([*open_ones, *(d for d in found if d.done is not None)], today))
    if markdown is not None:
        write_whole(markdown, duties(open_ones, today).encode())


def _confirm(changed: Due, screen: Console) -> None:
    if changed.done is None:
        screen.print(in_a_line(f"{changed.id} is due on {changed.due}: {changed.duty.what}"))
        return
    done = f"{changed.id} was done on {changed.done.on} by {changed.done.by}: {changed.duty.what}"
    screen.print(in_a_line(done))
    if changed.done.next:
        screen.print(f"its next time is {changed.done.next}: `suffice due` says when")


def _show(found: Sequence[Due], today: date, screen: Console) -> None:
    """Each duty in two lines: when, what and who; why, at what cost and how."""
    from rich.text import Text

    from ..report.duty import cost

    for due in found:
        standing = due.standing(today)
        day = f"when {due.duty.when.removeprefix('when ')}" if due.due is None else _day(due.due, today)
        screen.print(Text(in_a_line(f"{due.id}  {day}: {due.duty.what}"), style=COLOURS[standing]), soft_wrap=True)
        usd = cost(due.cost_usd)
        more = [due.owner or "nobody", due.task, f"{usd} USD" if usd else "", due.duty.command, due.duty.why]
        screen.print(Text(f"    {in_a_line(' · '.join(filter(None, more)))}", style="dim"), soft_wrap=True)
    if not found:
        screen.print("nothing is due")


def _day(day: date, today: date) -> str:
    left = (day - today).days
    return (
        f"{day} (overdue by {_days(-left)})"
        if left < 0
        else f"{day} (today)"
        if not left
        else f"{day} (in {_days(left)})"
    )


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"
