"""Strict JSON: what strangers send, bounded and free of NaN, repeated keys, lone surrogates and endless nesting."""

from __future__ import annotations

import json
import math
from pathlib import Path

from .errors import InputError
from .types import Json

LARGEST_FILE = 16 * 1024 * 1024
"""Bytes of a JSON or text file that is read whole."""


def parse(text: str, *, lone: bool = False) -> Json:
    """The value in a JSON text; a ValueError says what is wrong with it.

    With `lone`, halves of surrogate pairs are let through: what models said is kept as they said it.
    """
    try:
        value = json.loads(
            text, parse_constant=_no_constant, parse_float=_finite, parse_int=_whole, object_pairs_hook=_once
        )
    except json.JSONDecodeError as wrong:
        raise Malformed(f"not JSON: {wrong.msg} (column {wrong.colno})", wrong.lineno) from wrong
    except RecursionError as deep:
        raise Malformed("nested too deeply") from deep
    if not lone and "\\ud" in text.lower():
        _sound(value)
    return value


class Malformed(ValueError):
    """A text that is not the JSON it should be, and the line of the text where that shows."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


def read_json(path: Path, what: str = "JSON file") -> Json:
    """The value in a JSON file."""
    text = read_text(path, what)
    try:
        return parse(text)
    except Malformed as wrong:
        raise InputError(f"the {what} is {wrong}", file=str(path), line=wrong.line) from wrong


def read_text(path: Path, what: str = "file") -> str:
    """A UTF-8 text file, its size bounded."""
    if not path.is_file():
        raise InputError(f"no such {what}", file=str(path), hint=f"looked for at {path.absolute()}")
    if path.stat().st_size > LARGEST_FILE:
        raise InputError(f"the {what} is larger than {LARGEST_FILE // 2**20} MB", file=str(path))
    try:
        return path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as wrong:
        line = wrong.object[: wrong.start].count(b"\n") + 1
        raise InputError(f"the {what} is not UTF-8 text", file=str(path), line=line, hint="save it as UTF-8") from wrong
    except OSError as wrong:
        raise InputError(f"cannot read the {what}: {wrong.strerror}", file=str(path)) from wrong


def _no_constant(name: str) -> Json:
    raise Malformed(f"not JSON: {name} is not a number; write null or leave it out")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise Malformed(f"not JSON: the number {digits[:20]} is too large")
    return number


def _whole(digits: str) -> int:
    if len(digits) > 400:
        raise Malformed(f"not JSON: the number {digits[:20]}… is too long")
    return int(digits)


def _once(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    made = dict(pairs)
    if len(made) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise Malformed(f"the key `{twice[:60]}` stands there twice")
    return made


def _sound(value: Json) -> None:
    """Lone surrogates cannot be stored or sent as UTF-8."""
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as wrong:
        raise Malformed("not valid Unicode: half of a surrogate pair") from wrong
