"""The options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Folder = Annotated[Path, typer.Argument(help="The task folder (or its suffice.yaml).", show_default="this folder")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead.")]
Usd = Annotated[float | None, typer.Option("--budget", min=0, metavar="USD", help="Spend no more than this.")]
MaxCalls = Annotated[int | None, typer.Option("--max-calls", min=0, metavar="N", help="Make no more calls than this.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="What all randomness follows from.")]
Workers = Annotated[int | None, typer.Option("--workers", min=1, max=512, help="Calls at the same time.")]
Importer = Annotated[
    str, typer.Option("--from", metavar="NAME", help="The importer that reads every row.", show_default="recognised")
]
Columns = Annotated[
    list[str] | None, typer.Option("--map", metavar="FIELD=COLUMN", help="Where a table holds a field; repeat it.")
]
StackFile = Annotated[
    str | None, typer.Option("--stack", metavar="FILE|DIGEST", help="A stack instead of the frozen or the prompt one.")
]
LedgerAt = Annotated[
    str | None,
    typer.Option(
        "--ledger",
        metavar="FILE|URL",
        help="A ledger instead of the task's own: a file, or postgresql+psycopg://HOST/NAME. SUFFICE_LEDGER does too.",
    ),
]
