"""`suffice audit`: what a log of production traffic says, and what to try first."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import InputError
from .options import AsJson, Seed
from .say import console, tell

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from ..audit.found import Audit, Sign, Spread
    from ..logs import Logs

EVERY = 1_000
"""Exchanges between two looks at the progress."""
STAGES_SHOWN, CLUSTERS_SHOWN = 8, 5


def audit(
    logs: Annotated[list[str], typer.Argument(metavar="LOGS", help="Files, folders, or - for standard input.")],
    form: Annotated[
        str, typer.Option("--from", metavar="NAME", help="The importer that reads every row. Default: recognised.")
    ] = "",
    columns: Annotated[
        list[str] | None, typer.Option("--map", metavar="FIELD=COLUMN", help="Where a table holds a field; repeat it.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FOLDER", help="Write audit.html and audit.json there.")
    ] = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Read logs of production traffic: failures, latency, cost, prompts, drift, and what to try first."""
    from ..audit.collect import Collector
    from ..audit.conclude import conclude
    from ..digest import plain
    from ..logs import Logs

    read = Logs(logs, form, _columns(columns or ()))
    collector = Collector(seed=seed)
    with _meter(read) as step:
        for at, exchange in enumerate(read):
            collector.add(exchange)
            if not at % EVERY:
                step()
    for reason, rows in read.unusable.items():
        collector.skip(reason, rows.count)
    found = conclude(collector, [str(name) for name in logs])
    written = _write(found, out) if out else {}
    tell(as_json, {**plain(found), "written": written}, lambda screen: show(found, screen, written))


def _columns(given: Sequence[str]) -> Mapping[str, str]:
    made = {}
    for one in given:
        field, equals, column = one.partition("=")
        if not (field and equals and column):
            raise InputError(f"`--map {one}` names no field and column", hint="--map time=TIMESTAMP")
        made[field.strip()] = column.strip()
    return made


def _write(found: Audit, folder: Path) -> Mapping[str, str]:
    import json

    from ..artifacts import write_whole
    from ..digest import plain

    text = json.dumps(plain(found), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    write_whole(folder / "audit.json", text.encode("utf-8", "replace"))
    return {"json": str(folder / "audit.json")}


@contextmanager
def _meter(read: Logs) -> Iterator[object]:
    yield lambda: None


def show(found: Audit, screen: Console, written: Mapping[str, str]) -> None:
    """The headline, then a section each; only what was seen."""
    from rich.text import Text

    screen.print(Text(found.headline, style="bold"))
    for note in found.notes:
        screen.print(Text(note, style="dim"))
    for name, path in written.items():
        screen.print(Text(f"{name}: {path}"), soft_wrap=True)
