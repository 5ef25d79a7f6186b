"""`suffice export` and `suffice port`: a task's data and adapters for others, and its stack on another base."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from .options import AsJson, Folder, MaxCalls, Seed, StackFile, Usd, Workers
from .say import tell

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from ..export import Exported
    from ..jobs import Job
    from ..port import Ported
    from ..types import Json

DataFile = Annotated[
    Path | None, typer.Option("--data", metavar="FILE", help="Demonstrations; the task's pool is worded where none.")
]
Personal = Annotated[
    Literal["keep", "refuse"],
    typer.Option("--personal", help="Rows with personal data: kept and told, or left out; `data curate` masks it."),
]
SHOWN = 10
WORDS = {"not_worse": ("proven not worse", "green"), "worse": ("worse", "red"), "undecided": ("cannot tell", "yellow")}


def export(
    folder: Folder = Path(),
    target: Annotated[
        str, typer.Option("--for", metavar="TARGET", help="jsonl, a platform, or peft, gguf or merged for the adapter.")
    ] = "jsonl",
    data: DataFile = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="DIR", help="Where to; export/TARGET in the task's folder.")
    ] = None,
    model: Annotated[
        str, typer.Option("--model", metavar="NAME", help="The base model, by the platform's own name.")
    ] = "",
    personal: Personal = "keep",
    stack: StackFile = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Write the training data as a platform takes it, or the stack's adapter as other tools do; 1 where refused."""
    from ..export import export as write
    from ..load import load
    from .standing import standing

    task = load(folder, seed=seed)
    asked, _ = standing(task, stack)
    home = out or task.folder / "export" / target
    found = write(task, target, asked, home, data=data, model=model, personal=personal)
    tell(as_json, {**_exported(found)}, lambda screen: _show(found, screen))
    if found.refused:
        raise typer.Exit(1)


def _exported(found: Exported) -> dict[str, Json]:
    return {
        "target": found.target,
        "files": [str(path) for path in found.files],
        "rows": found.rows,
        "left_out": found.left_out,
        "personal": found.personal,
        "refused": found.refused,
        "misfits": list(found.misfits),
        "estimate": found.estimate,
    }


def _show(found: Exported, screen: Console) -> None:
    from rich.text import Text

    for path in found.files:
        screen.print(Text(str(path), style="bold"), soft_wrap=True)
    if found.refused:
        screen.print(Text(f"{found.target} would refuse the data; nothing was written", style="bold red"))
    for one in found.misfits[:SHOWN]:
        where = f"line {one.line} ({one.id}): " if one.line else ""
        screen.print(Text(f"  {where}{one.what}", style="red" if one.fatal else "yellow"))
        screen.print(Text(f"    {one.fix}", style="dim"))
    if len(found.misfits) > SHOWN:
        screen.print(Text(f"  and {len(found.misfits) - SHOWN} more (--json)", style="dim"))
    if found.rows and not found.refused:
        told = found.estimate
        tokens = f", about {told.tokens:,} tokens an epoch" if told and told.tokens else ""
        screen.print(f"{found.rows} rows{tokens}")
    show_private(found.personal, found.left_out, screen)


def show_private(personal: int, left_out: int, screen: Console) -> None:
    """How many rows hold personal data, and how many did not go."""
    from rich.text import Text

    if personal:
        told = f"{personal} rows hold personal data: --personal refuse leaves them out, `suffice data curate` masks it"
        screen.print(Text(told, style="yellow"), soft_wrap=True)
    if left_out:
        told = f"{left_out} rows were left out: they hold a secret or what is refused, or would not pass curation"
        screen.print(Text(told, style="dim"), soft_wrap=True)


def port(
    folder: Folder = Path(),
    to: Annotated[
        str, typer.Option("--to", metavar="MODEL|PLATFORM", help="hf:PATH, gguf:PATH, provider/NAME or a platform.")
    ] = "",
    data: DataFile = None,
    model: Annotated[str, typer.Option("--model", metavar="NAME", help="The base model, on a platform.")] = "",
    epochs: Annotated[int, typer.Option("--epochs", min=1, help="On a platform: how often.")] = 2,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write the new stack here (stack.yaml).")
    ] = None,
    margin: Annotated[float, typer.Option("--margin", help="The loss that is tolerated.")] = 0.05,
    personal: Personal = "keep",
    stack: StackFile = None,
    budget: Usd = None,
    max_calls: MaxCalls = None,
    workers: Workers = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Tune the stack again on another base, from the same data, and compare old and new on test; 1 unless not worse.

    On a platform --budget caps the tune, and --max-calls the asking: a tuned model has no list price.
    """
    from ..errors import InputError
    from ..load import load
    from ..platform import Order
    from ..plugins import names
    from ..port import How
    from ..port import port as move
    from .progress import meter
    from .standing import budget_of, ledger_of, standing

    if not to:
        raise InputError("nowhere to port to", hint="--to hf:PATH, gguf:PATH, provider/NAME or a platform")
    task = load(folder, seed=seed)
    asked, source = standing(task, stack)
    with ledger_of(task) as ledger, meter(f"port {to}") as bar:
        watch = partial(_watch, bar.watch)
        caps = budget_of(None if to in names("platforms") else budget, max_calls)
        how = How(ledger, caps, budget, workers, bar.progress, watch, personal=personal)
        found = move(task, asked, to, how, data=data, order=Order(model, epochs), margin=margin, seed=seed)
    if out is not None and found.stack is not None:
        found.stack.save(out)
    told = {"stack": source, "out": str(out) if out and found.stack else None, **_ported(found)}
    tell(as_json, told, lambda screen: _show_port(found, screen))
    if not found.holds:
        raise typer.Exit(1)


def _watch(show: Callable[[str, None], object], job: Job) -> None:
    from .platforms import stands

    show(f"{job.name}: {stands(job)}", None)


def _ported(found: Ported) -> dict[str, Json]:
    return {
        "to": found.to,
        "rows": found.rows,
        "personal": found.personal,
        "holds": found.holds,
        "note": found.note,
        "old": _run(found.old),
        "new": _run(found.new),
        "comparison": found.comparison,
        "gate": found.gated,
        "job": found.job,
    }


def _run(made: Json) -> Json:
    return None if made is None else {"run": made.id, "stack": made.stack.digest, "quality": made.quality}


def _show_port(found: Ported, screen: Console) -> None:
    from rich.text import Text

    if found.rows:
        screen.print(f"tuned again from {found.rows} demonstrations on {found.to}")
    show_private(found.personal, 0, screen)
    if found.note:
        screen.print(Text(found.note, style="dim"))
    if found.gated is None or found.comparison is None or found.old is None or found.new is None:
        screen.print(Text("not compared", style="yellow"))
        return
    lift = found.comparison
    told = f"{_quality(found.old)} -> {_quality(found.new)}: {lift.lift:+.3f} [{lift.low:+.3f}, {lift.high:+.3f}]"
    screen.print(Text(told, style="bold"))
    for part in found.gated.parts:
        word, colour = WORDS[part.decision]
        screen.print(Text(f"{part.partition}: {word} by {found.gated.margin:g}: {part.reason}", style=colour))


def _quality(made: Json) -> str:
    return "–" if made.quality is None else f"{made.quality:.3f}"
