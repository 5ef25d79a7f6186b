"""How a verdict and a plan look in a terminal. Nothing is computed here: everything is in verdict.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

Body = Mapping[str, Any]

STATUS = {
    "kept": ("✓ kept", "green"),
    "dropped": ("✗ dropped", "red"),
    "skipped": ("– skipped", "dim"),
    "refused": ("⊘ refused", "yellow"),
    "unaffordable": ("$ unaffordable", "yellow"),
    "not_needed": ("– not needed", "dim"),
}


def verdict(body: Body, screen: Console, *, folder: Path | None = None) -> None:
    """Warnings, the headline, a row a rung, the causes, and what would change it all."""
    from rich.text import Text

    for warning in body["warnings"]:
        screen.print(Text(f"! {warning}", style="yellow"))
    screen.print()
    screen.print(Text(body["headline"], style="bold"))
    can = body["test"]["can_prove"]
    screen.print(Text(can[:1].upper() + can[1:], style="dim"))
    screen.print()
    screen.print(_ladder(body, screen.width))
    screen.print()
    _reasons(body, screen)
    _list(screen, "What was learned from how many rows", _learned(body.get("learning_curve")))
    _list(screen, "The way down", [f"{a['title']}: {a['reason']}" for a in body.get("down", ())])
    _list(screen, "Student and teacher", _deferred(body.get("deferral")))
    _list(screen, "What training broke, and when it pays", _broke(body.get("regressions")))
    _list(screen, "On fresh examples", _confirmed(body.get("confirmation")))
    _list(screen, "What each layer brings on dev", (body.get("ablation") or {}).get("sentences", []))
    _list(screen, "What hung on chance", _chance(body.get("variance")))
    _list(screen, "Labels that look wrong", _doubted(body.get("labels")))
    _causes(body, screen)
    _list(screen, "Predicted and reached", [_predicted(one) for one in body.get("estimates", ())])
    _list(screen, "Rows of the decision matrix that fire", _fired(body.get("signals", ())))
    _list(screen, "How fast it answers", _answering(body.get("latency")))
    _list(screen, "When the heavier stack pays", [p["words"] for p in body["economics"].get("break_even", ())])
    _list(screen, "What would change this", body["what_would_change_this"])
    _list(screen, "What it obliges you to", [_duty(duty) for duty in body["duties"]])
    if folder is not None:
        screen.print()
        screen.print(Text(f"report: {folder / 'report.html'}"), soft_wrap=True)


NARROW = 100
"""Columns below which the bars and the cost are left out."""


def _ladder(body: Body, width: int) -> Table:
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False, collapse_padding=width < NARROW, padding=(0, 1))
    columns = ["rung", "status", "quality", "", "lift", "$/1k", "p95 ms"]
    left = ("rung", "status", "quality")
    kept = [at for at, name in enumerate(columns) if width >= NARROW or name not in ("quality", "$/1k")]
    for at in kept:
        name = "quality" if columns[at] == "" and width < NARROW else columns[at]
        table.add_column(name, justify="left" if columns[at] in left else "right", no_wrap=True)
    for step in body["steps"]:
        cells = _row(step, step["rung"] == body["stop_at"])
        table.add_row(*(cells[at] for at in kept))
    return table


def _row(step: Body, chosen: bool) -> tuple[Text, ...]:
    from rich.text import Text

    word, colour = STATUS[step["status"]]
    style = "bold" if chosen else "dim" if step["quality"] is None else ""
    bar = Text(_bar(step["quality"]), style=colour)
    cells = (step["title"], _quality(step["quality"]), _lift(step["comparison"]), _usd(step), _ms(step))
    title, quality, lift, usd, p95 = (Text(cell, style=style) for cell in cells)
    return title, Text(word, style=f"bold {colour}" if chosen else colour), bar, quality, lift, usd, p95


def _bar(quality: Body | None, width: int = 12) -> str:
    """The estimate as blocks; an eighth of a block is the finest."""
    if quality is None or quality["estimate"] is None:
        return ""
    eighths = round(quality["estimate"] * width * 8)
    return ("█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()) or "▏"


def _reasons(body: Body, screen: Console) -> None:
    """Why each rung is where it is, in words; neighbours with the same reason share a line."""
    from itertools import groupby

    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 1))
    table.add_column(max_width=max(18, screen.width // 4), overflow="fold")
    table.add_column(overflow="fold")
    for (reason, status), steps in groupby(body["steps"], key=lambda step: (step["reason"], step["status"])):
        idle = status in ("skipped", "not_needed")
        titles = ", ".join(step["title"] for step in steps)
        table.add_row(Text(titles, style="dim" if idle else ""), Text(reason, style="dim" if idle else ""))
    screen.print(table)


def _quality(found: Body | None) -> str:
    return "" if found is None else _between(found["estimate"], found["low"], found["high"], ".2f")


def _lift(found: Body | None) -> str:
    return "" if found is None else _between(found["lift"], found["low"], found["high"], "+.2f")


def _between(estimate: float | None, low: float | None, high: float | None, how: str) -> str:
    """A number with its interval, as far as they are known."""
    if estimate is None:
        return "–"
    interval = "" if low is None or high is None else f" [{low:{how}}, {high:{how}}]"
    return f"{estimate:{how}}{interval}"


def _usd(step: Body) -> str:
    return "" if step["usd_per_1k"] is None else f"{step['usd_per_1k']:.2f}"


def _ms(step: Body) -> str:
    return "" if step["p95_ms"] is None else f"{step['p95_ms']:.0f}"


def _causes(body: Body, screen: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    if not body["diagnosis"]:
        return
    screen.print()
    screen.print(Text("Why it failed before", style="bold"))
    about = body["diagnosis_of"] or {}
    for said in (about.get("note"), *about.get("words", ())):
        if said:
            screen.print(Text(said, style="dim"))
    if not about.get("tried") and all(found["cause"] == "undiagnosed" for found in body["diagnosis"]):
        return
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 1))
    for found in body["diagnosis"]:
        between = "" if found["low"] is None else f"[{found['low']:.0%}, {found['high']:.0%}]"
        proof = (
            "nothing that was tried fixes these"
            if found["cause"] == "undiagnosed"
            else f"proved by {found['proved_by']}"
        )
        cause = " and ".join((found["cause"], *found.get("also", ())))
        table.add_row(Text(cause), Text(f"{found['share']:.0%}"), Text(between), Text(proof, style="dim"))
    screen.print(table)


def _list(screen: Console, title: str, lines: list[str]) -> None:
    from rich.padding import Padding
    from rich.text import Text

    if lines:
        screen.print()
        screen.print(Text(title, style="bold"))
    for line in lines:
        screen.print(Padding(Text(f"· {line}"), (0, 0, 0, 1)))


def _learned(found: Body | None) -> list[str]:
    """The learning curve: what was measured, and what twice the rows would add."""
    if found is None:
        return []
    points = ", ".join(f"{at['rows']:,} rows {at['estimate']:.2f}" for at in found["measured"])
    gain = "" if found["gain"] is None else f": {_between(**_ends(found['gain']), how='+.3f')}"
    more = f"twice as many rows: {found['pays']}{gain}, at {found['level']:.0%}"
    return [line for line in (f"{points}, on {found['items']} dev items held out", more, found["stopped"]) if line]


def _ends(found: Body) -> dict[str, Any]:
    return {name: found[name] for name in ("estimate", "low", "high")}


def _deferred(found: Body | None) -> list[str]:
    """What a student and its teacher reach together at the threshold that was taken."""
    if found is None:
        return []
    taken = next((step for step in found["steps"] if step["threshold"] == found["threshold"]), None)
    if taken is None:
        return [f"even the student's surest answers lose more than {found['risk']:g}, on {found['items']} dev items"]
    loss = "ruled out" if found["proven"] else "not seen, though too few items rule it out"
    told = f"sure from {taken['threshold']:.2f} the student answers {taken['answered']:.0%}"
    both = f"{taken['quality']:.2f} together on {found['items']} dev items, {taken['tokens']:.0f} tokens a request"
    return [f"{told}, {both}; a loss of {found['risk']:g} is {loss}"]


LOSS = {
    "proven to regress": "is proven",
    "likely to regress": "is likely",
    "ruled out": "is ruled out",
    "cannot tell": "can be neither shown nor ruled out",
}


def _broke(found: Body | None) -> list[str]:
    """What got worse on test, slice by slice and in general, and from which volume training pays."""
    if found is None:
        return []
    parts = [(found["of"], found["core"], "test items"), ("in general", found["general"], "questions of no task")]
    lines = [_lost(name, part, what, found["tolerance"]) for name, part, what in parts if part is not None]
    slices = [*found["slices"], *(found["general"] or {"slices": []})["slices"]]
    worse = [_slice(one) for one in slices if one["regressed"]]
    return [*lines, *([f"regressed: {', '.join(worse)}"] if worse else []), found["worth"]["words"]]


def _slice(one: Body) -> str:
    return f"{one['name']} {one['before']:.2f} → {one['after']:.2f} [{one['low']:+.2f}, {one['high']:+.2f}]"


def _lost(name: str, part: Body, what: str, tolerance: float) -> str:
    change = f"{name}: {part['before']:.2f} → {part['after']:.2f} on {part['n']} {what}, {part['losses']} got worse"
    return f"{change}; a loss beyond {tolerance:g} {LOSS[part['decision']]}"


def _predicted(one: Body) -> str:
    reached = one["note"] if one["reached"] is None else f"reached {one['reached']:.2f}"
    inside = {True: ", inside", False: ", outside", None: ""}[one["inside"]]
    return f"{one['rung']}: {one['low']:.2f} to {one['high']:.2f} (today {one['today']:.2f}), {reached}{inside}"


def _fired(groups: Sequence[Body]) -> list[str]:
    """The rows that fire on the stack that was diagnosed last."""
    rows = groups[-1]["rows"] if groups else []
    return [
        f"{row['row']} {row['name']}: {row['measured']}; what helps: {row['lever']}" for row in rows if row["fired"]
    ]


def _answering(found: Body | None) -> list[str]:
    """The final stack's time, and what the busiest minutes do to it."""
    if found is None:
        return []
    said = f"{found['words']} Timed on {found['measured']}."
    return [said, *([f"{found['peak']['words']} Predicted, not measured."] if found["peak"] else [])]


def _confirmed(found: Body | None) -> list[str]:
    if found is None:
        return []
    quality = "" if found["quality"] is None else f": {_quality(found['quality'])} on {found['n']} examples"
    dropped = f"{len(found['dropped'])} left out, for they repeat an example of the task" if found["dropped"] else ""
    return [line for line in (found["words"] + quality, dropped, found["overspent"]) if line]


NAMED = 3
"""Suspect labels that are named here; the report shows more."""


def _doubted(found: Body | None) -> list[str]:
    if not found or not found["suspects"]:
        return []
    named = [f"{s['id']}: {s['expected']}, or {s['proposed']}? {s['evidence'][0]}" for s in found["shown"][:NAMED]]
    more = found["suspects"] - len(named)
    lines = [*named, *([f"and {more} more"] if more else [])]
    return [*lines, *(row["words"] for row in (found["effect"] or {"rows": []})["rows"][1:])]


def _chance(found: Body | None) -> list[str]:
    if found is None:
        return []
    chosen = [
        f"{one['rung']}: another draw of dev would choose the same variant {one['again']:.0%} of the time"
        for one in found["chosen"]
    ]
    fits = found["fits"]
    if fits is None:
        return chosen
    if fits["deviation"] is None:
        return [*chosen, f"fitted once of {fits['wanted']} times: the caps left no room for another"]
    return [*chosen, f"fitted {fits['fits']} times on other draws, {_moved(fits['deviation'], fits.get('by_items'))}"]


def _moved(deviation: float, by_items: float | None) -> str:
    """How far the dev score moved, and how far the items asked would have moved it alone."""
    moved = f"its dev score moved by ±{deviation:.3f}"
    if by_items is None:
        return moved
    if by_items < deviation:
        return f"{moved}, of which the items asked explain about ±{by_items:.3f}"
    return f"{moved}, no more than the items asked explain (about ±{by_items:.3f})"


def _duty(duty: Body) -> str:
    when = f"every {duty['every_days']} days" if duty["every_days"] else f"when {duty['when'].removeprefix('when ')}"
    owner = f"owner: {duty['owner'] or 'nobody yet'}"
    return " · ".join(part for part in (f"{duty['what']}, {when}", owner, duty["command"]) if part)


def preview(body: Body, screen: Console) -> None:
    """What a climb would try and what it would take at most."""
    from rich.table import Table
    from rich.text import Text

    for warning in body["warnings"]:
        screen.print(Text(f"! {warning}", style="yellow"))
    price = "price unknown" if body["usd_at_most"] is None else f"${body['usd_at_most']:.2f}"
    took = _time(body["seconds_at_most"])
    items = f"{body['test_items']} test items ({body['edge_items']} edge, {body['dev_items']} dev)"
    screen.print(Text(f"At most {body['calls_at_most']} calls, {price}, {took} ({body['basis']})", style="bold"))
    screen.print(Text(f"{items}. {body['can_prove'][:1].upper()}{body['can_prove'][1:]}."))
    for quality, needed in (body["items_needed"] or {}).items():
        screen.print(
            Text(f"If the true quality is {quality}, about {needed} test items prove the target.", style="dim")
        )
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 1))
    for name, how in (("rung", "left"), ("plan", "left"), ("calls", "right"), ("why", "left")):
        table.add_column(name, justify=how, overflow="fold")  # type: ignore[arg-type]  # rich's literal
    for rung in body["rungs"]:
        style = "" if rung["action"] == "try" else "dim"
        cells = (rung["rung"], rung["action"], str(rung["calls"] or ""), rung["reason"])
        table.add_row(*(Text(cell, style=style) for cell in cells))
    screen.print()
    screen.print(table)


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
