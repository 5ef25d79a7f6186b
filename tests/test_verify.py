"""Verify: what a sceptic can recompute, and what an attacker cannot hide."""

from __future__ import annotations

import contextlib
import json
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from worlds import world

from suffice.climb import climb
from suffice.digest import canonical, digest_of, file_digest, plain
from suffice.errors import Disproved, InputError, OwnCode
from suffice.evidence import Evidence
from suffice.ledger import link_of
from suffice.types import Json
from suffice.verdict import conclude
from suffice.verify import DATED, verify
from suffice.whole import BESIDE_THE_PLAN

Lines = list[dict[str, Any]]
SURE = ("record", "run", "example", "plan")
"""Kinds of lines in which nothing at all can be changed."""


@pytest.fixture(scope="session")
def climbed(tmp_path_factory: pytest.TempPathFactory, minilm: Path) -> Path:
    """A verdict with kept and dropped rungs, an edge partition, a diagnosis and a target."""
    folder = tmp_path_factory.mktemp("climbed")
    assert climb(world(folder, "coin", n=104, edge=12)).stop_at == "prompt"
    return folder


@pytest.fixture
def copy(climbed: Path, tmp_path: Path) -> Path:
    for name in ("verdict.json", "records.jsonl"):
        shutil.copy(climbed / name, tmp_path / name)
    return tmp_path


def lines_of(folder: Path) -> Lines:
    return [json.loads(line) for line in (folder / "records.jsonl").read_text("utf-8").split("\n")[:-1]]


def body_of(folder: Path) -> dict[str, Any]:
    body: dict[str, Any] = json.loads((folder / "verdict.json").read_text("utf-8"))
    return body


def forge(folder: Path, lines: Lines) -> None:
    """Write the records again and put their new SHA-256 into the verdict."""
    (folder / "records.jsonl").write_bytes(b"".join(canonical(line) + b"\n" for line in lines))
    body = body_of(folder)
    body["records"]["sha256"] = file_digest(folder / "records.jsonl")
    (folder / "verdict.json").write_text(json.dumps(body), encoding="utf-8")


def reseal(lines: Lines) -> Lines:
    """Make every run's digest fit its records again, as a careful attacker would."""
    for run in (x for x in lines if x["kind"] == "run"):
        mine = [x for x in lines if x["kind"] == "record" and x["run"] == run["run"]]
        run["content"] = digest_of([{k: v for k, v in x.items() if k not in ("kind", "run")} for x in mine])
    return lines


def relink(lines: Lines) -> Lines:
    """Make the plan's hash fit what it says now, as somebody would who makes the whole plan up."""
    plan = next(x for x in lines if x["kind"] == "plan")
    body = {k: v for k, v in plan.items() if k not in BESIDE_THE_PLAN} | {"candidates": plan["declared"]}
    plan["hash"] = link_of(plan["previous"], "plan", body)
    return lines


def leaves(value: Json, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict | list) and value:
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(item, (*place, key))
    else:
        yield place


def changed(value: Json, draw: random.Random) -> Json:
    match value:
        case bool():
            return draw.choice([not value, None, int(value)])
        case int() | float():
            return draw.choice([value + 1, value * 1.001 + 0.001, -1 - value, None, str(value)])
        case str():
            return draw.choice([value + "x", value[:-1] if value else "y", None])
        case None:
            return draw.choice([0, "x", False])
        case _:
            return draw.choice([None, [1], {"a": 1}])


def edit(value: Json, place: tuple[Any, ...], draw: random.Random) -> None:
    for key in place[:-1]:
        value = value[key]
    value[place[-1]] = changed(value[place[-1]], draw)


def test_a_verdict_verifies_from_its_file_or_its_folder(climbed: Path) -> None:
    found = verify(climbed / "verdict.json")
    assert found.numbers > 90 and found.records == found.scored == sum(x["kind"] == "record" for x in lines_of(climbed))
    assert verify(climbed) == found


@pytest.mark.parametrize("seed", range(20))
def test_any_one_edit_of_the_verdict_is_found(seed: int, copy: Path) -> None:
    draw, body = random.Random(seed), body_of(copy)
    place = draw.choice([p for p in leaves(body) if p[0] not in DATED])
    edit(body, place, draw)
    (copy / "verdict.json").write_text(json.dumps(body), encoding="utf-8")
    with pytest.raises((Disproved, InputError)):
        verify(copy)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999", "1" * 500, "1" * 350])
def test_a_number_that_is_none_is_found(number: str, copy: Path) -> None:
    path = copy / "verdict.json"
    estimate = json.dumps(body_of(copy)["quality"]["estimate"])
    path.write_text(path.read_text("utf-8").replace(f'"estimate": {estimate}', f'"estimate": {number}'), "utf-8")
    with pytest.raises((Disproved, InputError)):
        verify(copy)


def test_any_edit_of_the_records_breaks_their_digest(copy: Path) -> None:
    path = copy / "records.jsonl"
    path.write_bytes(path.read_bytes().replace(b"unknown", b"Unknown", 1))
    with pytest.raises(Disproved, match="SHA-256 differs"):
        verify(copy)


@pytest.mark.parametrize("seed", range(16))
def test_an_edited_line_is_found_though_the_digest_was_made_to_fit(seed: int, copy: Path) -> None:
    draw, lines = random.Random(seed), lines_of(copy)
    line = draw.choice([x for x in lines if x["kind"] == draw.choice(SURE)])
    edit(line, draw.choice([p for p in leaves(line) if not known_free(line, p)]), draw)
    forge(copy, lines)
    with pytest.raises((Disproved, InputError)):
        verify(copy)


def known_free(line: dict[str, Any], place: tuple[Any, ...]) -> bool:
    """What no number rests on: how an example came to its part, and notes beside its text."""
    return line["kind"] == "example" and place[0] in ("split", "time", "context")


def judged(lines: Lines) -> str:
    """The run that the verdict's quality comes from."""
    return str(next(x for x in lines if x["kind"] == "rung" and x["rung"] == "prompt")["test"])


def of(lines: Lines, run: str) -> Lines:
    return [x for x in lines if x["kind"] == "record" and x["run"] == run]


def a_value(lines: Lines) -> None:
    record = of(lines, judged(lines))[0]
    record["value"] = 1.0 - record["value"]


def an_output(lines: Lines) -> None:
    next(x for x in of(lines, judged(lines)) if x["value"] == 1.0)["output"] = "unknown"


def value_and_output(lines: Lines) -> None:
    wanted = {x["id"]: x["expected"] for x in lines if x["kind"] == "example"}
    record = next(x for x in of(lines, judged(lines)) if x["value"] == 0.0)
    record.update(value=1.0, output=wanted[record["id"]])


def a_dropped_record(lines: Lines) -> None:
    lines.remove(next(x for x in of(lines, judged(lines)) if x["value"] == 0.0))


def a_doubled_record(lines: Lines) -> None:
    lines.append({**next(x for x in of(lines, judged(lines)) if x["value"] == 0.0), "value": 1.0})


def a_dropped_example(lines: Lines) -> None:
    lines.remove(next(x for x in lines if x["kind"] == "example" and x["part"] == "test"))


def an_easier_example(lines: Lines) -> None:
    record = next(x for x in of(lines, judged(lines)) if x["value"] == 0.0)
    next(x for x in lines if x["kind"] == "example" and x["id"] == record["id"])["expected"] = "unknown"
    record["value"] = 1.0


def swapped_probe_runs(lines: Lines) -> None:
    trial = next(x for x in lines if x["kind"] == "trial" and x["probe"] == "resample")
    trial["probe_runs"], trial["sham_runs"] = trial["sham_runs"][0], [trial["probe_runs"]]


def another_runs_records(lines: Lines) -> None:
    rungs = [x for x in lines if x["kind"] == "rung"]
    floor = next(x for x in lines if x["kind"] == "floor")
    rungs[1]["test"] = floor["test"]


def a_smaller_error(lines: Lines) -> None:
    next(x for x in lines if x["kind"] == "plan")["alpha_target"] = 0.025


def an_easier_target(lines: Lines) -> None:
    next(x for x in lines if x["kind"] == "task")["target"]["quality"] = 0.3


def a_kinder_scorer(lines: Lines) -> None:
    next(x for x in lines if x["kind"] == "task")["scorer"] = {"use": "contains"}


def a_dropped_rung(lines: Lines) -> None:
    lines.remove(next(x for x in lines if x["kind"] == "rung" and x["rung"] == "few_shot"))


def a_dropped_failure(lines: Lines) -> None:
    next(x for x in lines if x["kind"] == "diagnosis")["failures"].pop()


FORGERIES: list[Callable[[Lines], None]] = [
    *(a_value, an_output, value_and_output, a_dropped_record, a_doubled_record, a_dropped_example, an_easier_example),
    *(swapped_probe_runs, another_runs_records, a_smaller_error, an_easier_target, a_kinder_scorer, a_dropped_rung),
    a_dropped_failure,
]


@pytest.mark.parametrize("forgery", FORGERIES, ids=lambda f: f.__name__)
def test_recomputation_alone_finds_a_forgery(forgery: Callable[[Lines], None], copy: Path) -> None:
    """Every digest is made to fit; what remains is arithmetic."""
    lines = lines_of(copy)
    forgery(lines)
    forge(copy, reseal(lines))
    with pytest.raises(Disproved):
        verify(copy)


@pytest.mark.parametrize("kind", ["task", "plan", "floor", "rung", "run", "example", "record", "diagnosis", "trial"])
def test_missing_kinds_of_lines_are_an_error_and_not_a_crash(kind: str, copy: Path) -> None:
    forge(copy, [x for x in lines_of(copy) if x["kind"] != kind])
    with pytest.raises((Disproved, InputError)):
        verify(copy)


@pytest.mark.parametrize("seed", range(10))
def test_garbage_in_the_records_is_an_error_and_not_a_crash(seed: int, copy: Path) -> None:
    draw, lines = random.Random(seed), lines_of(copy)
    for _ in range(5):
        line = draw.choice(lines)
        edit(line, draw.choice(list(leaves(line))), draw)
    forge(copy, reseal_quietly(lines))
    with contextlib.suppress(Disproved, InputError):
        verify(copy)


def reseal_quietly(lines: Lines) -> Lines:
    try:
        return reseal(lines)
    except (KeyError, TypeError):
        return lines


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not JSON"),
        ("[]", "format 1"),
        ('{"format": 2}', "format 1"),
        ('{"format": 1}', "where its records are"),
        ('{"format": 1, "records": "records.jsonl"}', "where its records are"),
        ('{"format": 1, "records": {"path": "none.jsonl"}}', "records are missing"),
    ],
)
def test_what_is_no_verdict_is_one_clear_error(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "verdict.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=said):
        verify(tmp_path)


def test_records_without_a_verdict_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such verdict"):
        verify(tmp_path)


OWN = """
import pathlib
from dataclasses import dataclass
from suffice import Score

pathlib.Path(__file__).with_name("ran").touch()

@dataclass(frozen=True)
class Mine:
    def __call__(self, example, answer):
        return Score(0.5)
"""


@pytest.mark.parametrize("scorer", [{"use": "mine.py:Mine"}, {"use": "similarity", "embedder": "FOLDER/mine.py:Mine"}])
def test_a_strangers_python_does_not_run_unless_it_is_allowed(copy: Path, scorer: dict[str, str]) -> None:
    (copy / "mine.py").write_text(OWN, encoding="utf-8")
    lines = lines_of(copy)
    told = {key: value.replace("FOLDER", str(copy)) for key, value in scorer.items()}
    for line in lines:
        if line["kind"] in ("task", "plan"):
            line["scorer"] = told
    forge(copy, relink(lines))
    with pytest.raises(OwnCode) as refused:
        verify(copy)
    assert "--own-code" in refused.value.hint and not (copy / "ran").exists()
    with pytest.raises(Disproved):
        verify(copy, own_code=True)
    assert (copy / "ran").exists()


@pytest.mark.parametrize("depth", [300, 700, 950, 100_000])
@pytest.mark.parametrize("place", [b'"goal":"Say the code word of the parcel."', b'"output":"unknown"'])
def test_brackets_without_end_are_an_error_and_not_a_crash(place: bytes, depth: int, copy: Path) -> None:
    path = copy / "records.jsonl"
    deep = place.partition(b":")[0] + b":" + b"[" * depth + b"]" * depth
    assert place in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(place, deep, 1))
    body = body_of(copy)
    body["records"]["sha256"] = file_digest(path)
    (copy / "verdict.json").write_text(json.dumps(body), encoding="utf-8")
    with pytest.raises((Disproved, InputError)):
        verify(copy)


# A verdict made anew from what was forged


def conclude_again(folder: Path, lines: Lines) -> None:
    """Everything follows from the forged lines, as if the climb had written them; the plan's hash is left alone."""
    forge(folder, reseal(lines))
    body = body_of(folder)
    again = json.loads(json.dumps(plain(conclude(Evidence.read(folder / "records.jsonl")))))
    (folder / "verdict.json").write_text(json.dumps({**again, **{k: body[k] for k in DATED}}), encoding="utf-8")


def task_of(lines: Lines) -> dict[str, Any]:
    return next(x for x in lines if x["kind"] == "task")


def rung_of(lines: Lines, name: str) -> dict[str, Any]:
    return next(x for x in lines if x["kind"] == "rung" and x["rung"] == name)


def a_volume_set_afterwards(lines: Lines) -> None:
    task_of(lines)["profile"]["requests_per_day"] = 2e6


def a_target_set_afterwards(lines: Lines) -> None:
    task_of(lines)["target"]["quality"] = 0.4


def a_smallest_lift_set_afterwards(lines: Lines) -> None:
    task_of(lines)["profile"]["smallest_lift"] = 0.5


def a_seed_set_afterwards(lines: Lines) -> None:
    task_of(lines)["seed"] = 5


def a_scorer_set_afterwards(lines: Lines) -> None:
    task_of(lines)["scorer"] = {"use": "contains"}


def a_rung_that_was_left_out(lines: Lines) -> None:
    lines.remove(rung_of(lines, "few_shot"))


def a_rung_that_is_said_not_to_have_been_tried(lines: Lines) -> None:
    rung_of(lines, "few_shot").update(outcome="skipped", reason="of no use", test=None, edge=None, dev_runs=[])


def a_rung_that_is_said_not_to_be_needed(lines: Lines) -> None:
    rung_of(lines, "retrieval").update(outcome="not_needed", reason="the prompt already meets the target")


def rungs_in_another_order(lines: Lines) -> None:
    at, other = (lines.index(rung_of(lines, name)) for name in ("rules", "structure"))
    lines[at], lines[other] = lines[other], lines[at]


def fewer_candidates(lines: Lines) -> None:
    plan_line = next(x for x in lines if x["kind"] == "plan")
    plan_line.update(declared=["prompt"], candidates=1, alpha_target=0.025)
    relink(lines)


def another_count_of_candidates(lines: Lines) -> None:
    next(x for x in lines if x["kind"] == "plan")["candidates"] = 1


def an_error_below_zero(lines: Lines) -> None:
    next(x for x in lines if x["kind"] == "plan").update(alpha_target=0.2, alpha_down=-1.0)
    relink(lines)


def the_right_answers_first(lines: Lines) -> None:
    values = {x["id"]: x["value"] for x in of(lines, judged(lines))}
    first = next(x for x in lines if x["kind"] == "plan")["sizes"][0]
    places = [n for n, x in enumerate(lines) if x["kind"] == "example" and x["part"] == "test"][:first]
    for place, line in zip(places, sorted((lines[n] for n in places), key=lambda e: -values[e["id"]]), strict=True):
        lines[place] = line


def an_edge_partition_left_out(lines: Lines) -> None:
    runs = {x["edge"] for x in lines if x["kind"] in ("floor", "rung")} - {None}
    lines[:] = [x for x in lines if x.get("run") not in runs]
    for line in (x for x in lines if x["kind"] in ("floor", "rung")):
        line["edge"] = None


def replies_faster_than_time(lines: Lines) -> None:
    for line in of(lines, judged(lines)):
        line["ms"] = -line["ms"] - 1


def without_run(lines: Lines, run: str) -> None:
    lines[:] = [x for x in lines if x["kind"] not in ("run", "record") or x["run"] != run]


def the_edge_run_of_the_floor(lines: Lines) -> None:
    rung = rung_of(lines, "prompt")
    without_run(lines, rung["edge"])
    rung["edge"] = next(x for x in lines if x["kind"] == "floor")["edge"]


def the_latency_of_the_floor(lines: Lines) -> None:
    rung_of(lines, "prompt")["unloaded"] = next(x for x in lines if x["kind"] == "floor")["test"]


def nothing_told_by_dev(lines: Lines) -> None:
    rung_of(lines, "prompt")["told_by"] = None


def held_against_the_floor_alone(lines: Lines) -> None:
    rung = rung_of(lines, "few_shot")
    assert rung["beneath"]["rung"] == "prompt"
    rung["beneath"] = None


def stacked(lines: Lines, rung: str, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the stack in every run that a rung and the final stack are told by."""
    line = rung_of(lines, rung)
    runs = {line[key] for key in ("test", "edge", "told_by")}
    for run in (x for x in lines if x["kind"] == "run" and x["run"] in runs):
        change(run["stack"])
        run["stack_digest"] = digest_of(run["stack"])


def another_model_in_one_rung(lines: Lines) -> None:
    stacked(lines, "few_shot", lambda stack: stack.update(model={"use": "openai", "name": "gpt-5"}))


def a_heavier_layer_under_the_name_of_a_rung(lines: Lines) -> None:
    stacked(lines, "few_shot", lambda stack: stack["layers"].insert(0, {"use": "structure"}))


def a_rung_without_its_layer(lines: Lines) -> None:
    stacked(lines, "few_shot", lambda stack: stack.update(layers=[x for x in stack["layers"] if x["use"] == "prompt"]))


def planned(lines: Lines, **what: Any) -> None:
    next(x for x in lines if x["kind"] == "plan").update(what)
    relink(lines)


def a_wider_margin_on_the_way_down(lines: Lines) -> None:
    planned(lines, margin=0.6)


def the_error_of_the_way_down_for_the_target(lines: Lines) -> None:
    plan = next(x for x in lines if x["kind"] == "plan")
    planned(lines, alpha_target=plan["alpha_target"] + plan["alpha_down"] / plan["candidates"], alpha_down=0.0)


def looks_where_they_please(lines: Lines) -> None:
    plan = next(x for x in lines if x["kind"] == "plan")
    asked = {x["items"] for x in lines if x["kind"] == "rung" and x["items"]}
    planned(lines, sizes=sorted(asked | {plan["sizes"][-1]}))


def a_floor_that_says_what_is_rarely_right(lines: Lines) -> None:
    floor = next(x for x in lines if x["kind"] == "floor")
    for x in (x for x in lines if x["kind"] == "record" and x["run"] in (floor["test"], floor["edge"])):
        x.update(output="nonsense", value=0.0)


def failures_that_please(lines: Lines) -> None:
    line = next(x for x in lines if x["kind"] == "diagnosis")
    trial = next(x for x in lines if x["kind"] == "trial" and x["probe"] == "nearest_examples")
    fixed = {x["id"] for run in trial["probe_runs"] for x in of(lines, run) if x["value"] == 1.0}
    line["failures"] = [i for i in line["failures"] if i in fixed]
    line["drawn"] = [i for i in line["drawn"] if i in fixed]


def no_shams(lines: Lines) -> None:
    for x in (x for x in lines if x["kind"] == "trial"):
        x["sham_runs"] = []


def a_sham_of_other_items(lines: Lines) -> None:
    trial = next(x for x in lines if x["kind"] == "trial" and x["probe"] == "nearest_examples")
    trial["sham_runs"] = [trial["passing_runs"]]


REMADE: list[Callable[[Lines], None]] = [
    a_volume_set_afterwards,
    *(a_target_set_afterwards, a_smallest_lift_set_afterwards, a_seed_set_afterwards, a_scorer_set_afterwards),
    *(a_rung_that_was_left_out, a_rung_that_is_said_not_to_have_been_tried, a_rung_that_is_said_not_to_be_needed),
    *(rungs_in_another_order, fewer_candidates, another_count_of_candidates, an_error_below_zero),
    *(the_right_answers_first, an_edge_partition_left_out, replies_faster_than_time),
    *(the_edge_run_of_the_floor, the_latency_of_the_floor, nothing_told_by_dev),
    *(held_against_the_floor_alone, another_model_in_one_rung, a_heavier_layer_under_the_name_of_a_rung),
    *(
        a_rung_without_its_layer,
        a_wider_margin_on_the_way_down,
        the_error_of_the_way_down_for_the_target,
        looks_where_they_please,
    ),
    *(a_floor_that_says_what_is_rarely_right, failures_that_please, no_shams, a_sham_of_other_items),
]


@pytest.mark.parametrize("forgery", REMADE, ids=lambda f: f.__name__)
def test_a_verdict_that_follows_from_forged_lines_is_found(forgery: Callable[[Lines], None], copy: Path) -> None:
    """Digests and numbers all fit; what gives the forgery away is what was declared, or what is missing."""
    lines = lines_of(copy)
    conclude_again(copy, lines)
    verify(copy)
    forgery(lines)
    conclude_again(copy, lines)
    with pytest.raises(Disproved) as found:
        verify(copy)
    assert "do not hold what a verdict needs" not in str(found.value), found.value


@pytest.mark.parametrize("number", ["1e999", "NaN", "-Infinity", "1" * 500])
def test_a_record_with_a_number_that_is_none_is_found(number: str, copy: Path) -> None:
    path = copy / "records.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"usd":0.001', b'"usd":' + number.encode(), 1))
    body = body_of(copy)
    body["records"]["sha256"] = file_digest(path)
    (copy / "verdict.json").write_text(json.dumps(body), encoding="utf-8")
    with pytest.raises(InputError, match="not JSON"):
        verify(copy)


def test_a_record_that_says_one_thing_twice_is_found(copy: Path) -> None:
    path = copy / "records.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"value":0.0', b'"value":1.0,"value":0.0', 1))
    body = body_of(copy)
    body["records"]["sha256"] = file_digest(path)
    (copy / "verdict.json").write_text(json.dumps(body), encoding="utf-8")
    with pytest.raises(InputError, match="stands there twice"):
        verify(copy)


@pytest.mark.parametrize("place", ["../records.jsonl", "/etc/hostname", "a/../records.jsonl"])
def test_a_verdict_opens_no_file_but_one_beside_it(place: str, copy: Path) -> None:
    body = body_of(copy)
    body["records"]["path"] = place
    (copy / "verdict.json").write_text(json.dumps(body), encoding="utf-8")
    with pytest.raises(InputError, match="beside the verdict"):
        verify(copy)
