"""Progress with ETA and money, on stderr, and only when that is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .say import console

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

Report = Callable[[Any], object]
"""Takes a `run.Progress`, or a text that says what is going on."""


@contextmanager
def meter(title: str) -> Iterator[Report | None]:
    """What a verb reports to; None where nobody is watching."""
    if not sys.stderr.isatty():
        yield None
        return
    with _bars() as bars:
        task = bars.add_task(title, total=None, money="")
        yield lambda event: _moved(bars, task, event)


def _bars() -> Bars:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[money]}", style="dim", markup=False),
        console=console(stderr=True),
        transient=True,
        refresh_per_second=8,
    )


def _moved(bars: Bars, task: Any, event: Any) -> None:
    if isinstance(event, str):
        bars.update(task, description=event, completed=0, total=None, money="")
        return
    left = "" if event.eta is None else f"{event.eta:.0f} s left · "
    spent = f"{left}{event.calls} calls · ${event.usd:.4f}"
    bars.update(task, completed=event.done, total=event.total, money=spent)
