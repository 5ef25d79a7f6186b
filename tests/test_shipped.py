"""The shipped tasks, climbed for real on the embedded model: each ends on a rung of its own, with a proven lift."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from suffice import Verdict
from suffice.climb import climb
from suffice.diagnose import FAILURES_AT_MOST
from suffice.ledger import Ledger
from suffice.load import load
from suffice.verify import verify

EXAMPLES = Path(__file__).parent.parent / "examples"
ENDS = {"triage": "classifier", "handbook": "retrieval", "records": "structure"}
EXPLAINED = {"handbook": 6, "records": 6}
"""Failures that are probed for their causes, where not all thirty: what these climbs decide is the same."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module", params=sorted(ENDS))
def climbed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path, Verdict]:
    name: str = request.param
    folder = tmp_path_factory.mktemp("shipped") / name
    shutil.copytree(EXAMPLES / name, folder, ignore=shutil.ignore_patterns(".suffice", "verdict.json", "report.html"))
    return name, folder, climb(load(folder), failures=EXPLAINED.get(name, FAILURES_AT_MOST))


def test_it_ends_on_its_own_rung_with_the_target_met(climbed: tuple[str, Path, Verdict]) -> None:
    name, _, verdict = climbed
    assert verdict.stop_at == ENDS[name]
    assert verdict.target_met is True


def test_every_kept_rung_has_a_lift_proven_at_the_declared_level(climbed: tuple[str, Path, Verdict]) -> None:
    _, _, verdict = climbed
    kept = [step for step in verdict.body["steps"] if step["status"] == "kept"]
    assert kept
    for step in kept:
        comparison = step["comparison"]
        assert comparison["decision"] == "better"
        assert comparison["low"] > 0
        assert comparison["alpha_spent"] <= 0.025


def test_fine_tuning_and_distillation_are_considered(climbed: tuple[str, Path, Verdict]) -> None:
    _, _, verdict = climbed
    told = {step["rung"]: step for step in verdict.body["steps"]}
    for rung in ("fine_tuning", "distillation"):
        assert told[rung]["status"] in ("not_needed", "refused", "skipped")
        assert told[rung]["reason"]


def test_its_verdict_recomputes(climbed: tuple[str, Path, Verdict]) -> None:
    _, folder, _ = climbed
    assert verify(folder / "verdict.json").scored > 300


def test_a_second_climb_buys_no_call_and_says_the_same(climbed: tuple[str, Path, Verdict]) -> None:
    name, folder, verdict = climbed
    with Ledger.open(folder / ".suffice" / "ledger.db") as ledger:
        before = ledger.totals().attempts
        again = climb(load(folder), ledger=ledger, failures=EXPLAINED.get(name, FAILURES_AT_MOST))
        assert ledger.totals().attempts == before
    dated = {"created", "ledger"}
    assert {k: v for k, v in again.body.items() if k not in dated} == {
        k: v for k, v in verdict.body.items() if k not in dated
    }
