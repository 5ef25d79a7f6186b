"""Economics: what a real climb's verdict says of money, recomputed by verify, and quoted again at other prices."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from worlds import world

from suffice.bills import Prices, prices_of
from suffice.climb import climb
from suffice.cost import Interval
from suffice.digest import canonical, file_digest
from suffice.errors import Disproved, InputError
from suffice.evidence import Evidence, Reading
from suffice.pricebook import book
from suffice.quote import Quote, parsed, quoted
from suffice.task import Profile
from suffice.verify import verify

PRICES = "models:\n  flip-coin: {input: 2.0, cached: 0.2, output: 8.0, batch_discount: 0.5}\nengineer_week: 5000\n"


@pytest.fixture(scope="module")
def climbed(tmp_path_factory: pytest.TempPathFactory, minilm: Path) -> Path:
    """Two measured rungs over a model with a price of its own."""
    folder = tmp_path_factory.mktemp("money")
    (folder / "prices.yaml").write_text(PRICES, encoding="utf-8")
    task = world(folder, "coin", n=104, edge=12)
    climb(replace(task, profile=Profile(requests_per_day=20_000, stable_months=10, owner="Ada")))
    return folder


@pytest.fixture
def copy(climbed: Path, tmp_path: Path) -> Path:
    for name in ("verdict.json", "records.jsonl", "prices.yaml"):
        shutil.copy(climbed / name, tmp_path / name)
    return tmp_path


def economics(folder: Path) -> dict[str, Any]:
    body: dict[str, Any] = json.loads((folder / "verdict.json").read_text("utf-8"))["economics"]
    return body


def quote(folder: Path, *what_if: str, **more: Any) -> Quote:
    return quoted(folder / "verdict.json", changes=parsed(what_if, book(folder)), **more)


def test_a_p95_without_a_limit_beats_nothing_beyond_doubt(climbed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under 72 times P95 has no upper limit: its estimate stood in for one, and won half of equals."""
    plan = quote(climbed).economics
    heavy, light = plan.stacks[:2] if len(plan.stacks) > 1 else (plan.stacks[0], plan.stacks[0])
    times = {heavy.run: (400.0, 500.0, None), light.run: (None, 300.0, 350.0)}

    def speed(run: str, _: object) -> dict[str, float | None]:
        return dict(zip(("p95_low_ms", "p95_ms", "p95_high_ms"), times[run], strict=True))

    monkeypatch.setattr(type(plan.of), "speed", lambda _, run, other: speed(run, other))
    one, other = (plan._p95(stack) for stack in (heavy, light))
    assert one == Interval(400.0, 500.0, math.inf) and other == Interval(0.0, 300.0, 350.0)
    told = {p["title"]: p["p95_ms"] for p in plan.told()["frontier"]}
    assert told[heavy.title] == {"low": 400.0, "estimate": 500.0, "high": None}
    assert told[light.title] == {"low": None, "estimate": 300.0, "high": 350.0}
    json.dumps(told, allow_nan=False)


def test_every_measured_stack_has_its_cost_with_an_interval(climbed: Path) -> None:
    told = economics(climbed)
    measured = [s["title"] for s in json.loads((climbed / "verdict.json").read_text())["steps"] if s["quality"]]
    assert [s["title"] for s in told["stacks"]][: len(measured)] == measured and measured
    for stack in told["stacks"]:
        for key in ("usd_per_request", "usd_per_day", "usd_per_month"):
            assert 0 < stack[key]["low"] <= stack[key]["estimate"] <= stack[key]["high"]
        assert stack["usd_per_month"]["estimate"] == pytest.approx(30 * stack["usd_per_day"]["estimate"])
    assert "seeded draws" in told["method"]


def test_a_request_costs_what_its_records_say_at_the_tasks_own_price(climbed: Path) -> None:
    reading = Reading(Evidence.read(climbed / "records.jsonl"))
    for stack in economics(climbed)["stacks"]:
        digest = reading.runs[stack["run"]]["stack_digest"]
        runs = [r for r, x in reading.runs.items() if x["stack_digest"] == digest and x["part"] in ("test", "select")]
        items = {x["id"]: x for run in runs for x in reading.records[run].values() if x["output"] is not None}
        lines = [*items.values()]
        assert len(lines) > len(reading.records[stack["run"]])
        paid = sum(x["input_tokens"] * 2.0 + x["output_tokens"] * 8.0 for x in lines) / 1e6 / len(lines)
        assert stack["stages"]["model"]["estimate"] == pytest.approx(paid) and stack["measured"] == len(lines)
        assert stack["usd_per_month"]["estimate"] >= paid * 20_000 * 30


def test_verify_recomputes_all_of_it(copy: Path) -> None:
    verify(copy)
    body = json.loads((copy / "verdict.json").read_text("utf-8"))
    body["economics"]["stacks"][0]["usd_per_month"]["low"] *= 0.9
    (copy / "verdict.json").write_text(json.dumps(body), encoding="utf-8")
    with pytest.raises(Disproved, match=r"economics\.stacks\.0\.usd_per_month\.low"):
        verify(copy)


def test_figures_are_those_of_the_day_of_the_climb(copy: Path) -> None:
    (copy / "prices.yaml").write_text("engineer_week: 1\n", encoding="utf-8")
    verify(copy)
    (line,) = Evidence.read(copy / "records.jsonl").of("figures")
    assert Prices.read(line).book.figure("engineer_week").low == 5_000
    twice = (copy / "records.jsonl").read_bytes() + canonical(line) + b"\n"
    (copy / "records.jsonl").write_bytes(twice)
    body = json.loads((copy / "verdict.json").read_text("utf-8"))
    body["records"]["sha256"] = file_digest(copy / "records.jsonl")
    (copy / "verdict.json").write_text(json.dumps(body), encoding="utf-8")
    with pytest.raises(Disproved, match="figures"):
        verify(copy)


def test_older_evidence_without_figures_says_what_it_said(climbed: Path) -> None:
    from suffice.verdict import conclude

    lines = [x for x in Evidence.read(climbed / "records.jsonl").lines if x["kind"] != "figures"]
    assert set(conclude(Evidence(lines))["economics"]) == {"usd_per_1k", "requests_per_day", "usd_per_month"}


def test_a_quote_has_the_verdicts_numbers_and_other_ways(climbed: Path) -> None:
    told, found = economics(climbed), quote(climbed).body()
    assert [s["usd_per_month"] for s in found["stacks"]] == [s["usd_per_month"] for s in told["stacks"]]
    ways = {w["title"].split(", ")[-1]: w for w in found["ways"]}
    kept = next(s for s in found["stacks"] if s["title"] == found["stack"])
    model = kept["stages"]["model"]["estimate"]
    assert ways["in batches"]["stages"]["model"]["estimate"] == pytest.approx(model / 2)
    assert ways["on own GPUs"]["machines"]["machines"]["estimate"] >= 1
    (rented,) = [p for p in found["break_even"] if p["heavier"].endswith("on own GPUs")]
    even = rented["requests_per_day"]
    assert even["answer"] in ("from", "between") and even["low"] < even["at"][0] < even["high"]
    assert found["models"][0]["name"] == "flip-coin" and found["models"][0]["overridden"]


def test_another_model_is_priced_by_the_same_tokens(climbed: Path) -> None:
    found = quote(climbed, model="gpt-4o-mini")
    (way,) = [w for w in found.ways.bills if w.title.endswith("on gpt-4o-mini")]
    own, other = found.economics.costs[found.stack], found.ways.costs[way.title]
    assert other.stages["model"].estimate < own.stages["model"].estimate
    with pytest.raises(InputError, match="no price is known"):
        quote(climbed, model="no-such-model").body()


def test_what_if_changes_inputs_and_figures(climbed: Path) -> None:
    base, more = quote(climbed).body(), quote(climbed, "requests_per_day=40000").body()
    assert more["requests_per_day"] == 40_000
    for one, other in zip(base["stacks"], more["stacks"], strict=True):
        assert other["parts"]["requests_month"]["estimate"] == pytest.approx(
            2 * one["parts"]["requests_month"]["estimate"]
        )
    tokens = quote(climbed, "usd_in=1:3").economics.costs["prompt"].stages["model"]
    assert tokens.low < 0.8 * tokens.estimate < 1.2 * tokens.estimate < tokens.high
    assert "what if" in {f["source"] for f in quote(climbed, "cpu_hour=1").body()["figures"]}


@pytest.mark.parametrize(
    ("told", "said", "hint"),
    [
        ("cpu_houre=1", "no figure and no input", "did you mean `cpu_hour`?"),
        ("cpu_hour", "is not KEY=VALUE", ""),
        ("cpu_hour=cheap", "give a number", "cpu_hour=1"),
        ("cpu_hour=2:1", "give a number", ""),
        ("cpu_hour=nan", "give a number", ""),
        ("months=0", "it is from 1 to", ""),
        ("batch_share=5", "it is from 0 to 1", ""),
        ("peak=0:2", "it is from 1 to", ""),
        ("build=5", "no stack here has the input `build`", "they have"),
    ],
)
def test_a_wrong_what_if_is_told_apart(told: str, said: str, hint: str, climbed: Path) -> None:
    with pytest.raises(InputError) as caught:
        quote(climbed, told)
    assert said in caught.value.message and hint in caught.value.hint


def test_an_unknown_stack_names_the_nearest(climbed: Path) -> None:
    with pytest.raises(InputError) as caught:
        quote(climbed, stack="promt")
    assert caught.value.hint == "did you mean `prompt`?"


def test_records_that_are_others_are_not_quoted(copy: Path) -> None:
    (copy / "records.jsonl").write_bytes((copy / "records.jsonl").read_bytes() + b"\n")
    with pytest.raises(InputError, match="not there, or others"):
        quote(copy)


def test_a_tasks_models_are_priced_as_their_own_file_says(tmp_path: Path) -> None:
    (tmp_path / "prices.yaml").write_text(PRICES, encoding="utf-8")
    task = world(tmp_path, "coin")
    (mine,) = prices_of(task).tariffs
    assert mine.hosting == "list" and mine.price is not None and mine.price.input == 2.0
    hosted = {m: prices_of(replace(task, model=m)).tariffs[0].hosting for m in ("embedded", "http://127.0.0.1:1/v1#x")}
    assert hosted == {"embedded": "cpu", "http://127.0.0.1:1/v1#x": "gpu"}
    listed, scripted = (
        prices_of(replace(task, model=m)).tariffs[0] for m in ("openai/gpt-4o", f"{task.model[:-4]}right")
    )
    assert listed.price is not None and listed.price.output == 10.0 and scripted.hosting == "paid"
    unreachable = prices_of(replace(task, cheaper_model="no-such-provider/x"))
    assert len(unreachable.tariffs) == 1


@pytest.mark.parametrize("lost", ["stages", "status", "input_tokens", "usd"])
def test_records_that_lack_something_are_no_defect_of_ours(lost: str, copy: Path) -> None:
    lines = [
        {k: "x" if k == lost else v for k, v in line.items()} if line["kind"] == "record" else line
        for line in Evidence.read(copy / "records.jsonl").lines
    ]
    body = json.loads((copy / "verdict.json").read_text("utf-8"))
    body["records"]["sha256"] = Evidence(lines).write(copy / "records.jsonl")
    (copy / "verdict.json").write_text(json.dumps(body), encoding="utf-8")
    if lost == "status":
        assert quote(copy).body()["stacks"]
    else:
        with pytest.raises(InputError, match="do not hold what a price needs"):
            quote(copy).body()


def test_an_older_verdict_is_quoted_without_running_anybodys_code(copy: Path) -> None:
    evidence = Evidence([x for x in Evidence.read(copy / "records.jsonl").lines if x["kind"] != "figures"])
    body = json.loads((copy / "verdict.json").read_text("utf-8"))
    body["records"]["sha256"] = evidence.write(copy / "records.jsonl")
    (copy / "verdict.json").write_text(json.dumps(body), encoding="utf-8")
    assert quote(copy).economics.bills["prompt"].basis == "what its replies cost when they were bought"
    (copy / "mine.py").write_text("open('ran', 'w')\n", encoding="utf-8")
    (copy / "examples.jsonl").write_text('{"id": "a", "input": "b", "expected": "c"}\n' * 1, encoding="utf-8")
    (copy / "suffice.yaml").write_text("goal: x\nmodel: mine.py:model\nscore: exact\n", encoding="utf-8")
    assert quote(copy).economics.bills["prompt"].quantities["paid"].estimate == pytest.approx(0.001)
    assert not list(copy.glob("**/ran")) and not Path("ran").exists()
