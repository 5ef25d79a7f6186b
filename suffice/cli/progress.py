"""Progress with ETA and money, on stderr, and only when that is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
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
        self._task = bars.add_task(title, total=None, spent="") if bars else None
        self._before = (0, 0.0)
        """Calls and dollars of the stages that are over."""
        self._now = (0, 0.0)

    def progress(self, event: Progress) -> None:
        """How far a run is."""
        if self._bars is None or self._task is None:
            return
        if event.calls < self._now[0]:
            self._before = self._spent()
        self._now = (event.calls, event.usd)
        calls, usd = self._spent()
        left = "" if event.eta is None else f"{event.eta:.0f} s left · "
        spent = f"{left}{calls} calls · ${usd:.4f}"
        self._bars.update(self._task, completed=event.done, total=event.total, spent=spent)

    def watch(self, stage: str, event: Progress | None) -> None:
        """Which stage a climb is in, and how far that is."""
        if self._bars is None or self._task is None:
            return
        self._bars.update(self._task, description=stage)
        if event is not None:
            self.progress(event)
            return
        self._before, self._now = self._spent(), (0, 0.0)
        self._bars.update(self._task, completed=0, total=None)

    def _spent(self) -> tuple[int, float]:
        return self._before[0] + self._now[0], self._before[1] + self._now[1]


@contextmanager
def meter(title: str) -> Iterator[Meter]:
    """A bar on stderr while the block runs."""
    if not sys.stderr.isatty():
        yield Meter(None, title)
        return
    with _bars() as bars:
        yield Meter(bars, title)


@contextmanager
def bytes_meter(title: str) -> Iterator[Callable[[int, int], None]]:
    """A bar of bytes on stderr, with MB/s and what is left, to be told bytes read and their number (0: unknown)."""
    if not sys.stderr.isatty():
        yield lambda _read, _size: None
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (BarColumn(bar_width=24), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    title_column = TextColumn("{task.description}", markup=False)
    with Progress(title_column, *columns, console=console(stderr=True), transient=True) as bars:
        task = bars.add_task(title, total=None)
        yield lambda read, size: bars.update(task, completed=read, total=size or None)


def _bars() -> Bars:
    from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
    from rich.text import Text

    class Done(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{task.completed:.0f}/{task.total:.0f}" if task.total else "")

    class Clock(ProgressColumn):
        """Time since the command began: it runs on when one of its stages is over."""

        def render(self, task: Task) -> Text:
            seconds = int(task.get_time() - (task.start_time or task.get_time()))
            return Text(f"{seconds // 60}:{seconds % 60:02d}", style="cyan")

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        Done(),
        Clock(),
        TextColumn("{task.fields[spent]}", style="dim", markup=False),
        console=console(stderr=True),
        transient=True,
        refresh_per_second=8,
    )
