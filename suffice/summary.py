"""Summary: published scores of several systems, totals only, compared unpaired with one of them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from .errors import InputError
from .rows import listed, raw
from .stats.unpaired import newcombe, smallest_visible_difference
from .strict import Malformed

CAUTION = (
    "unpaired: only totals are known, so items cannot be matched; a paired comparison of the same systems is as a rule "
    "narrower. Each score is taken as a share of independent items that are right or wrong."
)
COLUMNS = ("name", "score", "n")
SCORE = re.compile(r"(\d{0,9}(?:\.\d{0,30})?)\s*(%?)")
MOST = 10**12


@dataclass(frozen=True, slots=True)
class Published:
    """One row of the table: a system's score as a share, and the number of its items."""

    name: str
    score: float
    n: int
    step: float
    """One unit of the last digit that was printed."""

    @property
    def countable(self) -> bool:
        """Whether some whole number of right items, out of n, is printed as this score."""
        return abs(round(self.score * self.n) / self.n - self.score) <= self.step / 2 + 1e-12


@dataclass(frozen=True, slots=True)
class Difference:
    """A row against the baseline: row − baseline, its interval, and the decision at `alpha_each`."""

    name: str
    score: float
    n: int
    lift: float
    low: float
    high: float
    smallest_visible_effect: float
    decision: str
    """better, worse or undecided."""


@dataclass(frozen=True, slots=True)
class Summary:
    """Every row against the baseline; all intervals together hold at 1 − alpha."""

    baseline: Published
    rows: tuple[Difference, ...]
    alpha: float
    alpha_each: float
    """alpha, divided by the number of rows that are compared (Bonferroni)."""
    paired: bool = False
    method: str = "Newcombe 1998, method 10"
    caution: str = CAUTION
    notes: tuple[str, ...] = ()


def summary(path: Path, *, baseline: str | None = None, alpha: float = 0.05) -> Summary:
    """Compare the rows of a table of `name,score,n` with its first row, or with the one called `baseline`."""
    if not 0 < alpha < 1:
        raise InputError(f"alpha is {alpha:g}: an error level lies between 0 and 1")
    systems = read(path)
    first = _named(systems, baseline, path) if baseline is not None else systems[0]
    others = [one for one in systems if one is not first]
    each = alpha / len(others)
    notes = tuple(f"{one.name}: no count of {one.n} items gives this score" for one in systems if not one.countable)
    also = ("so either its items are not scored 0 or 1, or n is another number",) if notes else ()
    return Summary(first, tuple(_against(first, one, each) for one in others), alpha, each, notes=(*notes, *also))


def read(path: Path) -> Sequence[Published]:
    """The rows of the table; one InputError lists what is wrong, by line."""
    if not path.is_file():
        raise InputError("no such table", file=str(path), hint="a .csv file with the columns name,score,n")
    if path.suffix.lower() != ".csv":
        raise InputError("a summary table is a .csv file", file=str(path), hint="its columns are name,score,n")
    found: dict[str, Published] = {}
    problems: list[tuple[int, str]] = []
    percent: set[bool] = set()
    for line, row in raw(path):
        try:
            made, was_percent = _published(row)
            if made.name in found:
                raise Malformed(f"`{made.name[:60]}` stands there twice")
        except Malformed as wrong:
            problems.append((line, str(wrong)))
            continue
        found[made.name] = made
        percent.add(was_percent)
    if problems:
        raise listed(path, problems)
    if len(percent) > 1:
        raise InputError("some scores are percentages and some are not", file=str(path), hint="write all the same way")
    if len(found) < 2:
        raise InputError("there is nothing to compare: a table has two rows or more", file=str(path))
    return list(found.values())


def _published(row: Any) -> tuple[Published, bool]:
    if isinstance(row, Malformed):
        raise row
    cells: Mapping[str, Any] = {key.strip().lower(): cell for key, cell in row.items()}
    for column in COLUMNS:
        if not isinstance(cells.get(column), str) or not cells[column].strip():
            known = ", ".join(key for key in cells if key)[:200]
            raise Malformed(f"`{column}` is missing (columns with something in them: {known or 'none'})")
    score, step, percent = _score(cells["score"].strip())
    return Published(" ".join(cells["name"].split()), score, _count(cells["n"].strip()), step), percent


def _score(told: str) -> tuple[float, float, bool]:
    match = SCORE.fullmatch(told)
    if not match or not match[1].strip("."):
        raise Malformed(f"the score `{told[:40]}` is no number from 0 to 1")
    number, scale = Decimal(match[1]), Decimal(100 if match[2] else 1)
    if number > scale:
        hint = "" if match[2] else ": a percentage is written with its sign, as 87.3%"
        raise Malformed(f"the score `{told[:40]}` is above {scale}{'%' if match[2] else ''}{hint}")
    exponent = number.as_tuple().exponent
    step = Decimal(10) ** (exponent if isinstance(exponent, int) else 0)
    return float(number / scale), float(step / scale), bool(match[2])


def _count(told: str) -> int:
    if not (told.isascii() and told.isdigit() and len(told) <= len(str(MOST)) and 0 < int(told) <= MOST):
        raise Malformed(f"n is `{told[:40]}`: a whole number of items, at least 1, without separators")
    return int(told)


def _named(systems: Sequence[Published], name: str, path: Path) -> Published:
    for one in systems:
        if one.name == " ".join(name.split()):
            return one
    near = difflib.get_close_matches(name, [one.name for one in systems], 1)
    guess = f"did you mean `{near[0]}`? " if near else ""
    known = ", ".join(one.name for one in systems)[:300]
    raise InputError(f"no row is called `{name[:60]}`", file=str(path), hint=f"{guess}known: {known}")


def _against(first: Published, one: Published, alpha: float) -> Difference:
    low, high = newcombe(first.score, first.n, one.score, one.n, alpha)
    seen = smallest_visible_difference(first.score, first.n, one.score, one.n, alpha)
    decision = "better" if low > 0 else "worse" if high < 0 else "undecided"
    return Difference(one.name, one.score, one.n, one.score - first.score, low, high, seen, decision)
