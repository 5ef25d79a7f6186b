"""Rates per unit: planted ones are found, and what the data cannot tell apart is not told."""

from __future__ import annotations

import numpy as np
import pytest

from suffice.stats.rates import unit_rates


def calls(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Calls of 50 ms, 0.2 ms a token read, 8 ms a token written, and noise in proportion."""
    draw = np.random.default_rng(seed)
    amounts = np.column_stack([draw.integers(200, 4000, n), draw.integers(1, 60, n)]).astype(float)
    return (50 + amounts @ [0.2, 8.0]) * draw.lognormal(0, 0.15, n), amounts


def test_planted_rates_are_covered_as_often_as_promised() -> None:
    held = []
    for seed in range(60):
        totals, amounts = calls(80, seed)
        found = unit_rates(totals.tolist(), amounts.tolist(), seed=seed)
        held.append([r.low <= true <= r.high for r, true in zip(found, (0.2, 8.0), strict=True)])
    share = np.mean(held, axis=0)
    assert (share >= 0.85).all()
    totals, amounts = calls(4000, 0)
    read, written = (r.estimate for r in unit_rates(totals.tolist(), amounts.tolist()))
    assert read == pytest.approx(0.2, rel=0.05) and written == pytest.approx(8.0, rel=0.05)


def test_a_prompt_that_never_varies_cannot_be_told_from_the_rest_of_a_call() -> None:
    totals, amounts = calls(60, 1)
    amounts[:, 0] = 900
    found = unit_rates(totals.tolist(), amounts.tolist())
    assert found[0].estimate is None and found[0].low == 0
    assert found[0].high == pytest.approx(totals.mean() / 900)
    assert found[1].estimate is not None


def test_nor_can_columns_that_only_vary_together() -> None:
    totals, amounts = calls(60, 1)
    amounts[:, 1] = amounts[:, 0] / 10
    assert [r.estimate for r in unit_rates(totals.tolist(), amounts.tolist())] == [None, None]


def test_few_units_tell_nothing_however_many_calls() -> None:
    totals, amounts = calls(60, 1)
    assert unit_rates(totals.tolist(), amounts.tolist(), groups=[i % 5 for i in range(60)])[0].estimate is None


def test_no_rate_is_below_zero() -> None:
    draw = np.random.default_rng(0)
    amounts = np.column_stack([draw.integers(1, 100, 50), draw.integers(1, 100, 50)]).astype(float)
    found = unit_rates((100 - amounts[:, 0] * 0.5 + amounts[:, 1]).tolist(), amounts.tolist())
    assert found[0].estimate == pytest.approx(0, abs=1e-9) and found[0].low >= 0


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match="calls"):
        unit_rates([1.0, 2.0], [[1.0]])
