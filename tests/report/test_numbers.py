"""Numbers as the report writes them."""

from __future__ import annotations

import pytest

from suffice.report import numbers


@pytest.mark.parametrize(
    ("value", "written"), [(0.8, "0.80"), (0.892, "0.892"), (0, "0.00"), (1, "1.00"), (-0.05, "−0.05"), (None, "–")]
)
def test_a_share_has_two_or_three_decimals(value: float | None, written: str) -> None:
    assert numbers.share(value) == written


@pytest.mark.parametrize(("value", "written"), [(0.092, "+0.092"), (0.0, "0.00"), (-0.5, "−0.50"), (None, "–")])
def test_a_lift_has_a_sign(value: float | None, written: str) -> None:
    assert numbers.signed(value) == written


@pytest.mark.parametrize(("value", "written"), [(2.4e-27, "under 0.0001"), (0.0041667, "0.00417"), (0, "0")])
def test_a_p_value_is_never_written_as_zero_unless_it_is(value: float, written: str) -> None:
    assert numbers.small(value) == written


@pytest.mark.parametrize(
    ("value", "written"), [(0.344, "0.34 ms"), (3.44, "3.4 ms"), (1120.4, "1,120 ms"), (12_345, "12.3 s")]
)
def test_a_duration_has_its_unit(value: float, written: str) -> None:
    assert numbers.milliseconds(value).replace("\u202f", " ") == written


@pytest.mark.parametrize(
    ("value", "written"), [(0, "$0.00"), (0.00123, "$0.0012"), (45_000, "$45,000.00"), (None, "–")]
)
def test_dollars_keep_what_is_below_a_cent(value: float | None, written: str) -> None:
    assert numbers.dollars(value) == written
