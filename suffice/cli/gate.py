"""`suffice gate`: two recorded outputs, and whether the second may replace the first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import AsJson, Seed
from .say import tell

if TYPE_CHECKING:
    from rich.console import Console

    from ..data import Example
    from ..gate import Gated
    from ..task import Task

STYLE = {"not_worse": ("passed", "green"), "worse": ("failed: worse", "red"), "undecided": ("cannot tell", "yellow")}


def gate(
    before: Annotated[Path, typer.Argument(help="Recorded outputs, JSONL of {id, output} or {id, score}.")],
    after: Annotated[Path, typer.Argument(help="The same for the change that asks to pass.")],
    task: Annotated[Path | None, typer.Option("--task", "-t", help="The task folder whose scorer judges.")] = None,
    margin: Annotated[float, typer.Option("--margin", help="The loss that is tolerated.")] = 0.05,
    alpha: Annotated[float, typer.Option("--alpha", help="The error that is accepted.")] = 0.05,
    allow_undecided: Annotated[bool, typer.Option("--allow-undecided", help='Let "cannot tell" pass.')] = False,
    junit: Annotated[Path | None, typer.Option("--junit", metavar="FILE", help="Write JUnit XML.")] = None,
    markdown: Annotated[
        Path | None, typer.Option("--markdown", metavar="FILE", help="Append a summary, as to $GITHUB_STEP_SUMMARY.")
    ] = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Exit 0 only if what comes after is proven not worse by the margin; 1 if it is worse, or cannot be told."""
    from ..gate import judged
    from .recorded import judging, sides

    judge = judging(task, seed)
    old, new, examples = sides(before, after, judge)
    found = judged(old, new, examples, margin=margin, alpha=alpha, seed=seed, notes=_notes(judge, examples))
    passed = found.decision == "not_worse" or (found.decision == "undecided" and allow_undecided)
    _write(found, junit, markdown, allow_undecided)
    body = {"passed": passed, "allow_undecided": allow_undecided, "gate": found}
    tell(as_json, body, lambda screen: _show(found, passed, screen))
    if not passed:
        raise typer.Exit(1)


def _notes(task: Task | None, examples: Sequence[Example]) -> list[str]:
    if task is None:
        return ["no task was given: every item is taken to stand alone, in one partition"]
    missing = len(task.dataset) - len(examples)
    return [f"the files answer {len(examples)} of the task's {len(task.dataset)} examples"] if missing else []


def _write(found: Gated, junit: Path | None, markdown: Path | None, allow_undecided: bool) -> None:
    from ..artifacts import write_whole
    from ..report.junit import junit as as_junit
    from ..report.markdown import markdown as as_markdown

    if junit is not None:
        write_whole(junit, as_junit(found, allow_undecided=allow_undecided))
    if markdown is not None:
        markdown.parent.mkdir(parents=True, exist_ok=True)
        with markdown.open("a", encoding="utf-8", newline="\n") as file:
            file.write(("\n" if file.tell() else "") + as_markdown(found, allow_undecided=allow_undecided))


def _show(found: Gated, passed: bool, screen: Console) -> None:
    """The answer, then for each partition why, with the numbers."""
    from rich.text import Text

    from ..report.junit import numbers

    word, colour = STYLE[found.decision]
    let = " (allowed)" if passed and found.decision == "undecided" else ""
    screen.print(Text(f"gate {word}{let}" if found.decision != "undecided" else f"{word}{let}", style=f"bold {colour}"))
    for part in found.parts:
        screen.print(Text(f"{part.partition}: {part.reason}", style=STYLE[part.decision][1]))
        screen.print(f"  {numbers(part)}")
        if part.lost:
            more = f" and {part.losses - 5} more" if part.losses > 5 else ""
            screen.print("  worse: " + ", ".join(" ".join(one.id.split())[:60] for one in part.lost[:5]) + more)
    for note in found.notes:
        screen.print(Text(note, style="dim"))
