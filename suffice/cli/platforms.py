"""`suffice platforms` and `suffice jobs`: who tunes for money on what terms, and how the jobs there stand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import AsJson, Folder, Usd
from .say import tell

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from rich.console import Console

    from ..demonstrations import Demonstration
    from ..jobs import Job
    from ..types import Json

LABELS = {
    "models": "models",
    "methods": "methods",
    "data_handling": "data handling",
    "residency": "residency",
    "retention": "retention",
    "retraining": "re-training",
    "weights": "weights",
    "serving": "serving",
    "billing": "billing",
}
SHORT = 8
"""Signs of a job's id that tell it from others."""


def platforms(
    folder: Folder = Path(),
    model: Annotated[str, typer.Option("--model", metavar="NAME", help="A base model: its price, and its end.")] = "",
    data: Annotated[
        Path | None, typer.Option("--data", metavar="FILE", help="Demonstrations, to estimate tokens and money from.")
    ] = None,
    epochs: Annotated[int, typer.Option("--epochs", min=1, help="How often the data is gone through.")] = 2,
    probe: Annotated[
        list[str] | None, typer.Option("--probe", metavar="NAME", help="Ask this platform whether it takes jobs now.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare platforms for fine-tuning: models, methods, data handling, prices and ends, each with its source."""
    from datetime import UTC, datetime

    from ..demonstrations import read
    from ..errors import UnknownPlugin
    from ..plugins import names

    if unknown := [name for name in probe or () if name not in names("platforms")]:
        raise UnknownPlugin(f"no platform called `{unknown[0]}`", hint=f"known: {', '.join(names('platforms'))}")
    rows = read(data) if data else ()
    home, today = _home(folder), datetime.now(UTC).date()
    body = [_told(name, home, model, rows, epochs, name in (probe or ()), today) for name in names("platforms")]
    tell(as_json, {"platforms": body}, lambda screen: _show(body, screen))


def _home(folder: Path) -> Path:
    """The folder that is meant, where its suffice.yaml may be named instead; one that is not there is a slip."""
    from ..errors import InputError

    if not folder.exists():
        raise InputError("no such folder", file=str(folder), hint="name a task folder, or none for this one")
    return folder if folder.is_dir() else folder.parent


def _told(
    name: str, home: Path, model: str, rows: Sequence[Demonstration], epochs: int, probe: bool, today: date
) -> dict[str, Json]:
    from ..jobs import platform_of
    from ..platform import Order, estimate
    from ..terms import ASPECTS, terms_of

    terms = terms_of(name, home)
    price = terms.price(model)
    return {
        "name": name,
        "title": terms.title,
        "said": {aspect: terms.aspect(aspect) for aspect in ASPECTS},
        "price": price,
        "prices": list(terms.prices),
        "limits": terms.limits,
        "ends": [{"what": str(e), "days": e.days, "stops": e.stops, "end": e.end} for e in terms.endings(model, today)],
        "estimate": estimate(rows, Order(model, epochs), terms) if rows else None,
        "probe": _looked(platform_of(name, home), model) if probe else None,
    }


def _looked(platform: Any, model: str) -> Mapping[str, Json]:
    """What a look shows; that nobody answers is an answer, too."""
    from ..errors import SufficeError

    try:
        seen = platform.available(model)
    except SufficeError as wrong:
        return {"open": None, "reason": wrong.message, "hint": wrong.hint, "shutdown": {}}
    return {"open": seen.open, "reason": seen.reason, "hint": "", "shutdown": seen.shutdown}


def _show(body: Sequence[Mapping[str, Any]], screen: Console) -> None:
    from rich.text import Text

    for one in body:
        screen.print(Text(f"{one['title']}", style="bold").append(f"  {one['name']}", style="dim"))
        for aspect, label in LABELS.items():
            said = one["said"][aspect]
            if said.known:
                hand = ", second hand" if said.second_hand else ""
                screen.print(Text(f"  {label}: {said.text}").append(f" ({said.read}{hand})", style="dim"))
        missing = [LABELS[a] for a in LABELS if not one["said"][a].known]
        screen.print(Text("  price: ").append_text(_price(one)))
        if missing:
            screen.print(Text(f"  not found: {', '.join(missing)}", style="dim"))
        for end in one["ends"]:
            screen.print(Text(f"  {end['what']}", style="red" if end["stops"] else "yellow"))
        if one["probe"]:
            told = {True: ("open", "green"), False: ("closed", "red"), None: ("cannot tell", "yellow")}
            word, colour = told[one["probe"]["open"]]
            screen.print(Text(f"  now: {word}", style=colour).append(f" - {one['probe']['reason']}", style="dim"))
    screen.print(Text("sources: --json; prices are dollars a million tokens, each epoch counted", style="dim"))


def _price(one: Mapping[str, Any]) -> Any:
    from rich.text import Text

    price, told = one["price"], one["estimate"]
    if price is None:
        return Text("not found")
    span = f"${price.low:g}" if price.low == price.high else f"${price.low:g} to ${price.high:g}"
    shown = Text(span).append(f" ({price.read}{', second hand' if price.second_hand else ''})", style="dim")
    if told is not None:
        shown.append(f"; this data: ${told.usd_low:,.2f} to ${told.usd_high:,.2f}, estimated")
    return shown


def jobs(
    folder: Folder = Path(),
    go_on: Annotated[str, typer.Option("--resume", metavar="ID", help="Go on with this job to its end.")] = "",
    stop: Annotated[str, typer.Option("--cancel", metavar="ID", help="Ask the platform to stop this job.")] = "",
    budget: Usd = None,
    as_json: AsJson = False,
) -> None:
    """List the tuning jobs at platforms, or go on with one; a lost connection or a killed process loses nothing."""
    from ..errors import InputError
    from ..jobs import cancel, resume
    from ..jobs import jobs as all_of

    if go_on and stop:
        raise InputError("either --resume or --cancel, not both")
    home = _home(folder)
    if stop:
        found: tuple[Job, ...] = (cancel(home, stop),)
    elif go_on:
        with watching() as watch:
            found = (resume(home, go_on, budget=budget, watch=watch),)
    else:
        found = all_of(home)
    ends = {job.id: _ends(job, home) for job in found}
    told = [{**_body(job), "ends": ends[job.id]} for job in found]
    tell(as_json, {"jobs": told}, lambda screen: _list(found, ends, screen))
    if go_on and found[0].stage == "failed":
        raise typer.Exit(1)


def _body(job: Job) -> dict[str, Json]:
    from ..digest import plain

    return {**plain(job), "name": job.name}


def _ends(job: Job, home: Path) -> list[str]:
    """That the base of a tuned model is going: it takes the tuned model with it."""
    from datetime import UTC, datetime

    from ..terms import terms_of

    near = terms_of(job.name, home).endings(job.order.model, datetime.now(UTC).date())
    return [f"{job.name} {end}" for end in near if end.end.what == "model"]


def _list(found: Sequence[Job], ends: Mapping[str, Sequence[str]], screen: Console) -> None:
    from rich.text import Text

    if not found:
        screen.print(Text("no jobs; `suffice train --on PLATFORM` starts one", style="dim"))
        return
    for job in found:
        screen.print(Text(job.id, style="bold"), soft_wrap=True)  # alone on its line, to be copied
        tuned = f"; {job.model}" if job.model else ""
        told = f"  {job.name}, {job.order.model}, {job.rows:,} rows: {stands(job)}; {costs(job)}{tuned}"
        screen.print(Text(told), soft_wrap=True)
    if going := next((job for job in found if not job.over), None):
        short = going.id.removeprefix("suffice-")[:SHORT]
        screen.print(Text(f"the beginning of an id will do: suffice jobs --resume {short}", style="dim"))
    for job in found:
        if job.note and job.stage == "done":
            screen.print(Text(f"{job.id}: {job.note}", style="dim"))
        for end in ends[job.id]:
            screen.print(Text(f"{job.id}: {end}; port it: suffice port --to …", style="yellow"))


def stands(job: Job) -> str:
    """How a job stands, in a few words."""
    report = job.report
    if job.stage == "new":
        return "not started"
    if report is None or job.stage == "done":
        return job.stage
    share = f" {report.progress:.0%}" if report.progress is not None else ""
    left = f", {report.eta / 60:.0f} min to go" if report.eta else ""
    why = f": {report.message}" if report.message else ""
    return f"{report.standing}{share}{left}{why}"


def costs(job: Job) -> str:
    """What a job costs, as far as anybody knows."""
    if job.report is not None and job.report.usd is not None:
        return f"${job.report.usd:,.2f}"
    if job.quoted is not None:
        return f"${job.quoted:,.2f} quoted"
    told = job.estimate
    if job.stage == "new":
        return "nothing so far"
    if told.usd_low is None or told.usd_high is None:
        return f"{told.tokens_low:,} to {told.tokens_high:,} tokens, no price found"
    return f"${told.usd_low:,.2f} to ${told.usd_high:,.2f} estimated"


def watching() -> Any:
    """A line on stderr that says how a job stands, while the block runs."""
    import sys
    from contextlib import contextmanager

    @contextmanager
    def shown() -> Any:
        if not sys.stderr.isatty():
            yield lambda _job: None
            return
        from .say import console

        with console(stderr=True).status("") as status:
            yield lambda job: status.update(f"{job.name} {job.id}: {stands(job)}; {costs(job)}")

    return shown()
