"""Cost: the arithmetic of a month, and what must hold of it whatever the numbers are."""

from __future__ import annotations

import json
import math
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from javascript import run

from suffice.consumption import MEASURED, Consumption, Draws
from suffice.cost import ABSENT, FORMULAS, INPUTS, PARTS, Bill, Quantity, cost_of, known_within, measured
from suffice.formula import JAVASCRIPT, evaluate, script
from suffice.pricebook import book

CASES = 300
UPTO = {"requests_per_day": 1e6, "tokens_in": 1e5, "tokens_out": 1e4, "usd_in": 50, "usd_cached": 50, "usd_out": 200}
UPTO |= {"batch_share": 1, "batch_discount": 1, "review_share": 1, "price_factor": 10, "refreshes": 400}
UPTO |= {"build": 1e5, "model_seconds": 60, "own_seconds": 5, "machine_hour": 20, "peak": 10, "engineer_week": 1e4}


def amounts(input_: str) -> st.SearchStrategy[float]:
    low = 0.5 if input_ in ("months", "slots") else 0.0
    return st.floats(min_value=low, max_value=UPTO.get(input_, 100), allow_nan=False)


INPUT_SETS = st.fixed_dictionaries({n: amounts(n) for n in INPUTS if n != "tokens_cached"}).flatmap(
    lambda given: st.floats(0, 1).map(lambda share: {**given, "tokens_cached": share * given["tokens_in"]})
)
LISTED = INPUT_SETS.map(lambda v: {**v, "usd_cached": min(v["usd_cached"], v["usd_in"])})
"""Inputs of a price list, on which a cached token never costs more than another."""


def bill(values: dict[str, float]) -> Bill:
    return Bill("any", {n: Quantity.exactly(v) for n, v in values.items()}, basis="given")


def month(values: dict[str, float]) -> float:
    found: float = evaluate(FORMULAS, values)["month"]
    return found


@settings(max_examples=60, deadline=None)
@given(LISTED, st.sampled_from(sorted(INPUTS)), st.floats(0, 1))
def test_more_of_an_input_costs_more_or_less_as_it_says(values: dict[str, float], input_: str, share: float) -> None:
    most = values["tokens_in"] if input_ == "tokens_cached" else UPTO.get(input_, 100.0)
    more = {**values, input_: values[input_] + share * (most - values[input_])}
    if input_ == "usd_in" or (input_ == "tokens_in" and more["usd_cached"] > more["usd_in"]):
        more["usd_cached"] = min(more["usd_cached"], more["usd_in"])
    apart = month(more) - month(values)
    assert apart * INPUTS[input_][0] >= -1e-9 * (1 + abs(month(values)))


@settings(max_examples=60, deadline=None)
@given(INPUT_SETS)
def test_a_month_is_thirty_days_and_the_sum_of_its_parts(values: dict[str, float]) -> None:
    found = evaluate(FORMULAS, values)
    assert found["month"] == pytest.approx(30 * found["day"], rel=1e-12)
    assert found["month"] == pytest.approx(sum(found[part] for part in PARTS), rel=1e-9)
    assert all(math.isfinite(v) and v >= 0 for n, v in found.items() if n not in ("idle", "request_tokens", "request"))


@settings(max_examples=60, deadline=None)
@given(LISTED)
def test_without_requests_nothing_is_spent_on_them_and_nothing_is_nan(values: dict[str, float]) -> None:
    cost = cost_of(bill({**values, "requests_per_day": 0.0}))
    assert cost.of["requests_month"].high == cost.of["machines_month"].high == 0 and cost.all_in is None
    assert all(math.isfinite(x) for i in cost.of.values() for x in (i.low, i.estimate, i.high))
    unknown = cost_of(bill({n: v for n, v in values.items() if n != "requests_per_day"}))
    assert unknown.month is None and unknown.day is None and math.isfinite(unknown.request.estimate)


@settings(max_examples=60, deadline=None)
@given(LISTED)
def test_what_is_certain_has_no_width(values: dict[str, float]) -> None:
    assert all(i.low == i.estimate == i.high for i in cost_of(bill(values)).of.values())


@settings(max_examples=60, deadline=None)
@given(LISTED, st.lists(st.sampled_from(sorted(INPUTS)), min_size=1, max_size=6), st.floats(0.01, 0.9))
def test_an_interval_holds_its_estimate_and_lies_between_the_extremes(
    values: dict[str, float], moved: list[str], by: float
) -> None:
    wide = {n: Quantity(v, v * (1 - by), v, figure=n) if n in moved else Quantity.exactly(v) for n, v in values.items()}
    wide["tokens_cached"], wide["usd_cached"] = Quantity.exactly(0.0), Quantity.exactly(0.0)
    one = Bill("any", wide)
    found = cost_of(one, Draws(n=50))
    ends = [evaluate(FORMULAS, {n: e[at] for n, e in one.extremes.items()})["month"] for at in (0, 2)]
    assert found.of["month"].low <= found.of["month"].estimate <= found.of["month"].high
    slack = 1e-9 * (1 + ends[1])
    assert ends[0] - slack <= found.of["month"].low and found.of["month"].high <= ends[1] + slack


@pytest.mark.parametrize("seed", range(3))
def test_the_page_reckons_like_python(seed: int) -> None:
    draw = random.Random(seed)
    cases = [{n: draw.random() * UPTO.get(n, 100) + (n in ("months", "slots")) for n in INPUTS} for _ in range(CASES)]
    cases += [{**cases[0], n: 0.0} for n in INPUTS]
    told = run(f"{JAVASCRIPT}\n{script(FORMULAS, 'cost')}\nreport({json.dumps(cases)}.map(cost));")
    assert len(told) == len(cases) == CASES + len(INPUTS)
    for values, found in zip(cases, told, strict=True):
        mine = evaluate(FORMULAS, values)
        assert set(found) == set(mine)
        assert all(abs(found[n] - mine[n]) <= 1e-9 * max(1.0, abs(mine[n])) for n in mine)


def test_a_number_that_nobody_gave_costs_nothing() -> None:
    assert set(ABSENT) == set(INPUTS) and month(dict(ABSENT)) == 0


# By hand


def test_tokens_cached_tokens_and_batches_by_hand() -> None:
    values = {"tokens_in": 1_000.0, "tokens_cached": 400.0, "tokens_out": 100.0, "price_factor": 1.0}
    values |= {"usd_in": 2.0, "usd_cached": 0.5, "usd_out": 8.0, "requests_per_day": 1_000.0}
    plain = cost_of(bill(values))
    assert plain.request.estimate == pytest.approx((600 * 2 + 400 * 0.5 + 100 * 8) / 1e6)
    half = cost_of(bill({**values, "batch_share": 0.5, "batch_discount": 0.5}))
    assert half.request.estimate == pytest.approx(0.75 * plain.request.estimate)


def test_machines_are_whole_and_rented_for_the_peak() -> None:
    values = {"model_seconds": 2.0, "slots": 4.0, "peak": 3.0, "machine_hour": 2.0, "requests_per_day": 86_400.0}
    found = cost_of(bill(values))
    assert found.of["busy"].estimate == pytest.approx(0.5) and found.of["machines"].estimate == 2
    assert found.of["machines_month"].estimate == 2 * 2 * 24 * 30 and found.of["idle"].estimate == pytest.approx(0.75)


def test_people_and_training_again_by_hand() -> None:
    values = {"review_share": 0.1, "review_minutes": 3.0, "review_minute": 1.0, "requests_per_day": 10.0}
    values |= {"refreshes": 2.0, "refresh_weeks": 1.5, "engineer_week": 4_000.0, "refresh_compute": 100.0}
    found = cost_of(bill({**values, "build": 6_000.0, "months": 12.0}))
    assert found.request.estimate == pytest.approx(0.3)
    assert found.month is not None
    assert found.month.estimate == pytest.approx(0.3 * 300 + (3 * 4_000 + 200) / 12 + 500)
    weekly = cost_of(bill({**values, "refreshes": 54.0}))
    assert weekly.of["refresh_month"].estimate == pytest.approx((52 * 4_000 + 5_400) / 12)


# Drawn


def taken(rows: int, groups: int, seed: int = 0) -> Consumption:
    import numpy as np

    drawn = np.random.default_rng(seed).lognormal(6, 0.5, rows)
    columns: dict[str, Any] = {name: tuple([0.0] * rows) for name in MEASURED}
    columns["tokens_in"] = tuple(drawn.tolist())
    return Consumption(columns, tuple(f"g{i % groups}" for i in range(rows)), {}, 0, None, 1.0, True)


def test_the_same_seed_draws_the_same_and_a_figure_is_drawn_alike_everywhere() -> None:
    one, other = Draws(seed=1), Draws(seed=2)
    assert one.figure("peak", 2, 4).tolist() == one.figure("peak", 2, 4).tolist() != other.figure("peak", 2, 4).tolist()
    assert (one.figure("peak", 2, 4) - 2) / 2 == pytest.approx((one.figure("peak", 10, 20) - 10) / 10)
    here, there = one.means(taken(100, 100)), one.means(taken(100, 100, seed=5))
    assert here["tokens_in"].tolist() == one.means(taken(100, 100))["tokens_in"].tolist() != there["tokens_in"].tolist()


def test_requests_of_one_group_are_drawn_together() -> None:
    """Fewer independent groups, wider limits."""
    alone, grouped = (measured(taken(200, groups), Draws())["tokens_in"] for groups in (200, 10))
    assert alone.estimate == grouped.estimate and alone.high - alone.low > 0
    copied = Consumption(
        {n: c * 4 for n, c in taken(50, 50).columns.items()}, taken(50, 50).groups * 4, {}, 0, None, 1, True
    )
    once, four_times = (measured(t, Draws())["tokens_in"] for t in (taken(50, 50), copied))
    assert (four_times.low, four_times.high) == pytest.approx((once.low, once.high))


@pytest.mark.parametrize("n", [60, 200])
def test_limits_of_a_mean_hold_about_as_often_as_they_say(n: int) -> None:
    """A lognormal cost a request: of 200 samples, the 95 % limits miss the true mean in at most a tenth."""
    truth = math.exp(6 + 0.5**2 / 2)
    found = [measured(taken(n, n, seed), Draws(n=400))["tokens_in"] for seed in range(200)]
    assert sum(q.low <= truth <= q.high for q in found) >= 180


def test_it_is_said_how_many_requests_would_tell_a_cost_within_two_percent() -> None:
    """As many as it says do so, within a fifth; a figure's own range does not count."""
    prices = {"usd_in": Quantity.exactly(2.0), "price_factor": Quantity(1.0, 0.5, 1.5, figure="any")}

    def known(n: int) -> tuple[float, int]:
        sample = taken(n, n)
        found = known_within(
            Bill("any", {"tokens_in": measured(sample, Draws())["tokens_in"], **prices}, sample), Draws()
        )
        assert found is not None
        return found

    half, wanted = known(400)
    assert 0.03 < half < 0.08 and known(wanted)[0] == pytest.approx(0.02, rel=0.2)
    assert known_within(Bill("any", prices), Draws()) is None


def test_a_figures_range_is_in_the_interval_and_a_given_number_is_not() -> None:
    hour, given_ = Quantity.of(book().figure("gpu_hour")), Quantity.exactly(2.0)
    values = {n: Quantity.exactly(v) for n, v in {"model_seconds": 1.0, "requests_per_day": 1e6, "peak": 1.0}.items()}
    wide, narrow = (cost_of(Bill("any", {**values, "machine_hour": q})) for q in (hour, given_))
    assert wide.month is not None and narrow.month is not None
    assert wide.month.low < wide.month.estimate < wide.month.high and narrow.month.low == narrow.month.high
