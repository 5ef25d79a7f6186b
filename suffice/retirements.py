"""Retirements: when models and services end, each day with its source; one table for duties and for platforms.

The shipped table is retirements.yaml; a `retirements.yaml` beside the task comes before it, line by line. A day that a
server itself gives (`shutdown_date` of GET /v1/models) comes before both.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Literal, get_args

from .types import Json
from .yamlfile import YamlFile, read_yaml

TABLE = Path(__file__).parent / "retirements.yaml"
OVERRIDE = "retirements.yaml"
HERE = ("embedded", "gguf:", "hf:", "recorded:", "scripted")
"""How the addresses of models begin whose weights or replies are on this machine: nobody else can end them."""
KEYS = ("what", "for", "on", "whom", "use", "source", "read")
What = Literal["model", "new jobs", "service"]


@dataclass(frozen=True, slots=True)
class Retirement:
    """A day from which something no longer answers or is no longer offered."""

    provider: str
    what: What
    name: str
    """The model's name or a pattern with `*`; a service's name; `*` where new jobs of all models end."""
    on: date
    """The first day (UTC) on which it cannot be relied on."""
    whom: str = ""
    """Those it is for, where it is not for everybody."""
    use: str = ""
    """What the maker names in its place."""
    source: str = ""
    read: str = ""
    """YYYY-MM-DD: when the source said so."""
    overridden: bool = False

    def __str__(self) -> str:
        what = {"model": f"{self.name} ends", "service": f"{self.name} end", "new jobs": "no new tuning jobs"}[
            self.what
        ]
        whom = f" for {self.whom}" if self.whom else ""
        return f"{what}{whom} on {self.on} ({self.source}, {self.read})" if self.source else f"{what} on {self.on}"


def retires(model: str, folder: Path | None = None, *, listed: Mapping[str, str] | None = None) -> Retirement | None:
    """When the model of this name or address ends, as far as is known; of several days the nearest.

    A tuned model (`ft:BASE:…`) ends with its base. `listed` are days that a server gave for its models' names.
    """
    names = names_of(model)
    for name in names:
        if day := _day((listed or {}).get(name)):
            return Retirement("", "model", name, day, source="the server's own list of models", read="")
    if not hosted(model):
        return None
    found = [r for r in table(folder) if r.what == "model" and any(fnmatchcase(n, r.name.casefold()) for n in names)]
    own = [r for r in found if r.overridden]
    return min(own or found, key=lambda r: r.on, default=None)


def hosted(model: str) -> bool:
    """Whether somebody else serves this model, and can end it."""
    return not model.startswith(HERE) and ".py:" not in model


def names_of(model: str) -> tuple[str, ...]:
    """The names that a model's address may be listed under: as it is, its last part, and the base of a tuned one."""
    last = re.split(r"[#/]", model)[-1]
    tuned = [part.split(":")[1] for part in (model, last) if part.startswith("ft:") and ":" in part[3:]]
    return tuple(dict.fromkeys(name.casefold() for name in (model, last, *tuned) if name))


def table(folder: Path | None = None) -> tuple[Retirement, ...]:
    """Every line of the shipped table, and before them those of the folder's own. `InputError` names file and line."""
    path = folder / OVERRIDE if folder is not None else None
    own = tuple(_lines(read_yaml(path, "retirements file"), own=True)) if path is not None and path.is_file() else ()
    return (*own, *_shipped())


def of_provider(name: str) -> tuple[Retirement, ...]:
    """What ends at one provider, as we ship it."""
    return tuple(r for r in _shipped() if r.provider == name)


@cache
def _shipped() -> tuple[Retirement, ...]:
    return tuple(_lines(read_yaml(TABLE, "table of retirements"), own=False))


def _lines(file: YamlFile, *, own: bool) -> Iterator[Retirement]:
    example = 'openai: [{what: model, for: gpt-4o, on: "2027-01-14", source: our contract}]'
    if not isinstance(file.value, Mapping):
        raise file.wrong((), "a retirements file names providers", hint=example)
    for provider, lines in file.value.items():
        if not isinstance(lines, list):
            raise file.wrong((provider,), f"`{provider}` must be a list", hint=example)
        for at, line in enumerate(lines):
            yield _line(file, (provider, at), line, own)


def _line(file: YamlFile, place: tuple[str, int], said: Json, own: bool) -> Retirement:
    if not isinstance(said, Mapping):
        raise file.wrong(place, "a retirement is keys and values", hint=f"known: {', '.join(KEYS)}")
    if unknown := [key for key in said if key not in KEYS]:
        raise file.wrong((*place, unknown[0]), f"a retirement has no `{unknown[0]}`", hint=f"known: {', '.join(KEYS)}")
    if wrong := [key for key, value in said.items() if not isinstance(value, str)]:
        raise file.wrong((*place, wrong[0]), f"`{wrong[0]}` must be text", hint='quote it: "2027-01-14"')
    what, day = said.get("what", "model"), _day(said.get("on"))
    if what not in get_args(What):
        raise file.wrong((*place, "what"), f"`what` is one of {', '.join(get_args(What))}")
    if day is None:
        raise file.wrong((*place, "on"), "`on` must be a day, YYYY-MM-DD", hint='on: "2027-01-14"')
    if what != "new jobs" and not said.get("for"):
        raise file.wrong(place, "`for` must say which model or service ends")
    more = {key: str(said.get(key, "")) for key in ("whom", "use", "source", "read")}
    return Retirement(place[0], what, str(said.get("for", "*")), day, overridden=own, **more)


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except (TypeError, ValueError):
        return None
