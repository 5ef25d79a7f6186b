"""Machines are counted so that P95 keeps its limit at the peak: as many as a simulation needs, and said when not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from suffice.bills import Prices, Tariff, bill_of
from suffice.consumption import Draws
from suffice.cost import Bill, cost_of
from suffice.evidence import Evidence, Reading
from suffice.pricebook import book
from suffice.queueing import predicted_p95
from suffice.sizing import BY_THE_MEAN

SPEC = {"use": "openai", "name": "own"}
TIMES = np.random.default_rng(3).lognormal(5, 0.4, 120).round(3).tolist()
"""Some 160 ms of the model each; a search before it takes 20."""
DAY = 1_500_000


def reading(p95_ms: float | None, *, alone: float | None = None, volume: int = DAY) -> Reading:
    """A run on test; with `alone`, the same items asked one at a time, so many times as quick."""
    evidence = Evidence()
    profile = {"requests_per_day": volume, "knowledge_changes": None, "stable_months": None}
    evidence.add("task", profile=profile, target={"quality": None, "tolerance": 0.02, "p95_ms": p95_ms})
    for at in range(len(TIMES)):
        evidence.add("example", part="test", id=f"q{at}", input=f"q{at}", expected="y")
    stack = {"layers": [], "model": SPEC}
    for run, factor in (("r", 1.0), *([("alone", alone)] if alone else [])):
        evidence.add("run", run=run, part="test", stack=stack, stack_digest="d", content="")
        for at, ms in enumerate(TIMES):
            evidence.add("record", run=run, **record(at, ms * factor))
    evidence.add("rung", rung="prompt", test="r", unloaded="alone" if alone else None)
    return Reading(evidence)


def record(at: int, ms: float) -> dict[str, Any]:
    spent = {"input_tokens": 10, "output_tokens": 2, "cached_tokens": 0, "asked": 1, "usd": None}
    told = {"id": f"q{at}", "value": 1.0, "reason": "", "output": "y", "status": "ok", **spent}
    return {**told, "stages": [["retrieval", 20.0], ["model", ms]], "ms": ms + 20}


def bill(found: Reading, at_once: int | None = 8, **slots: tuple[float, float]) -> Bill:
    figures = book().having(gpu_slots=slots.get("slots", (4, 4)), peak=(3, 3), gpu_hour=(2, 2))
    return bill_of(found, "r", Prices(figures, (Tariff(SPEC, "gpu", None, at_once),)), title="own")


def machines(of: Bill) -> float:
    return cost_of(of, Draws(n=50)).of["machines"].estimate


@pytest.mark.parametrize("p95_ms", [340.0, 400.0, 600.0])
def test_so_many_machines_keep_p95_and_one_less_does_not(p95_ms: float) -> None:
    needed = int(machines(bill(reading(p95_ms))))
    rate = 3 * DAY / 86_400
    enough, short = (predicted_p95(TIMES, 4, rate / n, replications=400, seed=5).p95_ms for n in (needed, needed - 1))
    assert enough is not None and enough + 20 <= p95_ms * 1.01, "another draw agrees within 1 %"
    assert short is None or short + 20 > p95_ms * 0.99


def test_a_closer_limit_never_takes_fewer_machines_and_the_mean_takes_fewest() -> None:
    taken = [machines(bill(reading(p95))) for p95 in (345.0, 400.0, 600.0, 2_000.0)]
    assert taken == sorted(taken, reverse=True) and taken[0] > taken[-1] >= machines(bill(reading(None)))


def test_without_a_limit_they_are_counted_for_the_mean_and_that_is_said() -> None:
    found = bill(reading(None))
    assert "busy_at_most" not in found.quantities and BY_THE_MEAN in found.notes


def test_a_limit_that_no_machine_keeps_is_said() -> None:
    found = bill(reading(150.0))
    assert "busy_at_most" not in found.quantities and any("no number of machines" in n for n in found.notes)
    assert machines(found) == machines(bill(reading(None)))


def test_requests_asked_one_at_a_time_say_what_service_takes() -> None:
    quick, same = bill(reading(345.0, alone=0.5)), bill(reading(345.0))
    assert quick.quantities["busy_at_most"].estimate > same.quantities["busy_at_most"].estimate


def test_more_slots_may_be_fuller_and_their_doubt_is_carried() -> None:
    share = bill(reading(400.0), slots=(1, 8)).quantities["busy_at_most"]
    assert share.low < share.estimate < share.high < 1 and share.figure == "gpu_slots"
    one, eight = (bill(reading(400.0), slots=(n, n)).quantities["busy_at_most"].estimate for n in (1, 8))
    assert (share.low, share.high) == (one, eight)


def test_a_machine_is_never_filled_further_than_p95_can_be_told() -> None:
    found = bill(reading(60_000.0))
    assert found.quantities["busy_at_most"].estimate == pytest.approx(0.9)
    assert any("how long the peak lasts" in n for n in found.notes)
    assert not any("how long the peak lasts" in n for n in bill(reading(345.0)).notes)


def test_records_that_do_not_say_how_many_are_served_at_once_are_priced_as_they_were() -> None:
    found = bill(reading(400.0), at_once=None)
    assert "busy_at_most" not in found.quantities and not any("busiest minutes" in n for n in found.notes)
