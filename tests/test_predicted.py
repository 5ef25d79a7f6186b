"""Predicted against measured: what stored records say a stack costs, and what a metered server bills under load."""

from __future__ import annotations

import pytest
from loaded import billed
from metered import metered


def test_cost_is_predicted_within_two_percent_on_three_stacks() -> None:
    with metered() as (url, meter):
        found = list(billed(url, meter, 800, 1_600, 0))
    assert {b.name for b in found} == {"prompt", "long examples", "rules"}
    for one in found:
        assert abs(one.off) < 0.02, f"{one.name} is off by {one.off:+.2%}"
    calls = {b.name: b.calls / b.requests for b in found}
    assert calls["prompt"] == 1 and calls["rules"] == pytest.approx(1.05, abs=0.02)
    cached = next(b for b in found if b.name == "long examples").predicted.bill.quantities
    assert cached["tokens_cached"].estimate > 0.5 * cached["tokens_in"].estimate
