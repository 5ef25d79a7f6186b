"""Terms: what a platform says of itself (models, prices, limits, data handling, dates), each with its source.

The shipped table is platforms/terms.yaml, but for the days on which something ends, which are in retirements.yaml; a
`platforms.yaml` beside the task overrides it, entry by entry.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar

from .errors import InputError
from .retirements import of_provider
from .types import Json
from .yamlfile import YamlFile, read_yaml

T = TypeVar("T")

TABLE = Path(__file__).parent / "platforms" / "terms.yaml"
OVERRIDE = "platforms.yaml"
ASPECTS = (
    "models",
    "methods",
    "data_handling",
    "residency",
    "retention",
    "retraining",
    "weights",
    "serving",
    "billing",
)
"""What the comparison of platforms has a column for."""
NOTHING = "not found"
WARN_DAYS = 90
"""How long before an end people are warned."""


@dataclass(frozen=True, slots=True)
class Said:
    """What was read, where and when. `text` is "not found" where nothing was: nothing is guessed."""

    text: str = NOTHING
    source: str = ""
    read: str = ""
    """YYYY-MM-DD: the file's or page's own day, or, where it bears none, the day on which a copy of it was read."""
    second_hand: bool = False
    """Whether somebody other than the provider says so."""

    @property
    def known(self) -> bool:
        """Whether anything was found."""
        return self.text != NOTHING


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens trained on, each epoch counted."""

    low: float
    high: float
    models: str = "*"
    """The models it is for: a pattern with `*`."""
    up_to_b: float | None = None
    """The largest model it is for, in billions of parameters."""
    source: str = ""
    read: str = ""
    second_hand: bool = False


@dataclass(frozen=True, slots=True)
class End:
    """A day from which something no longer works."""

    what: Literal["new jobs", "model"]
    day: str
    models: str = "*"
    whom: str = ""
    """Those it is for, where it is not for everybody; then it is a warning only."""
    source: str = ""
    read: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the data may be; None where no figure was found."""

    fewest: int | None = None
    most: int | None = None
    """Rows."""
    file_mb: int | None = None
    row_tokens: int | None = None
    name_length: int | None = None
    """Characters of the suffix in the tuned model's name."""
    source: str = ""
    read: str = ""


@dataclass(frozen=True, slots=True)
class Ending:
    """An end that is near or past, seen from a day."""

    end: End
    days: int
    """Days to go; 0 or less where it is past."""

    @property
    def stops(self) -> bool:
        """Whether nothing can be started any more."""
        return self.days <= 0 and not self.end.whom

    def __str__(self) -> str:
        whom = f" for {self.end.whom}" if self.end.whom else ""
        what = "takes no new jobs" if self.end.what == "new jobs" else f"shuts down models like {self.end.models}"
        when = f"since {self.end.day}" if self.days <= 0 else f"from {self.end.day} ({self.days} days to go)"
        return f"{what}{whom} {when}"


@dataclass(frozen=True)
class Terms:
    """Everything known of one platform."""

    name: str
    title: str
    said: Mapping[str, Said]
    prices: tuple[Price, ...] = ()
    ends: tuple[End, ...] = ()
    limits: Limits = Limits()
    use: Mapping[str, Json] | None = None
    """The plugin's fields, where the task's own file sets them."""

    def aspect(self, name: str) -> Said:
        """What is said of one aspect; "not found" where nothing is."""
        return self.said.get(name, Said())

    def price(self, model: str) -> Price | None:
        """The price of training a model: its own, that of its size, or the widest range where its size is not known."""
        fitting = [p for p in self.prices if fnmatchcase(model.lower(), p.models.lower())]
        named = [p for p in fitting if p.models != "*"] or fitting
        size = billions(model)
        sized = [p for p in named if p.up_to_b is not None and size is not None and size <= p.up_to_b]
        if sized:
            return min(sized, key=lambda p: p.up_to_b or 0.0)
        open_ended = [p for p in named if p.up_to_b is None]
        return _widest(open_ended if size is not None and open_ended else named)

    def endings(self, model: str, today: date) -> tuple[Ending, ...]:
        """The ends of this model, and of starting jobs, that are past or less than 90 days away, the nearest first."""
        met = [e for e in self.ends if e.what == "new jobs" or fnmatchcase(model.lower(), e.models.lower())]
        seen = [Ending(e, (date.fromisoformat(e.day) - today).days) for e in met]
        return tuple(sorted((s for s in seen if s.days < WARN_DAYS), key=lambda s: s.days))


def billions(model: str) -> float | None:
    """The size in a model's name, in billions of parameters: `Qwen/Qwen3-30B-A3B` has 30."""
    found = re.findall(r"(?<![a-z0-9.])(\d+(?:[.p]\d+)?)(b|m)(?![a-z])", model.lower().replace("_", "-"))
    sizes = [float(n.replace("p", ".")) * (1.0 if unit == "b" else 0.001) for n, unit in found]
    return max(sizes, default=None)


def _widest(prices: list[Price]) -> Price | None:
    """One price that covers all of these."""
    if not prices:
        return None
    dear = max(prices, key=lambda p: p.high)
    told = any(p.second_hand for p in prices)
    return Price(min(p.low for p in prices), dear.high, dear.models, None, dear.source, dear.read, told)


def terms_of(name: str, beside: Path | None = None) -> Terms:
    """What is known of a platform; the task's own file comes before the shipped table."""
    shipped = _entry(_shipped(), name)
    path = (beside or Path()) / OVERRIDE
    own = _entry(read_yaml(path, "platforms file"), name) if beside is not None and path.is_file() else {}
    merged = {**shipped, **own}
    given = {**shipped.get("said", {}), **own.get("said", {})}
    return Terms(
        name=name,
        title=str(merged.get("title", name)),
        said={aspect: _made(Said, value, name) for aspect, value in given.items()},
        prices=tuple(_made(Price, value, name) for value in merged.get("prices", ())),
        ends=tuple(_dated(_made(End, value, name)) for value in own["ends"]) if "ends" in own else _ends(name),
        limits=_made(Limits, merged.get("limits", {}), name),
        use=merged.get("use"),
    )


def _ends(name: str) -> tuple[End, ...]:
    """What the table of retirements says of this platform."""
    told = (r for r in of_provider(name) if r.what != "service")
    return tuple(
        End("model" if r.what == "model" else "new jobs", r.on.isoformat(), r.name, r.whom, r.source, r.read)
        for r in told
    )


@cache
def _shipped() -> YamlFile:
    return read_yaml(TABLE, "table of platforms")


KEYS = ("title", "said", "prices", "ends", "limits", "use")


def _entry(file: YamlFile, name: str) -> dict[str, Any]:
    if not isinstance(file.value, Mapping):
        raise file.wrong((), "a platforms file names platforms", hint="together: {prices: [{low: 0.5, high: 1.0}]}")
    entry = file.value.get(name) or {}
    if not isinstance(entry, Mapping):
        raise file.wrong((name,), f"`{name}` must be keys and values", hint=f"known: {', '.join(KEYS)}")
    for key, value in entry.items():
        if key not in KEYS:
            raise file.wrong((name, key), f"`{name}` has no `{key}`", hint=f"known: {', '.join(KEYS)}")
        if not isinstance(value, {"title": str, "prices": list, "ends": list}.get(key, Mapping)):
            raise file.wrong((name, key), f"`{key}` of `{name}` has the wrong form", hint="see docs/platforms.md")
    return dict(entry)


def _made(kind: type[T], given: Json, name: str) -> T:
    """A value from what a table says of it, its types checked."""
    known = {f.name: str(f.type) for f in fields(kind)}  # type: ignore[arg-type]  # a dataclass
    if not isinstance(given, Mapping) or (wrong := [k for k in given if k not in known]):
        told = f"has no `{wrong[0]}`" if isinstance(given, Mapping) else "must be keys and values"
        raise InputError(f"{name}: a {kind.__name__.lower()} {told}", hint=f"known: {', '.join(known)}")
    for key, value in given.items():
        if not _fits(value, known[key]):
            raise InputError(f"{name}: `{key}` of a {kind.__name__.lower()} is not {known[key]}: {value!r}")
    try:
        return kind(**given)
    except TypeError as wrong_type:
        raise InputError(f"{name}: a {kind.__name__.lower()} lacks something: {wrong_type}") from wrong_type


def _fits(value: Json, wanted: str) -> bool:
    if value is None:
        return "None" in wanted
    if isinstance(value, bool):
        return wanted == "bool"
    if isinstance(value, int | float):
        return ("float" in wanted or ("int" in wanted and isinstance(value, int))) and value >= 0
    return isinstance(value, str) and (wanted == "str" or value in wanted)


def _dated(end: End) -> End:
    try:
        date.fromisoformat(end.day)
    except ValueError as wrong:
        raise InputError(f"an end's `day` is not YYYY-MM-DD: {end.day}") from wrong
    return end
