"""Spoilers: ways in which a right reply comes in the wrong form, and in which an input arrives damaged."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from urllib.parse import quote

Spoil = Callable[[str], str]


def _typed_wrong(text: str) -> str:
    """Numbers as texts."""
    return re.sub(r": (-?\d+)(?=[,}])", r': "\1"', text)


def _single(text: str) -> str:
    return text.replace("'", "’").replace('"', "'")


LABEL_FORMS: Mapping[str, Spoil] = {
    "sentence": lambda text: f"The label is {text}.",
    "reasons": lambda text: f'Going by the message, I would choose "{text}", because that fits best.',
    "bold": lambda text: f"**{text}**",
    "prefix": lambda text: f"Label: {text}",
    "fence": lambda text: f"```\n{text}\n```",
    "json_label": lambda text: json.dumps({"label": text}),
    "numbered": lambda text: f"1. {text}",
    "tagged": lambda text: f"<label>{text}</label>",
    "hyphens": lambda text: f"{text.replace('_', '-')} (confidence: 0.93)",
    "unsure": lambda text: f"{text}\n\nLet me know if you would like me to explain this choice!",
}
RECORD_FORMS: Mapping[str, Spoil] = {
    "fences": lambda text: f"```json\n{text}\n```",
    "prose": lambda text: f"Sure! Here is the record that you asked for:\n\n{text}\n\nI hope that this helps.",
    "comma": lambda text: text.rstrip().removesuffix("}") + ",}",
    "types": _typed_wrong,
    "single": _single,
    "literal": lambda text: repr(json.loads(text)) if text.startswith("{") else text,
    "commented": lambda text: text.replace("{", "{ // as read from the text\n", 1),
    "unclosed": lambda text: text.rstrip().removesuffix("}"),
    "twice": lambda text: json.dumps(text),
    "listed": lambda text: f"[{text}]",
}
SPOILT: Mapping[str, Spoil] = {**LABEL_FORMS, **RECORD_FORMS}

_ALIKE = str.maketrans("aceopxyiABCEHKMOPTX", "асеорхуіАВСЕНКМОРТХ")
_WIDE = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}


def _between(mark: str, every: int = 1) -> Spoil:
    """A mark after every so many letters."""

    def put(text: str) -> str:
        return re.sub(rf"(\w{{{every}}})(?=\w)", rf"\1{mark}", text)

    return put


def _tagged(text: str) -> str:
    inside = re.sub(r"(\w{2})(?=\w)", r"\1<wbr/>", text)
    return f'<div class="message"><span style="color:#222">{inside}</span></div>'


def _pairs(text: str) -> str:
    """Bytes of two letters read as one UTF-16 character."""
    raw = text.encode("ascii", "replace")
    return (raw + b" " * (len(raw) % 2)).decode("utf-16-le")


GARBLED: Mapping[str, Spoil] = {
    "nulls": lambda text: text.encode("utf-16-le").decode("latin-1"),
    "zero width": _between("\u200b"),
    "homoglyphs": lambda text: text.translate(_ALIKE),
    "controls": _between("\x08", 2),
    "markup": _tagged,
    "wide": lambda text: text.translate(_WIDE),
    "percent": lambda text: "".join(f"%{b:02X}" for b in text.encode()) if len(text) < 400 else quote(text, safe=""),
    "entities": lambda text: "".join(f"&#{ord(c)};" for c in text),
    "soft": _between("\u00ad", 2),
    "pairs": _pairs,
}
