"""`suffice swap`: today's stack on another base, the lightest form that is proven to do, and taking it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import AsJson, Folder, LedgerAt, MaxCalls, Seed, StackFile, Usd
from .say import tell

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from ..task import Task
    from ..verdict import Verdict

Body = Mapping[str, Any]
COLOURS = {"moved": "green", "kept": "yellow", "cannot tell": "yellow"}
STATUS = {
    "moves": ("✓ moves", "green"),
    "worse": ("✗ worse", "red"),
    "falls short": ("✗ falls short", "red"),
    "cannot tell": ("? cannot tell", "yellow"),
    "refused": ("⊘ refused", "yellow"),
}


def swap(
    folder: Folder = Path(),
    model: Annotated[str, typer.Option("--model", metavar="ADDRESS", help="The new base.")] = "",
    margin: Annotated[
        float | None, typer.Option("--margin", help="The loss that is tolerated; else the target's tolerance.")
    ] = None,
    down_only: Annotated[bool, typer.Option("--down-only", help="Train nothing again on the new base.")] = False,
    full: Annotated[
        bool, typer.Option("--full", help="Climb the whole ladder on the new base, into the folder swap/.")
    ] = False,
    accept: Annotated[bool, typer.Option("--accept", help="Take the stack of a swap that moved; needs --by.")] = False,
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who takes it.")] = "",
    because: Annotated[str, typer.Option("--because", metavar="TEXT", help="Why, in a sentence.")] = "",
    force: Annotated[
        list[str], typer.Option("--force", metavar="GATE", help="A gate of training that may fail; it is recorded.")
    ] = [],  # noqa: B006
    stack: StackFile = None,
    budget: Usd = None,
    max_calls: MaxCalls = None,
    ledger_at: LedgerAt = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Hold today's stack against lighter forms over another base; the lightest that is proven to do is proposed.

    What the old base replied is in the ledger and is not bought again. Nothing of the task is changed before --accept.
    """
    from ..errors import InputError
    from ..load import load

    task = load(folder, seed=seed)
    if accept:
        _accept(task, by, because, ledger_at, as_json)
        return
    if not model:
        raise InputError("there is no other base to look at", hint="--model ADDRESS, as in the task's `model`")
    from ..readiness import forceable
    from ..swap import ladder
    from ..swap import swap as hold
    from .progress import meter
    from .standing import budget_of, ledger_of, standing

    asked, source = standing(task, stack)
    with ledger_of(task, ledger_at) as ledger, meter(f"swap {task.name}") as bar:
        hands: dict[str, Any] = {"ledger": ledger, "budget": budget_of(budget, max_calls), "watch": bar.watch}
        hands["forced"] = forceable(force)
        if full:
            found = ladder(task, model, **hands)
        else:
            found = hold(task, asked, model, margin=margin, again=not down_only, **hands)
    if full:
        _climbed(found, model, as_json)
        return
    path = _record(found)
    told = {**found.body, "record": str(path), "page": str(path.with_suffix(".html"))}
    tell(as_json, told, lambda screen: show(found.body, screen, path, source, folder))


def _accept(task: Task, by: str, because: str, ledger_at: str | None, as_json: bool) -> None:
    from ..errors import InputError
    from ..swap import accept
    from .standing import ledger_of

    if not by.strip():
        raise InputError("somebody must take it", hint="--by NAME")
    with ledger_of(task, ledger_at) as ledger:
        found = accept(task, by, ledger=ledger, because=because)
    change = _change(found.body["task"]["model"])
    told = {"accepted": found.body["stack_digest"], "by": by, "change": change}
    tell(as_json, told, lambda screen: screen.print(f"stack.yaml is the new stack. {change}", soft_wrap=True))


def _change(model: str) -> str:
    return f"In suffice.yaml, for the next climb: model: {model}"


def _climbed(found: Verdict, model: str, as_json: bool) -> None:
    from ..report import render
    from . import show as shown

    if found.folder is not None:
        render(found.body, found.folder / "report.html")

    def screen_it(screen: Console) -> None:
        shown.verdict(found.body, screen, folder=found.folder)
        screen.print(f"To climb on from here: {_change(model)}", soft_wrap=True)

    tell(as_json, found.body, screen_it)


def _record(found: Verdict) -> Path:
    """The record that people read, beside swap.json, and the page of it."""
    from ..artifacts import write_whole
    from ..report.swapped import render
    from ..report.swapping import swapping

    path = (found.folder or Path()) / "swap.md"
    write_whole(path, swapping(found.body).encode())
    render(found.body, path.with_suffix(".html"))
    return path


def show(
    body: Body, screen: Console, record: Path | None = None, source: str = "frozen", folder: Path = Path()
) -> None:
    """The verdict, a row a form, why, money, duties and the dated steps."""
    from rich.text import Text

    for warning in body["warnings"]:
        screen.print(Text(f"! {warning}", style="yellow"))
    screen.print()
    screen.print(Text(body["headline"], style=f"bold {COLOURS[body['decision']]}"))
    screen.print(Text(_beside(body, source), style="dim"))
    screen.print()
    screen.print(_forms(body))
    screen.print()
    for title, lines in _parts(body):
        screen.print(Text(title, style="bold"))
        for line in lines:
            screen.print(Text(f"  {line}"))
        screen.print()
    for line in _next(body, record, folder):
        screen.print(Text(line, style="dim"), soft_wrap=True)


def _beside(body: Body, source: str) -> str:
    test = body["test"]
    return (
        f"Today's {source} stack over {body['from']['model']}: {', '.join(body['from']['layers'])}; "
        f"margin {test['margin']:g}, {test['n']} test items, {len(body['forms'])} of the declared forms asked"
    )


def _forms(body: Body) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim")
    for name, how in (("over the new base", "left"), ("", "left"), ("lift", "right"), ("items", "right")):
        table.add_column(name, justify=how)  # type: ignore[arg-type]
    for one in body["forms"]:
        word, colour = STATUS[one["status"]]
        lift = "–" if one["lift"] is None else f"{one['lift']:+.3f} [{one['low']:+.3f}, {one['high']:+.3f}]"
        table.add_row(Text(one["title"]), Text(word, style=colour), lift, str(one["n"] or "–"))
    return table


def _parts(body: Body) -> Iterator[tuple[str, list[str]]]:
    yield "Why", [f"{one['title']}: {one['reason']}" for one in body["forms"]]
    told = body["economics"]
    if told:
        tokens = told["tokens"]
        lines = [f"{tokens['from']:,.0f} tokens a request today, {tokens['to']:,.0f} over the new base"]
        yield "Money", [*lines, *([told["break_even"]["words"]] if told["break_even"] else [])]
    broke = body["regressions"]
    if broke and broke["core"]:
        worse = [s["name"] for s in broke["slices"] if s["regressed"]]
        lost = f"slices that are proven worse: {', '.join(worse)}" if worse else "no slice is proven worse"
        yield "What would break", [f"{broke['core']['losses']} of {broke['items']} items were lost; {lost}"]
    for title, key in (("Duties that end", "duties_ended"), ("Duties that are new", "duties_new")):
        if body[key]:
            yield title, [duty["what"] for duty in body[key]]
    if body["migration"]:
        ends = f" (the old base ends on {body['ends']['on']})" if body["ends"] else ""
        yield f"Steps{ends}", [f"{s['by']}{' late' if s['late'] else ''}  {s['what']}" for s in body["migration"]]


def _next(body: Body, record: Path | None, folder: Path) -> Iterator[str]:
    again = f"suffice swap {shlex.quote(str(folder))}"
    if record is not None:
        yield f"page: {record.with_suffix('.html')}, record: {record}"
        yield f"every number: {record.with_suffix('.json')} (suffice verify checks it)"
    if body["decision"] == "moved":
        yield f"To take it: {again} --accept --by NAME. {_change(body['to']['model'])}"
    else:
        yield f"The whole ladder on the new base: {again} --model {shlex.quote(body['to']['model'])} --full"
