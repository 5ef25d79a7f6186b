"""What a command says: a JSON document, or something a person reads."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from ..digest import plain
from ..types import Json

if TYPE_CHECKING:
    from rich.console import Console

_SAID: ContextVar[list[Json] | None] = ContextVar("said", default=None)


def say(body: Json) -> None:
    """Keep the JSON document until the command has ended."""
    held = _SAID.get()
    if held is None:
        write_json(body)
    else:
        held[:] = [body]


def tell(as_json: bool, body: Json, show: Callable[[Console], None]) -> None:
    """The one thing a command has to say, as JSON or for a person."""
    if as_json:
        say(body)
    else:
        show(console())


@contextmanager
def spoken() -> Iterator[list[Json]]:
    """What is said inside, for writing when everything else has gone to stderr."""
    held: list[Json] = []
    token = _SAID.set(held)
    try:
        yield held
    finally:
        _SAID.reset(token)


def write_json(body: Json) -> None:
    """One document on stdout."""
    unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    sys.stdout.write(json.dumps(plain(body), indent=2, ensure_ascii=not unicode, allow_nan=False) + "\n")
    sys.stdout.flush()


def console(*, stderr: bool = False) -> Console:
    """Where people read; NO_COLOR and a missing terminal are honoured."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False)


def red(error: Mapping[str, Json]) -> None:
    """One clean red line, and below it what to do."""
    from rich.text import Text

    where = ":".join(str(part) for part in (error["file"], error["line"]) if part is not None)
    screen = console(stderr=True)
    screen.print(Text(f"{where}: {error['message']}" if where else str(error["message"]), style="red"), soft_wrap=True)
    if error["hint"]:
        screen.print(Text(f"  → {error['hint']}", style="dim"), soft_wrap=True)
