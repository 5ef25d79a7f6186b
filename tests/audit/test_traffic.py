"""Traffic: rates and calls at once against a sweep over every call, and a bounded number of buckets."""

from __future__ import annotations

import csv
import random
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path

import pytest

from suffice.audit.found import Traffic
from suffice.audit.sketch import Histogram
from suffice.audit.traffic import MOST, Clock


def measured(calls: list[tuple[float, float | None]]) -> tuple[Clock, Traffic]:
    clock = Clock()
    for time, ms in calls:
        clock.add(time, ms, 100, 10)
    return clock, clock.traffic(Histogram(), Histogram())


def most_at_once(calls: list[tuple[float, float]]) -> int:
    events = sorted([(t, 1) for t, _ in calls] + [(t + ms / 1000, -1) for t, ms in calls])
    return max(accumulate(change for _, change in events))


@pytest.mark.parametrize("seed", range(4))
def test_the_most_calls_at_once_lies_between_the_two_figures(seed: int) -> None:
    draw = random.Random(seed)
    calls = [(1.7e9 + draw.uniform(0, 600), draw.lognormvariate(7, 1)) for _ in range(3_000)]
    _, found = measured([*calls])
    assert found.peak_low is not None and found.peak_high is not None and found.concurrent is not None
    assert found.peak_low <= most_at_once(calls) <= found.peak_high <= found.peak_low + 12
    assert found.concurrent == pytest.approx(sum(ms for _, ms in calls) / 1000 / 600, rel=0.01)
    assert found.durations == "logged"


def test_rates_of_an_even_stream_are_what_they_are() -> None:
    _, found = measured([(1.7e9 + n / 4, 100.0) for n in range(4 * 3_600)])
    assert found.per_second == pytest.approx(4, rel=0.01) and found.peak_per_second == 4
    assert found.peak_per_minute == 240 and sum(h.calls for h in found.hours) == found.calls == 14_400


def test_a_year_takes_as_many_buckets_as_an_hour() -> None:
    draw = random.Random(0)
    clock, found = measured([(1.6e9 + draw.uniform(0, 3.2e7), 500.0) for _ in range(150_000)])
    assert len(clock.places) <= MOST and clock.width >= 64 and found.calls == 150_000
    assert found.peak_per_second is None and found.peak_per_minute is None and found.peak_at is not None
    assert sum(n for _, n in found.minutes) == 150_000 and len(found.minutes) <= 96


def test_where_nobody_says_how_long_a_call_took_that_is_said() -> None:
    _, found = measured([(1.7e9, None), (1.7e9 + 0.2, None)])
    assert found.durations == "assumed" and "taken as" in found.how and found.peak_high == 2
    assert measured([(1.7e9, None), (1.7e9, 100.0)])[1].durations == "mixed"
    assert measured([])[1].how == "the log has no times"


def test_an_hour_of_real_traffic(data: Path) -> None:
    """Azure's trace: 19,366 conversation requests of one hour; its rate and tokens are known from the file."""
    clock, inputs, outputs = Clock(), Histogram(), Histogram()
    with (data / "azure_llm_trace" / "AzureLLMInferenceTrace_conv.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        at = datetime.fromisoformat(row["TIMESTAMP"][:26]).replace(tzinfo=UTC).timestamp()
        given, made = int(row["ContextTokens"]), int(row["GeneratedTokens"])
        inputs.add(given)
        outputs.add(made)
        clock.add(at, None, given + made, made)
    found = clock.traffic(inputs, outputs)
    tokens = sorted(int(row["ContextTokens"]) for row in rows)
    assert found.calls == 19_366 and found.durations == "assumed"
    assert found.input_tokens is not None and found.input_tokens.total == sum(tokens)
    assert found.input_tokens.p50.estimate == pytest.approx(tokens[len(tokens) // 2], rel=0.011)
    assert found.per_second == pytest.approx(5.5, abs=0.3)
