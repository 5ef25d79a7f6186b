"""Progress with ETA and money, on stderr, and only when that is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .say import console

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

    from ..run import Progress


class Meter:
    """What verbs report to; silent where nobody is watching."""

    def __init__(self, bars: Bars | None, title: str) -> None:
        self._bars = bars
        self._task = bars.add_task(title, total=None, money="") if bars else None

    def progress(self, event: Progress) -> None:
        """How far a run is."""
        if self._bars is not None and self._task is not None:
            left = "" if event.eta is None else f"{event.eta:.0f} s left · "
            money = f"{left}{event.calls} calls · ${event.usd:.4f}"
            self._bars.update(self._task, completed=event.done, total=event.total, money=money)

    def watch(self, stage: str, event: Progress | None) -> None:
        """Which stage a climb is in, and how far that is."""
        if self._bars is None or self._task is None:
            return
        self._bars.update(self._task, description=stage)
        if event is None:
            self._bars.update(self._task, completed=0, total=None, money="")
        else:
            self.progress(event)


@contextmanager
def meter(title: str) -> Iterator[Meter]:
    """A bar on stderr while the block runs."""
    if not sys.stderr.isatty():
        yield Meter(None, title)
        return
    with _bars() as bars:
        yield Meter(bars, title)


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
