"""The price book: every figure of money and effort that was not measured, with its range, unit, source and date.

The shipped table is pricebook.yaml; a `prices.yaml` beside the task overrides it, figure by figure.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from .errors import InputError
from .price import listed
from .types import Json
from .yamlfile import Place, YamlFile, read_yaml

TABLE = Path(__file__).parent / "pricebook.yaml"
OVERRIDE = "prices.yaml"
SCHEMA = Path(__file__).parent / "schemas" / "prices.schema.json"
"""The published JSON Schema of a prices.yaml."""
LARGEST = 1e12
"""No figure is larger: what is, is a slip of the keyboard."""
SHARES = ("batch_discount", "cached_price", "cache_hits", "batch_share", "review_share", "busy_at_most")
"""Figures, and inputs of a cost, that are a share of something: 1 at most."""
LEAST = {
    **dict.fromkeys(("peak", "slots", "cpu_slots", "gpu_slots", "months", "months_kept"), 1.0),
    "busy_at_most": 0.001,
}
"""What some are at least: less would be a machine that answers nothing, or a project that costs nothing."""
OWN = "the task's prices.yaml"
ASSUMED = "assumed"
"""The source of a figure that has none."""
FIELDS = ("low", "high", "source", "dated")
PRICES = ("input", "cached", "output", "batch_discount", "source", "dated")


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: a range in a unit, and who says so, when."""

    name: str
    low: float
    high: float
    unit: str
    source: str
    dated: str
    """A year, month or day: the source's own date, or the day on which it was read."""
    overridden: bool = False
    what: str = ""

    @property
    def estimate(self) -> float:
        """The middle of the range, which is what is reckoned with where one number is wanted."""
        return (self.low + self.high) / 2

    @property
    def assumed(self) -> bool:
        """Whether nobody's text stands behind it."""
        return self.source == ASSUMED


@dataclass(frozen=True, slots=True)
class ModelPrice:
    """What a model's tokens cost, in US dollars per million."""

    name: str
    input: float
    cached: float
    output: float
    batch_discount: float | None
    """The share of the price, in [0, 1], that is taken off replies that may take a day; None where unknown."""
    source: str
    dated: str
    overridden: bool = False


@dataclass(frozen=True)
class Example:
    """A worked example of docs/framework.md §6, as its source prints it."""

    name: str
    said: Mapping[str, Json]


@dataclass(frozen=True)
class Book:
    """The shipped figures under a task's own."""

    figures: Mapping[str, Figure]
    models: Mapping[str, ModelPrice]
    examples: Mapping[str, Example]

    def figure(self, name: str) -> Figure:
        """The figure of that name; `InputError` names the nearest where there is none."""
        if name not in self.figures:
            raise InputError(f"no figure is called `{name[:60]}`", hint=meant(name, self.figures))
        return self.figures[name]

    def model(self, name: str) -> ModelPrice | None:
        """A model's prices: the task's own, else the catalogue's; None where neither knows it."""
        if name in self.models:
            return self.models[name]
        found = listed(name)
        if found is None:
            return None
        batch = found.batch_discount
        return ModelPrice(name, found.input, found.cached, found.output, batch, found.source, "")

    def example(self, name: str) -> Example:
        """A worked example by its letter."""
        if name.upper() not in self.examples:
            raise InputError(f"no worked example is called `{name[:20]}`", hint=f"known: {', '.join(self.examples)}")
        return self.examples[name.upper()]

    def having(self, **values: float | tuple[float, float]) -> Book:
        """The same book with these figures instead, as somebody says who asks "what if"."""
        new = dict(self.figures)
        for name, value in values.items():
            low, high = value if isinstance(value, tuple) else (value, value)
            new[name] = replace(self.figure(name), low=low, high=high, source="what if", dated="", overridden=True)
        return replace(self, figures=new)


def bounds(name: str) -> tuple[float, float]:
    """Between which ends a figure of that name, or an input of a cost, makes sense."""
    return LEAST.get(name, 0.0), 1.0 if name in SHARES else LARGEST


def book(folder: Path | None = None) -> Book:
    """The figures for a task folder: its own prices.yaml before ours. Raises `InputError` with file, line and fix."""
    shipped = _shipped()
    path = folder / OVERRIDE if folder is not None else None
    return shipped if path is None or not path.is_file() else _over(shipped, read_yaml(path, "prices file"))


def meant(name: str, known: Mapping[str, object]) -> str:
    """The nearest known name as a question, or all of them."""
    near = difflib.get_close_matches(name, known, 1, 0.5)
    return f"did you mean `{near[0]}`?" if near else f"known: {', '.join(known)}"


@cache
def _shipped() -> Book:
    file = read_yaml(TABLE, "price book")
    figures = {n: _ours(n, said) for n, said in file.value["figures"].items()}
    models = {n: _price(file, n, said) for n, said in file.value["models"].items()}
    return Book(figures, models, {n: Example(n, said) for n, said in file.value["examples"].items()})


def _ours(name: str, said: Mapping[str, Json]) -> Figure:
    low, high = float(said["low"]), float(said["high"])
    return Figure(name, low, high, said["unit"], said["source"], str(said["dated"]), what=said["what"])


def _over(shipped: Book, file: YamlFile) -> Book:
    """The shipped figures with those of a file in their place; a file of comments alone has none."""
    if file.value is None:
        return shipped
    if not isinstance(file.value, Mapping):
        raise file.wrong((), "a prices file is a list of `figure: value` lines", hint="engineer_week: 5500")
    figures, models = dict(shipped.figures), dict(shipped.models)
    for name, said in file.value.items():
        if name == "models":
            models |= _models(file, said)
        elif name in figures:
            figures[name] = _figure(file, figures[name], said)
        else:
            raise file.wrong((name,), f"no figure is called `{name[:60]}`", hint=meant(name, {**figures, "models": 1}))
    return replace(shipped, figures=figures, models=models)


def _figure(file: YamlFile, ours: Figure, said: Json) -> Figure:
    """One figure from the user's file: a number, or a range with who says so."""
    given = said if isinstance(said, Mapping) else {"low": said, "high": said}
    _known(file, (ours.name,), given, FIELDS)
    low, high = (_amount(file, (ours.name, end), given, bounds(ours.name)) for end in ("low", "high"))
    if low > high:
        raise file.wrong((ours.name,), f"`{ours.name}` goes from {low:g} down to {high:g}", hint="low comes first")
    source, dated = (_text(file, (ours.name, key), given, other) for key, other in (("source", OWN), ("dated", "")))
    return replace(ours, low=low, high=high, source=source, dated=dated, overridden=True)


def _models(file: YamlFile, said: Json) -> dict[str, ModelPrice]:
    if not isinstance(said, Mapping):
        raise file.wrong(("models",), "`models` is a group of model names", hint="models: {my-model: {input: 0.2}}")
    return {name: replace(_price(file, name, one), overridden=True) for name, one in said.items()}


def _price(file: YamlFile, name: str, said: Json) -> ModelPrice:
    """One model's prices; what is not given is the catalogue's, a cached token then costs what any does."""
    if not isinstance(said, Mapping):
        raise file.wrong(("models", name), f"`{name[:60]}` has no prices", hint="{input: 0.2, output: 0.8}")
    place: Place = ("models", name)
    _known(file, place, said, PRICES)
    other = listed(name)
    known: dict[str, Any] = {k: getattr(other, k) for k in PRICES[:4]} if other else {}
    for key in [k for k in PRICES[:4] if k in said]:
        known[key] = _amount(file, (*place, key), said)
    if missing := [k for k in ("input", "output") if k not in known]:
        raise file.wrong(place, f"`{name[:60]}` has no price for `{missing[0]}` tokens", hint="in USD per million")
    batch = known.get("batch_discount")
    if batch is not None and batch > 1:
        raise file.wrong((*place, "batch_discount"), f"a discount is a share of the price, not {batch:g}", hint="0.5")
    if known.get("cached", 0.0) > known["input"]:
        raise file.wrong(place, f"`{name[:60]}`: a cached token costs more than another", hint="cached: at most input")
    source, dated = (_text(file, (*place, key), said, default) for key, default in (("source", OWN), ("dated", "")))
    return ModelPrice(name, known["input"], known.get("cached", known["input"]), known["output"], batch, source, dated)


def _known(file: YamlFile, place: Place, given: Mapping[str, Json], keys: tuple[str, ...]) -> None:
    for key in given:
        if key not in keys:
            raise file.wrong((*place, key), f"`{place[-1]}` has no `{key[:60]}`", hint=meant(key, dict.fromkeys(keys)))


def _amount(
    file: YamlFile, place: Place, given: Mapping[str, Json], ends: tuple[float, float] = (0.0, LARGEST)
) -> float:
    """A number between some ends; a range needs both of its own."""
    value = given.get(str(place[-1]))
    if isinstance(value, bool) or not isinstance(value, int | float) or not ends[0] <= value <= ends[1]:
        between = f"a number from {ends[0]:g} to {ends[1]:g}"
        said = "is missing" if value is None else f"must be {between}, not {str(value)[:40]}"
        raise file.wrong(place, f"`{'.'.join(map(str, place))}` {said}", hint="{low: 1, high: 2}, or one number")
    return float(value)


def _text(file: YamlFile, place: Place, given: Mapping[str, Json], default: str) -> str:
    value = given.get(str(place[-1]), default)
    if not isinstance(value, str | int | float) or isinstance(value, bool) or len(str(value)) > 300:
        raise file.wrong(place, f"`{'.'.join(map(str, place))}` must be a short text")
    return str(value)


def schema() -> dict[str, Json]:
    """The JSON Schema of a prices.yaml; `suffice/schemas/prices.schema.json` holds it for editors."""
    number: dict[str, Json] = {"type": "number", "minimum": 0, "maximum": LARGEST}
    said = {key: {"type": ["string", "number"]} for key in ("source", "dated")}
    span = {"type": "object", "required": ["low", "high"], "additionalProperties": False}
    share = {**number, "maximum": 1}
    price = {"input": number, "cached": number, "output": number, "batch_discount": share, **said}
    models = {"type": "object", "additionalProperties": {"$ref": "#/$defs/price"}}

    def figure(f: Figure) -> dict[str, Json]:
        low, high = bounds(f.name)
        own = number if (low, high) == (0, LARGEST) else {"type": "number", "minimum": low, "maximum": high}
        ends = {"$ref": "#/$defs/range"} if own is number else {**span, "properties": {"low": own, "high": own, **said}}
        return {"anyOf": [own, ends], "description": f"{f.what} ({f.unit})"}

    told = {f.name: figure(f) for f in _shipped().figures.values()}
    ranges = {**span, "properties": {"low": number, "high": number, **said}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "prices.yaml",
        "description": "Figures that come before those Suffice ships with.",
        "type": "object",
        "properties": {**told, "models": {**models, "description": "USD per million tokens, by model."}},
        "additionalProperties": False,
        "$defs": {"range": ranges, "price": {"type": "object", "properties": price, "additionalProperties": False}},
    }


def schema_text() -> str:
    """The published file, as it must stand."""
    import json

    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"
