"""`suffice audit`: what a log of production traffic says, what to try first, and which requests to label."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import InputError
from .logged import columns_of, no_call, unread
from .options import AsJson, Columns, Importer, Seed
from .say import tell

if TYPE_CHECKING:
    from ..audit.choose import Selection
    from ..audit.collect import Collector
    from ..audit.folder import Written
    from ..audit.found import Audit
    from ..exchange import Exchange
    from ..logs import Logs

EVERY, LARGE = 64, 4_000_000
"""Exchanges, and bytes, that are read before they are looked at."""


def audit(
    logs: Annotated[list[str], typer.Argument(metavar="LOGS", help="Files, folders, or - for standard input.")],
    form: Importer = "",
    columns: Columns = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FOLDER", help="Write audit.html and audit.json there.")
    ] = None,
    task: Annotated[
        Path | None, typer.Option("--task", "-t", metavar="FOLDER", help="Write a task folder of requests to label.")
    ] = None,
    stage: Annotated[
        str | None, typer.Option("--stage", metavar="NAME", help="Whose requests to label. Default: the busiest.")
    ] = None,
    examples: Annotated[int, typer.Option("--examples", min=10, max=1000, metavar="N", help="How many.")] = 100,
    impersonal: Annotated[
        bool, typer.Option("--impersonal", help="Mask e-mail addresses and telephone numbers too.")
    ] = False,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Read logs of production traffic: failures, latency, cost, prompts, drift, and what to try first."""
    from ..audit.conclude import conclude
    from ..audit.found import body_of
    from ..audit.shown import impersonal as impersonally
    from ..digest import plain

    if task is not None:
        from ..audit.folder import check_free

        check_free(task)
    collected, unused = _collected(logs, form, columns_of(columns or ()), seed)
    with impersonally(impersonal):
        found = conclude(collected, [str(name) for name in logs])
        made = _task(collected, task, stage, examples, seed) if task else None
    files = _write(found, out) if out else {}
    body = {**body_of(found), "rows_not_used": unused, "task": plain(made), "files": files}
    tell(as_json, body, lambda screen: _screen(found, made, files, screen))


def _screen(found: Audit, made: Written | None, files: Mapping[str, str], screen: object) -> None:
    from .audited import show

    show(found, made, files, screen)  # type: ignore[arg-type]  # a rich Console, imported late


def _collected(
    logs: Sequence[str], form: str, columns: Mapping[str, str], seed: int
) -> tuple[Collector, list[dict[str, object]]]:
    """One pass over the logs, and the rows that were of no use, by reason with where the first ones stand."""
    from ..audit.collect import Collector
    from ..logs import Logs
    from .progress import bytes_meter

    read = Logs(logs, form, columns)
    collected = Collector(seed=seed)
    with bytes_meter("audit") as step:
        _pass(read, collected, step)
    for reason, rows in read.unusable.items():
        collected.skip(reason, rows.count)
    if not collected.calls and not collected.others:
        raise no_call(read)
    return collected, unread(read)


def _pass(read: Logs, collected: Collector, step: Callable[[int, int], None]) -> None:
    """Read some, then look at them: taking turns at every call costs a tenth more. Large ones wait for no others."""
    waiting: list[Exchange] = []
    then = 0
    for exchange in read:
        waiting.append(exchange)
        if len(waiting) >= EVERY or read.read - then > LARGE:
            then = read.read
            collected.take(waiting)
            waiting.clear()
            step(then, read.size)
    collected.take(waiting)


def _task(collected: Collector, folder: Path, stage: str | None, examples: int, seed: int) -> Written:
    from ..audit.folder import write

    return write(folder, _chosen(collected, stage, examples, seed))


def _chosen(collected: Collector, stage: str | None, examples: int, seed: int) -> Selection:
    from ..audit.choose import choose, stages
    from ..audit.shown import clean

    known = stages(collected)
    if stage is not None and stage not in known:
        shown = ", ".join(clean(name, 60) for name in known[:20])
        raise InputError(f"no stage is called `{stage}`", hint=f"known: {shown}")
    if not known:
        raise InputError("the log holds no call of a model, so there is nothing to label")
    return choose(collected, stage or known[0], examples, seed=seed)


def _write(found: Audit, folder: Path) -> Mapping[str, str]:
    import json

    from ..artifacts import write_whole
    from ..audit.found import body_of
    from ..report.audited import render

    text = json.dumps(body_of(found), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    write_whole(folder / "audit.json", text.encode("utf-8", "replace"))
    page = render(body_of(found), folder / "audit.html")
    return {"page": str(page), "json": str(folder / "audit.json")}
