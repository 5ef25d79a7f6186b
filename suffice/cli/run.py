"""`suffice run`: a stack over the task's examples."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ..digest import plain
from .options import AsJson, Folder, LedgerAt, MaxCalls, Seed, StackFile, Usd, Workers
from .say import tell

if TYPE_CHECKING:
    from rich.console import Console

    from ..again import Again
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
    repeat: Annotated[
        bool, typer.Option("--again", help="Ask it all once more, and compare the stack with itself.")
    ] = False,
    ledger_at: LedgerAt = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Run the frozen stack, or the prompt where nothing is frozen, over dev; what is known is not asked again."""
    from ..again import again
    from ..load import load
    from ..outputs import write
    from ..run import run as measure
    from .progress import meter
    from .standing import budget_of, ledger_of, standing

    task = load(folder, seed=seed)
    asked, source = standing(task, stack)
    chosen, twice = part_of(task, part), None
    with ledger_of(task, ledger_at) as ledger, meter(f"run {part}") as bar:
        how: dict[str, Any] = {
            "ledger": ledger,
            "budget": budget_of(budget, max_calls),
            "workers": workers,
            "progress": bar.progress,
        }
        if repeat:
            twice = again(asked, chosen, seed=seed, **how)
        made = twice.second if twice else measure(asked, chosen, **how)
    if out:
        write(out, made.records)
    body = {**_body(made), "stack": source, "part": part, "again": _again(twice) if twice else None}
    tell(as_json, body, lambda screen: _show(made, source, part, screen, twice))


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


def _again(twice: Again) -> dict[str, Json]:
    first, second, found = twice.first, twice.second, twice.comparison
    return {
        "first": {"run": first.id, "quality": first.quality},
        "second": {"run": second.id, "quality": second.quality},
        "times": twice.times,
        "reworded": list(twice.reworded),
        "rescored": list(twice.rescored),
        "comparison": plain(found),
    }


def _noise(twice: Again) -> str:
    """What the repeat shows, in a sentence."""
    n, found = len(twice.second.records), twice.comparison
    told = (
        f"asked again: {len(twice.reworded)} of {n} answers read differently, {len(twice.rescored)} score differently"
    )
    apart = f"second − first {found.lift:+.3f} [{found.low:+.3f}, {found.high:+.3f}]"
    word = {
        "undecided": "no difference shows, as it should be",
        "better": "the same stack seems better than itself: something beside it changed, or chance did this (5 %)",
        "worse": "the same stack seems worse than itself: something beside it changed, or chance did this (5 %)",
    }
    return f"{told}; {apart}: {word[found.decision]}"


def _show(made: Run, source: str, part: str, screen: Console, twice: Again | None = None) -> None:
    from rich.table import Table
    from rich.text import Text

    body = _body(made)
    quality = "–" if made.quality is None else f"{made.quality:.3f}"
    extra = "".join(f", {body[key]} {key}" for key in ("failed", "unjudged", "cached") if body[key])
    told = f" on {body['n']} {part} examples ({body['solved']} solved{extra}); {source} stack"
    screen.print(Text.assemble((quality, "bold"), told))
    if twice:
        screen.print(Text(_noise(twice)))
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
