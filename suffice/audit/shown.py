"""Shown: what may leave an audit. Every text from a log passes here: secrets are masked, lengths bounded."""

from __future__ import annotations

from collections.abc import Mapping

from ..exchange import Exchange
from ..types import Json
from .found import Shown

SHORT, LONG = 280, 600


def mask(text: str) -> str:
    return text


def masked_text(text: str) -> str:
    """The whole text with its secrets masked."""
    return mask(text)


def masked(value: Json) -> Json:
    """JSON with the secrets in its texts masked."""
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, Mapping):
        return {mask(str(key)): masked(item) for key, item in value.items()}
    return [masked(item) for item in value] if isinstance(value, list | tuple) else value


def clean(text: str, most: int = SHORT) -> str:
    """The text with its secrets masked, cut to `most` characters. Masked first: half a secret is still one."""
    masked = mask(text[: 4 * most + 2_000])
    return masked if len(masked) <= most else masked[: most - 1].rstrip() + "…"


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
