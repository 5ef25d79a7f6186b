"""Export: what a task would teach, in a platform's own form, or a trained adapter in the form of another tool."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, cast

from .artifacts import Artifacts, write_whole
from .curate import deserving, gather, judging_of
from .data import likeness
from .demonstrations import Choice, Demonstration, demonstrations, read, write
from .duplicates import Quotes
from .errors import InputError
from .exporter import Exporter
from .jobs import findings, platform_of
from .lean import lean
from .model import Model
from .personal import SECRETS, marks
from .platform import Estimate, Misfit, Order, Platform, estimate
from .plugins import find, name_of, names
from .rows import jsonl, listed
from .stack import Stack
from .task import Task
from .terms import terms_of
from .types import Message

Personal = Literal["keep", "refuse"]
"""What becomes of rows with personal data: they go as they are, or are left out. Rows with secrets never go."""

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
    personal: int = 0
    """Rows among them that hold personal data."""
    left_out: int = 0

    @property
    def refused(self) -> bool:
        """Whether the platform would refuse the data."""
        return any(m.fatal for m in self.misfits)


def targets() -> tuple[str, ...]:
    """What can be exported for."""
    return (NEUTRAL, *names("platforms"), *names("exporters"))


@dataclass(frozen=True, slots=True)
class Lessons:
    """The rows that a task would teach, and what there is to say of them before they go anywhere."""

    rows: tuple[Demonstration, ...]
    left_out: int = 0
    """Examples or rows that would teach nothing, or must not: they repeat others or what judges, or hold a secret."""

    @property
    def personal(self) -> int:
        """Rows that hold personal data: what is asked and replied, not what every row is instructed."""
        return sum(map(_personal, self.rows))


def export(
    task: Task,
    target: str,
    stack: Stack,
    out: Path,
    *,
    data: Path | None = None,
    model: str = "",
    personal: Personal = "keep",
) -> Exported:
    """Write files for `target` into `out`, each whole.

    For a platform: the rows of `data`, or what the task's pool would teach over `stack`, in the platform's form,
    checked by its rules for the base `model`. For a tool: the adapter of the stack.
    """
    if target in names("exporters"):
        return _weights(target, stack, out)
    if target != NEUTRAL and target not in names("platforms"):
        known = ", ".join(targets())
        raise InputError(f"nothing is known of `{target}`", hint=f"known: {known}")
    found = lessons(task, stack, data, personal)
    if target == NEUTRAL:
        path = out / "train.jsonl"
        write_whole(path, write(found.rows))
        made = Exported(target, (path,), len(found.rows))
    else:
        made = _data(platform_of(target, task.folder), target, found.rows, Order(model, 1), out, task.folder)
    return replace(made, personal=found.personal, left_out=found.left_out)


def taught_rows(
    task: Task, stack: Stack, data: Path | None = None, personal: Personal = "keep"
) -> tuple[Demonstration, ...]:
    """The rows of `lessons` alone."""
    return lessons(task, stack, data, personal).rows


def lessons(task: Task, stack: Stack, data: Path | None = None, personal: Personal = "keep") -> Lessons:
    """The rows of a neutral file, or what the task's pool would teach beneath the stack's adapter.

    Never items that judge, never a secret: pool leaves them out, a file that holds some is refused. Without an adapter
    in the stack, its examples and long prompt are left out: they are what is to be learned.
    """
    found = _pool(task, stack) if data is None else Lessons(_read(data, task))
    if personal == "keep":
        return found
    kept = tuple(row for row in found.rows if not _personal(row))
    if not kept:
        raise InputError("every row holds personal data", hint="`suffice data curate` masks it; or --personal keep")
    return Lessons(kept, found.left_out + len(found.rows) - len(kept))


def _pool(task: Task, stack: Stack) -> Lessons:
    below = beneath(stack) if "adapter" in stack.names else lean(stack, task)
    pool = deserving(task.parts.pool, task)
    rows = demonstrations(below, pool, {c.id: c.provenance for c in gather(task).candidates})
    clean = tuple(row for row in rows if not secrets_of(row))
    if rows and not clean:
        told = f"the prompt around every row holds {', '.join(secrets_of(rows[0]))}"
        raise InputError(told, hint="take it out of the prompt or the documents, and change it where it is valid")
    return Lessons(clean, len(task.parts.pool) - len(pool) + len(rows) - len(clean))


def _read(data: Path, task: Task) -> tuple[Demonstration, ...]:
    rows = read(data)
    if leaked := _leaked(rows, task):
        parts = "test or edge, or of what confirms" if task.confirmation else "test or edge"
        told = f"{len(leaked)} rows are items of {parts}, such as `{leaked[0]}`"
        raise InputError(told, file=str(data), hint="`suffice data curate` leaves them out")
    _refuse_secrets(data, rows)
    return rows


def _refuse_secrets(data: Path, rows: Sequence[Demonstration]) -> None:
    held = [(line, secrets_of(row)) for (line, _), row in zip(jsonl(data), rows, strict=True)]
    if told := [(line, f"the row holds {', '.join(kinds)}") for line, kinds in held if kinds]:
        raise listed(data, told)


def secrets_of(row: Demonstration | Choice) -> list[str]:
    """The kinds of secrets anywhere in a row: in what is instructed, asked and replied, and in its tools."""
    replies, tools = ((row.reply,), row.tools) if isinstance(row, Demonstration) else ((row.chosen, row.rejected), ())
    told = (json.dumps([tool.description, dict(tool.parameters)], ensure_ascii=False) for tool in tools)
    return sorted(SECRETS & {kind for text in (*_texts((*row.messages, *replies)), *told) for kind in _kinds(text)})


def _personal(row: Demonstration) -> bool:
    said = (m for m in (*row.messages, row.reply) if m.role != "system")
    return any(_kinds(text) for text in _texts(said))


def _texts(messages: Iterable[Message]) -> Iterator[str]:
    """What messages say, the arguments of their calls included."""
    for message in messages:
        yield message.content
        yield from (json.dumps(dict(call.arguments), ensure_ascii=False) for call in message.tool_calls)


@lru_cache(maxsize=256)
def _kinds(text: str) -> frozenset[str]:
    return frozenset(mark.kind for mark in marks(text))


def _leaked(rows: tuple[Demonstration, ...], task: Task) -> list[str]:
    """Rows that are an example that judges, that ask what one asks, or that hold its question word for word.

    The task's own rows may hold a question of test among more words: its split has kept what is nearly the same apart.
    """
    judging = judging_of(task)
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
        raise InputError(
            "the stack has no adapter", hint="`suffice train FOLDER` makes one; then --stack FOLDER/tuned.yaml"
        )
    kept = Artifacts(Path(adapter.folder) / ".suffice" / "artifacts").path(digest)  # type: ignore[union-attr]
    exporter = cast(Exporter, find("exporters", target)())
    return Exported(target, tuple(exporter.export(kept, cast(Model, stack.model), out)))
