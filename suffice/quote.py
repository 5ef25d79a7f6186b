"""Quote: what a verdict's stacks cost at today's prices, run in other ways, and what if."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from .bills import Prices, Tariff, prices_of
from .cost import INPUTS, Bill, Quantity
from .digest import file_digest
from .economics import Economics
from .errors import InputError, OwnCode
from .evidence import Evidence, Reading
from .plugins import installed_only
from .pricebook import LARGEST, Book, book, bounds, meant
from .strict import read_json
from .types import Json
from .verdict import Conclusion
from .ways import Ways

Changes = Mapping[str, tuple[float, float]]
"""What if: a figure's or an input's name, and the ends of its range."""
BATCHES = ("batch_share", "batch_discount", "price_factor")
"""Inputs that whatever is priced by tokens has, though a bill may not list them."""


@dataclass(frozen=True)
class Quote:
    """A verdict's stacks at today's prices, and other ways to run one of them."""

    verdict: Path
    economics: Economics
    stack: str
    """The stack that other ways are told of."""
    model: str | None = None
    """Another model that the same tokens are priced at."""

    @cached_property
    def ways(self) -> Ways:
        """Other ways to run the named stack."""
        plan = self.economics
        run = next(s.run for s in plan.stacks if s.title == self.stack)
        price = plan.prices.tariff(plan.of.reading.runs[run]["stack"]["model"]).price
        return Ways(plan.bills[self.stack], price, plan.prices, self.model, plan.draws)

    def body(self) -> dict[str, Json]:
        """All of it as data."""
        with _told_apart(self.verdict):
            return self.ways.body(self.economics.told(), self.economics.bills.values())


def quoted(
    verdict: Path, *, stack: str | None = None, model: str | None = None, changes: Changes | None = None
) -> Quote:
    """A verdict's stacks at today's figures: the shipped ones, then prices.yaml beside it, then `changes`."""
    with _told_apart(verdict):
        return _quoted(verdict, stack, model, changes)


@contextmanager
def _told_apart(verdict: Path) -> Iterator[None]:
    """A stranger's records may hold anything: what cannot be reckoned with is said, and is no defect of ours."""
    try:
        yield
    except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError, StopIteration) as wrong:
        said = f"the records do not hold what a price needs: {type(wrong).__name__}: {str(wrong)[:200]}"
        raise InputError(said, file=str(verdict), hint="suffice verify says whether they are whole") from wrong


def _quoted(verdict: Path, stack: str | None, model: str | None, changes: Changes | None) -> Quote:
    conclusion = Conclusion(_reading(verdict))
    told, figures = changes or {}, _figures(verdict.parent, changes or {})
    prices = _prices(conclusion.reading, verdict.parent, figures)
    inputs = {k: v for k, v in told.items() if k not in figures.figures}
    plan = Economics(conclusion, prices, conclusion.frozen(), lambda bill: changed(bill, inputs))
    had = {"requests_per_day", *BATCHES, *(n for b in plan.bills.values() for n in b.quantities)}
    if unused := [k for k in inputs if k not in had]:
        raise InputError(f"no stack here has the input `{unused[0]}`", hint=f"they have: {', '.join(sorted(had))}")
    titles = [s.title for s in plan.stacks]
    if not titles:
        raise InputError("no stack was measured on test", file=str(verdict), hint="suffice climb FOLDER")
    final = next((s.title for s in plan.stacks if s.kept), titles[-1])
    if stack is not None and stack not in titles:
        raise InputError(f"no stack is called `{stack[:60]}`", hint=meant(stack, dict.fromkeys(titles)))
    return Quote(verdict, plan, stack or final, model)


def _reading(verdict: Path) -> Reading:
    """The verdict's own records."""
    body = read_json(verdict, "verdict")
    where = body.get("records") if isinstance(body, dict) else None
    if (
        not isinstance(where, dict)
        or not isinstance(where.get("path"), str)
        or Path(where["path"]).name != where["path"]
    ):
        raise InputError("the verdict does not say where beside it its records lie", file=str(verdict))
    records = verdict.parent / where["path"]
    if not records.is_file() or file_digest(records) != where.get("sha256"):
        raise InputError("the verdict's records are not there, or others", file=str(records), hint="suffice verify")
    return Reading(Evidence.read(records))


def _figures(folder: Path, changes: Changes) -> Book:
    figures = book(folder)
    return figures.having(**{k: v for k, v in changes.items() if k in figures.figures})


def _prices(reading: Reading, folder: Path, figures: Book) -> Prices:
    """Today's prices of the models that the climb asked; of a verdict without any stored, of the task beside it."""
    line = next(reading.evidence.of("figures"), None)
    if line is not None:
        return Prices(figures, tuple(_today(t, figures) for t in Prices.read(line).tariffs))
    if not (folder / "suffice.yaml").is_file():
        return Prices(figures, ())
    from .load import load

    try:
        with installed_only():
            return replace(prices_of(load(folder)), book=figures)
    except OwnCode:  # a stranger's folder, for all that is known: its replies are priced as they were bought
        return Prices(figures, ())


def _today(tariff: Tariff, figures: Book) -> Tariff:
    """The same model's price as the book has it now; where the book has none, as it was."""
    names = [n for n in (tariff.price.name if tariff.price else None, tariff.spec.get("name")) if isinstance(n, str)]
    own = next((figures.models[n] for n in names if n in figures.models), None)
    price = own or (figures.model(tariff.price.name) if tariff.price else None) or tariff.price
    return replace(tariff, hosting="list" if price else tariff.hosting, price=price)


def changed(bill: Bill, changes: Changes) -> Bill:
    """The bill with these inputs instead, where it has them."""
    mine = {k: v for k, v in changes.items() if k in bill.quantities or k == "requests_per_day" or _by_token(bill, k)}
    ends = {k: Quantity((a + b) / 2, a, b, figure=f"what if: {k}" if a < b else "") for k, (a, b) in mine.items()}
    made = bill.having(ends)
    read, cached = (made.quantities.get(name) for name in ("tokens_in", "tokens_cached"))
    if {"tokens_in", "tokens_cached"} & ends.keys() and read and cached and cached.high > read.low:
        said = f"{cached.high:g} tokens come from the cache, and {read.low:g} are read"
        raise InputError(said, hint="tokens_cached is part of tokens_in")
    return made


def _by_token(bill: Bill, input_: str) -> bool:
    return input_ in BATCHES and "usd_in" in bill.quantities


def parsed(told: Sequence[str], figures: Book) -> Changes:
    """`KEY=VALUE` or `KEY=LOW:HIGH`, each key a figure or an input."""
    found: dict[str, tuple[float, float]] = {}
    known = {**INPUTS, **figures.figures}
    for one in told:
        key, equals, value = one.partition("=")
        if not equals or key not in known:
            said = f"no figure and no input is called `{key[:60]}`" if equals else f"`{one[:60]}` is not KEY=VALUE"
            raise InputError(said, hint=meant(key, known))
        found[key] = _ends(key, value)
    return found


def _ends(key: str, value: str) -> tuple[float, float]:
    low, colon, high = value.partition(":")
    try:
        ends = (float(low), float(high if colon else low))
    except ValueError:
        ends = (-1.0, -1.0)
    if not 0 <= ends[0] <= ends[1] <= LARGEST:
        raise InputError(f"`{key}={value[:40]}`: give a number, or LOW:HIGH", hint=f"{key}=1 or {key}=1:2")
    least, most = bounds(key)
    if not least <= ends[0] <= ends[1] <= most:
        raise InputError(f"`{key}={value[:40]}`: it is from {least:g} to {most:g}")
    return ends
