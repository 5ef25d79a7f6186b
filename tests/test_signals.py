"""The rows of the decision matrix, each firing and not firing on records made by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from suffice.data import Context, Dataset, Example, Output
from suffice.evidence import Evidence, Reading
from suffice.layer import Cause
from suffice.layers.retrieval import Retrieval
from suffice.layers.rules import Rules, read_rules
from suffice.matrix import ROWS
from suffice.models.scripted import Scripted
from suffice.plan import LADDER
from suffice.plugins import spec_of
from suffice.recall import recall_of
from suffice.record import Diagnosis, Finding
from suffice.signals import Signal, quoted, signals_of
from suffice.stack import Stack
from suffice.task import Profile, Target
from suffice.types import Json, Tool

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
TOOLS = Output("tools", tools=(Tool("send", "sends", {"type": "object"}),))


def evidence(
    replies: Sequence[tuple[str, float]] = (("yes", 1.0),) * 60,
    *,
    output: Output = Output(),
    target: Target = Target(),
    profile: Profile = Profile(),
    layers: Sequence[Json] = (),
    tried: Sequence[Cause] = (),
    **more: Any,
) -> Evidence:
    """A diagnosed run of these replies and scores; `more` sets what each record took."""
    found, run = Evidence(), "r"
    found.add("task", name="t", goal="g", output=output, target=target, profile=profile)
    found.add_examples(
        Dataset(tuple(Example(f"q{i}", "why " * (5 + i % 7), "yes") for i in range(len(replies)))), "select"
    )
    found.add("run", run=run, part="select", stack={"model": {"use": "m"}, "layers": list(layers)}, stack_digest="d")
    took = {
        "ms": 100.0,
        "stages": [["model", 100.0]],
        "usd": 0.001,
        "input_tokens": 200,
        "output_tokens": 5,
        "asked": 1,
    }
    for i, (said, value) in enumerate(replies):
        told = {k: v(i) if callable(v) else v for k, v in {**took, **more}.items()}
        found.add("record", run=run, id=f"q{i}", value=value, output=said, status="ok", reason="", **told)
    if tried:
        found.add("trial", of=run, probe="p", proves=tried)
    return found


def measured(found: Evidence, *findings: Finding) -> dict[str, Signal]:
    return {s.row: s for s in signals_of(Reading(found), Diagnosis("r", 30, findings))}


def finding(cause: Cause, fixed: int, sham: int, of: int = 30, low: float | None = None) -> Finding:
    share = (fixed - sham) / (of - sham)
    return Finding(cause, share, low, None if low is None else min(1.0, share + 0.2), "p", (), of, fixed, sham)


HALF = (("yes", 1.0),) * 30 + (("no", 0.0),) * 30
"""Half of the answers are wrong, and each is in good form."""


@pytest.mark.parametrize(
    ("row", "causes", "fired"),
    [
        ("M1", ["knowledge"], True),
        ("M1", ["coverage"], True),
        ("M1", ["behaviour"], False),
        ("M4", ["behaviour"], True),
        ("M4", ["instruction"], True),
        ("M4", ["knowledge"], False),
    ],
)
def test_rows_of_causes_fire_on_what_interventions_prove(row: str, causes: list[Cause], fired: bool) -> None:
    found = evidence(HALF, tried=("knowledge", "coverage", "behaviour", "instruction"))
    told = measured(found, *(finding(c, 15, 1, low=0.3) for c in causes))[row]
    assert told.fired is fired
    assert not fired or (told.value == pytest.approx(14 / 29) and "p fixes 15 of 30, its sham 1" in told.measured)


def test_a_share_that_chance_could_explain_neither_fires_nor_is_ruled_out() -> None:
    found = evidence(HALF, tried=("knowledge",))
    assert measured(found, finding("knowledge", 6, 3, low=0.0))["M1"].fired is None
    assert measured(found, finding("knowledge", 3, 1, of=12))["M1"].fired is None
    assert measured(found, finding("knowledge", 10, 1, of=12))["M1"].fired is True


def test_a_share_worth_less_than_the_smallest_lift_does_not_fire() -> None:
    few = (("yes", 1.0),) * 58 + (("no", 0.0),) * 2
    found = evidence(few, tried=("knowledge",), profile=Profile(smallest_lift=0.05))
    assert measured(found, finding("knowledge", 2, 0, of=2))["M1"].fired is False


def test_a_row_whose_probe_had_nothing_to_work_with_is_not_measured() -> None:
    told = measured(evidence(HALF))["M1"]
    assert told.fired is None and "not measured" in told.measured


STRUCTURE = ({"use": "structure", "schema": SCHEMA},)
BREAKS = (("{", 0.0),) * 6 + (('{"a": 1}', 1.0),) * 194


@pytest.mark.parametrize(
    ("replies", "layers", "fired"),
    [
        (BREAKS, (), True),
        (BREAKS, STRUCTURE, True),
        ((('{"a": 1}', 1.0),) * 400, STRUCTURE, False),
        ((('{"a": 1}', 1.0),) * 100, STRUCTURE, None),
        ((('{"a": "x"}', 0.0),) * 9 + (('{"a": 1}', 1.0),) * 91, STRUCTURE, True),
    ],
)
def test_m2_counts_replies_that_break_the_schema(
    replies: Sequence[tuple[str, float]], layers: Sequence[Json], fired: bool | None
) -> None:
    told = measured(evidence(replies, output=Output("schema", schema=SCHEMA), layers=layers))["M2"]
    assert told.fired is fired
    assert told.low is not None and told.low <= (told.value or 0) <= (told.high or 0)
    assert ("with structured output" in told.threshold) is bool(layers)


def test_m2_counts_labels_and_leaves_free_text_alone() -> None:
    labels = Output("labels", labels=("yes", "no"))
    assert measured(evidence((("I say yes", 0.0),) * 60, output=labels))["M2"].fired is True
    assert measured(evidence(HALF))["M2"].fired is False


def test_m3_is_the_symptom_and_takes_its_lever_from_the_cause_that_is_proven() -> None:
    found = evidence(HALF, target=Target(0.9), tried=("knowledge", "behaviour"))
    by = {c: measured(found, finding(c, 20, 1, low=0.4))["M3"] for c in ("knowledge", "behaviour")}  # type: ignore[arg-type]
    assert all(s.fired and s.value == 0.5 for s in by.values())
    assert (by["knowledge"].lever, by["behaviour"].lever) == ("retrieval", "better prompting with examples")
    assert measured(found)["M3"].lever == "retrieval" and "no cause is proven" in measured(found)["M3"].measured


def test_m3_leaves_out_what_is_not_an_answer() -> None:
    schema = Output("schema", schema=SCHEMA)
    assert measured(evidence((("{", 0.0),) * 60, output=schema, target=Target(0.9)))["M3"].fired is False
    right = (("yes", 1.0),) * 200
    assert measured(evidence(right, target=Target(0.9)))["M3"].fired is False
    near = (("yes", 1.0),) * 54 + (("no", 0.0),) * 6
    assert measured(evidence(near, target=Target(0.9)))["M3"].fired is None


def test_m5_is_for_tasks_that_call_tools() -> None:
    found = finding("tool use", 20, 0, low=0.4)
    assert measured(evidence(HALF, output=TOOLS, tried=("tool use",)), found)["M5"].fired is True
    assert measured(evidence(HALF, output=TOOLS, tried=("tool use",)))["M5"].fired is False
    assert measured(evidence(HALF))["M5"].fired is False


def reading(slow: float, tokens: int = 500) -> Mapping[str, Any]:
    """Prompts of 500 to 5,500 tokens, each token read in `slow` ms, each written in 10."""
    took = {"input_tokens": lambda i: tokens + tokens * (i % 11), "output_tokens": lambda i: 5 + i % 4}

    def spent(i: int) -> float:
        return 40 + slow * took["input_tokens"](i) + 10 * took["output_tokens"](i) + i % 3

    return {**took, "ms": spent, "stages": lambda i: [["prompt", 1.0], ["model", spent(i)]]}


def test_m6_tells_the_time_that_reading_the_prompt_takes_from_the_rest() -> None:
    told = measured(evidence(**reading(0.2)))["M6"]
    assert told.fired is True and told.value == pytest.approx(0.2 * 3000, rel=0.1)
    assert measured(evidence(**reading(0.01)))["M6"].fired is False
    slow_but_short = measured(evidence(**reading(5.0, 50)))["M6"]
    assert slow_but_short.fired is False and slow_but_short.value > 1000


def test_m6_does_not_guess_where_prompts_do_not_vary_nor_fire_where_the_latency_is_fine() -> None:
    same = measured(evidence(ms=900.0, stages=[["model", 900.0]]))["M6"]
    assert same.fired is None and same.value is None and same.high == pytest.approx(900)
    assert "cannot be told" in same.measured
    assert measured(evidence(stages=[["model", 90.0]]))["M6"].fired is False
    assert measured(evidence(**reading(0.2), target=Target(p95_ms=9000)))["M6"].fired is False
    assert measured(evidence(**reading(0.2), target=Target(p95_ms=500)))["M6"].fired is True


@pytest.mark.parametrize(
    ("usd", "volume", "cap", "fired"),
    [
        (0.01, 20_000, None, True),
        (0.001, 1_000, None, False),
        (0.001, None, None, None),
        (0.0, None, None, False),
        (0.01, None, 5.0, True),
        (None, 20_000, None, None),
    ],
)
def test_m7_multiplies_the_measured_price_by_the_volume(
    usd: float | None, volume: float | None, cap: float | None, fired: bool | None
) -> None:
    profile, target = Profile(requests_per_day=volume), Target(usd_per_1k=cap)
    told = measured(evidence(usd=usd, profile=profile, target=target))["M7"]
    assert told.fired is fired
    assert told.value == (None if volume is None or usd is None else pytest.approx(usd * volume * 30))


SEARCH = ({"use": "retrieval"},)


@pytest.mark.parametrize(("recall", "fired"), [(0.4, True), (1.0, False)])
def test_m8_fires_on_a_low_recall_of_gold_passages(recall: float, fired: bool) -> None:
    found = evidence(HALF, layers=SEARCH, tried=("retrieval",))
    found.add("recall", of="r", share={f"q{i}": float(i < 60 * recall) for i in range(60)})
    told = measured(found)["M8"]
    assert told.fired is fired and told.value == pytest.approx(recall) and told.n == 60


def test_m8_fires_on_a_proven_retrieval_share_and_needs_a_search() -> None:
    wrong = finding("retrieval", 20, 1, low=0.4)
    assert measured(evidence(HALF, layers=SEARCH, tried=("retrieval",)), wrong)["M8"].fired is True
    assert measured(evidence(HALF, tried=("retrieval",)), wrong)["M8"].fired is False


def test_recall_is_read_from_what_the_stack_shows(tmp_path: Path) -> None:
    folder = tmp_path / "documents"
    folder.mkdir()
    for name in ("apples", "pears"):
        (folder / f"{name}.md").write_text(f"# {name}\n\nThe {name} grow in the north.\n", encoding="utf-8")
    stack = Stack(Scripted(lambda _: ""), (Retrieval("documents", mode="lexical", k=1, folder=tmp_path),))
    gold = Context(text="The apples grow in the north.")
    asked = {"apples": "Where do apples grow?", "pears": "Where do pears grow?"}
    examples = [
        *(Example(name, question, "?", context=(gold,)) for name, question in asked.items()),
        Example("named", asked["pears"], "?", context=(Context("documents/pears.md"),)),
        Example("none", asked["pears"], "?"),
    ]
    assert recall_of(stack, examples) == {"apples": 1.0, "pears": 0.0, "named": 1.0}
    assert recall_of(Stack(Scripted(lambda _: "")), examples) == {}


@pytest.mark.parametrize(("tokens", "fired"), [(60_000, True), (49_000, False)])
def test_p1_is_the_tokens_that_a_call_reads(tokens: int, fired: bool) -> None:
    told = measured(evidence(input_tokens=2 * tokens, asked=2))["P1"]
    assert told.fired is fired and told.value == tokens


def ruled(folder: Path, rules: int) -> Rules:
    """Rules of which each next one asks for one character more."""
    path = folder / "rules.yaml"
    path.write_text("rules:\n" + "".join(f"  - {{field: reply, type: string, min: {k + 1}}}\n" for k in range(rules)))
    found: Rules = read_rules(path)
    return found


def test_p2_shows_what_is_left_as_rules_grow(tmp_path: Path) -> None:
    replies = tuple(("x" * (1 + i % 8), 1.0) for i in range(80))
    layer = ruled(tmp_path, 8)
    found = evidence(replies)
    found.add("rules", layer=spec_of(layer))
    told = measured(found)["P2"]
    assert told.fired is True and told.value == pytest.approx(1 / 8)
    assert "100%, 88%, 75%" in told.measured and "after asking again" not in told.measured
    held = evidence(replies, layers=[spec_of(layer)])
    assert "after asking again" in measured(held)["P2"].measured


def test_p2_does_not_blame_the_number_of_a_handful_of_rules(tmp_path: Path) -> None:
    found = evidence((("x", 1.0),) * 60)
    found.add("rules", layer=spec_of(ruled(tmp_path, 2)))
    assert measured(found)["P2"].fired is False and measured(found)["P2"].value == 0
    assert measured(evidence())["P2"].fired is False


def test_every_row_is_measured_once_and_names_what_helps_and_what_does_not() -> None:
    found = [*measured(evidence()).values()]
    assert [s.row for s in found] == [row.row for row in ROWS] == [*(f"M{i}" for i in range(1, 9)), "P1", "P2"]
    assert all(s.name and s.measured and s.threshold and s.lever and s.not_lever and s.source for s in found)
    assert {rung for row in ROWS for rung in row.rungs} <= {rung.name for rung in LADDER}


def test_rungs_quote_the_rows_that_fired_and_no_others() -> None:
    found = evidence(HALF, tried=("knowledge", "behaviour"))
    told = [*measured(found, finding("knowledge", 20, 1, low=0.4)).values()]
    assert [q[:14] for q in quoted(told, "retrieval")] == ["matrix row M1:", "matrix row M3:"]
    assert quoted(told, "few_shot") == ()


def test_evidence_without_a_contract_has_no_signals() -> None:
    found = Evidence()
    found.add("task", name="t")
    assert signals_of(Reading(found), Diagnosis("r", 0, ())) == ()
