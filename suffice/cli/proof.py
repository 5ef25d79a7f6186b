"""`suffice compare`, `verify` and `report`: two runs against each other, and a verdict checked and shown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import AsJson, MaxCalls, Seed, Usd
from .say import tell

if TYPE_CHECKING:
    from rich.console import Console

    from ..compare import Comparison
    from ..summary import Summary

VerdictFile = Annotated[Path, typer.Argument(help="A verdict.json, or the task folder that holds one.")]


OwnCode = Annotated[bool, typer.Option("--own-code", help="Run the Python of the verdict's own scorer.")]


def verify(verdict: VerdictFile = Path(), own_code: OwnCode = False, as_json: AsJson = False) -> None:
    """Recompute every number of a verdict from its records; exit 1 if one differs."""
    from ..verify import verify as check

    path = verdict_at(verdict)
    check(path, own_code=own_code)
    body = {"verified": True, "verdict": str(path)}
    tell(as_json, body, lambda screen: screen.print(f"{path}: every number recomputes from the records"))


def report(verdict: VerdictFile = Path(), as_json: AsJson = False) -> None:
    """Write the report page of a verdict again."""
    from ..errors import InputError
    from ..report import render
    from ..strict import read_json

    path = verdict_at(verdict)
    body = read_json(path, "verdict")
    if isinstance(body, dict) and body.get("kind") == "swap":
        raise InputError("a swap has no page", file=str(path), hint="swap.md beside it is the record")
    made = render(body, path.with_name("report.html"))
    tell(as_json, {"report": str(made)}, lambda screen: screen.print(f"report: {made}"))


def verdict_at(path: Path) -> Path:
    """The verdict.json that a path means."""
    from ..errors import InputError

    places = [path] if not path.is_dir() else [path / "verdict.json", path / ".suffice" / "verdict.json"]
    for place in places:
        if place.is_file():
            return place
    if path.name == "swap.json":
        raise InputError("no swap there", file=str(path), hint="`suffice swap FOLDER --model ADDRESS` writes one")
    raise InputError("no verdict there", file=str(path), hint="`suffice climb FOLDER` writes one")


def compare(
    before: Annotated[
        Path | None, typer.Argument(help="Recorded outputs, JSONL of {id, output} or {id, score}.")
    ] = None,
    after: Annotated[Path | None, typer.Argument(help="The same for the other side.")] = None,
    task: Annotated[Path | None, typer.Option("--task", "-t", help="The task folder whose scorer judges.")] = None,
    summary: Annotated[
        Path | None, typer.Option("--summary", help="Instead: published scores, a .csv of name,score,n; unpaired.")
    ] = None,
    baseline: Annotated[
        str | None, typer.Option("--baseline", help="The row of the summary that the others are compared with.")
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option("--labels", help="People's scores of outputs, JSONL: they decide where a model judges."),
    ] = None,
    sample: Annotated[
        int | None,
        typer.Option("--draw", min=1, metavar="ITEMS", help="Instead: draw items whose outputs people label."),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Where the outputs to label are written.")] = None,
    pairwise: Annotated[
        bool, typer.Option("--pairwise", help="Ask the judge in both orders, too, which output is better.")
    ] = False,
    alpha: Annotated[float, typer.Option(min=0.0001, max=0.5, help="The error that is accepted.")] = 0.05,
    budget: Usd = None,
    max_calls: MaxCalls = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Compare two recorded outputs pair by pair: lift, interval, and what may honestly be said."""
    from ..errors import InputError
    from . import labelled
    from .recorded import compared, judging

    if summary is not None and (before is not None or task is not None):
        raise InputError("a summary stands alone", hint="suffice compare --summary TABLE.csv [--baseline NAME]")
    if summary is not None:
        _summarised(summary, baseline, alpha, as_json)
    elif before is None or after is None or baseline is not None:
        what = "a baseline belongs to a summary" if baseline is not None else "two files are compared"
        raise InputError(what, hint="suffice compare BEFORE AFTER, or --summary TABLE.csv [--baseline NAME]")
    elif sample is not None or out is not None:
        sides = labelled.sides(before, after, judging(task, seed), scored=False)
        labelled.draw(sides, sample or 0, out, labels, seed=seed, as_json=as_json)
    elif labels is not None or pairwise or labelled.judges(before, after, judging(task, seed)):
        sides, caps = labelled.sides(before, after, judging(task, seed)), (budget, max_calls)
        labelled.decide(sides, labels, pairwise=pairwise, alpha=alpha, seed=seed, budget=caps, as_json=as_json)
    else:
        found = compared(before, after, judging(task, seed), alpha=alpha, seed=seed)
        tell(as_json, found, lambda screen: show_comparison(found, screen))


def _summarised(table: Path, baseline: str | None, alpha: float, as_json: bool) -> None:
    from ..summary import summary

    found = summary(table, baseline=baseline, alpha=alpha)
    tell(as_json, found, lambda screen: show_summary(found, screen))


def show_summary(found: Summary, screen: Console) -> None:
    """A row a system, and what such a table can say."""
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("system", "score", "n", "difference", "interval", "visible", "decision"):
        left = name in ("system", "decision")
        table.add_column(name, justify="left" if left else "right", no_wrap=not left, overflow="fold")
    table.add_row(f"{found.baseline.name} (baseline)", f"{found.baseline.score:.3f}", str(found.baseline.n))
    for row in found.rows:
        interval, word = f"[{row.low:+.3f}, {row.high:+.3f}]", row.decision.replace("undecided", "cannot tell")
        cells = (f"{row.score:.3f}", str(row.n), f"{row.lift:+.3f}", interval, f"{row.smallest_visible_effect:.3f}")
        table.add_row(row.name, *cells, word)
    screen.print(table)
    rows = "" if len(found.rows) == 1 else f", shared equally by {len(found.rows)} rows (Bonferroni)"
    screen.print(f"error {found.alpha:g}{rows}; {found.method}, approximate")
    screen.print("visible: the smallest difference that so many items show four times in five")
    screen.print(found.caution)
    for note in found.notes:
        screen.print(note)


def show_comparison(found: Comparison, screen: Console) -> None:
    """A comparison in three lines."""
    from rich.text import Text

    colour = {"better": "green", "worse": "red"}.get(found.decision, "yellow")
    words = {"better": "after is better", "worse": "after is worse", "undecided": "cannot tell"}[found.decision]
    lift = f": lift {found.lift:+.3f} [{found.low:+.3f}, {found.high:+.3f}]"
    screen.print(Text.assemble((words, colour), lift))
    screen.print(f"{found.n} pairs: {found.wins} won, {found.losses} lost, {found.ties} tied; {found.method}")
    if found.smallest_visible_effect is not None:
        screen.print(f"smallest effect that so many pairs could have shown: {found.smallest_visible_effect:.3f}")
    if found.permutation_p is not None:
        screen.print(f"second opinion, paired permutation test: p = {found.permutation_p:.4f}")
    if found.reason:
        screen.print(found.reason)
    if found.edge is not None:
        edge = found.edge
        screen.print(
            f"edge partition: {edge.lift:+.3f} [{edge.low:+.3f}, {edge.high:+.3f}] on {edge.n}, {edge.losses} lost"
        )
