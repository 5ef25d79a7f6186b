"""Export: what a task would teach, in a platform's own form, or a trained adapter in the form of another tool."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from .artifacts import Artifacts, write_whole
from .data import likeness
from .demonstrations import Demonstration, demonstrations, read, write
from .duplicates import Quotes
from .errors import InputError
from .exporter import Exporter
from .jobs import findings, platform_of
from .lean import lean
from .model import Model
from .platform import Estimate, Misfit, Order, Platform, estimate
from .plugins import find, name_of, names
from .stack import Stack
from .task import Task
from .terms import terms_of

NEUTRAL = "jsonl"
"""The target that is nobody's: chat JSONL with where each row comes from."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written; nothing, where the platform would refuse the data."""

    target: str
    files: tuple[Path, ...]
    rows: int = 0
    misfits: tuple[Misfit, ...] = ()
    estimate: Estimate | None = None

    @property
    def refused(self) -> bool:
        """Whether the platform would refuse the data."""
        return any(m.fatal for m in self.misfits)


def targets() -> tuple[str, ...]:
    """What can be exported for."""
    return (NEUTRAL, *names("platforms"), *names("exporters"))


def export(task: Task, target: str, stack: Stack, out: Path, *, data: Path | None = None, model: str = "") -> Exported:
    """Write files for `target` into `out`, each whole.

    For a platform: the rows of `data`, or what the task's pool would teach over `stack`, in the platform's form,
    checked by its rules for the base `model`. For a tool: the adapter of the stack.
    """
    if target in names("exporters"):
        return _weights(target, stack, out)
    if target != NEUTRAL and target not in names("platforms"):
        known = ", ".join(targets())
        raise InputError(f"nothing is known of `{target}`", hint=f"known: {known}")
    rows = taught_rows(task, stack, data)
    if target == NEUTRAL:
        path = out / "train.jsonl"
        write_whole(path, write(rows))
        return Exported(target, (path,), len(rows))
    return _data(platform_of(target, task.folder), target, rows, Order(model, 1), out, task.folder)


def taught_rows(task: Task, stack: Stack, data: Path | None = None) -> tuple[Demonstration, ...]:
    """The rows of a neutral file, or what the task's pool would teach beneath the stack's adapter; never test items.

    Without an adapter in the stack, its examples and long prompt are left out: they are what is to be learned.
    """
    if data is None:
        below = beneath(stack) if "adapter" in stack.names else lean(stack, task)
        return demonstrations(below, task.parts.pool)
    rows = read(data)
    if leaked := _leaked(rows, task):
        told = f"{len(leaked)} rows are items of test or edge, such as `{leaked[0]}`"
        raise InputError(told, file=str(data), hint="`suffice data curate` leaves them out")
    return rows


def _leaked(rows: tuple[Demonstration, ...], task: Task) -> list[str]:
    """Rows that are an example of test or edge, that ask what one asks, or that hold its question word for word.

    The task's own rows may hold a question of test among more words: its split has kept what is nearly the same apart.
    """
    judging = [e for part in (task.parts.test, task.parts.edge) for e in part]
    ids, asked = {e.id for e in judging}, {likeness(e.text) for e in judging} - {""}
    quotes, own = Quotes({e.id: e.text for e in judging}), {e.id for e in task.parts.dev}
    found = []
    for row in rows:
        mine, said = row.provenance.origin == "examples", row.messages[-1].content if row.messages else ""
        quoting = not (mine and row.id in own) and bool(quotes.within(said))
        if (mine and row.id in ids) or likeness(said) in asked or quoting:
            found.append(row.id)
    return found


def beneath(stack: Stack) -> Stack:
    """What the stack's adapter stands on."""
    at = stack.names.index("adapter")
    return replace(stack, layers=stack.layers[at + 1 :])


def _data(
    platform: Platform, target: str, rows: tuple[Demonstration, ...], order: Order, out: Path, folder: Path
) -> Exported:
    found = tuple(m for m in findings(platform, rows, order) if order.model or m.what != "no base model is named")
    told = estimate(rows, order, terms_of(target, folder))
    if any(m.fatal for m in found):
        return Exported(target, (), len(rows), found, told)
    path = out / "train.jsonl"
    write_whole(path, platform.data(rows))
    files = [path]
    if not platform.starts:
        files.append(out / "train.py")
        write_whole(files[-1], cast(Any, platform).script(order))
    return Exported(target, tuple(files), len(rows), found, told)


def _weights(target: str, stack: Stack, out: Path) -> Exported:
    adapter = next((x for x in stack.layers if name_of(type(x)) == "adapter"), None)
    digest = getattr(adapter, "adapter", "")
    if not digest:
        raise InputError("the stack has no adapter", hint="`suffice climb` or `suffice train` makes one")
    kept = Artifacts(Path(adapter.folder) / ".suffice" / "artifacts").path(digest)  # type: ignore[union-attr]
    exporter = cast(Exporter, find("exporters", target)())
    return Exported(target, tuple(exporter.export(kept, cast(Model, stack.model), out)))
