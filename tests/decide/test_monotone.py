"""What more or less of one fact may never do to an answer, on hundreds of drawn cases."""

from __future__ import annotations

from typing import Any

import pytest
from decide.drawn import READY, cases, other, value_of
from hypothesis import given, settings
from hypothesis import strategies as st

from suffice.decide import FACTS, Case, case_of, decide, steps_of
from suffice.decide.levers import LEVERS
from suffice.decide.money import Price, cheapest

often = settings(max_examples=250, deadline=None)

CHANGES = ("never", "yearly", "quarterly", "monthly", "weekly", "daily", "hourly")
numbers = st.one_of(
    st.sampled_from((0.0, 5, 6, 12, 49, 50, 199, 200, 499, 500, 999, 1_000, 9_999, 10_000)), st.floats(0, 100_000)
)


def levers(case: Case) -> set[str]:
    return {step.lever for step in steps_of(case.facts)}


def tuned(case: Case) -> set[str]:
    """What would be trained."""
    return {lever for lever in levers(case) if LEVERS[lever].trained}


def weight(case: Case) -> int:
    return max(LEVERS[lever].weight for lever in levers(case))


COUNTS = ("stable_months", "clean_pairs", "question_pairs", "test_items", "requests_per_day")


@often
@given(case=cases(), fact=st.sampled_from(COUNTS), one=numbers, two=numbers)
def test_less_stability_fewer_pairs_or_less_volume_never_favour_tuning(
    case: Case, fact: str, one: float, two: float
) -> None:
    less, more = sorted((one, two))
    assert bool(tuned(other(case, **{fact: less}))) <= bool(tuned(other(case, **{fact: more})))


REFUSED_BY = {
    "owner": False,
    "metric": False,
    "reviewed": False,
    "defined": False,
    "teaches_facts": True,
    "examples_tried": False,
}


@often
@given(case=cases(), fact=st.sampled_from([*REFUSED_BY]))
def test_no_owner_metric_review_or_definition_never_favours_tuning(case: Case, fact: str) -> None:
    worse = REFUSED_BY[fact]
    better = not worse
    assert bool(tuned(other(case, **{fact: worse}))) <= bool(tuned(other(case, **{fact: better})))


SIGNALS_TUNED = {
    "broken_format": "fine_tuning",
    "wrong_tone": "fine_tuning",
    "misused_tools": "fine_tuning",
    "slow_prompt": "fine_tuning",
    "high_cost": "distillation",
    "wrong_documents": "embedder",
    "small_model_short": "distillation",
    "rules_slip": "fine_tuning",
    "tacit_judgement": "fine_tuning",
}


@pytest.mark.parametrize(("signal", "lever"), SIGNALS_TUNED.items())
def test_a_ready_case_is_tuned_so_that_what_refuses_it_is_seen(signal: str, lever: str) -> None:
    ready = case_of({**READY, "signals": [signal]})
    assert tuned(ready) == {lever}
    for fact, worse in REFUSED_BY.items():
        if fact != "examples_tried" and not (lever == "embedder" and fact == "teaches_facts"):
            assert not tuned(other(ready, **{fact: worse})), fact


@often
@given(case=cases(), pair=st.lists(st.sampled_from(range(len(CHANGES))), min_size=2, max_size=2).map(sorted))
def test_knowledge_that_changes_more_often_never_favours_weights_that_hold_it(case: Case, pair: list[int]) -> None:
    slower, faster = (other(case, knowledge_changes=CHANGES[at]) for at in pair)
    held = {"fine_tuning", "embedder", "distillation"}
    assert bool(levers(faster) & held) <= bool(levers(slower) & held)
    assert len(tuned(faster)) <= len(tuned(slower))


@often
@given(case=cases(), one=st.floats(0, 5_000), two=st.floats(0, 5_000))
def test_a_tighter_limit_on_latency_never_favours_reranking_or_a_pipeline(case: Case, one: float, two: float) -> None:
    tight, loose = (other(case, latency_ms=ms) for ms in sorted((one, two)))
    assert ("reranking" in levers(tight)) <= ("reranking" in levers(loose))
    piped = {"M1.retrieve", "M8.rerank"}
    assert rows(tight) & piped <= rows(loose) & piped


def rows(case: Case) -> set[str]:
    return {step.row for step in steps_of(case.facts)}


@often
@given(case=cases(), one=st.integers(0, 6), two=st.integers(0, 6))
def test_more_prompts_that_failed_never_favour_prompting(case: Case, one: int, two: int) -> None:
    fewer, more = (other(case, prompts_tried=n) for n in sorted((one, two)))
    assert ("prompt" in levers(more)) <= ("prompt" in levers(fewer))
    assert weight(fewer) <= weight(more) or not levers(more) & {"prompt", "examples"}


@often
@given(case=cases(), one=numbers, two=numbers)
def test_more_failures_never_end_a_search_that_fewer_keep_open(case: Case, one: float, two: float) -> None:
    fewer, more = (other(case, failing=share) for share in sorted((one / 100_000, two / 100_000)))
    assert ("stop" in levers(more)) <= ("stop" in levers(fewer))


# What nobody knows


@often
@given(case=cases(), data=st.data())
def test_what_is_not_known_never_buys_more_than_the_worst_that_it_may_turn_out_to_be(
    case: Case, data: st.DataObject
) -> None:
    """Anything trained is trained whatever the unknown turns out to be; anything else is what some value calls for."""
    fact = data.draw(st.sampled_from([name for name in FACTS if name != "signals"]))
    unknown = other(case, **{fact: None})
    if tuned(unknown):
        value = data.draw(value_of(FACTS[fact]))
        assert tuned(other(case, **{fact: value})), f"{fact} = {value} would have refused"


WORST: dict[str, Any] = {
    "owner": False,
    "metric": False,
    "reviewed": False,
    "teacher": False,
    "teaches_facts": True,
    "clean_pairs": 0,
    "question_pairs": 0,
    "test_items": 0,
    "requests_per_day": 0,
    "stable_months": 0,
    "prompts_tried": 0,
    "examples_tried": False,
    "structure_tried": False,
    "caching": False,
}
"""Facts of which one value is the worst for every lever beyond a prompt."""


@often
@given(case=cases(), fact=st.sampled_from([*WORST]))
def test_where_one_value_is_the_worst_the_unknown_is_taken_for_no_better(case: Case, fact: str) -> None:
    assert weight(other(case, **{fact: None})) <= weight(other(case, **{fact: WORST[fact]}))


VALUES: dict[str, list[Any]] = {
    name: [True, False]
    if fact.kind == "flag"
    else [option for option, _ in fact.options]
    if fact.kind == "choice"
    else [0, 0.001, 0.02, 0.5, 1, 5, 400, 800, 5_000, 100_000, 1_000_000]
    for name, fact in FACTS.items()
    if name != "signals"
}


@often
@given(case=cases(), fact=st.sampled_from([*VALUES]))
def test_what_is_not_known_is_never_heavier_than_all_that_it_may_turn_out_to_be(case: Case, fact: str) -> None:
    values = [v for v in VALUES[fact] if FACTS[fact].kind != "number" or v <= FACTS[fact].most]
    assert weight(other(case, **{fact: None})) <= max(weight(other(case, **{fact: v})) for v in values)


@often
@given(case=cases(), data=st.data())
def test_what_is_not_asked_would_not_change_the_answer(case: Case, data: st.DataObject) -> None:
    asked = decide(case).measure
    silent = [name for name, value in case.facts.items() if value is None and name not in asked]
    if silent:
        fact = data.draw(st.sampled_from(silent))
        value = data.draw(value_of(FACTS[fact]))
        assert levers(other(case, **{fact: value})) == levers(case), f"{fact} = {value} mattered"


# Volume and cost

prices = st.builds(Price, fixed=st.floats(0, 50_000), a_request=st.floats(0.0001, 1))


@often
@given(heavy=prices, light=prices, one=numbers, two=numbers)
def test_with_linear_costs_more_volume_never_favours_the_dearer_request(
    heavy: Price, light: Price, one: float, two: float
) -> None:
    stacks = {"dear": max(heavy, light, key=request), "cheap": min(heavy, light, key=request)}
    less, more = sorted((one, two))
    if cheapest(stacks, less) == "cheap":
        dear, cheap = stacks["dear"].at(more), stacks["cheap"].at(more)
        assert cheap <= dear + 1e-9 * dear


def request(price: Price) -> float:
    return price.a_request


def test_whole_machines_break_that_by_steps() -> None:
    """A student on machines of 1,000 requests a day each: one request too many, and the dearer request wins again."""
    stacks = {"api": Price(0, 0.02), "student": Price(0, 0, machine=500, a_machine=1_000)}
    found = {volume: cheapest(stacks, volume) for volume in (800, 900, 1_000, 1_001, 1_600, 1_700, 2_000, 2_001, 3_000)}
    assert found == {
        800: "api",
        900: "student",
        1_000: "student",
        1_001: "api",
        1_600: "api",
        1_700: "student",
        2_000: "student",
        2_001: "api",
        3_000: "student",
    }


@often
@given(case=cases(), one=numbers, two=numbers)
def test_more_volume_never_takes_a_student_away(case: Case, one: float, two: float) -> None:
    less, more = (other(case, requests_per_day=n) for n in sorted((one, two)))
    assert ("distillation" in levers(less)) <= ("distillation" in levers(more))
