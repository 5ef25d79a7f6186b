"""`suffice run`: a stack over the task's examples."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from .options import AsJson, Folder, MaxCalls, Seed, StackFile, Usd, Workers
from .say import tell

if TYPE_CHECKING:
    from rich.console import Console

    from ..data import Dataset
    from ..record import Run
    from ..task import Task
    from ..types import Json

Part = Annotated[
    Literal["dev", "test", "edge", "all"],
    typer.Option("--part", help="Which examples. Looking at test again and again wears it out."),
]


def run(
    folder: Folder = Path(),
    stack: StackFile = None,
    part: Part = "dev",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write the outputs as JSONL, for `compare`.")] = None,
    budget: Usd = None,
    max_calls: MaxCalls = None,
    workers: Workers = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Run the frozen stack, or the prompt where nothing is frozen, over dev; what is known is not asked again."""
    from ..load import load
    from ..outputs import write
    from ..run import run as measure
    from .progress import meter
    from .standing import budget_of, ledger_of, standing

    task = load(folder, seed=seed)
    asked, source = standing(task, stack)
    with ledger_of(task) as ledger, meter(f"run {part}") as bar:
        made = measure(
            asked,
            part_of(task, part),
            ledger=ledger,
            budget=budget_of(budget, max_calls),
            workers=workers,
            progress=bar.progress,
        )
    if out:
        write(out, made.records)
    tell(as_json, {**_body(made), "stack": source, "part": part}, lambda screen: _show(made, source, part, screen))


def part_of(task: Task, part: str) -> Dataset:
    """The examples of a part; an empty one is an error."""
    from ..errors import InputError

    parts = task.parts
    known = {"dev": parts.dev, "test": parts.test, "edge": parts.edge, "all": task.dataset}
    if not len(known[part]):
        raise InputError(f"the task has no {part} examples", hint="mark some with `split` or `partition`")
    return known[part]


def _body(made: Run) -> dict[str, Json]:
    answered = [r.answer for r in made.records if r.answer is not None]
    costs = [a.cost for a in answered]
    return {
        "run": made.id,
        "stack_digest": made.stack.digest,
        "n": len(made.records),
        "quality": made.quality,
        "solved": sum(r.passed for r in made.records),
        "failed": sum(r.answer is None for r in made.records),
        "unjudged": len(made.unjudged),
        "cached": sum(r.cached for r in made.records),
        "usd": None if None in costs else sum(c or 0.0 for c in costs),
        "records": [{"id": r.id, "score": r.value, "reason": r.score.reason, "error": r.error} for r in made.records],
    }


def _show(made: Run, source: str, part: str, screen: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    body = _body(made)
    quality = "–" if made.quality is None else f"{made.quality:.3f}"
    extra = "".join(f", {body[key]} {key}" for key in ("failed", "unjudged", "cached") if body[key])
    told = f" on {body['n']} {part} examples ({body['solved']} solved{extra}); {source} stack"
    screen.print(Text.assemble((quality, "bold"), told))
    missed = [r for r in made.records if not r.passed][:10]
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("not solved", "score", "why"):
        table.add_column(name, overflow="fold")
    for record in missed:
        shown = "–" if record.value is None else f"{record.value:.2f}"
        table.add_row(_plain(record.id), shown, _plain(record.error or record.score.reason))
    if missed:
        screen.print(table)


def _plain(text: str) -> str:
    return " ".join(text.split())[:200]
