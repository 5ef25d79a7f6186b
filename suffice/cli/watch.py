"""`suffice watch`: whether traffic is still what it was, which kind of drift it is where not, and what to do."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import InputError
from .logged import columns_of, no_call, unread
from .options import AsJson, Columns, Folder, Importer, MaxCalls, Seed, StackFile, Usd, Workers
from .say import tell

if TYPE_CHECKING:
    from rich.console import Console

    from ..exchange import Exchange
    from ..stack import Stack
    from ..steward import Due
    from ..task import Task
    from ..watch import Watch
    from ..watch.days import Days
    from ..watch.quality import Quality
    from ..watch.replay import Replay

Body = Mapping[str, Any]


def watch(
    folder: Folder = Path(),
    logs: Annotated[
        list[str] | None, typer.Option("--logs", metavar="PATH", help="Files, folders, or - for a pipe; repeat it.")
    ] = None,
    form: Importer = "",
    columns: Columns = None,
    stage: Annotated[str, typer.Option("--stage", metavar="NAME", help="Only this stage's calls.")] = "",
    since: Annotated[
        str | None, typer.Option("--since", metavar="DATE", help="Begin a new baseline there; it holds from now on.")
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option("--without", metavar="FROM:TO", help="Leave these days out from now on; repeat it."),
    ] = None,
    baseline: Annotated[
        int | None, typer.Option("--baseline", min=1, metavar="N", help="Days taken as usual. Default: 42.")
    ] = None,
    alpha: Annotated[
        float | None, typer.Option("--alpha", metavar="P", help="False alarms in 28 quiet days. Default: 0.05.")
    ] = None,
    every: Annotated[
        int | None,
        typer.Option("--every", min=1, max=86_400, metavar="SECONDS", help="Blocks of this length, without a rhythm."),
    ] = None,
    draw: Annotated[
        int | None, typer.Option("--draw", min=1, metavar="N", help="Draw N recent replies for people to label.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE", help="Where --draw writes them.")] = None,
    labels: Annotated[
        Path | None, typer.Option("--labels", metavar="FILE", help="What people said of the last draw.")
    ] = None,
    recent: Annotated[
        Path | None,
        typer.Option("--recent", metavar="FILE", help="Recent examples on which to hold the strong model against it."),
    ] = None,
    stack: StackFile = None,
    budget: Usd = None,
    max_calls: MaxCalls = None,
    workers: Workers = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Tell input, retrieval, label, judge and model drift apart in served traffic, at a stated rate of false alarms."""
    from ..load import load
    from ..pricebook import book
    from ..watch import body_of
    from ..watch import watch as look
    from ..watch.days import WEEK, read, save, steady
    from ..watch.quality import known
    from .standing import frozen_at

    task = load(folder, seed=seed)
    if (draw is None) is not (out is None):
        raise InputError("replies are drawn into a file", hint="suffice watch --draw 100 --out labels.jsonl --logs …")
    if (draw or labels) and not logs:
        raise InputError("replies are in the logs, of which no text is kept", hint="give --logs")
    state = task.state / ("watch.json" if every is None else f"watch-{every}s.json")
    days = read(state, WEEK if every is None else steady(every), stage)
    told = _Logs(logs or [], form, columns_of(columns or ()))
    layers = _stack(task, stack).names if stack or frozen_at(task) else ()
    made = look(
        days,
        told.exchanges("watch"),
        since=since,
        baseline=baseline,
        alpha=alpha,
        without=[_span(given) for given in without or ()],
        layers=layers,
        figures=book(task.folder),
        seed=seed,
    )
    told.check(days)
    if draw is not None and out is not None:
        _draw(days, told, draw, out, seed)
    seen = _quality(days, told, labels, made.alpha) if labels else None
    replayed = _replay(task, recent, stack, (budget, max_calls), workers, made.alpha) if recent else None
    save(days, state)
    due = _duty(task, made, stack)
    body = {
        **body_of(made),
        "quality": known(seen),
        "replay": _plain(replayed),
        "duty": _plain(due),
        "rows_not_used": unread(told.read),
        "drawn": str(out) if draw else None,
    }
    tell(as_json, body, lambda screen: _show(body, screen))


class _Logs:
    """The logs, which are read once for the monitors, and again where replies themselves are wanted."""

    def __init__(self, places: Sequence[str], form: str, columns: Mapping[str, str]) -> None:
        from ..logs import STDIN, Logs

        self.places, self.form, self.columns = places, form, columns
        self.piped = STDIN in places
        self.read = Logs(places, form, columns)

    def exchanges(self, title: str) -> Iterator[Exchange]:
        """Every call."""
        from .progress import bytes_meter

        with bytes_meter(title) as step:
            for at, exchange in enumerate(self.read):
                if at % 256 == 0:
                    step(self.read.read, self.read.size)
                yield exchange

    def again(self) -> Iterator[Exchange]:
        """Every call once more."""
        from ..logs import Logs

        if self.piped:
            raise InputError("a pipe can be read only once", hint="give --draw and --labels files")
        return iter(Logs(self.places, self.form, self.columns))

    def check(self, days: Days) -> None:
        """Logs that hold no call with a time are of no use here."""
        if self.places and not self.read.exchanges:
            raise no_call(self.read)
        if self.places and days.timeless == self.read.exchanges:
            raise InputError("the log has no times", file=str(self.places[0]), hint="--map time=COLUMN for a table")


def _span(given: str) -> tuple[str, str]:
    first, colon, last = given.partition(":")
    if not first or not last or not colon or last < first:
        raise InputError(f"`--without {given[:60]}` names no days", hint="write --without 2026-11-01:2026-11-09")
    return first, last


def _stack(task: Task, named: str | None) -> Stack:
    from .standing import standing

    return standing(task, named)[0]


def _draw(days: Days, told: _Logs, n: int, out: Path, seed: int) -> None:
    """Write the rows to label; a file that is there already is not overwritten."""
    from ..artifacts import write_whole
    from ..watch import quality as q

    if out.exists():
        raise InputError("there is a file already", file=str(out), hint="name another one: labels are work")
    chosen = q.draw(days, n, seed)
    rows = q.to_label(q.drawable(told.again(), days.calendar, chosen, days.stage), chosen)
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    write_whole(out, text.encode("utf-8", "replace"))


def _quality(days: Days, told: _Logs, labels: Path, alpha: float) -> Quality:
    from ..labels import read
    from ..watch import quality as q

    looks = q.draws(days)
    if not looks:
        raise InputError("nothing was drawn yet", hint="suffice watch --draw 100 --out labels.jsonl --logs …")
    chosen = looks[-1]
    replies = q.drawable(told.again(), days.calendar, chosen, days.stage)
    return q.quality(replies, read(labels), chosen, len(looks), alpha)


def _replay(
    task: Task,
    recent: Path,
    named: str | None,
    caps: tuple[float | None, int | None],
    workers: int | None,
    alpha: float,
) -> Replay:
    from ..watch.replay import recent as requests
    from ..watch.replay import replay
    from .progress import meter
    from .standing import budget_of, ledger_of

    with ledger_of(task) as ledger, meter("replay") as bar:
        return replay(
            task,
            _stack(task, named),
            requests(recent, task),
            ledger=ledger,
            budget=budget_of(*caps),
            workers=workers,
            alpha=alpha,
            progress=bar.progress,
        )


def _duty(task: Task, made: Watch, named: str | None) -> Due | None:
    """The duty that a settled alarm opens, once."""
    from ..steward import open_duty
    from ..watch import advice, due_on
    from .standing import frozen_at, ledger_of

    name, due = made.name, due_on(made)
    if name is None or not name.settled or due is None or made.since is None:
        return None
    alarm = {"on": made.alarmed_on, "since": made.since, "kinds": list(name.kinds), "moved": sorted(name.moved)}
    why = "; ".join(f"{one.kind}: {one.why}" for one in name.names)
    digest = _stack(task, named).digest if named or frozen_at(task) else ""
    opened = advice.duty(made.proposals, made.since, why, task.profile.owner)
    rests_on = advice.evidence(made.proposals, alarm)
    with ledger_of(task) as ledger:
        return open_duty(ledger, opened, due=due.date(), stack=digest, evidence=rests_on, task=task.name)


def _plain(value: Due | Replay | None) -> Any:
    from ..digest import plain

    if value is None:
        return None
    told = asdict(value)
    return plain({k: v.isoformat() if hasattr(v, "isoformat") else v for k, v in told.items()})


# For people


def _show(body: Body, screen: Console) -> None:
    from rich.text import Text

    blocks, rate = body["blocks"], body["rate"]
    style = {"alarm": "bold red", "quiet": "bold green"}.get(body["standing"], "bold")
    screen.print(Text(body["headline"], style=style), soft_wrap=True)
    screen.print(Text(f"{_counted(blocks)}; {rate['words']}", style="dim"), soft_wrap=True)
    for heading, lines in _sections(body):
        if lines:
            screen.print()
            screen.print(Text(heading, style="bold"))
            for line in lines:
                screen.print(Text(f" · {line}"), soft_wrap=True)
    screen.print()
    screen.print(Text(f"assumes: {rate['assumes']}", style="dim"), soft_wrap=True)


def _counted(blocks: Body) -> str:
    """How much was read, and of which days."""
    if blocks["first"] is None:
        return "no log was read: name the logs of served traffic with --logs"
    until = f"to {blocks['last_closed']}" if blocks["last_closed"] else f"on, and no {blocks['unit']} is over yet"
    return f"about {blocks['calls']:,} calls, {blocks['first']} {until}"


def _sections(body: Body) -> Iterator[tuple[str, list[str]]]:
    alarm = body["alarm"]
    if alarm is not None:
        yield "What it is", [f"{n['kind']}: {n['why']} ({', '.join(n['moved']) or 'no one'})" for n in alarm["names"]]
        yield "What moved", [_moved(m) for m in body["monitors"] if m["moved"]]
        yield "What did not move", [", ".join(alarm["still"])] if alarm["still"] else []
    elif body["monitors"]:
        yield "What is watched", [", ".join(m["name"] for m in body["monitors"])]
    yield "What the log does not hold enough of", [", ".join(body["not_watched"])] if body["not_watched"] else []
    yield "What the log says outright", [_fact(f) for f in body["facts"]]
    yield "What to do", [_proposal(p) for p in body["proposals"]]
    yield "Due", [f"{body['duty']['duty']['what']}, by {body['duty']['due']}"] if body["duty"] else []
    yield "Quality", [_quality_said(body["quality"])] if body["quality"] else []
    yield "Against a strong model", [body["replay"]["headline"]] if body["replay"] else []
    yield "Left out", _left_out(body)
    yield (
        "Drawn",
        [f"label {body['drawn']}, then: suffice watch --labels {body['drawn']} --logs …"] * bool(body["drawn"]),
    )


def _moved(m: Body) -> str:
    if m["before"] is None:
        change = f"up to {m['size']:.1f} times the spread of quiet days"
    elif m["unit"] == "log":
        change = f"{2.718281828 ** m['size'] - 1:+.1%}"
    else:
        change = f"{m['before']:.3f} before, {m['after']:.3f} after"
    return f"{m['what']}: {change}"


def _fact(f: Body) -> str:
    return (
        f"from {f['block']} on, {f['share']:.0%} of calls are served by a {f['what']} not seen before: {f['version']}"
    )


def _proposal(p: Body) -> str:
    low, high = p["cost_usd"] or (None, None)
    cost = "" if low is None else f" About ${low:,.0f} to ${high:,.0f} ({p['reckoned']})."
    return f"{p['kind']}: {p['what']}.{cost} `{p['command']}`"


def _quality_said(q: Body) -> str:
    if q["estimate"] is None:
        return str(q["reason"])
    more = f" with the log's scores of {q['scored']} more" if q["scored"] else ""
    return (
        f"{q['estimate']:.3f} [{q['low']:.3f}, {q['high']:.3f}] at {q['level']:.1%}, look {q['look']}: "
        f"{q['labelled']} labels{more}"
    )


def _left_out(body: Body) -> list[str]:
    blocks = body["blocks"]
    told = [f"{blocks['unit']}s with too few calls or hours: {', '.join(blocks['left_out'][:10])}"] * bool(
        blocks["left_out"]
    )
    if blocks["late_calls"]:
        told.append(f"{blocks['late_calls']} calls of days that were closed when they were told")
    if blocks["calls_without_time"]:
        told.append(f"{blocks['calls_without_time']} calls without a time")
    return told + [f"{r['rows']} rows: {r['reason']}" for r in body["rows_not_used"]]
