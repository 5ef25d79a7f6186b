"""The verdict's arithmetic and words, on evidence made by hand and on whole climbs."""

from __future__ import annotations

import copy
import json
import math
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from worlds import world

import suffice
from suffice.climb import climb
from suffice.data import Dataset, Example
from suffice.evidence import Evidence, Reading
from suffice.ledger import Ledger
from suffice.models.scripted import Scripted
from suffice.plan import LADDER
from suffice.stats.budget import split
from suffice.task import Profile, Target
from suffice.types import Json
from suffice.verdict import Conclusion, Verdict, conclude

SCHEMA = json.loads((Path(suffice.__file__).parent / "schemas" / "verdict.schema.json").read_text("utf-8"))
Values = Sequence[float | None]


def evidence(
    floor: Values,
    *rungs: Values,
    target: Target = Target(0.8),
    groups: int | None = None,
    seed: int = 0,
    edge: Sequence[Values] = (),
) -> Evidence:
    """What a climb over these test scores would have written down; `edge` holds the edge scores, the floor's first."""
    found, shared = Evidence(), split(candidates=len(rungs), claims=len(rungs) * (2 if edge else 1))
    profile = Profile()
    found.add("task", name="t", goal="g", model="m", target=target, profile=profile, warnings=(), examples=len(floor))
    known = {"fingerprint": "f", "hash": "h", "uses": 1, "moved": (), "overspent": "", "alpha": 0.05}
    levels = {"alpha_target": shared.per_candidate, "alpha_claim": shared.per_claim, "candidates": len(rungs)}
    found.add("plan", **known, **levels, seed=seed)
    for part, size in (("test", len(floor)), ("edge", len(edge[0]) if edge else 0)):
        cases = (Example(f"{part}{i}", "?", "!", group=f"g{i // groups}" if groups else None) for i in range(size))
        found.add_examples(Dataset(tuple(cases)), part)
    runs = []
    for at, values in enumerate((floor, *rungs)):
        ids = [_run(found, f"{at}", "test", values), _run(found, f"{at}e", "edge", edge[at]) if edge else None]
        runs.append(dict(zip(("test", "edge"), ids, strict=True)))
    found.add("floor", **runs[0], unloaded=None, answer="?")
    for rung, run in zip([r for r in LADDER if r.name != "classifier"], runs[1:], strict=False):
        found.add("rung", rung=rung.name, title=rung.title, outcome="measured", reason="", **run, **_EMPTY)
    return found


_EMPTY: dict[str, Json] = {
    **dict.fromkeys(("gates", "because", "variants", "dev_runs", "duties"), ()),
    **dict.fromkeys(("unloaded", "chosen", "ceiling_of")),
}


def _run(found: Evidence, run: str, part: str, values: Values) -> str:
    found.add("run", run=run, part=part, stack={"model": run}, stack_digest=run)
    told = {"output": "x", "reason": "", "ms": 1.0, "usd": 0.0, "stages": [], "asked": 1}
    for at, value in enumerate(values):
        found.add("record", run=run, id=f"{part}{at}", value=value, **told, input_tokens=1, output_tokens=1)
    return run


def right(n: int, of: int) -> list[float]:
    return [1.0] * n + [0.0] * (of - n)


def numbers(value: Json) -> Iterator[float]:
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from numbers(item)
    elif isinstance(value, float):
        yield value


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory, minilm: Path) -> list[Verdict]:
    """One of each situation."""
    worlds: list[tuple[str, dict[str, Any]]] = [
        ("prompt", {"edge": 12}),
        ("coin", {"quality": 0.9}),
        ("wrong", {}),
        ("right", {"quality": None, "n": 30}),
        ("right", {"quality": 0.95}),
    ]
    return [climb(world(tmp_path_factory.mktemp("w"), model, **more)) for model, more in worlds]


# On whole climbs


def test_the_headline_says_which_of_the_situations_it_is(verdicts: list[Verdict]) -> None:
    met, not_met, nothing, no_target, unclear = (v.body["headline"] for v in verdicts)
    assert met.startswith("The lightest stack that suffices: prompt over ")
    assert met.endswith("proven ≥ 0.78 (target 0.80, tolerance 0.02).")
    assert not_met.startswith("No measured stack suffices") and "proven < 0.90" in not_met
    assert nothing.startswith("No rung has a proven lift over always giving the most common answer")
    assert no_target.startswith("The best stack with a proven lift at every step") and "no target" in no_target
    assert unclear.startswith("Cannot tell: the best-supported stack is prompt") and "between" in unclear
    assert [v.target_met for v in verdicts] == [True, False, False, None, None]


def test_concluding_is_pure(verdicts: list[Verdict]) -> None:
    for verdict in verdicts:
        before = copy.deepcopy(verdict.evidence.lines)
        one, other = conclude(verdict.evidence), conclude(Evidence(before))
        assert one == other == {k: verdict.body[k] for k in one} and verdict.evidence.lines == before


def test_every_rung_has_its_step_in_order(verdicts: list[Verdict]) -> None:
    for verdict in verdicts:
        assert [s["rung"] for s in verdict.body["steps"]] == [r.name for r in LADDER]
        assert all(s["reason"] and s["title"] for s in verdict.body["steps"])


def test_no_number_is_nan_and_every_verdict_fits_the_published_schema(verdicts: list[Verdict]) -> None:
    check = jsonschema_rs.validator_for(SCHEMA, validate_formats=True)
    for verdict in verdicts:
        body = json.loads(json.dumps(verdict.body, allow_nan=False))
        assert all(math.isfinite(x) for x in numbers(body))
        assert [f"{list(e.instance_path)} {e.message[:80]}" for e in check.iter_errors(body)] == []


# On scores made by hand


def test_the_target_is_judged_by_the_exact_one_sided_limit() -> None:
    """One candidate at 2.5 %: met where so many or more are unlikely at 0.78, not met where so few or fewer at 0.80."""
    for n in (0, 30, *range(38, 61)):
        above = sum(math.comb(60, k) * 0.78**k * 0.22 ** (60 - k) for k in range(n, 61)) < 0.025
        below = sum(math.comb(60, k) * 0.8**k * 0.2 ** (60 - k) for k in range(n + 1)) < 0.025
        found = conclude(evidence(right(0, 60), right(n, 60)))["steps"][0]
        assert found["meets_target"] is (True if above else False if below else None), n


def test_both_proven_or_neither_is_cannot_tell() -> None:
    wide = Target(0.9, tolerance=0.2)
    found = conclude(evidence(right(0, 400), right(320, 400), target=wide))
    assert found["target_met"] is None and found["quality"]["low"] > 0.7 and found["quality"]["high"] < 0.9


def test_unjudged_items_count_against_whatever_is_claimed() -> None:
    judged = [*right(54, 54), *[None] * 6]
    found = conclude(evidence(right(0, 60), judged, target=Target(0.95)))
    quality = found["quality"]
    assert (quality["estimate"], quality["n"], quality["unjudged"]) == (1.0, 54, 6)
    assert quality["low"] == pytest.approx(conclude(evidence(right(0, 60), right(54, 60)))["quality"]["low"])
    assert found["target_met"] is None and quality["high"] == 1.0
    open_ended = conclude(evidence(right(0, 60), judged, target=Target(None)))["target_words"]
    assert float(open_ended.split("≥ ")[1][:4]) <= quality["low"]


def test_under_thirty_groups_nothing_is_claimed() -> None:
    found = conclude(evidence(right(0, 58), right(58, 58), groups=2))
    assert found["stop_at"] is None and found["target_met"] is None
    assert "at least 30" in found["steps"][0]["quality"]["reason"]
    assert conclude(evidence(right(0, 60), right(60, 60), groups=2))["target_met"] is True


@pytest.mark.parametrize(("n", "of"), [(n, of) for of in (60, 87, 113) for n in range(of // 2, of, 5)])
def test_words_never_claim_more_than_the_numbers(n: int, of: int) -> None:
    found = conclude(evidence(right(0, of), right(n, of), target=Target(None)))
    assert float(found["target_words"].split("≥ ")[1][:4]) <= found["quality"]["low"]
    unclear = conclude(evidence(right(0, of), right(n, of), target=Target(0.801, tolerance=0.0155)))
    if unclear["target_met"] is None:
        low, high = (float(x[:4]) for x in unclear["target_words"].split("between ")[1].split(" and "))
        assert low <= unclear["quality"]["low"] and high >= unclear["quality"]["high"]


def test_a_target_is_named_as_it_was_set() -> None:
    words = conclude(evidence(right(0, 400), right(396, 400), target=Target(0.855)))["target_words"]
    assert words == "proven ≥ 0.835 (target 0.855, tolerance 0.02)"


def test_a_kept_rung_is_what_the_next_is_held_against() -> None:
    found = conclude(evidence(right(10, 100), right(50, 100), right(49, 100), right(90, 100), target=Target(0.95)))
    assert [(s["status"], s["comparison"]["against"]) for s in found["steps"]] == [
        ("kept", "floor"),
        ("dropped", "prompt"),
        ("kept", "prompt"),
    ]


def test_a_small_proven_lift_is_not_worth_a_layer() -> None:
    found = conclude(evidence(right(1000, 2000), right(1030, 2000)))
    step = found["steps"][0]
    assert step["comparison"]["decision"] == "better" and step["status"] == "dropped"
    assert "below the smallest worth having (0.02)" in step["reason"]


def test_an_edge_loss_is_named_and_what_it_hides_is_printed() -> None:
    fine = [right(20, 20), right(20, 20)]
    kept = conclude(evidence(right(0, 60), right(60, 60), edge=fine))["steps"][0]
    assert kept["status"] == "kept" and kept["edge"]["decision"] == "no regression seen"
    assert 0.13 < kept["edge"]["hidden_loss"] < 0.25
    likely = conclude(evidence(right(0, 60), right(60, 60), edge=[right(20, 20), right(18, 20)]))["steps"][0]
    proven = conclude(evidence(right(0, 60), right(60, 60), edge=[right(20, 20), right(8, 20)]))["steps"][0]
    assert (likely["status"], proven["status"]) == ("dropped", "dropped")
    assert "likely to regress" in likely["reason"] and "proven to regress" in proven["reason"]


# How often it would be wrong


@pytest.mark.parametrize(("of", "rungs"), [(50, 1), (60, 4), (120, 6)])
def test_a_stack_at_quality_minus_tolerance_is_declared_met_within_the_budget(of: int, rungs: int) -> None:
    """Exactly, not by simulation: the chance of every number of successes, and what would be said of it."""
    bound, total = 0.78, 0.0
    for n in range(of // 2, of + 1):
        lines = evidence(right(0, of), *[right(n, of)] * rungs)
        if Conclusion(Reading(lines)).quality("1").meets:
            total += math.comb(of, n) * bound**n * (1 - bound) ** (of - n)
    assert 0 < total * rungs <= 0.025


@pytest.mark.slow
def test_rungs_that_are_truly_equal_are_rarely_kept() -> None:
    """Three rungs and the floor, all right half the time: any claim of a lift is false.

    Three tests at 5 % each without a correction would claim one in 14 % of these: 28 of 200, and ten pass here.
    """
    draw, wrong, loops = random.Random(7), 0, 200
    for _ in range(loops):
        scores = [[float(draw.random() < 0.5) for _ in range(50)] for _ in range(4)]
        wrong += conclude(evidence(*scores, target=Target(0.9)))["stop_at"] is not None
    assert wrong / loops <= 0.05


@pytest.mark.slow
@pytest.mark.usefixtures("minilm")
def test_a_climb_among_equals_keeps_nothing_nineteen_times_in_twenty(tmp_path: Path) -> None:
    """Whole climbs: variants chosen on dev, judged on test, with a model that nothing improves.

    Four pass here of 80; were test items chosen by as well, some 12 would be kept. `benchmarks/ladder.py` simulates
    ten thousand climbs.
    """
    kept, loops = 0, 80
    for seed in range(loops):
        draw = random.Random(seed)
        cases = tuple(Example(f"q{i}", f"Is parcel {i} here?", draw.choice(["yes", "no"])) for i in range(80))
        (tmp_path / "equal.py").write_text(EQUAL.format(seed=seed), encoding="utf-8")
        with Ledger.open() as ledger:
            task = world(tmp_path, "equal.py:equal", examples=cases, quality=0.9)
            kept += climb(task, ledger=ledger, write=False).stop_at is not None
    assert kept / loops <= 0.05


EQUAL = """
from suffice.models.scripted import Scripted
import hashlib

def says(request):
    shown = repr(({seed}, request.instructions, request.input, request.shots, request.id))
    return "yes" if hashlib.sha256(shown.encode()).digest()[0] < 128 else "no"

def equal():
    return Scripted(says, name="equal-{seed}")
"""


def test_the_model_of_equals_is_a_fair_coin() -> None:
    assert Scripted().calls == 0
    space: dict[str, Any] = {}
    exec(EQUAL.format(seed=1), space)  # noqa: S102  # our own text
    said = [space["equal"]()(Example(f"q{i}", f"Is parcel {i} here?").request).text for i in range(400)]
    assert 160 < said.count("yes") < 240
