"""`suffice index` and `suffice search`: a task's documents, brought up to date and looked into."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import AsJson, Folder
from .say import tell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from ..knowledge import Indexed
    from ..types import Passage


def index(folder: Folder = Path(), as_json: AsJson = False) -> None:
    """Bring the index up to the documents as they are now."""
    from ..index import index as refresh
    from ..load import load

    made = refresh(load(folder))
    tell(as_json, made, lambda screen: _show_index(made, screen))


def _show_index(made: Indexed, screen: Console) -> None:
    screen.print(
        f"{made.passages} passages; documents: {made.added} added, {made.changed} changed, {made.removed} removed "
        f"({made.seconds:.1f} s)"
    )
    if made.restricted:
        screen.print(f"{made.restricted} documents only for readers with a label")


def search(
    folder: Folder,
    query: Annotated[str, typer.Argument(help="What to look for.")],
    k: Annotated[int, typer.Option("-k", min=1, max=100, help="How many passages.")] = 5,
    mode: Annotated[str, typer.Option("--mode", help="hybrid, lexical (words) or vector (meaning).")] = "hybrid",
    label: Annotated[list[str] | None, typer.Option("--label", help="What the reader may see; repeatable.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show the passages that a question would be answered from."""
    from ..load import load
    from ..search import search as look

    found = look(load(folder), query, k, mode, labels=label or ())
    tell(as_json, {"query": query, "passages": list(found)}, lambda screen: show_passages(found, screen))


def show_passages(found: Sequence[Passage], screen: Console) -> None:
    """Passages as people read them: number, document, heading, then the text."""
    from rich.padding import Padding
    from rich.text import Text

    for number, passage in enumerate(found, 1):
        head = Text.assemble((f"[{number}] ", "bold"), (passage.document, "bold"))
        head.append(f" · {passage.heading}" if passage.heading else "")
        head.append(f"  {passage.score:.4f}" if passage.score is not None else "", style="dim")
        screen.print(head)
        screen.print(Padding(Text(" ".join(passage.text.split())), (0, 0, 1, 4)))
    if not found:
        screen.print("nothing found")
