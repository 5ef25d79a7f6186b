"""Shown: what may leave an audit. Every text from a log passes here: secrets are masked, lengths bounded."""

from __future__ import annotations

from collections.abc import Mapping

from ..exchange import Exchange
from ..secrets import masked as mask
from ..types import Json
from .found import Shown

SHORT, LONG = 280, 600


def masked(value: Json, key: str = "") -> Json:
    """JSON with the secrets in its texts masked, those too that only the key they stand under tells."""
    if isinstance(value, str):
        named = f"{key}: "
        return mask(named + value).removeprefix(named) if key else mask(value)
    if isinstance(value, Mapping):
        return {mask(str(name)): masked(item, str(name)) for name, item in value.items()}
    return [masked(item, key) for item in value] if isinstance(value, list | tuple) else value


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
