"""The verdict's latency: recomputed from its records, refused when forged, absent where records are older than it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from worlds import world

from suffice.climb import climb
from suffice.digest import canonical, file_digest
from suffice.errors import Disproved, InputError
from suffice.evidence import Evidence
from suffice.report import render
from suffice.task import Profile, Target
from suffice.verdict import conclude
from suffice.verify import verify

Lines = list[dict[str, Any]]


@pytest.fixture(scope="module")
def climbed(tmp_path_factory: pytest.TempPathFactory, minilm: Path) -> Path:
    """A verdict with a limit for P95 and a volume, so that requests were timed one at a time."""
    folder = tmp_path_factory.mktemp("timed")
    task = world(folder, "coin", n=160, target=Target(quality=0.8, p95_ms=250.0))
    assert climb(replace(task, profile=Profile(requests_per_day=20_000, owner="Ada"))).stop_at == "prompt"
    return folder


@pytest.fixture
def copy(climbed: Path, tmp_path: Path) -> Path:
    for name in ("verdict.json", "records.jsonl"):
        shutil.copy(climbed / name, tmp_path / name)
    return tmp_path


def body_of(folder: Path) -> dict[str, Any]:
    body: dict[str, Any] = json.loads((folder / "verdict.json").read_text("utf-8"))
    return body


def lines_of(folder: Path) -> Lines:
    return [json.loads(line) for line in (folder / "records.jsonl").read_text("utf-8").split("\n")[:-1]]


def slow(lines: Lines) -> Lines:
    """The same records as if a model had answered them in 100 to 160 ms, and one in 36 in 300, after a search of 2."""
    for at, line in enumerate(line for line in lines if line["kind"] == "record" and line["stages"]):
        took = 300.0 if at % 36 == 0 else 100.0 + at % 61
        line["stages"], line["ms"] = [["retrieval", 2.0], ["model", took]], 2.0 + took
    return lines


def test_it_is_told_of_the_records_that_the_steps_p95_comes_from(climbed: Path) -> None:
    body = body_of(climbed)
    found, step = body["latency"], next(s for s in body["steps"] if s["status"] == "kept")
    assert found["whole"]["p95"]["estimate"] == pytest.approx(step["p95_ms"], abs=0.01)
    assert [s["name"] for s in found["stages"]] == [s["name"] for s in step["stages"]]
    assert found["n"] == 72 and found["whole"]["kept"] == "met"
    assert "one at a time" in found["measured"] and "on the machine that ran" in found["measured"]
    assert sum(s["tail_share"] for s in found["stages"]) == pytest.approx(1)
    assert found["peak"]["rate_per_s"] == pytest.approx(3 * 20_000 / 86_400) and found["whole"]["slo_ms"] == 250.0
    verify(climbed)


def test_the_stage_to_work_on_is_named_and_the_peak_waits(climbed: Path) -> None:
    lines = slow(lines_of(climbed))
    for line in lines:
        if line["kind"] == "figures":
            line["models"][0]["at_once"] = 1
        if line["kind"] == "task":
            line["profile"]["requests_per_day"] = 200_000
    found = conclude(Evidence(lines))["latency"]  # type: ignore[arg-type]
    assert found["breaking"] == "model" and found["whole"]["kept"] == "cannot tell"
    assert 100 < found["whole"]["p50"]["estimate"] < found["whole"]["p95"]["estimate"] <= 163
    peak = found["peak"]
    assert peak["servers"] == 1 and 0.7 < peak["utilization"] < 1 and peak["p95_ms"] > 250 and peak["kept"] is False
    assert peak["machines"] > 1 and peak["highest_per_s"] < peak["rate_per_s"] < peak["capacity_per_s"]


FORGERIES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a quicker P95": lambda v: v["whole"]["p95"].update(estimate=v["whole"]["p95"]["estimate"] / 2),
    "an upper limit": lambda v: v["whole"]["p95"].update(high=1.0),
    "a limit that breaks": lambda v: v["whole"].update(kept="broken"),
    "another limit": lambda v: v["whole"].update(slo_ms=500.0),
    "another stage to blame": lambda v: v.update(breaking="model"),
    "a smaller part": lambda v: v["stages"][0].update(tail_share=0.5),
    "a stage left out": lambda v: v["stages"].pop(),
    "more requests": lambda v: v.update(n=73),
    "a flatter peak": lambda v: v["peak"].update(factor=1.0),
    "a higher rate": lambda v: v["peak"].update(highest_per_s=v["peak"]["highest_per_s"] * 1.01),
    "fewer machines": lambda v: v["peak"].update(machines=None),
    "no assumptions": lambda v: v["peak"].update(assumes=[]),
    "kinder words": lambda v: v.update(words="All is well."),
    "another machine": lambda v: v.update(measured="72 test items, on the fastest machine there is"),
    "no peak": lambda v: v.update(peak=None),
}


@pytest.mark.parametrize("forgery", FORGERIES.values(), ids=FORGERIES.keys())
def test_a_forged_number_is_found(forgery: Callable[[dict[str, Any]], Any], copy: Path) -> None:
    body = body_of(copy)
    forgery(body["latency"])
    (copy / "verdict.json").write_text(json.dumps(body), encoding="utf-8")
    with pytest.raises(Disproved, match=r"latency\."):
        verify(copy)


@pytest.mark.parametrize("gone", ["removed", "null"])
def test_leaving_it_out_is_found(gone: str, copy: Path) -> None:
    body = body_of(copy)
    body.pop("latency")
    (copy / "verdict.json").write_text(json.dumps(body | ({"latency": None} if gone == "null" else {})), "utf-8")
    with pytest.raises(Disproved, match="latency"):
        verify(copy)


@pytest.mark.parametrize("at_once", ["many", -1, 0, 1e400, [2], 2.5])
def test_what_no_model_says_of_itself_is_an_error_and_not_a_crash(at_once: Any, copy: Path) -> None:
    lines = lines_of(copy)
    for line in lines:
        if line["kind"] == "figures":
            line["models"][0]["at_once"] = at_once
    _seal(copy, lines)
    with pytest.raises((Disproved, InputError)):
        verify(copy)


def test_records_from_before_it_verify_and_are_shown_without_it(copy: Path) -> None:
    lines = lines_of(copy)
    for line in lines:
        if line["kind"] == "figures":
            line["models"] = [{k: v for k, v in m.items() if k != "at_once"} for m in line["models"]]
    _seal(copy, lines)
    old = json.loads(json.dumps({**body_of(copy), **conclude(Evidence(lines))}))  # type: ignore[arg-type]
    old.pop("latency")
    (copy / "verdict.json").write_text(json.dumps(old), encoding="utf-8")
    assert "latency" not in conclude(Evidence(lines)) and verify(copy).numbers > 50  # type: ignore[arg-type]
    assert 'id="latency"' not in render(old, copy / "report.html").read_text("utf-8")


def _seal(folder: Path, lines: Lines) -> None:
    (folder / "records.jsonl").write_bytes(b"".join(canonical(line) + b"\n" for line in lines if _finite(line)))
    body = body_of(folder)
    body["records"]["sha256"] = file_digest(folder / "records.jsonl")
    (folder / "verdict.json").write_text(json.dumps(body), encoding="utf-8")


def _finite(line: dict[str, Any]) -> bool:
    """JSON has no infinity: such a line cannot be written, and is missing instead."""
    try:
        canonical(line)
    except ValueError:
        return False
    return True
