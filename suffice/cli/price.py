"""`suffice price`: what stacks cost a request, a day and a month, when heavier ones pay, and what would turn that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import AsJson
from .say import tell

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from ..pricebook import Book, ModelPrice
    from ..quote import Changes

Body = Mapping[str, Any]
SHOWN_TURNS = 5
NARROW = 100
"""Columns below which a row does not say what it is priced by."""


def price(
    of: Annotated[
        Path | None, typer.Argument(metavar="[TASK]", help="A task folder or a verdict.json; none: the numbers below.")
    ] = None,
    requests_per_day: Annotated[
        float | None, typer.Option("--requests-per-day", min=0, max=1e12, metavar="N", help="Instead of the profile's.")
    ] = None,
    stack: Annotated[
        str | None, typer.Option("--stack", metavar="TITLE", help="The stack that other ways are told of.")
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", metavar="NAME", help="Price the same tokens as another model's.")
    ] = None,
    what_if: Annotated[
        list[str] | None,
        typer.Option("--what-if", metavar="KEY=VALUE", help="Another figure or input, or LOW:HIGH; repeat it."),
    ] = None,
    tokens_in: Annotated[
        float | None, typer.Option("--tokens-in", min=0, max=1e12, metavar="N", help="Without a task: tokens read.")
    ] = None,
    tokens_cached: Annotated[
        float, typer.Option("--tokens-cached", min=0, max=1e12, metavar="N", help="Of these, from a cache.")
    ] = 0,
    tokens_out: Annotated[
        float, typer.Option("--tokens-out", min=0, max=1e12, metavar="N", help="Tokens written.")
    ] = 0,
    usd_per_million_in: Annotated[
        float | None, typer.Option("--usd-per-million-in", min=0, max=1e9, metavar="USD", help="Of tokens read.")
    ] = None,
    usd_per_million_cached: Annotated[
        float | None, typer.Option("--usd-per-million-cached", min=0, max=1e9, metavar="USD", help="Of cached ones.")
    ] = None,
    usd_per_million_out: Annotated[
        float | None, typer.Option("--usd-per-million-out", min=0, max=1e9, metavar="USD", help="Of tokens written.")
    ] = None,
    example: Annotated[
        str | None, typer.Option("--example", metavar="A|B", help="A worked example of docs/framework.md §6.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """What stacks cost a request, a day and a month, from when on heavier ones pay, and what would turn that."""
    from ..errors import InputError
    from ..pricebook import book

    if example is not None:
        from ..worked import worked

        found = worked(example, book())
        tell(as_json, found.body(), lambda screen: _plainly(found.body(), screen))
    elif tokens_in is not None:
        if of is not None or stack is not None:
            raise InputError("tokens are given or measured, not both", hint="suffice price TASK, or --tokens-in N")
        tokens = {"tokens_in": tokens_in, "tokens_cached": tokens_cached, "tokens_out": tokens_out}
        prices = (usd_per_million_in, usd_per_million_cached, usd_per_million_out)
        _given(tokens, requests_per_day, _priced(model, prices, book()), what_if or [], as_json)
    else:
        volume = [] if requests_per_day is None else [f"requests_per_day={requests_per_day!r}"]
        _of_verdict(of or Path(), stack, model, [*(what_if or []), *volume], as_json)


def _priced(model: str | None, given: Sequence[float | None], figures: Book) -> ModelPrice:
    """The prices that were given, over those of the named model."""
    from ..errors import InputError
    from ..pricebook import ModelPrice

    listed = figures.model(model) if model else None
    if model and listed is None:
        raise InputError(f"no price is known for the model `{model[:80]}`", hint="give --usd-per-million-in and -out")
    read, cached, written = given
    if read is None and listed is None:
        raise InputError("nothing says what a token costs", hint="--model NAME, or --usd-per-million-in USD")
    base = listed or ModelPrice("the price given", 0.0, read or 0.0, 0.0, None, "given", "")
    read = base.input if read is None else read
    cached = (base.cached if listed else read) if cached is None else cached
    written = base.output if written is None else written
    source = base.source if not any(x is not None for x in given) else "given"
    return ModelPrice(base.name, read, cached, written, base.batch_discount, source, base.dated)


def _given(
    tokens: Mapping[str, float], volume: float | None, price: ModelPrice, what_if: Sequence[str], as_json: bool
) -> None:
    from ..errors import InputError
    from ..pricebook import book
    from ..quote import parsed
    from ..worked import plainly

    if volume is None:
        raise InputError("how many requests a day is not said", hint="--requests-per-day N")
    if tokens["tokens_out"] and not price.output and price.source == "given":
        raise InputError("tokens are written, and nothing says what they cost", hint="--usd-per-million-out USD")
    found = plainly(tokens, volume, price, parsed(what_if, book()))
    tell(as_json, found.body(), lambda screen: _plainly(found.body(), screen))


def _of_verdict(of: Path, stack: str | None, model: str | None, what_if: Sequence[str], as_json: bool) -> None:
    from ..errors import InputError
    from ..pricebook import book
    from ..quote import parsed, quoted
    from .proof import verdict_at

    told = book(of.parent if of.is_file() else of)
    try:
        path = verdict_at(of)
    except InputError:
        if not (of / "suffice.yaml").is_file():
            raise
        body = _of_runs(of, stack, model, parsed(what_if, told))
    else:
        body = quoted(path, stack=stack, model=model, changes=parsed(what_if, told)).body()
    tell(as_json, body, lambda screen: _quote(body, screen))


def _of_runs(of: Path, stack: str | None, model: str | None, changes: Changes) -> Body:
    """A task that was run and not climbed: what its stack takes, from the ledger."""
    from ..errors import InputError
    from ..ledger import place_of
    from ..load import load
    from ..tally import tally
    from .standing import ledger_of, standing

    task = load(of)
    place = place_of(task.state)
    if isinstance(place, Path) and not place.is_file():
        raise InputError("there is neither a verdict nor a run", file=str(of), hint="suffice climb, or suffice run")
    asked, _ = standing(task, stack)
    with ledger_of(task) as ledger:
        return tally(task, asked, ledger, model=model, changes=changes)


# For people


def _plainly(body: Body, screen: Console) -> None:
    """The multiplication, the month, and what a source says otherwise."""
    from rich.text import Text

    screen.print(Text(body["words"], style="bold"), soft_wrap=True)
    if body.get("instead"):
        screen.print(Text(body["instead"]["words"]), soft_wrap=True)
    if not body.get("printed"):
        month, each = body["usd_per_month"]["estimate"], _one(body["usd_per_request"])
        screen.print(f"${month:,.2f} in thirty days, {each} a request")
    model = body["model"]
    dated = f", {model['dated']}" if model["dated"] else ""
    screen.print(
        Text(
            f"{model['name']}: ${model['input']:g} per million tokens read, ${model['cached']:g} cached, "
            f"${model['output']:g} written ({model['source']}{dated})",
            style="dim",
        ),
        soft_wrap=True,
    )


def _quote(body: Body, screen: Console) -> None:
    """A row a stack, other ways to run one, when what pays, what is beaten, what would turn it, and every figure."""
    from rich.text import Text

    volume = body["requests_per_day"]
    said = "volume not known: set profile.requests_per_day, or --requests-per-day N"
    title = f"At {volume:,.0f} requests a day" if volume is not None else said
    screen.print(Text(title, style="bold"))
    screen.print(_table(body, wide=screen.width >= NARROW))
    for heading, lines in _sections(body):
        if lines:
            screen.print()
            screen.print(Text(heading, style="bold"))
            for line in lines:
                screen.print(Text(f" · {line}"))
    screen.print()
    screen.print(Text(body["method"], style="dim"))


def _table(body: Body, *, wide: bool) -> Table:
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    told = ("stack", "quality", "a request, all in", "a month", "low to high", "to build", "priced by")
    names = told if wide else told[:-1]
    for name in names:
        table.add_column(name, justify="left" if name in ("stack", "priced by") else "right", overflow="fold")
    quality = {p["title"]: p["quality"] for p in body["frontier"]}
    for row in [*body["stacks"], *body["ways"]]:
        reached = quality.get(row["title"])
        cells = (
            f"{'✓ ' if row.get('kept') else ''}{row['title']}",
            f"{reached['estimate']:.2f}" if reached else "",
            *_cells(row),
            row["basis"] or "nobody knows what its model costs",
        )
        table.add_row(*cells[: len(names)])
    return table


def _cells(row: Body) -> tuple[str, ...]:
    month, each = row["usd_per_month"], row["usd_per_request_all_in"] or row["usd_per_request"]
    build = row["build_usd"]
    built = f"{_usd(build['low'])} to {_usd(build['high'])}" if build and build["high"] else "–"
    if month is None:
        return _one(each), "–", "–", built
    return _one(each), _usd(month["estimate"]), f"{_usd(month['low'])} to {_usd(month['high'])}", built


def _sections(body: Body) -> Iterator[tuple[str, list[str]]]:
    yield "When the heavier one pays", [pair["words"] for pair in body["break_even"]]
    yield "What would turn that", list(_turns(body["break_even"]))
    yield "Beaten in quality, cost and latency at once", list(_beaten(body["frontier"]))
    yield "Machines", list(_machines([*body["stacks"], *body["ways"]]))
    yield "To know", list(_notes(body))
    yield "Figures that were not measured", [*map(_model, body["models"]), *map(_figure, body["figures"])]


def _turns(pairs: Sequence[Body]) -> Iterator[str]:
    for pair in pairs:
        for turn in pair["turns"][:SHOWN_TURNS]:
            if turn["turns_at"] is not None:
                whose = f" of {turn['stack']}" if turn["stack"] else ""
                reach = "within its range" if turn["flips"] else "beyond its range"
                yield (
                    f"{pair['heavier']} or {pair['lighter']}: equal where {turn['what']}{whose} "
                    f"is {turn['turns_at']:,.4g}, {reach} ({turn['low']:,.4g} to {turn['high']:,.4g})"
                )


def _beaten(places: Sequence[Body]) -> Iterator[str]:
    for place in (p for p in places if not p["on_frontier"]):
        sure = " (beyond doubt)" if place["surely_by"] else " (by the estimates)"
        yield f"{place['title']}, by {' and '.join(place['surely_by'] or place['dominated_by'])}{sure}"


def _machines(rows: Sequence[Body]) -> Iterator[str]:
    for row in (r for r in rows if r["machines"]):
        count, idle = row["machines"]["machines"], row["machines"]["idle"]
        span = f" ({count['low']:,.0f} to {count['high']:,.0f})" if count["low"] < count["high"] else ""
        one = "machine" if count["estimate"] == 1 and not span else "machines"
        yield (
            f"{row['title']}: {count['estimate']:,.0f} {one}{span}, "
            f"idle {idle['estimate']:.1%} of the time ({idle['low']:.1%} to {idle['high']:.1%})"
        )


def _notes(body: Body) -> Iterator[str]:
    """Every stack's notes, and of other ways to run one those that are not its own."""
    own = {note for row in body["stacks"] for note in row["notes"]}
    yield from (f"{row['title']}: {note}" for row in body["stacks"] for note in row["notes"])
    yield from (f"{row['title']}: {note}" for row in body["ways"] for note in row["notes"] if note not in own)


def _model(price: Body) -> str:
    batch = "" if price["batch_discount"] is None else f", {price['batch_discount']:.0%} off in batches"
    told = f"${price['input']:g} read, ${price['cached']:g} cached, ${price['output']:g} written"
    return f"{price['name']}: {told} per million tokens{batch} ({price['source']}{_dated(price)})"


def _figure(figure: Body) -> str:
    span = f"{figure['low']:g}" if figure["low"] == figure["high"] else f"{figure['low']:g} to {figure['high']:g}"
    return f"{figure['name']}: {span} {figure['unit']} ({figure['source']}{_dated(figure)})"


def _dated(said: Body) -> str:
    return f", {said['dated']}" if said["dated"] else ""


def _one(each: Body | None) -> str:
    return "–" if each is None else _usd(each["estimate"])


def _usd(amount: float) -> str:
    """Cents, or three significant digits below a cent."""
    return f"${amount:.3g}" if 0 < abs(amount) < 0.01 else f"${amount:,.2f}" if amount < 1_000 else f"${amount:,.0f}"
