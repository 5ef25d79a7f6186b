"""Shown: what may leave an audit. Every text from a log passes here: secrets are masked, lengths bounded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from .. import secrets
from ..exchange import Exchange
from ..types import Json
from .found import Shown

SHORT, LONG = 280, 600
WINDOW = 20_000
"""Characters looked at beyond those shown, so that no secret is cut before it is recognised."""
_IMPERSONAL: ContextVar[bool] = ContextVar("impersonal", default=False)


@contextmanager
def impersonal(wanted: bool = True) -> Iterator[None]:
    """Inside, e-mail addresses and telephone numbers are masked too."""
    token = _IMPERSONAL.set(wanted)
    try:
        yield
    finally:
        _IMPERSONAL.reset(token)


def mask(text: str) -> str:
    """The text with its secrets masked, and what is personal where that was asked for."""
    made = secrets.masked(text)
    return secrets.impersonal(made) if _IMPERSONAL.get() else made


def masked(value: Json, key: str = "") -> Json:
    """JSON with the secrets in its texts masked, those too that only the key they stand under tells."""
    if isinstance(value, str):
        named, told = f"{key}: ", mask(f"{key}: {value}") if key else ""
        return told.removeprefix(named) if told.startswith(named) else mask(value)
    if isinstance(value, Mapping):
        return {mask(str(name)): masked(item, str(name)) for name, item in value.items()}
    return [masked(item, key) for item in value] if isinstance(value, list | tuple) else value


def clean(text: str, most: int = SHORT) -> str:
    """The text with its secrets masked, cut to `most` characters. Masked first: half a secret is still one."""
    made = mask(text[: 4 * most + WINDOW])
    return made if len(made) <= most else made[: most - 1].rstrip() + "…"


def shown(e: Exchange, why: str = "") -> Shown:
    """An exchange in a few lines."""
    asked = e.messages[-1].content if e.messages else ""
    if e.error:
        replied = f"error: {e.error}"
    elif e.reply is None:
        replied = ""
    else:
        replied = e.reply.content or ", ".join(f"calls {call.name}" for call in e.reply.tool_calls)
    return Shown(clean(e.id, 80), clean(asked, LONG), clean(replied, LONG), clean(why, 120))
