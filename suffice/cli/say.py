"""What a command says: a JSON document, or something a person reads."""

from __future__ import annotations

import codecs
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from ..digest import plain
from ..types import Json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console
    from rich.segment import Segment
    from rich.text import Text

UNSEEN = dict.fromkeys(
    (*range(9), *range(11, 32), *range(127, 160), *range(0x202A, 0x202F), *range(0x2066, 0x206A)),
    "\N{REPLACEMENT CHARACTER}",
)
"""Control characters but tab and newline, which would steer a terminal, and those that turn its text around."""
PLAINER = {"≥": ">=", "≤": "<=", "–": "-", "−": "-", "→": "->", "…": "...", "·": "*", "✓": "+", "✗": "x", "⊘": "!"}
"""What a terminal sees instead that cannot show them; blocks become #, everything else ?."""

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
    text = json.dumps(plain(body), indent=2, ensure_ascii=False, allow_nan=False)
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        text = json.dumps(plain(body), indent=2, allow_nan=False)
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def console(*, stderr: bool = False) -> Console:
    """Where people read: NO_COLOR and a missing terminal are honoured; what others wrote is shown, never obeyed."""
    from rich.console import Console
    from rich.segment import Segment

    class Screen(Console):
        def render_str(self, text: str, **kwargs: Any) -> Text:
            return super().render_str(text.translate(UNSEEN), **kwargs)

        def render(self, *args: Any, **kwargs: Any) -> Iterable[Segment]:
            for part in super().render(*args, **kwargs):
                yield part if part.control else Segment(part.text.translate(UNSEEN), part.style)

    return Screen(stderr=stderr, highlight=False, markup=False, emoji=False)


def in_a_line(text: str) -> str:
    """A text that others wrote in one line, so that none of it can pass for a line of ours."""
    return " ".join(text.split())


def any_encoding() -> None:
    """From now on, nothing fails because a terminal cannot show a character."""
    codecs.register_error("plainer", _plainer)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="plainer")


def _plainer(wrong: UnicodeError) -> tuple[str, int]:
    if not isinstance(wrong, UnicodeEncodeError):
        raise wrong
    hidden = wrong.object[wrong.start : wrong.end]
    return "".join(PLAINER.get(c, "#" if "▀" <= c <= "▟" else "?") for c in hidden), wrong.end


def red(error: Mapping[str, Json]) -> None:
    """One clean red line, and below it what to do."""
    from rich.text import Text

    where = ":".join(str(part) for part in (error["file"], error["line"]) if part is not None)
    screen = console(stderr=True)
    screen.print(Text(f"{where}: {error['message']}" if where else str(error["message"]), style="red"), soft_wrap=True)
    if error["hint"]:
        screen.print(Text(f"  → {error['hint']}", style="dim"), soft_wrap=True)
