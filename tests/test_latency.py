"""Percentiles by stage from stored records, limits that hold or break, and the stage that slow requests wait for."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import world

from suffice.errors import InputError
from suffice.evidence import Evidence
from suffice.latency import Timing, expected, latency, peak, stored, timings
from suffice.layers.adapter import Adapter
from suffice.layers.prompt import Prompt
from suffice.layers.retrieval import Retrieval
from suffice.ledger import Ledger
from suffice.models.openai import Openai
from suffice.models.scripted import Scripted
from suffice.run import run
from suffice.stack import Stack


def timed(rows: list[tuple[float, float]]) -> tuple[Timing, ...]:
    """Requests through retrieval and model."""
    return tuple(Timing(f"q{n}", a + b, {"retrieval": a, "model": b}) for n, (a, b) in enumerate(rows))


def drawn(seed: int, n: int = 400, spikes: float = 0.08) -> tuple[Timing, ...]:
    """The model takes most of the time always; what makes some requests slow is retrieval."""
    draw = np.random.default_rng(seed)
    model = draw.normal(300, 10, n)
    searched = np.where(draw.random(n) < spikes, draw.normal(1500, 50, n), draw.normal(30, 3, n))
    return timed(list(zip(searched.tolist(), model.tolist(), strict=True)))


def test_the_stage_of_the_slow_requests_is_named_and_not_the_one_that_is_slow_on_average() -> None:
    found = latency(drawn(1, spikes=0.12), slo_ms=900.0)
    assert found.whole.kept == "broken" and found.breaking is not None
    assert found.breaking.name == "retrieval" and found.breaking.leads == 1.0
    by_name = {s.name: s for s in found.stages}
    assert by_name["model"].share > by_name["retrieval"].share > 0.2
    assert by_name["retrieval"].tail_share == pytest.approx(0.83, abs=0.02)
    assert by_name["retrieval"].rise_ms > 1000 and abs(by_name["model"].rise_ms) < 20
    assert by_name["retrieval"].p95_without_ms < 350 and "retrieval" in found.words


def test_percentiles_of_stages_do_not_add_up_and_their_parts_do() -> None:
    found = latency(drawn(2))
    assert sum(s.tail_share for s in found.stages) == pytest.approx(1.0)
    assert sum(s.tail_ms for s in found.stages) > found.whole.p95.estimate
    apart = latency(timed([(1000.0, 10.0)] * 6 + [(10.0, 1000.0)] * 6 + [(10.0, 10.0)] * 88))
    assert sum(s.own.p95.estimate for s in apart.stages) == 2000 and apart.whole.p95.estimate == 1010


def test_the_limits_of_a_part_hold_it() -> None:
    """The part of the slowest 5 % in many samples: 95 % promised, fewer than 87 of 100 would be one in a thousand."""
    truth = next(s.tail_share for s in latency(drawn(3, 40_000)).stages if s.name == "retrieval")
    held = 0
    for seed in range(100):
        one = next(s for s in latency(drawn(100 + seed, 200), seed=seed).stages if s.name == "retrieval")
        held += one.tail_low <= truth <= one.tail_high
    assert held >= 87


@pytest.mark.parametrize(("slo", "kept"), [(400.0, "broken"), (2_000.0, "met"), (1_500.0, "cannot tell")])
def test_a_limit_holds_or_breaks_only_where_the_interval_says_so(slo: float, kept: str) -> None:
    draw = np.random.default_rng(4)
    rows = [(10.0, float(ms)) for ms in draw.uniform(500, 1_550, 200)]
    assert latency(timed(rows), slo_ms=slo).whole.kept == kept


def test_a_limit_of_a_stage_is_held_against_that_stage_alone() -> None:
    found = latency(drawn(5), slo_ms=5_000.0, stage_slo_ms={"retrieval": 300.0, "model": 1_000.0})
    assert [s.name for s in found.over] == ["retrieval"] and found.breaking is None
    assert "retrieval breaks its limit of 300 ms" in found.words and "model keeps its limit" in found.words
    with pytest.raises(InputError, match="no request went through it"):
        latency(drawn(5), stage_slo_ms={"rules": 10.0})


def test_few_requests_have_no_upper_limit_and_prove_nothing() -> None:
    found = latency(drawn(6, 30, spikes=0.0), slo_ms=10_000.0)
    assert found.whole.p95.high is None and found.whole.kept == "cannot tell"


@settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(st.floats(0, 1e4), st.floats(0, 1e4)), min_size=1, max_size=30))
def test_parts_are_shares_whatever_was_measured(rows: list[tuple[float, float]]) -> None:
    found = latency(timed(rows))
    assert sum(s.tail_share for s in found.stages) == pytest.approx(1.0)
    for stage in found.stages:
        assert 0 <= stage.tail_low <= stage.tail_share <= stage.tail_high <= 1
        assert stage.p95_without_ms <= found.whole.p95.estimate + 1e-6


def test_stored_runs_of_this_very_stack_are_found_and_no_other(tmp_path: Path) -> None:
    task = world(tmp_path, n=60)
    stack = Stack(Scripted({}, otherwise="amber birch", latency_ms=2.0), (Prompt("Say it."),))
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        assert stored(task, stack, ledger)[0] == ()
        run(stack, task.parts.dev, ledger=ledger)
        found, how = stored(task, stack, ledger)
        assert {t.id for t in found} == {e.id for e in task.parts.dev} and "several requests at a time" in how
        assert set(found[0].stages) == {"prompt", "model"} and found[0].stages["model"] == 2.0
        assert stored(task, stack.push(Prompt("More.")), ledger)[0] == ()


def test_a_reply_that_several_runs_hold_is_one_time(tmp_path: Path) -> None:
    task = world(tmp_path, n=60)
    stack = Stack(Scripted({}, otherwise="amber birch", latency_ms=2.0), (Prompt("Say it."),))
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        for part in (task.parts.dev, task.parts.test, task.dataset):
            run(stack, part, ledger=ledger)
        found, how = stored(task, stack, ledger)
    ids = [t.id for t in found]
    assert sorted(ids) == sorted(e.id for e in task.dataset) and f"{len(ids)} requests" in how


def test_a_verdicts_records_count_each_example_once_and_those_asked_alone_come_first(tmp_path: Path) -> None:
    task = world(tmp_path, n=60)
    stack = Stack(Scripted({}, otherwise="amber birch"), (Prompt("Say it."),))
    evidence, spent = Evidence(), {"input_tokens": 1, "output_tokens": 1, "cached_tokens": 0, "asked": 1, "usd": None}
    said = {"value": 1.0, "reason": "", "output": "y", "status": "ok", **spent}
    for id_, ms in (("a", 10.0), ("b", 20.0), ("c", 30.0)):
        evidence.add("run", run=id_, part="test", stack=stack.spec, stack_digest=stack.digest, content="")
        for at in range(5):
            evidence.add("record", run=id_, id=f"q{at}", stages=[["model", ms]], ms=ms, **said)
    for alone, ms in ((None, 10.0), ("c", 30.0)):
        evidence.lines[:] = [x for x in evidence.lines if x["kind"] != "rung"]
        evidence.add("rung", rung="prompt", test="a", unloaded=alone)
        evidence.write(tmp_path / "records.jsonl")
        with Ledger.open(tmp_path / "ledger.db") as ledger:
            found, _ = stored(task, stack, ledger)
        assert [(t.id, t.ms) for t in found] == [(f"q{at}", ms) for at in range(5)]


def test_failed_requests_have_no_time() -> None:
    done = run(Stack(Scripted({})), world(Path(), n=3).dataset)
    assert timings(done.records) == ()


@pytest.mark.parametrize(
    ("layers", "names"),
    [
        ((), ["latency_prompt_small", "latency_prompt_large"]),
        ((Retrieval(),), ["latency_retrieval", "latency_reranking"]),
        ((Adapter(),), ["latency_tuned_api", "latency_lora_gpu"]),
        ((Retrieval(), Adapter()), ["latency_retrieval_tuned", "latency_reranking"]),
    ],
)
def test_what_to_expect_is_the_frameworks_figure_for_such_a_stack(
    layers: tuple[Retrieval, ...], names: list[str]
) -> None:
    found = expected(Stack(Openai("m", "http://127.0.0.1:1/v1"), layers))
    assert [f.name for f in found] == names and {f.source for f in found} == {"docs/framework.md §7"}
    assert expected(Stack(Scripted({}), layers)) == ()


def test_a_user_may_know_better_than_the_framework(tmp_path: Path) -> None:
    (tmp_path / "prices.yaml").write_text("latency_prompt_small: {low: 100, high: 200}\n")
    stack = Stack(Openai("m", "http://127.0.0.1:1/v1"))
    assert [(f.low, f.overridden) for f in expected(stack, tmp_path)] == [(100.0, True), (600.0, False)]


def test_the_peak_is_given_or_audited_or_assumed_and_says_which(tmp_path: Path) -> None:
    assumed = peak(86_400)
    assert assumed.rate_per_s == assumed.factor > 1 and "assumed" in assumed.how
    assert peak(86_400, factor=5).rate_per_s == 5
    audit = tmp_path / "audit.json"
    hours = [{"hour": h, "calls": 30 if h == 9 else 10} for h in range(24)]
    audit.write_text(json.dumps({"traffic": {"hours": hours}}))
    found = peak(86_400, audit=audit)
    assert found.factor == pytest.approx(24 * 30 / 260) and "audit.json" in found.how
    audit.write_text(json.dumps({"traffic": {"hours": []}}))
    for factor in (None, 5.0):
        with pytest.raises(InputError, match="no times of day"):
            peak(86_400, factor=factor, audit=audit)
    for wrong in (0.0, float("inf")):
        with pytest.raises(InputError, match="requests a day"):
            peak(wrong)
    with pytest.raises(InputError, match="below it"):
        peak(10, factor=0.5)
