"""`suffice demo`: a climb over a task that comes with Suffice."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from ..errors import InputError
from .options import AsJson, MaxCalls, Seed, Usd
from .say import tell

MADE = (".suffice", "verdict.json", "report.html", "records.jsonl", "stack.yaml")
"""What a climb leaves in a task folder."""

Name = Annotated[str, typer.Option("--task", "-t", help="Which of the tasks that come with Suffice.")]


def demo(
    folder: Annotated[Path, typer.Argument(help="Where to put a copy of the task.")] = Path("suffice-demo"),
    task: Name = "triage",
    budget: Usd = None,
    max_calls: MaxCalls = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Copy a shipped task into a folder and climb it: no key, no account, a few minutes."""
    from ..load import load
    from . import show
    from .climb import climbed

    _copy(task, folder)
    verdict = climbed(load(folder, seed=seed), budget, max_calls)
    tell(as_json, verdict.body, lambda screen: show.verdict(verdict.body, screen, folder=verdict.folder))


def shipped() -> Path:
    """The example tasks: inside the installed package, or beside it in a working copy."""
    here = Path(__file__).parent.parent
    places = (here / "examples", here.parent / "examples")
    return next((place for place in places if place.is_dir()), places[0])


def _copy(name: str, folder: Path) -> None:
    """A folder that is already a copy is climbed again, so an interrupted demo goes on; nothing is overwritten."""
    source = shipped() / name
    if not (source / "suffice.yaml").is_file():
        known = ", ".join(sorted(p.parent.name for p in shipped().glob("*/suffice.yaml"))) or "none"
        raise InputError(f"no task called `{name}` comes with Suffice", hint=f"known: {known}")
    if (folder / "suffice.yaml").is_file():
        same = (folder / "suffice.yaml").read_bytes() == (source / "suffice.yaml").read_bytes()
        if not same:
            raise InputError("another task is there already", file=str(folder), hint="name another folder")
        return
    shutil.copytree(source, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*MADE))
