"""Formats: whether a reply is the JSON that was asked for, and if not, in what way."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

import orjson

from ..contract import validator
from ..exchange import Exchange
from ..types import Json

Asked = Literal["", "structured", "words"]
"""Whether JSON was asked for: by the API's structured output, or in the words of a prompt."""

MOST = 512
"""Schemas, and first messages, whose reading is remembered."""
_WORDS = re.compile(
    r"\b(?:reply|respond|return|output|answer|produce|generate|provide|emit|write|give)\w*\b[^.\n]{0,80}\bjson\b"
    r"|\b(?:valid|only|strict|raw) json\b|\bjson only\b",
    re.IGNORECASE,
)


class Formats:
    """Remembers schemas and prompts that were met before, so that a call costs microseconds."""

    def __init__(self) -> None:
        self._validators: dict[bytes, Any] = {}
        self._worded: dict[str, bool] = {}

    def asked(self, exchange: Exchange) -> Asked:
        """How JSON was asked for in this call, if it was; a reply of tool calls is held to the tools instead."""
        reply = exchange.reply
        if reply is None or (reply.tool_calls and not reply.content):
            return ""
        if exchange.schema is not None:
            return "structured"
        return "words" if exchange.messages and self._in_words(exchange.messages[0].content) else ""

    def broken(self, text: str, schema: Mapping[str, Json] | None, *, cut: bool = False) -> str:
        """In what way the reply is not the JSON that was asked for; empty where it is."""
        try:
            value = orjson.loads(text)
        except ValueError:
            return "cut off" if cut else _how(text)
        found = self._validator(schema) if schema else None
        return "" if found is None or found.is_valid(value) else "breaks its schema"

    def _in_words(self, prompt: str) -> bool:
        if "JSON" not in prompt and "json" not in prompt:
            return False
        known = self._worded.get(prompt)
        if known is None:
            known = bool(_WORDS.search(prompt[:100_000]))
            if len(self._worded) < MOST and len(prompt) < 100_000:
                self._worded[prompt] = known
        return known

    def _validator(self, schema: Mapping[str, Json]) -> Any:
        """The schema's validator; None of what is no schema, which no reply can be blamed for."""
        try:
            key = orjson.dumps(schema)
        except TypeError:  # deeper than any schema
            return None
        if key not in self._validators:
            if len(self._validators) >= MOST:
                self._validators.clear()
            try:
                self._validators[key] = validator(schema)
            except ValueError:
                self._validators[key] = None
        return self._validators[key]


def _how(text: str) -> str:
    if not text.strip():
        return "empty"
    bare = text.strip()
    if bare.startswith("```") and bare.endswith("```") and len(bare) > 6:
        return "in a code fence"
    if "{" not in text and "[" not in text:
        return "no JSON at all"
    return "does not parse" if bare[0] in "{[" and bare[-1] in "}]" else "text around it"
