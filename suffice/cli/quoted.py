"""How a quote looks in a terminal: what stacks cost, when which pays, and on what that rests. Nothing is computed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .sums import count_of, exact, number, span_of, sum_of, usd

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

Body = Mapping[str, Any]
SHOWN_TURNS = 3
"""Inputs told of each pair, those that turn the ranking within their range first."""
NARROW = 110
"""Columns below which a row says neither what it takes to build nor what it is priced by: that is told below it."""
WIDEST = 120
"""Columns that text is read in at most."""
THOUSAND = 1_000


def quote(body: Body, screen: Console) -> None:
    """A row a stack, other ways to run one, when what pays, what would turn it, what is beaten, and every figure."""
    from rich.text import Text

    title = _volume(body["requests_per_day"], body.get("requests_per_day_today"))
    wide, width = screen.width >= NARROW, min(screen.width, WIDEST)
    screen.print(Text(title, style="bold"), width=width)
    screen.print(_table(body, wide=wide))
    for heading, lines in _sections(body, wide=wide):
        _list(screen, heading, list(lines), width)
    screen.print()
    screen.print(Text(body["method"], style="dim"), width=width)


def _volume(volume: float | None, today: float | None) -> str:
    """At which volume, and what the task says by now where that is another."""
    if volume is None and today is None:
        return "volume not known: set profile.requests_per_day, or --requests-per-day N"
    if volume is None:
        again = f"climb again, or --requests-per-day {today:.0f}"
        return (
            f"volume not known on the day of the climb; suffice.yaml says {today:,.0f} requests a day by now: {again}"
        )
    other = "" if today in (None, volume) else f" on the day of the climb (suffice.yaml says {today:,.0f} by now)"
    return f"At {volume:,.0f} requests a day{other}, thirty days a month"


def _list(screen: Console, heading: str, lines: Sequence[str], width: int) -> None:
    """A heading, and each line behind a point, its later rows indented."""
    from rich.table import Table
    from rich.text import Text

    if not lines:
        return
    table = Table.grid(padding=(0, 1))
    table.add_column(width=1)
    table.add_column(overflow="fold")
    for line in lines:
        table.add_row("·", Text(line))
    screen.print()
    screen.print(Text(heading, style="bold"))
    screen.print(table, width=width)


def _table(body: Body, *, wide: bool) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    names = ("stack", "quality", "1,000 requests", "a month", "between", *(("to build", "priced by") if wide else ()))
    for name in names:
        left = name in ("stack", "priced by")
        table.add_column(name, justify="left" if left else "right", overflow="fold", no_wrap=not left)
    quality = {p["title"]: p["quality"] for p in body["frontier"]}
    for row in [*body["stacks"], *body["ways"]]:
        reached = quality.get(row["title"])
        title = Text(f"{'✓ ' if row.get('kept') else ''}{row['title']}", style="bold" if row.get("kept") else "")
        cells = (f"{reached['estimate']:.2f}" if reached else "", *_sums(row))
        more = (_build(row), row["basis"] or UNKNOWN) if wide else ()
        table.add_row(title, *cells, *more)
    return table


UNKNOWN = "nobody knows what its model costs"


def _sums(row: Body) -> tuple[str, str, str]:
    """A thousand requests with their share of everything, a month, and between what it lies."""
    each, month = row["usd_per_request_all_in"] or row["usd_per_request"], row["usd_per_month"]
    thousand = "–" if each is None else sum_of({end: THOUSAND * each[end] for end in ("low", "estimate", "high")})
    return (thousand, "–", "") if month is None else (thousand, sum_of(month), span_of(month))


def _build(row: Body) -> str:
    build = row["build_usd"]
    return f"{usd(build['low'])} to {usd(build['high'])}" if build and build["high"] else "–"


def _sections(body: Body, *, wide: bool) -> Iterator[tuple[str, Iterable[str]]]:
    rows = [*body["stacks"], *body["ways"]]
    if not wide:
        yield "Priced by", (f"{row['title']}: {row['basis'] or UNKNOWN}" for row in rows)
        yield "To build, once", (f"{row['title']}: {_build(row)}" for row in rows if _build(row) != "–")
    yield "When the heavier one pays", (pays(pair, body["requests_per_day"]) for pair in body["break_even"])
    yield "What would turn that", _turns(body["break_even"])
    yield "Beaten in quality, cost and latency at once", _beaten(body["frontier"])
    yield "Machines", _machines(rows)
    yield "To know", _notes(body)
    yield "Figures that were not measured", (*map(_model, body["models"]), *map(_figure, body["figures"]))


def pays(pair: Body, volume: float | None) -> str:
    """From which volume and month the heavier one costs less; of several crossings the first, the last and how many."""
    heavy, light, day, month = pair["heavier"], pair["lighter"], pair["requests_per_day"], pair["month"]
    told = f"{heavy} {_even(day, f'costs less than {light}', 'requests a day')}"
    if month is None or volume is None:
        return told
    return f"{told}; at {volume:,.0f} requests a day it {_even(month, 'has cost less in all', 'months')}"


def _even(found: Body, less: str, unit: str) -> str:
    answer, at = found["answer"], found["at"]
    if not at:
        verb, _, rest = less.partition(" ")
        return _doubted(f"{verb} {answer} {rest}" if verb == "has" else f"{answer} {less}", found)
    count, _, limits = count_of(at[0], found["low"], found["high"]).removesuffix(")").partition(" (")
    first = _doubted(count, found, limits)
    if len(at) == 1:
        return f"{less} {answer} {first} {unit}"
    least = "at least " if found["cut"] else ""
    ends = found["words"].startswith("up to") == (len(at) % 2 == 0)
    beyond = less if ends else less.replace("less", "more")
    turns = f"whole machines turn that {least}{len(at)} times, first at {first}"
    return f"{beyond} beyond {number(at[-1])} {unit}; below, {turns}"


def _doubted(told: str, found: Body, limits: str = "") -> str:
    """What is told, with its limits and how many draws agree."""
    from ..breakeven import doubt

    unsure = doubt(found["answer"], found["shares"], limits)
    return f"{told} ({unsure})" if unsure else told


def _turns(pairs: Sequence[Body]) -> Iterator[str]:
    for pair in pairs:
        known = [turn for turn in pair["turns"] if turn["turns_at"] is not None]
        for turn in sorted(known, key=lambda turn: not turn["flips"])[:SHOWN_TURNS]:
            whose = f" ({turn['stack']})" if turn["stack"] else ""
            span = f"{_short(turn['low'])} to {_short(turn['high'])}"
            reach = f"within {span}" if turn["flips"] else f"outside {span}"
            sides = f"{pair['heavier']} or {pair['lighter']}"
            yield f"{sides}: equal where {turn['what']}{whose} is {number(turn['turns_at'])}, {reach}"


def _short(value: float) -> str:
    """Three digits, without noughts that say nothing."""
    told = number(value)
    return told.rstrip("0").rstrip(".") if "." in told else told


def _beaten(places: Sequence[Body]) -> Iterator[str]:
    for place in (p for p in places if not p["on_frontier"]):
        sure = " (beyond doubt)" if place["surely_by"] else " (by the estimates)"
        yield f"{place['title']}, by {' and '.join(place['surely_by'] or place['dominated_by'])}{sure}"


def _machines(rows: Sequence[Body]) -> Iterator[str]:
    for row in (r for r in rows if r["machines"]):
        count, idle = row["machines"]["machines"], row["machines"]["idle"]
        span = f" ({count['low']:,.0f} to {count['high']:,.0f})" if count["low"] < count["high"] else ""
        one = "machine" if count["estimate"] == 1 and not span else "machines"
        share = f"{idle['estimate']:.1%} of the time ({idle['low']:.1%} to {idle['high']:.1%})"
        yield f"{row['title']}: {count['estimate']:,.0f} {one}{span}, idle {share}"


def _notes(body: Body) -> Iterator[str]:
    """Every stack's notes, one that several have once; of other ways to run one those that are not its own."""
    said: dict[str, list[str]] = {}
    for row in body["stacks"]:
        for note in row["notes"]:
            said.setdefault(note, []).append(row["title"])
    yield from (f"{', '.join(titles)}: {note}" for note, titles in said.items())
    yield from (f"{row['title']}: {note}" for row in body["ways"] for note in row["notes"] if note not in said)


def _model(price: Body) -> str:
    batch = "" if price["batch_discount"] is None else f", {price['batch_discount']:.0%} off in batches"
    told = f"${price['input']:g} read, ${price['cached']:g} cached, ${price['output']:g} written"
    return f"{price['name']}: {told} per million tokens{batch} ({price['source']}{dated(price)})"


def _figure(figure: Body) -> str:
    low, high = (exact(figure[end]) for end in ("low", "high"))
    span = low if figure["low"] == figure["high"] else f"{low} to {high}"
    return f"{figure['name']}: {span} {figure['unit']} ({figure['source']}{dated(figure)})"


def dated(said: Body) -> str:
    """The date of a figure, where it has one."""
    return f", {said['dated']}" if said["dated"] else ""
