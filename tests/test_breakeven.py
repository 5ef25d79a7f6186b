"""Break-even: every crossing is one, none is missed, and the two sides agree."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from suffice.breakeven import Answer, Breakeven, Even, Line, by_month, by_volume, doubt, even, line_of, tornado
from suffice.consumption import Draws
from suffice.cost import METHOD, REDRAWN, Bill, Quantity, cost_of
from suffice.economics import pair_told
from suffice.pricebook import book

MIRROR = {"always": "never", "never": "always", "from": "up to", "up to": "from", "between": "between"}
STRAIGHT = st.builds(Line, st.integers(0, 10_000).map(float), st.integers(0, 100).map(lambda c: c / 100))
STEPPED = st.builds(
    Line,
    st.integers(0, 5_000).map(float),
    st.integers(0, 50).map(lambda c: c / 100),
    st.integers(100, 2_000).map(float),
    st.integers(1, 100).map(lambda n: n / 100_000),
)


def bill(title: str, **values: float | tuple[float, float]) -> Bill:
    ends = {n: v if isinstance(v, tuple) else (v, v) for n, v in values.items()}
    return Bill(
        title, {n: Quantity((a + b) / 2, a, b, figure=n if a < b else "") for n, (a, b) in ends.items()}, basis="x"
    )


API = bill("api", tokens_in=1_000, usd_in=2.0, price_factor=1, requests_per_day=10_000, months=12)
OWN = bill(
    *("own",), model_seconds=1, slots=4, peak=3, machine_hour=2.0, requests_per_day=10_000, build=20_000, months=12
)


@settings(max_examples=60, deadline=None)
@given(STRAIGHT, STRAIGHT)
def test_two_lines_cross_where_algebra_says(heavy: Line, light: Line) -> None:
    found, apart, slope = even(heavy, light), heavy.fixed - light.fixed, heavy.slope - light.slope
    if apart and slope and -apart / slope > 0:
        assert found.at == pytest.approx((-apart / slope,)) and found.answer == ("from" if slope < 0 else "up to")
    else:
        assert found.at == () and found.answer == ("always" if slope < 0 or (not slope and apart < 0) else found.answer)


@settings(max_examples=60, deadline=None)
@given(st.one_of(STRAIGHT, STEPPED), st.one_of(STRAIGHT, STEPPED))
@example(Line(1000, 0), Line(0, 0.1, 500, 0.0005))
def test_break_even_is_symmetric(one: Line, other: Line) -> None:
    here, there = even(one, other), even(other, one)
    same = not here.at and not here.starts_cheaper and not there.starts_cheaper
    assert here.at == pytest.approx(there.at) and (same or MIRROR[here.answer] == there.answer)


@settings(max_examples=60, deadline=None)
@given(STEPPED, st.one_of(STRAIGHT, STEPPED))
def test_no_crossing_is_missed_and_none_is_made_up(heavy: Line, light: Line) -> None:
    """Against looking at many volumes: between neighbouring crossings the ranking is one and the same."""
    found = even(heavy, light)
    upto = 2e6
    edges = [0.0, *(a for a in found.at if a < upto), upto]
    cheaper = found.starts_cheaper
    for left, right in pairwise(edges):
        inside = [left + (right - left) * (i + 0.5) / 40 for i in range(40)]
        apart = [heavy(v) - light(v) for v in inside]
        assert (
            all(a <= 1e-6 * (1 + light(v)) for a, v in zip(apart, inside, strict=True))
            if cheaper
            else all(a >= -1e-6 * (1 + light(v)) for a, v in zip(apart, inside, strict=True))
        )
        cheaper = not cheaper


@settings(max_examples=200, deadline=None)
@given(STRAIGHT, STRAIGHT, st.floats(0, 1e6), st.floats(1, 100))
def test_more_volume_never_favours_the_stack_with_the_higher_marginal_cost(
    one: Line, other: Line, volume: float, times: float
) -> None:
    """Where costs are lines; the test below shows that whole machines break it."""
    dear, cheap = sorted((one, other), key=lambda line: -line.slope)
    apart, later = (dear(v) - cheap(v) for v in (volume, volume * times))
    assert later >= apart - 1e-9 * (1 + abs(dear(volume * times)))


def test_whole_machines_turn_the_ranking_back_and_forth() -> None:
    """An API at $0.02 a day's request a month against machines at $300 for 10,000: every step turns it again."""
    found = even(Line(0, 0, 300, 1 / 10_000), Line(0, 0.032))
    assert found.answer == "between" and not found.starts_cheaper and not found.cut
    assert found.at == pytest.approx((9_375, 10_000, 18_750, 20_000, 28_125, 30_000, 37_500, 40_000, 46_875, 50_000,
        56_250, 60_000, 65_625, 70_000, 75_000, 80_000, 84_375, 90_000, 93_750, 100_000, 103_125, 110_000, 112_500,
        120_000, 121_875, 130_000, 131_250, 140_000, 140_625))  # fmt: skip


@pytest.mark.parametrize(
    ("at", "starts", "words"),
    [
        ((10.0,), False, "from 10"),
        ((10.0,), True, "up to 10"),
        ((10.0, 20.0, 30.0), False, "from 10 to 20, from 30"),
        ((10.0, 20.0), True, "up to 10, from 20"),
        (
            (1e4, 2e4, 3e4, 4e4, 5e4, 6e4),
            False,
            "from 10,000 to 20,000, from 30,000 to 40,000, from 50,000 and 1 more turns",
        ),
    ],
)
def test_crossings_in_words(at: tuple[float, ...], starts: bool, words: str) -> None:
    answer: Answer = "between" if len(at) > 1 else "up to" if starts else "from"
    assert Breakeven(Even(answer, at, starts), None, None, {}).words == words


def test_never_and_always_are_answers() -> None:
    cheap, dear = Line(10, 0.01), Line(20, 0.02)
    assert even(dear, cheap).answer == "never" and even(cheap, dear).answer == "always"
    assert even(cheap, cheap).answer == "never"


def test_a_line_is_what_the_formulas_say_at_any_volume() -> None:
    for one in (API, OWN):
        line = line_of(one.central)
        for volume in (1, 777, 10_000, 123_456, 4e6):
            month = cost_of(one.at(volume)).month
            assert month is not None and line(volume) == pytest.approx(month.estimate)


def test_the_volume_and_the_month_by_hand() -> None:
    """A project of $1,200 that saves $1 in a thousand requests: over 12 months it takes 3,334 a day; at 10,000 a day
    it is paid back after 4 months."""
    heavy = bill("h", paid=0.001, build=1_200, months=12, requests_per_day=10_000)
    light = bill("l", paid=0.002, requests_per_day=10_000)
    volume, month = by_volume(heavy, light), by_month(heavy, light)
    assert volume.even.answer == "from" and volume.even.at == pytest.approx((100 / 0.03,))
    assert month.even.at == pytest.approx((1_200 / 300,)) and volume.low == volume.high == pytest.approx(
        volume.even.at[0]
    )


def test_what_pays_back_after_ten_years_pays_never() -> None:
    light = bill("l", paid=0.002, requests_per_day=100)
    by_year = [
        by_month(bill("h", paid=0.001, build=b, months=12, requests_per_day=100), light).even for b in (300, 400)
    ]
    assert [e.answer for e in by_year] == ["from", "never"] and by_year[0].at == pytest.approx((100,))


def test_an_uncertain_price_gives_an_interval_around_the_crossing() -> None:
    heavy = bill("h", paid=0.001, build=(600, 1_800), months=12, requests_per_day=10_000)
    found = by_volume(heavy, bill("l", paid=0.002, requests_per_day=10_000))
    assert found.low is not None and found.high is not None and found.shares == {"from": 1.0}
    assert 50 / 0.03 <= found.low < found.even.at[0] < found.high <= 150 / 0.03
    assert found.high - found.low > 0.8 * 100 / 0.03


def test_where_draws_disagree_the_shares_say_so() -> None:
    heavy = bill("h", paid=(0.001, 0.003), build=600, months=12, requests_per_day=10_000)
    found = by_volume(heavy, bill("l", paid=0.0021, requests_per_day=10_000), Draws(seed=3))
    assert found.shares["never"] == pytest.approx(0.45, abs=0.1) and found.shares["from"] == pytest.approx(
        0.55, abs=0.1
    )


@pytest.mark.parametrize(
    ("answer", "shares", "limits", "told"),
    [
        ("from", {"from": 0.55, "never": 0.45}, "2 to 6", "2 to 6 where it pays at all: in 55% of draws, never in 45%"),
        (
            "up to",
            {"up to": 0.7, "always": 0.3},
            "2 to 6",
            "2 to 6 where it turns at all: in 70% of draws, always in 30%",
        ),
        ("from", {"from": 0.6, "between": 0.4}, "2 to 6", "2 to 6; in 60% of draws"),
        ("from", {"from": 0.98, "never": 0.02}, "2 to 6", "2 to 6"),
        ("never", {"never": 0.9, "from": 0.1}, "", "in 90% of draws"),
        ("from", {"never": 1.0}, "", "in 0% of draws, never in 100%"),
        ("from", {}, "", ""),
    ],
)
def test_limits_are_said_to_hold_only_where_it_pays(
    answer: str, shares: dict[str, float], limits: str, told: str
) -> None:
    assert doubt(answer, shares, limits) == told


def test_a_crossing_that_few_draws_have_is_told_with_its_share_in_words() -> None:
    heavy = bill("h", paid=(0.001, 0.003), build=600, months=12, requests_per_day=10_000)
    light = bill("l", paid=0.0021, requests_per_day=10_000)
    words = pair_told(heavy, light, Draws(seed=3))["words"]
    assert "199,233 where it pays at all: in 60% of draws, never in 40%)" in str(words)
    assert "54.8 where it pays at all: in 58% of draws, never in 42%)" in str(words)


def test_a_figure_that_both_have_moves_both() -> None:
    sides = [
        bill(t, machine_hour=(1.0, 3.0), model_seconds=s, peak=1, requests_per_day=86_400 * 4)
        for t, s in (("h", 1), ("l", 2))
    ]
    found = {s.input: s for s in tornado(*sides)}
    hour = found["machine_hour"]
    assert hour.stack == "" and hour.at_high == pytest.approx(3 * hour.at_low) and not hour.flips


@settings(max_examples=15, deadline=None)
@given(st.floats(500, 3_000), st.floats(0.0005, 0.0019))
def test_where_it_turns_both_cost_the_same(build: float, paid: float) -> None:
    heavy = bill("h", paid=(paid, 0.0019), build=(build / 2, build), months=12, requests_per_day=10_000)
    light = bill("l", paid=0.002, requests_per_day=10_000)
    for swing in tornado(heavy, light):
        if swing.turns_at is None:
            continue
        moved = Quantity.exactly(swing.turns_at)
        sides = [b.having({swing.input: moved}) if swing.stack in ("", b.title) else b for b in (heavy, light)]
        one, other = (cost_of(b).of["month"].estimate for b in sides)
        assert one == pytest.approx(other, rel=1e-6)


def test_an_assumed_number_moves_to_half_and_twice_and_one_that_somebody_gave_stays() -> None:
    light = bill("l", paid=0.002, requests_per_day=10_000)
    for figures, moved in (
        (book(), {"refreshes", "engineer_week"}),
        (book().having(engineer_week=5_500), {"refreshes"}),
    ):
        names = {"refreshes": "base_changes", "engineer_week": "engineer_week", "refresh_weeks": "lora_refresh_weeks"}
        kept = {n: Quantity.of(figures.figure(figure)) for n, figure in names.items()}
        found = {s.input: s for s in tornado(bill("h", paid=0.001, requests_per_day=10_000).having(kept), light)}
        assert {n for n in ("refreshes", "engineer_week") if n in found} == moved
        assert (found["refreshes"].low, found["refreshes"].high) == (1, 4)
        assert found["refreshes"].at_high - found["refreshes"].at_low == pytest.approx(
            3 * 1.5 * figures.figure("engineer_week").estimate / 12
        )


def test_an_assumed_number_moves_alike_in_both_and_never_below_what_makes_sense() -> None:
    sides = []
    for title, plus in (("h", 0), ("l", 4)):
        trained = {n: Quantity.of(book().figure(f)) for n, f in (("slots", "cpu_slots"), ("engineer_week",) * 2)}
        trained["refreshes"] = Quantity.of(book().figure("base_changes"), plus=plus)
        base = bill(title, refresh_weeks=1, model_seconds=plus + 1, machine_hour=1, requests_per_day=86_400)
        sides.append(base.having(trained))
    found = {s.input: s for s in tornado(*sides)}
    assert (found["slots"].low, found["slots"].high) == (1, 2) and found["slots"].stack == ""
    refreshes = found["refreshes"]
    still = -4 * 4_000 / 12 - 4 * 720
    assert refreshes.stack == "" and (refreshes.low, refreshes.high) == (1, 4)
    assert (refreshes.at_low, refreshes.at_high) == pytest.approx((still + 2 * 4_000 / 12, still - 4 * 4_000 / 12))


def test_swings_are_sorted_and_a_flip_is_a_change_of_the_cheaper_one() -> None:
    heavy = bill("h", paid=0.001, build=(1_000, 9_000), months=12, requests_per_day=10_000)
    light = bill("l", paid=0.002, requests_per_day=10_000)
    found = tornado(heavy, light)
    assert [s.swing for s in found] == sorted((s.swing for s in found), reverse=True)
    (build,) = [s for s in found if s.input == "build"]
    assert build.flips and build.turns_at == pytest.approx(3_600) and (build.at_low < 0 < build.at_high)
    assert math.isclose(build.swing, 8_000 / 12)


def test_no_input_turns_at_what_it_cannot_be() -> None:
    """A share of requests that go to people would have to be 1.39 for the machines to pay."""
    light = bill("l", requests_per_day=1_000, review_share=(0.05, 0.15), review_minutes=2, review_minute=1)
    light = light.having({"tokens_in": Quantity(900, 850, 950, column="tokens_in"), "usd_in": Quantity.exactly(0.15)})
    heavy = bill("h", requests_per_day=1_000, build=1_000_000, months=12)
    found = {s.input: s.turns_at for s in tornado(heavy, light)}
    assert found["review_share"] is None
    assert found["months"] == pytest.approx(1_000_000 / (0.1 * 2 * 30_000 + 900 * 0.15e-6 * 30_000))
    for dearer in (0.5, 5.0):
        cached = light.having({"tokens_cached": Quantity(800, 750, 850), "usd_cached": Quantity.exactly(dearer)})
        for swing in tornado(heavy, cached):
            assert swing.input != "tokens_cached" or swing.turns_at is None or swing.turns_at <= 900


def test_on_how_many_draws_a_break_even_rests_is_said_as_it_is() -> None:
    found = by_volume(OWN, API, Draws(n=1_000))
    shares = [share * REDRAWN for share in found.shares.values()]
    assert shares == pytest.approx([round(s) for s in shares]) and sum(shares) == pytest.approx(REDRAWN)
    assert f"rests on {REDRAWN} of them" in METHOD.format(draws="1,000")
