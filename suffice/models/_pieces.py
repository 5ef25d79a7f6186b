"""Pieces: the bytes that each token of a vocabulary stands for, and the tokens that lead to one of several texts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

_BYTE = re.compile(r"<0x([0-9A-F]{2})>")


class Pieces:
    """The ordinary tokens of a tokenizer by their bytes; special ones stand for no text."""

    def __init__(self, tokenizer: Any) -> None:
        decoder = json.dumps(json.loads(tokenizer.backend_tokenizer.to_str()).get("decoder"))
        special = {*tokenizer.all_special_ids, *tokenizer.get_added_vocab().values()}
        self.of: dict[int, bytes] = {}
        self._by: dict[bytes, list[int]] = {}
        for token, number in sorted(tokenizer.get_vocab().items(), key=lambda pair: pair[1]):
            piece = _byte_level(token) if '"ByteLevel"' in decoder else _plain(token)
            if piece and number not in special:
                self.of[number] = piece
                self._by.setdefault(piece, []).append(number)
        self._longest = max(map(len, self._by), default=0)

    def leading(self, rests: Iterable[bytes]) -> list[int]:
        """The tokens that begin one of these texts."""
        begun = {rest[:n] for rest in rests for n in range(1, min(len(rest), self._longest) + 1)}
        return sorted(number for piece in begun for number in self._by.get(piece, ()))


def _byte_level(token: str) -> bytes:
    """A token of a byte-level vocabulary, whose every character stands for one byte; b"" for another."""
    try:
        return bytes(_BYTES[character] for character in token)
    except KeyError:
        return b""


def _plain(token: str) -> bytes:
    """A token of a vocabulary of characters, in which unknown ones are spelt as <0x0A>."""
    byte = _BYTE.fullmatch(token)
    return bytes([int(byte[1], 16)]) if byte else token.replace("▁", " ").encode("utf-8", "replace")


def _alphabet() -> dict[str, int]:
    """Printable bytes stand for themselves, the others for characters from 256 on, in order."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [n for n in range(256) if n not in printable]
    return {chr(n): n for n in printable} | {chr(256 + at): n for at, n in enumerate(others)}


_BYTES = _alphabet()
