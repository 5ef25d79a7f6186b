"""`suffice new`: a task folder from an examples file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import AsJson
from .say import tell

if TYPE_CHECKING:
    from rich.console import Console

    from ..new import Scaffold


def new(
    folder: Annotated[Path, typer.Argument(help="The folder to make.")],
    examples: Annotated[Path, typer.Option("--examples", "-e", help="A .jsonl, .csv or .parquet file of examples.")],
    documents: Annotated[Path | None, typer.Option("--documents", "-d", help="Knowledge: a file or a folder.")] = None,
    model: Annotated[str, typer.Option("--model", "-m", help="The model to start from.")] = "embedded",
    as_json: AsJson = False,
) -> None:
    """Make a task folder from an examples file, and say what was guessed."""
    from ..new import new as make

    made = make(folder, examples, documents=documents, model=model)
    tell(as_json, _body(made), lambda screen: _show(made, screen))


def _body(made: Scaffold) -> dict[str, object]:
    return {
        "folder": str(made.folder),
        "files": list(made.files),
        "examples": len(made.task.dataset),
        "guessed": [{"key": g.key, "value": g.value, "why": g.why} for g in made.guessed],
    }


def _show(made: Scaffold, screen: Console) -> None:
    from rich.table import Table

    screen.print(f"{made.folder}: {', '.join(made.files)} ({len(made.task.dataset)} examples)")
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("guessed", "as", "because"):
        table.add_column(name, overflow="fold")
    for one in made.guessed:
        table.add_row(one.key, one.value, one.why)
    screen.print(table)
    screen.print(f"Read suffice.yaml, put the goal in your own words, then: suffice climb {made.folder}")
