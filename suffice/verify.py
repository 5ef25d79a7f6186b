"""Verify: recompute every number of a verdict from its records, and fail on any difference."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from .data import Dataset
from .digest import digest_of, file_digest, plain
from .errors import Disproved, InputError, OwnCode
from .evidence import Evidence, Line, Reading, answer_of, judge_of
from .leakage import LEAKS
from .ledger import link_of
from .looks import graded
from .plugins import build, installed_only
from .score import AskingScorer, Scorer
from .stats.budget import TOTAL
from .strict import read_json
from .types import Json
from .verdict import conclude

PARTS = (("test", "edge"), ("pool", "select"))
"""The parts that judge, and those that teach."""
DATED = frozenset({"version", "created", "ledger", "records"})
"""What a verdict says of its making: true of that day, and not recomputable."""
CLOSE = 1e-9
BESIDE_THE_PLAN = frozenset({"kind", "hash", "previous", "uses", "overspent", "declared", "label_sets"}) | LEAKS
"""What the line of the plan holds and its link in the ledger's chain does not cover."""


@dataclass(frozen=True)
class Verified:
    """What was recomputed."""

    path: Path
    numbers: int
    records: int
    scored: int
    """Records whose answer was scored again."""


def verify(path: Path, *, own_code: bool = False) -> Verified:
    """Recompute a verdict.json; raises `Disproved` naming the first differences.

    A scorer that is Python beside the verdict runs only with `own_code`: a verdict may come from a stranger.
    """
    path = path / "verdict.json" if path.is_dir() else path
    body = _read(path)
    where = body.get("records")
    if not isinstance(where, dict) or not isinstance(where.get("path"), str):
        raise InputError("the verdict does not say where its records are", file=str(path))
    records = path.parent / where["path"]
    if not records.is_file():
        raise InputError("the verdict's records are missing", file=str(records))
    if file_digest(records) != where.get("sha256"):
        raise Disproved(
            "the records are not those the verdict was computed from: their SHA-256 differs", file=str(records)
        )
    evidence = Evidence.read(records)
    try:
        _whole(Reading(evidence))
        with nullcontext() if own_code else installed_only():
            scored = _scores(Reading(evidence), path.parent)
        again = plain(conclude(evidence))
    except OwnCode as wrong:
        wrong.hint = f"read it; if you trust it: suffice verify {path.parent} --own-code"
        raise
    except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError, StopIteration) as wrong:
        said = f"the records do not hold what a verdict needs: {type(wrong).__name__}: {wrong}"
        raise Disproved(said, file=str(records)) from wrong
    told = {k: v for k, v in body.items() if k not in DATED}
    if found := list(_differences(told, json.loads(json.dumps(again)), "")):
        shown = "; ".join(found[:5])
        raise Disproved(
            f"{len(found)} of the verdict's statements do not follow from its records: {shown}", file=str(path)
        )
    return Verified(path, sum(1 for _ in _numbers(told)), len(list(evidence.of("record"))), scored)


def _read(path: Path) -> Mapping[str, Json]:
    body = read_json(path, "verdict")
    if not isinstance(body, dict) or body.get("format") != 1:
        raise InputError("not a verdict of format 1", file=str(path))
    return body


def _whole(reading: Reading) -> None:
    """The lines are as many and as they were: nothing dropped, doubled, exchanged or declared afterwards."""
    evidence, plan = reading.evidence, reading.evidence.one("plan")
    for kind, key in (("run", "run"), ("example", "id"), ("opinion", "id"), ("rung", "rung")):
        _once(kind, [line[key] for line in evidence.of(kind)])
    for kind in ("further", "own_best", "left_out", "refit", "confirmation", "labels"):
        _once(f"line of the kind {kind}", [kind for _ in evidence.of(kind)])
    for run, line in reading.runs.items():
        told = [
            {k: v for k, v in x.items() if k not in ("kind", "run")} for x in evidence.of("record") if x["run"] == run
        ]
        _once(f"record of run {run[:12]}", [x["id"] for x in told])
        if digest_of(told) != line["content"] or digest_of(line["stack"]) != line["stack_digest"]:
            raise Disproved(f"run {run[:12]} is not as it was written down: its content has another digest")
    for line in (x for x in evidence.lines if x["kind"] in ("floor", "rung", "own_best", "down")):
        for part in ("test", "edge"):
            if line[part]:
                _complete(reading, line, part)
        if line["test"] and line.get("told_by"):
            _looked_as_declared(reading, line)
    for line in evidence.of("further"):
        _complete(reading, line, "test")
    if any(line["attempts"] < sum(1 for _ in evidence.of("down")) for line in evidence.of("down")):
        raise Disproved("there are more attempts on the way down than share its error")
    _within(plan, bool(reading.parts.get("edge")))
    for line in evidence.of("confirmation"):
        _confirmed(reading, line)
    _labelled(evidence, plan)
    judged, dev = (Dataset(tuple(e for p in parts for e in reading.parts.get(p, ()))) for parts in PARTS)
    if (judged.fingerprint, dev.fingerprint) != (plan["fingerprint"], plan["dev"]):
        raise Disproved("the examples are not those that the plan was declared for: their fingerprint differs")
    body = {k: v for k, v in plan.items() if k not in BESIDE_THE_PLAN} | {"candidates": plan["declared"]}
    if link_of(plan["previous"], "plan", body) != plan["hash"]:
        raise Disproved("the plan is not the one that was declared: its hash differs")


def _within(plan: Line, edge: bool) -> None:
    """The declared levels add up to no more than the error of the whole climb, which is 5 %."""
    rungs, claims = max(1, len(plan["declared"])), 2 if edge else 1
    spent = rungs * ((plan["alpha_target"] or 0) + claims * (plan["alpha_claim"] or 0)) + plan.get("alpha_down", 0)
    if plan["alpha"] > TOTAL or spent > plan["alpha"] * (1 + CLOSE):
        raise Disproved("the declared errors add up to more than the climb may spend")


def _complete(reading: Reading, line: Line, part: str) -> None:
    """A run on test or edge holds every item, or on test a complete prefix of them up to a declared look."""
    ids, held = [e.id for e in reading.parts[part]], list(reading.records[line[part]])
    items = line.get("items") if part == "test" else None
    sizes = reading.evidence.one("plan").get("sizes", [])
    if items is not None and any(n > items or n not in sizes for n in line.get("pairs", {}).values()):
        raise Disproved(f"run {line[part][:12]} is not compared up to a declared look")
    if items is None and set(held) != set(ids):
        raise Disproved(f"run {line[part][:12]} does not hold every item of {part}")
    if items is not None and (items not in sizes or set(ids[: len(held)]) != set(held)):
        raise Disproved(f"run {line[part][:12]} does not hold a complete prefix of {part} up to a declared look")


def _looked_as_declared(reading: Reading, line: Line) -> None:
    """Looks wherever a stack asks its model, and the tests that dev's scores called for."""
    records = reading.records[line["told_by"]].values()
    asks, partly = any(r.get("asked") or r["output"] is None for r in records), graded(r["value"] for r in records)
    looks = asks and reading.evidence.one("plan").get("looks", "none") != "none"
    if line["kind"] != "down" and looks != (line["items"] is not None):
        raise Disproved(f"run {line['test'][:12]} was not looked at as declared")
    if line["items"] is not None and line["graded"] != partly:
        raise Disproved(f"run {line['test'][:12]} was not tested as its scores on dev called for")


def _confirmed(reading: Reading, line: Line) -> None:
    """The fresh examples are those that were declared for this stack, all of them, and none is known from the task."""
    if line["run"] is None:
        return
    if line["alpha"] > TOTAL:
        raise Disproved("the confirmation spends more than it may")
    examples = reading.parts["confirmation"]
    known = {e.id for p in (*PARTS[0], *PARTS[1]) for e in reading.parts.get(p, ())}
    if {e.id for e in examples} & known or set(reading.records[line["run"]]) != {e.id for e in examples}:
        raise Disproved("the confirmation does not rest on all of its fresh examples, and on none that is known")
    body = {k: line[k] for k in ("fingerprint", "stack", "alpha")}
    declared = link_of(line["previous"], "confirmation", body) == line["hash"]
    same = (Dataset(examples).fingerprint, reading.runs[line["run"]]["stack_digest"]) == (
        body["fingerprint"],
        body["stack"],
    )
    if not declared or not same:
        raise Disproved("the confirmation is not the one that was declared: its hash, its examples or its stack differ")


def _labelled(evidence: Evidence, plan: Line) -> None:
    """People's labels are those that were declared for these test items."""
    told = [{k: v for k, v in x.items() if k != "kind"} for x in evidence.of("label")]
    line = next(evidence.of("labels"), None)
    if line is None and told:
        raise Disproved("the labels were not declared")
    if line is not None:
        body = {"fingerprint": plan["fingerprint"], "labels": digest_of(told)}
        if link_of(line["previous"], "labels", body) != line["hash"]:
            raise Disproved("the labels are not those that were declared: their hash differs")


def _once(what: str, keys: list[str]) -> None:
    if len(set(keys)) != len(keys):
        raise Disproved(f"a {what} stands there twice")


def _scores(reading: Reading, folder: Path) -> int:
    """Score every stored answer again; raises on the first that differs."""
    spec = reading.evidence.one("task")["scorer"]
    scorer = cast(Scorer, build("scorers", spec, beside=folder))
    scored = 0
    for line in reading.evidence.of("record"):
        scored += 1
        told, found = line["value"], _score_again(scorer, reading, line)
        if (told is None) != (found is None) or (told is not None and found is not None and abs(told - found) > 1e-6):
            raise Disproved(f"record `{line['id']}` of run {line['run'][:12]} says {told}, its answer scores {found}")
    return scored


def _score_again(scorer: Scorer, reading: Reading, line: Line) -> float | None:
    answer = answer_of(line)
    if answer is None:
        return 0.0
    try:
        asked = scorer.over(judge_of(line)) if isinstance(scorer, AskingScorer) else scorer
        return asked(reading.examples[line["id"]], answer).value
    except OwnCode:
        raise
    except Exception as wrong:
        if line["value"] is None:
            return None
        raise Disproved(f"record `{line['id']}` can no longer be scored: {wrong}") from wrong


def _differences(told: Json, again: Json, where: str) -> Iterator[str]:
    if isinstance(told, dict) and isinstance(again, dict):
        for key in sorted({*told, *again}):
            if key not in told or key not in again:
                yield f"{where}{key} is {'missing' if key not in told else 'not in the evidence'}"
            else:
                yield from _differences(told[key], again[key], f"{where}{key}.")
    elif isinstance(told, list) and isinstance(again, list) and len(told) == len(again):
        for number, (one, other) in enumerate(zip(told, again, strict=True)):
            yield from _differences(one, other, f"{where}{number}.")
    elif _is_number(told) and _is_number(again):
        if abs(told - again) > CLOSE * max(1.0, abs(told), abs(again)):
            yield f"{where.rstrip('.')} is {told}, recomputed {again}"
    elif type(told) is not type(again) or told != again:
        yield f"{where.rstrip('.')} is {str(told)[:60]!r}, recomputed {str(again)[:60]!r}"


def _numbers(value: Json) -> Iterator[float]:
    if _is_number(value):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _numbers(item)


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
