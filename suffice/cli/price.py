"""`suffice price`: what stacks cost a request, a day and a month, when heavier ones pay, and what would turn that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import AsJson
from .quoted import dated, quote
from .say import tell
from .sums import usd

if TYPE_CHECKING:
    from rich.console import Console

    from ..pricebook import Book, ModelPrice
    from ..quote import Changes

Body = Mapping[str, Any]


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
        changes = parsed(what_if, told)
        body = quoted(path, stack=stack, model=model, changes=changes).body()
        body["requests_per_day_today"] = None if "requests_per_day" in changes else _today(path)
    tell(as_json, body, lambda screen: quote(body, screen))


def _today(verdict: Path) -> float | None:
    """The volume that the task beside a verdict states by now, which may be another than on the day of the climb."""
    from ..errors import SufficeError
    from ..load import FILE
    from ..taskfile import checked
    from ..yamlfile import read_yaml

    folder = verdict.parent.parent if verdict.parent.name == ".suffice" else verdict.parent
    with suppress(SufficeError, OSError):
        return checked(read_yaml(folder / FILE, "task file")).profile.requests_per_day
    return None


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
        month, each = body["usd_per_month"]["estimate"], usd(body["usd_per_request"]["estimate"])
        screen.print(f"${month:,.2f} in thirty days, {each} a request")
    model = body["model"]
    screen.print(
        Text(
            f"{model['name']}: ${model['input']:g} per million tokens read, ${model['cached']:g} cached, "
            f"${model['output']:g} written ({model['source']}{dated(model)})",
            style="dim",
        ),
        soft_wrap=True,
    )
