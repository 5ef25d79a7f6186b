"""Secrets: keys, tokens, passwords and card numbers in a text, found and masked; what is personal, apart.

By the shapes that providers give their keys and by the names that stand before a value; a password inside a plain
sentence is not recognised. No outside list is asked and nothing is kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["private key", "api key", "aws key", "token", "password", "card number"]

LONE = "(?<![A-Za-z0-9_-])"
SHAPES: Mapping[str, tuple[Kind, re.Pattern[str]]] = {
    "-----BEGIN ": (
        "private key",
        re.compile(
            r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
            r"(?:(?!-----)[\s\S]){0,20000}(?:-----END [A-Z0-9 ]{0,60}-----)?"
        ),
    ),
    "AKIA": ("aws key", re.compile(r"(?<![A-Za-z0-9])AKIA[A-Z0-9]{16}(?![A-Za-z0-9])")),
    "ASIA": ("aws key", re.compile(r"(?<![A-Za-z0-9])ASIA[A-Z0-9]{16}(?![A-Za-z0-9])")),
    "sk-": ("api key", re.compile(LONE + r"sk-[A-Za-z0-9_-]{16,300}")),
    "sk_live_": ("api key", re.compile(r"sk_live_[A-Za-z0-9]{10,200}")),
    "rk_live_": ("api key", re.compile(r"rk_live_[A-Za-z0-9]{10,200}")),
    "AIza": ("api key", re.compile(LONE + r"AIza[A-Za-z0-9_-]{30,60}")),
    "gh": ("api key", re.compile(LONE + r"gh[pousr]_[A-Za-z0-9]{20,300}")),
    "github_pat_": ("api key", re.compile(LONE + r"github_pat_[A-Za-z0-9_]{20,300}")),
    "glpat-": ("api key", re.compile(LONE + r"glpat-[A-Za-z0-9_-]{16,200}")),
    "xox": ("api key", re.compile(LONE + r"xox[abeoprs]-[A-Za-z0-9-]{10,300}")),
    "hf_": ("api key", re.compile(LONE + r"hf_[A-Za-z0-9]{20,200}")),
    "gsk_": ("api key", re.compile(LONE + r"gsk_[A-Za-z0-9]{20,200}")),
    "npm_": ("api key", re.compile(LONE + r"npm_[A-Za-z0-9]{20,200}")),
    "xai-": ("api key", re.compile(LONE + r"xai-[A-Za-z0-9]{20,300}")),
    "SG.": ("api key", re.compile(LONE + r"SG\.[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,128}")),
    "pypi-": ("api key", re.compile(LONE + r"pypi-[A-Za-z0-9_-]{20,400}")),
    "ya29.": ("token", re.compile(LONE + r"ya29\.[A-Za-z0-9_-]{20,400}")),
    "eyJ": (
        "token",
        re.compile(LONE + r"eyJ[A-Za-z0-9_-]{8,4000}\.eyJ[A-Za-z0-9_-]{4,8000}(?:\.[A-Za-z0-9_-]{0,4000})?"),
    ),
    "://": ("password", re.compile(r"://[^\s:/@\"'<>]{0,100}:(?P<secret>[^\s/@\"'<>]{1,200})@")),
}
"""Known shapes by the mark that stands at their beginning; the group `secret`, where there is one, is the secret."""
BEARER = r"\s{1,3}(?P<secret>(?=[A-Za-z._~+/=-]{0,300}[0-9])[A-Za-z0-9._~+/-]{16,4000}={0,2})"
VALUE = (
    r"""\\?["'`]?\s{0,3}(?:=>|=|:)\s{0,3}"""
    r"""(?:\\?["'](?P<quoted>[^"'\\\n]{6,400})|(?P<secret>[^\s"'`,;<>\\]{6,400}))"""
)
PASSWORD = re.compile(VALUE)
KEY = re.compile(r"s?(?:[_-]?(?:id|key|value))?" + VALUE)
NAMES: Mapping[str, tuple[Kind, re.Pattern[str]]] = {
    "bearer": ("token", re.compile(BEARER)),
    "authorization: basic": ("token", re.compile(BEARER)),
    **dict.fromkeys(("passwd", "password", "passphrase", "pwd"), ("password", PASSWORD)),
    **dict.fromkeys(("key", "secret", "token", "credential"), ("api key", KEY)),
}
"""Words, in small letters, after which a secret stands: `password: …`, `"api_key": "…"`, `TOKEN=…`, `Bearer …`."""
SMALL = {capital: capital + 32 for capital in range(ord("A"), ord("Z") + 1)}
CARD = re.compile(r"[3-6](?:[ -]?[0-9]){12,18}(?![0-9A-Za-z])")
EMAIL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._%+-]{0,63}@[A-Za-z0-9][A-Za-z0-9.-]{0,200}\.[A-Za-z]{2,24}")
PHONE = re.compile(
    r"(?<![0-9A-Za-z.,/:-])(?:\+|00)?(?:\([0-9]{1,5}\)[ .-]?)?[0-9](?:[ .()/-]{0,2}[0-9]){5,14}(?![0-9A-Za-z])"
)
DATED = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Secret:
    """Where a secret stands in a text."""

    kind: Kind
    start: int
    end: int


def secrets(text: str) -> tuple[Secret, ...]:
    """The secrets in a text, in order, none inside another."""
    return tuple(_apart([*_shaped(text), *_named(text), *_cards(text)]))


def masked(text: str) -> str:
    """The text with its secrets replaced by their kinds: `[api key]`."""
    found = secrets(text)
    if not found:
        return text
    parts, at = [], 0
    for secret in found:
        parts += [text[at : secret.start], f"[{secret.kind}]"]
        at = secret.end
    return "".join([*parts, text[at:]])


def impersonal(text: str) -> str:
    """The text with e-mail addresses and telephone numbers replaced by `[email]` and `[phone]`.

    Names and street addresses are not recognised.
    """
    if "@" in text:
        text = EMAIL.sub("[email]", text)
    return PHONE.sub(_phone, text)


def _shaped(text: str) -> Iterator[Secret]:
    for mark, (kind, shape) in SHAPES.items():
        for at in _places(text, mark):
            if found := shape.match(text, at):
                yield Secret(kind, *found.span("secret" if "secret" in shape.groupindex else 0))


def _named(text: str) -> Iterator[Secret]:
    small = text.lower() if text.isascii() else text.translate(SMALL)
    for name, (kind, shape) in NAMES.items():
        for at in _places(small, name):
            if found := shape.match(text, at + len(name)):
                group = "quoted" if "quoted" in shape.groupindex and found["quoted"] else "secret"
                if kind != "api key" or _mixed(found[group]):
                    yield Secret(kind, *found.span(group))


def _places(text: str, part: str) -> Iterator[int]:
    at = text.find(part)
    while at >= 0:
        yield at
        at = text.find(part, at + 1)


def _mixed(value: str) -> bool:
    """Whether a value after `key` and its kin is no word, no count, no sentence and no list."""
    plain = value.isdigit() or " " in value or value.startswith(("[", "{", "(", "$"))
    return not plain and any(sign.isdigit() for sign in value)


def _cards(text: str) -> Iterator[Secret]:
    """Numbers of 13 to 19 digits that begin as cards do and whose check digit is right."""
    for found in CARD.finditer(text):
        before = text[found.start() - 1 : found.start()]
        digits = [int(sign) for sign in found[0] if sign.isdigit()]
        doubled = [digit * 2 - 9 if digit > 4 else digit * 2 for digit in digits[-2::-2]]
        right = (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0 and len(set(digits)) > 1
        if right and not before.isalnum() and before not in (".", "-"):
            yield Secret("card number", *found.span())


def _apart(found: list[Secret]) -> Iterator[Secret]:
    """The secrets in order; of two that overlap the one that begins first, and the longer one where both do."""
    end = -1
    for secret in sorted(found, key=lambda secret: (secret.start, -secret.end)):
        if secret.start >= end:
            yield secret
            end = secret.end


def _phone(found: re.Match[str]) -> str:
    """A date, a version and a bare number are no telephone numbers."""
    groups = [group for group in re.split(r"[^0-9]+", found[0]) if group]
    dialled = found[0].startswith(("+", "00", "(", "0"))
    if DATED.match(found[0]) or (min(map(len, groups)) < 2 and not dialled):
        return found[0]
    written = dialled or len(groups) > 2
    return "[phone]" if written and 8 <= sum(map(len, groups)) <= 15 else found[0]
