"""What rungs were predicted to reach, what they reached, and rungs left out for a low estimate, built after all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from worlds import example, fact, world

from suffice.climb import climb
from suffice.data import Context, Dataset, Example
from suffice.estimates import ALPHA, Estimate, estimates_of, foreseen
from suffice.evidence import Evidence, Reading
from suffice.report import render
from suffice.stats.predict import interval_score
from suffice.task import Profile, Target
from suffice.types import Json
from suffice.verify import verify

DEV, TEST = 60, 100


def evidence(
    today: float,
    fixed: float,
    reached: float | None,
    *,
    outcome: str = "measured",
    layers: Sequence[str] = ("retrieval",),
    audit: float | None = None,
) -> Evidence:
    """A rung whose probe fixed a share of the failures on dev, and that scored `reached` on test."""
    found = Evidence()
    found.add("task", name="t", profile=Profile(smallest_lift=0.02), target=Target())
    found.add("plan", seed=0)
    for part, size in (("select", DEV), ("test", TEST)):
        found.add_examples(Dataset(tuple(Example(f"{part}{i}", "?", "!") for i in range(size))), part)
    right = round(today * DEV)
    failures = [f"select{i}" for i in range(right, DEV)][:30]
    _run(found, "base", "select", [f"select{i}" for i in range(DEV)], right)
    _run(found, "gold", "select", failures, round(fixed * len(failures)), usd=0.004, tokens=300)
    _run(found, "sham", "select", failures, 0)
    _run(found, "solved", "select", [f"select{i}" for i in range(min(8, right))], 8, usd=0.004, tokens=300)
    told = {"causes": {}, "applies": None, "proves": ["knowledge"]}
    runs = {"probe_runs": ["gold"], "sham_runs": [["sham"]], "passing_runs": ["solved"]}
    passing = [f"select{i}" for i in range(min(8, right))]
    found.add("trial", probe="gold_context", of="base", **told, **runs, passing=passing)
    found.add("diagnosis", of="base", failures=failures, passing=passing, seed=0)
    items = [f"test{i}" for i in range(TEST)]
    test = None
    if reached is not None:
        test = _run(found, "rung", "test", items, round(reached * TEST), usd=0.005, tokens=320, layers=layers)
    found.add("rung", rung="retrieval", outcome=outcome, test=test, estimate_of="base")
    if audit is not None:
        _run(found, "below", "test", items, round(today * TEST))
        _run(found, "built", "test", items, round(audit * TEST))
        found.add("audit", rung="retrieval", against="below", test="built", edge=None, unloaded=None)
    return found


def _run(
    found: Evidence,
    run: str,
    part: str,
    ids: Sequence[str],
    right: int,
    *,
    usd: float = 0.001,
    tokens: int = 100,
    layers: Sequence[str] = (),
) -> str:
    stack: Json = {"model": "m", "layers": [{"use": name} for name in layers]}
    found.add("run", run=run, part=part, stack=stack, stack_digest=run)
    took = {"output": "x", "status": "ok", "reason": "", "ms": 1.0, "stages": [], "asked": 1, "output_tokens": 1}
    for at, id_ in enumerate(ids):
        value = 1.0 if at < right else 0.0
        found.add("record", run=run, id=id_, value=value, usd=usd, input_tokens=tokens, **took)
    return run


def only(found: Evidence) -> Estimate:
    (estimate,) = estimates_of(Reading(found))
    return estimate


def test_a_rung_is_predicted_with_its_price_before_it_is_measured() -> None:
    found = only(evidence(0.2, 0.6, None, outcome="skipped"))
    assert (found.rung, found.probe, found.n, found.skipped) == ("retrieval", "gold_context", TEST, True)
    assert found.low < found.predicted < found.high and found.low > 0.2
    assert found.usd_per_1k == pytest.approx(4.0) and found.tokens == pytest.approx(300)
    assert (found.reached, found.inside, found.score, found.reached_tokens) == (None, None, None, None)


@pytest.mark.parametrize(("reached", "inside"), [(0.55, True), (0.95, False), (0.1, False)])
def test_what_it_reached_is_held_against_the_interval(reached: float, inside: bool) -> None:
    found = only(evidence(0.2, 0.6, reached))
    assert found.inside is inside and found.reached == pytest.approx(reached)
    assert found.score == pytest.approx(interval_score(found.low, found.high, reached, ALPHA))
    assert (found.reached_usd_per_1k, found.reached_tokens) == (pytest.approx(5.0), 320)


def test_a_stack_that_was_not_predicted_is_not_held_against_it() -> None:
    found = only(evidence(0.2, 0.6, 0.5, layers=("classifier", "retrieval")))
    assert found.reached is None and "classifier" in found.note
    assert "not asked on test" in only(evidence(0.2, 0.6, None, outcome="dev")).note


@pytest.mark.parametrize(("audit", "wrong"), [(0.6, True), (0.21, False), (0.2, False)])
def test_a_skipped_rung_is_wrongly_skipped_where_its_lift_is_proven(audit: float, wrong: bool) -> None:
    found = only(evidence(0.2, 0.0, None, outcome="skipped", audit=audit))
    assert found.audit is not None and found.audit.wrong is wrong
    assert found.audit.lift == pytest.approx(audit - 0.2) and found.reached == pytest.approx(audit)


def test_without_a_probe_there_is_nothing_to_predict() -> None:
    found = evidence(0.2, 0.6, 0.5)
    found.lines = [line for line in found.lines if line["kind"] != "trial"]
    assert estimates_of(Reading(found)) == ()


def test_what_is_not_built_yet_is_foreseen_from_the_diagnosis_alone() -> None:
    found = evidence(0.2, 0.6, None)
    (told,) = [x for x in foreseen(Reading(found), "base", 500) if x.rung == "retrieval"]
    assert (told.n, told.reached, told.skipped) == (500, None, False)
    wider = next(x for x in foreseen(Reading(found), "base", 20) if x.rung == "retrieval")
    assert wider.high - wider.low > told.high - told.low


def test_a_graded_score_is_predicted_from_what_it_gains_not_from_what_it_solves() -> None:
    found = evidence(0.0, 0.0, None, outcome="skipped")
    half = [{**x, "value": 0.5} if x.get("run") == "gold" and x["kind"] == "record" else x for x in found.lines]
    assert only(Evidence(half)).predicted > only(found).predicted + 0.2


def known(n: int) -> tuple[Example, ...]:
    return tuple(replace(example(i), context=(Context(text=fact(i)),)) for i in range(n))


@pytest.mark.usefixtures("minilm")
def test_a_climb_tells_what_was_predicted_and_quotes_the_row_that_it_acts_on(tmp_path: Path) -> None:
    body = climb(world(tmp_path, "retrieval", examples=known(120), documents=20)).body
    (found,) = [x for x in body["estimates"] if x["rung"] == "retrieval"]
    assert found["inside"] is True and found["reached"] > 0.9 and found["usd_per_1k"] == pytest.approx(1.0)
    step = next(s for s in body["steps"] if s["rung"] == "retrieval")
    assert any(q.startswith("matrix row M1: ") and "knowledge" in q for q in step["acts_on"])
    on_the_way, final = body["signals"]
    assert {r["row"] for r in on_the_way["rows"] if r["fired"]} == {"M1", "M3"}
    assert final["final"] and final["layers"][0] == "retrieval" and not any(r["fired"] for r in final["rows"])
    search = next(r for r in final["rows"] if r["row"] == "M8")
    assert search["value"] > 0.9 and "of the gold text" in search["measured"]
    assert verify(tmp_path).numbers > 50
    page = render(body, tmp_path / "report.html").read_text("utf-8")
    assert (
        "The decision matrix, measured" in page
        and "Predicted and reached" in page
        and "It acts on matrix row M1" in page
    )


@pytest.mark.usefixtures("minilm")
def test_skips_are_audited_once_all_is_decided(tmp_path: Path) -> None:
    """A model that nothing helps: retrieval is skipped for its estimate, and building it shows that this was right."""
    kept = world(tmp_path / "plain", "prompt", examples=known(120), documents=20, smallest_lift=0.3, quality=1.0)
    (tmp_path / "plain").mkdir(exist_ok=True)
    plain = climb(kept).body
    (tmp_path / "audited").mkdir(exist_ok=True)
    again = world(tmp_path / "audited", "prompt", examples=known(120), documents=20, smallest_lift=0.3, quality=1.0)
    audited = climb(again, audit_skips=True).body
    skipped = [x for x in audited["estimates"] if x["skipped"]]
    assert skipped and all(x["audit"] and x["audit"]["wrong"] is False and x["audit"]["n"] == 60 for x in skipped)
    assert all(x["audit"] is None for x in plain["estimates"])
    assert (plain["stop_at"], plain["quality"]) == (audited["stop_at"], audited["quality"])
    assert verify(tmp_path / "audited").numbers > 50
