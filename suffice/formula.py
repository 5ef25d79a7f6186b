"""Formula: arithmetic as data, so that one text of it is evaluated here and written as JavaScript for a page.

Numbers may be arrays: a formula works out one case or thousands of draws alike. Where a divisor is 0 (under 1e-30)
the quotient is 0, in both languages, so that nothing here is nan or infinite for finite numbers of sane size.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Number = Any
"""A float, or a numpy array of them."""
NOTHING = 1e-30
"""What is smaller divides nothing."""
HAIR = 1e-9
"""How much above a whole number still counts as that number, when whole things are counted."""


@dataclass(frozen=True, slots=True)
class Formula:
    """One expression: a constant, a name, or an operation on other expressions."""

    op: str
    of: tuple[Formula, ...] = field(default=())
    name: str = ""
    constant: float = 0.0

    def __call__(self, values: Mapping[str, Number]) -> Number:
        """Its value where names have these values; `KeyError` names the one that is missing."""
        if self.op == "name":
            return values[self.name]
        return self.constant if self.op == "constant" else PYTHON[self.op](*(part(values) for part in self.of))

    @property
    def script(self) -> str:
        """The same as a JavaScript expression."""
        if self.op == "name":
            return self.name
        if self.op == "constant":
            return f"{self.constant:.17g}"
        parts = [part.script for part in self.of]
        return f"{self.op}({', '.join(parts)})" if len(parts) == 1 else _written(self.op, *parts)

    @property
    def names(self) -> frozenset[str]:
        """Every name in it."""
        own = {self.name} if self.op == "name" else set()
        return frozenset(own.union(*(part.names for part in self.of)))

    def __add__(self, other: Formula | float) -> Formula:
        return Formula("+", (self, as_formula(other)))

    def __sub__(self, other: Formula | float) -> Formula:
        return Formula("-", (self, as_formula(other)))

    def __rsub__(self, other: float) -> Formula:
        return Formula("-", (as_formula(other), self))

    def __mul__(self, other: Formula | float) -> Formula:
        return Formula("*", (self, as_formula(other)))

    def __truediv__(self, other: Formula | float) -> Formula:
        return Formula("over", (self, as_formula(other)))


def as_formula(value: Formula | float) -> Formula:
    """A number as a formula; a formula as it is."""
    return value if isinstance(value, Formula) else Formula("constant", constant=float(value))


def name(of: str) -> Formula:
    """The value that goes by this name."""
    return Formula("name", name=of)


def least(one: Formula, other: Formula | float) -> Formula:
    """The smaller of two."""
    return Formula("least", (one, as_formula(other)))


def whole(one: Formula) -> Formula:
    """As many whole things as are needed: rounded up, a hair above a whole number left out."""
    return Formula("whole", (one,))


def evaluate(formulas: Mapping[str, Formula], values: Mapping[str, Number]) -> dict[str, Number]:
    """All formulas in order, each knowing the values and the formulas before it."""
    known = dict(values)
    for called, formula in formulas.items():
        known[called] = formula(known)
    return {called: known[called] for called in formulas}


def script(formulas: Mapping[str, Formula], function: str) -> str:
    """A JavaScript function of that name which takes the values as an object and returns the formulas' as another."""
    given = sorted(frozenset().union(*(f.names for f in formulas.values())) - set(formulas))
    lines = [f"function {function}(values) {{", f"  const {{{', '.join(given)}}} = values;"]
    lines += [f"  const {called} = {formula.script};" for called, formula in formulas.items()]
    return "\n".join([*lines, f"  return {{{', '.join(formulas)}}};", "}"])


JAVASCRIPT = "\n".join(
    (
        f"const over = (a, b) => Math.abs(b) < {NOTHING!r} ? 0 : a / b;",
        "const least = (a, b) => Math.min(a, b);",
        f"const whole = a => Math.max(0, Math.ceil(a - {HAIR!r}));",
    )
)
"""What the written formulas call."""


def _written(op: str, one: str, other: str) -> str:
    return f"{op}({one}, {other})" if op.isalpha() else f"({one} {op} {other})"


def _over(one: Number, other: Number) -> Number:
    if _plain(one, other):
        return 0.0 if abs(other) < NOTHING else one / other
    import numpy as np

    one, other = np.broadcast_arrays(np.asarray(one, float), np.asarray(other, float))
    return np.divide(one, other, out=np.zeros_like(one), where=np.abs(other) >= NOTHING)


def _least(one: Number, other: Number) -> Number:
    if _plain(one, other):
        return min(one, other)
    import numpy as np

    return np.minimum(one, other)


def _whole(one: Number) -> Number:
    if _plain(one):
        return float(max(0, math.ceil(one - HAIR)))
    import numpy as np

    return np.maximum(0.0, np.ceil(one - HAIR))


def _plain(*values: Number) -> bool:
    return all(isinstance(v, int | float) for v in values)


PYTHON: Mapping[str, Callable[..., Number]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "over": _over,
    "least": _least,
    "whole": _whole,
}
