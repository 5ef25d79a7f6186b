"""The stack a command asks: the one named, else the task's frozen stack, else its prompt over its model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..budget import Budget
    from ..ledger import Ledger
    from ..stack import Stack
    from ..task import Task


def standing(task: Task, named: str | None = None) -> tuple[Stack, str]:
    """The stack, and in a word where it comes from."""
    from ..asking import sampling_for
    from ..model import resolve
    from ..plugins import find
    from ..stack import Stack

    if named:
        return _named(named, task.folder), named
    for frozen in frozen_at(task):
        return Stack.load(frozen, folder=task.folder), "frozen"
    prompt = find("layers", "prompt").for_task(task)
    model = resolve(task.model, folder=task.folder)
    return Stack(model, (prompt,), sampling_for(task, task.parts.dev)), "prompt"


def _named(named: str, folder: Path) -> Stack:
    """The stack of that digest or file; the Python of one from outside the task's folder is not run."""
    from contextlib import nullcontext

    from ..errors import OwnCode
    from ..plugins import installed_only
    from ..stack import Stack

    strange = Path(named).is_file() and not Path(named).resolve().is_relative_to(folder.resolve())
    try:
        with installed_only() if strange else nullcontext():
            return Stack.load(named, folder=folder)
    except OwnCode as wrong:
        wrong.hint = f"read it; if you trust it, copy it and its Python into {folder}"
        raise


def frozen_at(task: Task) -> tuple[Path, ...]:
    """Where the stack that the last climb froze lies, if there is one."""
    return tuple(p for p in (task.folder / "stack.yaml", task.state / "stack.yaml") if p.is_file())


def ledger_of(task: Task, named: str | None = None) -> Ledger:
    """The ledger of that path or URL, else of SUFFICE_LEDGER, else the task's own."""
    from ..ledger import Ledger, place_of

    return Ledger.open(place_of(task.state, named))


def budget_of(usd: float | None, calls: int | None) -> Budget | None:
    """The caps, or None where there are none."""
    from ..budget import Budget

    return Budget(usd, calls) if usd is not None or calls is not None else None
