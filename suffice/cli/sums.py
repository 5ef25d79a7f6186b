"""Sums and counts as people read them: no more digits than their limits bear, and never a power of ten."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

Between = Mapping[str, Any]
"""An estimate between `low` and `high`."""
DIGITS = 3
"""Significant digits at most of what has limits."""


def usd(amount: float) -> str:
    """An exact sum: cents, whole dollars from a thousand on, three digits below a cent."""
    if 0 < abs(amount) < 0.01:
        return f"${_plain(amount, _places(amount, DIGITS))}"
    return f"${amount:,.2f}" if abs(amount) < 1_000 else f"${amount:,.0f}"


def sum_of(found: Between) -> str:
    """The estimate, to two digits of half the width of its limits and three of its own at most."""
    places = places_of(found)
    return usd(found["estimate"]) if places is None else f"${_plain(found['estimate'], places)}"


def span_of(found: Between) -> str:
    """Its limits, to the same digits; empty where it is exact."""
    places = places_of(found)
    if places is None:
        return ""
    return f"${_plain(found['low'], places)} to ${_plain(found['high'], places)}"


def number(value: float) -> str:
    """A number with three digits, and whole ones with their thousands apart."""
    return _plain(value, _places(value, DIGITS)) if value else "0"


def exact(value: float) -> str:
    """A number that somebody wrote down, as it was written."""
    return f"{value:,.0f}" if abs(value) >= 1e6 else f"{value:,.6g}"


def count_of(estimate: float, low: float | None, high: float | None) -> str:
    """A count with its limits in brackets, as far as they bear."""
    if low is None or high is None or low >= high:
        return number(estimate)
    places = places_of({"low": low, "estimate": estimate, "high": high}) or 0
    return f"{_plain(estimate, places)} ({_plain(low, places)} to {_plain(high, places)})"


def places_of(found: Between) -> int | None:
    """Decimal places, negative before the point, that limits bear; None where there are none."""
    half = (found["high"] - found["low"]) / 2
    if not half > 1e-9 * abs(found["estimate"]):
        return None
    largest = max(abs(found["estimate"]), half)
    return min(_places(half, 2), _places(largest, DIGITS))


def _places(value: float, digits: int) -> int:
    return digits - 1 - math.floor(math.log10(abs(value))) if value and math.isfinite(value) else 0


def _plain(value: float, places: int) -> str:
    """Rounded to so many places, written out; a sum that rounds to nothing is nothing."""
    rounded = round(value, places)
    return f"{rounded + 0.0:,.{max(0, places)}f}"
