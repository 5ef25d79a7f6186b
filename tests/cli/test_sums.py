"""Sums are rounded to what their limits bear, and written without powers of ten."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suffice.cli.sums import count_of, exact, number, places_of, span_of, sum_of, usd

AMOUNTS = st.floats(1e-9, 1e12)


def between(low: float, estimate: float, high: float) -> dict[str, float]:
    return {"low": low, "estimate": estimate, "high": high}


@pytest.mark.parametrize(
    ("found", "told", "span"),
    [
        (between(24.6, 25.31, 26.15), "$25.3", "$24.6 to $26.1"),
        (between(1480, 2516, 3545), "$2,500", "$1,500 to $3,500"),
        (between(4.22e-5, 4.22e-5, 4.22e-5), "$0.0000422", ""),
        (between(0.9996, 1.0, 1.0004), "$1.00", "$1.00 to $1.00"),
        (between(0, 0, 0), "$0.00", ""),
        (between(0, 0, 12), "$0.0", "$0.0 to $12.0"),
        (between(99_999, 123_456, 150_000), "$123,000", "$100,000 to $150,000"),
    ],
)
def test_a_sum_bears_two_digits_of_its_doubt(found: dict[str, float], told: str, span: str) -> None:
    assert (sum_of(found), span_of(found)) == (told, span)


@pytest.mark.parametrize(
    ("amount", "told"), [(1_500.0, "$1,500"), (0.15, "$0.15"), (0.0042, "$0.00420"), (2.1e-7, "$0.000000210")]
)
def test_an_exact_sum_is_cents_or_three_digits(amount: float, told: str) -> None:
    assert usd(amount) == told


def test_a_count_has_its_limits_beside_it() -> None:
    assert count_of(1_988_126, 1_199_206, 2_808_715) == "1,990,000 (1,200,000 to 2,810,000)"
    assert count_of(1_988_126, None, None) == "1,990,000" and count_of(7.0, 7.0, 7.0) == "7.00"
    assert (exact(1389), exact(0.05), exact(2.0), exact(2e9)) == ("1,389", "0.05", "2", "2,000,000,000")


@given(AMOUNTS, st.floats(0, 3), st.floats(0, 3))
def test_rounding_moves_nothing_by_more_than_its_doubt(amount: float, below: float, above: float) -> None:
    found = between(amount / (1 + below), amount, amount * (1 + above))
    places = places_of(found)
    if places is not None:
        half, told = (found["high"] - found["low"]) / 2, float(sum_of(found)[1:].replace(",", ""))
        assert abs(told - amount) <= max(0.051 * half, 0.0051 * max(amount, half)) * (1 + 1e-9)
    assert re.fullmatch(r"\$[\d,]+(\.\d+)?", sum_of(found)) and "e" not in sum_of(found) + span_of(found)


@given(AMOUNTS)
def test_no_number_is_a_power_of_ten(value: float) -> None:
    assert float(number(value).replace(",", "")) == pytest.approx(value, rel=0.0051)
