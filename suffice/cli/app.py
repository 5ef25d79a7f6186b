"""The commands, in the order of a task's life."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from ..errors import Interrupted
from ..version import __version__
from . import (
    ablate,
    ask,
    audit,
    climb,
    data,
    decide,
    demo,
    diagnose,
    doctor,
    due,
    export,
    gate,
    history,
    knowledge,
    load,
    new,
    platforms,
    price,
    proof,
    run,
    swap,
    trained,
    watch,
)
from .frame import left_behind


def command() -> Any:
    """The command line as one callable with a `main`."""
    app = typer.Typer(
        name="suffice",
        cls=_Stoppable,
        help="The lightest LLM stack that suffices, proven on your own data.",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_version)
    for function in COMMANDS:
        app.command()(function)
    app.add_typer(data.commands(), name="data")
    return typer.main.get_command(app)


class _Stoppable(typer.core.TyperGroup):
    """The commands, where Ctrl-C ends one with what it leaves: the notes on the interrupt are kept for the user."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stopped:
            raise Interrupted("interrupted", hint=left_behind(getattr(stopped, "__notes__", ()))) from stopped


COMMANDS: tuple[Callable[..., None], ...] = (
    demo.demo,
    new.new,
    climb.plan,
    climb.climb,
    decide.decide,
    run.run,
    proof.compare,
    gate.gate,
    diagnose.diagnose,
    audit.audit,
    ablate.ablate,
    proof.verify,
    proof.report,
    price.price,
    load.latency,
    load.loadtest,
    knowledge.index,
    knowledge.search,
    ask.ask,
    watch.watch,
    trained.train,
    trained.distil,
    export.export,
    export.port,
    swap.swap,
    platforms.platforms,
    platforms.jobs,
    due.due,
    history.history,
    history.decision,
    history.ledger,
    doctor.doctor,
)


def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"suffice {__version__}")
        raise typer.Exit


Version = Annotated[
    bool,
    typer.Option("--version", help="Print the version and leave.", is_eager=True, callback=_say_version),
]


def _version(version: Version = False) -> None:
    """What stands before any command."""
