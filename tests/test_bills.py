"""Bills: what of a stack costs what, from its layers, its model and its records."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any

import pytest

from suffice.bills import CHANGES, Prices, Tariff, batched, bill_of, cached, managed, on_model, self_hosted
from suffice.consumption import MEASURED, Consumption, Draws, consumption_of
from suffice.cost import Bill, Cost, cost_of, known_within, measured
from suffice.evidence import Evidence, Reading
from suffice.pricebook import ModelPrice, book

PRICE = ModelPrice("a model", 2.0, 0.2, 8.0, 0.5, "a list", "2026-11-28")
SPEC = {"use": "openai", "name": "a model"}
PROMPT = {"use": "prompt", "instructions": "Answer."}


def reading(*layers: dict[str, Any], model: dict[str, Any] | None = None, lines: int = 40, **profile: Any) -> Reading:
    """One run of a stack of these layers: 1,500 tokens read a call, 20 written, 2 seconds of the model."""
    evidence = Evidence()
    told = {"requests_per_day": 1_000, "knowledge_changes": None, "stable_months": None, **profile}
    evidence.add("task", profile=told)
    for at in range(lines):
        evidence.add("example", part="test", id=f"q{at}", input="x" * (40 + 4 * at), expected="y")
    stack = {"layers": list(layers), "model": model or SPEC}
    evidence.add("run", run="r", part="test", stack=stack, stack_digest="d", content="")
    for at in range(lines):
        evidence.add("record", run="r", **record(at, [x["use"] for x in layers]))
    return Reading(evidence)


def record(at: int, uses: list[str]) -> dict[str, Any]:
    stages = [[use, 500.0 if use == "student" else 10.0] for use in uses] + [["model", 2_000.0]]
    spent = {"input_tokens": 1_500 + at, "output_tokens": 20, "cached_tokens": 0, "asked": 1, "usd": 0.01}
    return {"id": f"q{at}", "value": 1.0, "reason": "", "output": "y", "status": "ok", "stages": stages, **spent}


def bill(*layers: dict[str, Any], tariff: str = "list", model: dict[str, Any] | None = None, **profile: Any) -> Bill:
    known = Tariff(model or SPEC, tariff, PRICE if tariff == "list" else None)  # type: ignore[arg-type]  # one of four
    found = reading(*layers, model=model, **profile)
    return bill_of(found, "r", Prices(book(), (known,)), title="a stack")


def cost(of: Bill) -> Cost:
    return cost_of(of)


def test_a_listed_model_is_paid_by_its_tokens() -> None:
    found = cost(bill(PROMPT))
    assert found.stages["model"].estimate == pytest.approx((1_519.5 * 2 + 20 * 8) / 1e6)
    assert found.stages["prompt"].estimate == pytest.approx(0.01 * 0.125 / 3_600)
    assert set(found.stages) == {"model", "prompt"} and found.of["machines"].high == 0


@pytest.mark.parametrize(("tariff", "hour"), [("cpu", "cpu_hour"), ("gpu", "gpu_hour")])
def test_a_model_of_ones_own_rents_whole_machines(tariff: str, hour: str) -> None:
    found = cost(bill(PROMPT, tariff=tariff, requests_per_day=200_000))
    q = found.bill.quantities
    assert q["model_seconds"].estimate == pytest.approx(2.0) and q["machine_hour"].figure == hour
    machines = found.of["machines"]
    assert machines.low >= 1 and machines.estimate == int(machines.estimate) and "tokens_in" not in q
    assert 0 <= found.of["idle"].low <= found.of["idle"].high <= 1


def test_what_was_paid_counts_where_nothing_else_is_known() -> None:
    found = bill(PROMPT, tariff="paid")
    assert cost(found).stages["model"].estimate == pytest.approx(0.01) and "bought" in found.basis


def test_an_unknown_price_is_no_price() -> None:
    seen = reading(PROMPT)
    for line in seen.evidence.lines:
        if line["kind"] == "record":
            line["usd"] = None  # type: ignore[index]  # ours, just made
    assert bill_of(seen, "r", Prices(book(), ()), title="a stack").basis == ""


def test_retrieval_is_paid_by_the_month_and_can_be_managed() -> None:
    found = bill({"use": "retrieval"}, PROMPT)
    own, rented = cost(found), cost(managed(found, book()) or found)
    assert own.of["retrieval_month"].estimate == pytest.approx(55) and "reranking" not in found.quantities
    assert rented.of["retrieval_month"].estimate == pytest.approx(285 + 175)
    assert managed(bill(PROMPT), book()) is None


@pytest.mark.parametrize(
    ("layer", "build", "weeks"),
    [
        ({"use": "adapter"}, (2_000, 8_000), (1, 2)),
        ({"use": "student"}, (20_000, 80_000), (1, 2)),
        ({"use": "adapter", "trainer": "full"}, (15_000, 50_000), (4, 8)),
        ({"use": "adapter", "served": "acme/llama-8b-tuned"}, (3_000, 10_000), (1, 2)),
        ({"use": "adapter", "served": "ft:gpt-4.1-2025-04-14:acme::x"}, (5_000, 30_000), (1, 2)),
    ],
)
def test_training_costs_a_project_and_refreshes(layer: dict[str, Any], build: Any, weeks: Any) -> None:
    q = bill(layer, PROMPT, stable_months=10).quantities
    assert (q["build"].low, q["build"].high) == build and (q["refresh_weeks"].low, q["refresh_weeks"].high) == weeks
    assert q["months"].estimate == 10 and q["refreshes"].estimate == 2


@pytest.mark.parametrize(
    ("more", "compute"),
    [({}, (50, 300)), ({"served": "acme/x"}, (500, 2_000)), ({"served": "ft:x"}, (500, 2_000))],
)
def test_a_platforms_compute_is_not_that_of_own_hardware(more: dict[str, Any], compute: Any) -> None:
    again = bill({"use": "adapter", **more}, PROMPT).quantities["refresh_compute"]
    assert (again.low, again.high) == compute


def test_knowledge_in_weights_is_trained_again_as_often_as_it_changes() -> None:
    for word, times in CHANGES.items():
        weights = bill({"use": "adapter"}, PROMPT, knowledge_changes=word).quantities["refreshes"].estimate
        looked_up = bill({"use": "adapter"}, {"use": "retrieval"}, PROMPT, knowledge_changes=word)
        assert weights == 2 + times and looked_up.quantities["refreshes"].estimate == 2


def test_less_stability_never_makes_a_tuned_stack_cheaper() -> None:
    months = [cost(bill({"use": "adapter"}, PROMPT, knowledge_changes=w)).of["month"].estimate for w in CHANGES]
    assert months == sorted(months)
    lives = [cost(bill({"use": "adapter"}, PROMPT, stable_months=m)).of["month"].estimate for m in (24, 12, 6, 3, 1)]
    assert lives == sorted(lives)


def test_a_student_has_a_machine_and_its_teacher_tokens() -> None:
    q = bill({"use": "student"}, PROMPT).quantities
    assert q["model_seconds"].estimate == pytest.approx(0.5) and q["usd_in"].estimate == 2.0
    both = bill({"use": "student"}, PROMPT, tariff="cpu").quantities
    assert both["model_seconds"].estimate == pytest.approx(2.5) and "usd_in" not in both


def test_people_are_paid_where_rules_hand_over() -> None:
    seen = reading({"use": "rules"}, PROMPT)
    for line in seen.evidence.lines[-10:]:
        line["status"] = "escalated"  # type: ignore[index]  # ours, just made
    found = cost(bill_of(seen, "r", Prices(book(), (Tariff(SPEC, "list", PRICE),)), title="a stack"))
    assert found.stages["people"].estimate == pytest.approx(0.25 * 3 * 1) and found.stages["people"].low < 0.75


# Other ways


def test_a_stable_prefix_is_measured_and_read_from_the_cache() -> None:
    found = bill(PROMPT)
    way = cached(found, book())
    assert way is not None and found.taken is not None and found.taken.prefix is not None
    assert 1_400 < found.taken.prefix < 1_500
    held = way.quantities["tokens_cached"]
    assert held.estimate == pytest.approx(0.725 * found.taken.prefix) and held.low < held.high
    assert cost(way).stages["model"].high < cost(found).stages["model"].low


def test_a_list_without_a_price_for_cached_tokens_takes_the_frameworks_tenth() -> None:
    known = Tariff(SPEC, "list", replace(PRICE, cached=PRICE.input))
    found = bill_of(reading(PROMPT), "r", Prices(book(), (known,)), title="a stack")
    way = cached(found, book())
    assert way is not None and way.quantities["usd_cached"].estimate == pytest.approx(0.2)
    assert "0.1 of another" in way.notes[-1]


@pytest.mark.parametrize("layer", [{"use": "retrieval"}, {"use": "few_shot"}, {"use": "few_shot", "mode": "nearest"}])
def test_no_prefix_is_told_where_a_layer_words_it_anew(layer: dict[str, Any]) -> None:
    assert consumption_of(reading(layer, PROMPT), "r").prefix is None and cached(bill(layer, PROMPT), book()) is None
    assert cached(bill({"use": "few_shot", "mode": "static"}, PROMPT), book()) is not None


def test_a_short_prefix_is_not_cached_by_anybody() -> None:
    long = book().having(smallest_prefix=2_000)
    assert cached(bill(PROMPT), long) is None


def test_batches_take_the_lists_discount_off() -> None:
    found = bill(PROMPT)
    way = batched(found, book(), PRICE)
    assert way is not None
    assert cost(way).stages["model"].estimate == pytest.approx(cost(found).stages["model"].estimate / 2)
    assert batched(found, book(), replace(PRICE, batch_discount=None)) is None


def test_another_model_reads_the_same_tokens_at_its_own_price() -> None:
    other = replace(PRICE, name="small", input=0.2, cached=0.02, output=0.8)
    for tariff in ("list", "cpu", "paid"):
        way = on_model(bill(PROMPT, tariff=tariff), other)
        assert way is not None and cost(way).stages["model"].estimate == pytest.approx((1_519.5 * 0.2 + 16) / 1e6)
        assert cost(way).of["machines"].high == 0


def test_own_gpus_by_the_rate_that_example_b_implies() -> None:
    """10^9 tokens a day at $2 an hour: $200 to $400 a day, as its source says, but for the last machine's rest."""
    way = self_hosted(bill(PROMPT, requests_per_day=1e9 / 1_539.5), book().having(gpu_hour=2.0))
    assert way is not None and "peak" not in way.quantities and "a day's mean rate" in way.notes[-1]
    day, machine = cost(way).of["machines_month"].times(1 / 30), 48
    assert 200 <= day.low <= day.estimate <= 400 and 400 - machine <= day.high <= 400 + machine


def test_own_gpus_are_rented_by_their_rate_whatever_a_student_rents() -> None:
    plain, taught = (self_hosted(bill(*layers), book()) for layers in ((PROMPT,), ({"use": "student"}, PROMPT)))
    assert plain is not None and taught is not None
    assert taught.quantities["model_seconds"] == plain.quantities["model_seconds"]
    assert not {"slots", "peak"} & taught.quantities.keys()


def test_a_volume_that_retrievals_figures_are_not_for_is_said() -> None:
    said = "10,000 to 50,000 queries a day"
    for volume, noted in ((1_000, True), (20_000, False), (200_000, True), (None, False)):
        notes = bill({"use": "retrieval"}, PROMPT, requests_per_day=volume).notes
        assert any(said in note for note in notes) is noted
    assert not any(said in note for note in bill(PROMPT).notes)


def test_prices_are_read_back_as_they_were_told_and_newer_figures_are_ours() -> None:
    prices = Prices(book().having(peak=7.0), (Tariff(SPEC, "list", PRICE), Tariff({"use": "embedded"}, "cpu")))
    line = json.loads(json.dumps(prices.told))
    assert Prices.read(line) == replace(prices, book=replace(prices.book, models={}, examples={}))
    line["figures"] = [f for f in line["figures"] if f["name"] == "peak"]
    again = Prices.read(line).book
    assert again.figure("peak").low == 7.0 and again.figure("gpu_hour") == book().figure("gpu_hour")


def test_few_requests_and_failed_ones_are_said() -> None:
    seen = reading(PROMPT, lines=12)
    seen.evidence.lines[-1]["output"] = None  # type: ignore[index]  # ours, just made
    notes = bill_of(seen, "r", Prices(book(), ()), title="a stack").notes
    assert any("only 11 requests" in n for n in notes) and any("1 failed" in n for n in notes)


def test_people_cost_something_where_rules_have_handed_nothing_over_yet() -> None:
    """Rules that hand over 1 % hand over none of 60 more often than not: nobody to pay was then exactly $0."""
    found = bill({"use": "rules"}, PROMPT)
    share, people = found.quantities["review_share"], cost(found).stages["people"]
    assert (share.low, share.estimate) == (0, 0) and 0.05 < share.high < 0.08
    assert people.estimate == 0 and people.high > 0.1 and any("up to" in n and "a person" in n for n in found.notes)
    known = known_within(found, Draws())
    assert known is not None and known[0] < 0.02, "what was not seen is no reason to ask a billion more"
    assert "review_share" not in bill(PROMPT).quantities


def test_the_share_of_hand_overs_lies_within_its_limits_as_often_as_they_say() -> None:
    """Jeffreys: 95 % promised; of 300 samples fewer than 274 were one in a thousand. The bootstrap held 45 to 78 %."""
    draw, held = random.Random(3), 0
    for _ in range(300):
        rows = [float(draw.random() < 0.02) for _ in range(60)]
        columns = {**dict.fromkeys(MEASURED, (0.0,) * 60), "review_share": tuple(rows)}
        taken = Consumption(columns, tuple(map(str, range(60))), {}, 0, None, 1.0, True)
        found = measured(taken, Draws(n=400))["review_share"]
        held += found.low <= 0.02 <= found.high
    assert held >= 274


def test_what_a_student_hands_to_its_teacher_is_no_work_for_people() -> None:
    seen = reading({"use": "student"}, PROMPT)
    for line in seen.evidence.lines[-10:]:
        line["status"] = "escalated"  # type: ignore[index]  # ours, just made
    assert "review_share" not in bill_of(seen, "r", Prices(book(), ()), title="a stack").quantities


def test_forty_requests_of_five_groups_are_few() -> None:
    seen = reading(PROMPT)
    for at, line in enumerate(x for x in seen.evidence.lines if x["kind"] == "example"):
        line["group"] = f"g{at % 5}"  # type: ignore[index]  # ours, just made
    notes = bill_of(Reading(seen.evidence), "r", Prices(book(), ()), title="a stack").notes
    assert any("only 5 groups of requests (40 in all)" in n for n in notes)
