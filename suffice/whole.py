"""Whole: evidence is complete and as declared: nothing is dropped, doubled, exchanged, reordered or set later."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from .coherent import beneath, coherent, coherent_swap
from .data import Dataset
from .digest import digest_of
from .errors import Disproved
from .evidence import Evidence, Line, Reading
from .leakage import LEAKS
from .ledger import link_of
from .looks import graded
from .plan import LADDER
from .split import seeded
from .stats.budget import TOTAL
from .types import Json

PARTS = (("test", "edge"), ("pool", "select"))
"""The parts that judge, and those that teach."""
JUDGING = ("test", "edge", "confirmation")
"""Runs on these must be accounted for: one that no line speaks of was looked at and left out."""
CLOSE = 1e-9
BESIDE_THE_PLAN = frozenset({"kind", "hash", "previous", "uses", "overspent", "declared", "label_sets"}) | LEAKS
"""What the line of the plan holds and its link in the ledger's chain does not cover."""
TRAINED_ONCE = ("curve", "deferral", "general")
"""Kinds of lines about training, of which there is one at most."""
LOOKED = ("rung", "own_best", "down", "form")
"""Kinds of lines whose run on test was looked at as dev called for."""
COUNTED = ("ms", "usd", "judge_usd", "input_tokens", "output_tokens", "cached_tokens", "asked")
"""What a record tells of its making: none of it can be less than nothing."""


def whole(reading: Reading) -> None:
    """Raise `Disproved` where the lines are not as many, in the order, and at the levels that were declared."""
    evidence, plan = reading.evidence, reading.evidence.one("plan")
    _each_once(evidence)
    _untouched(reading)
    for line in _measured(evidence):
        for part in ("test", "edge"):
            if line[part]:
                _complete(reading, line, part)
        if line["test"] and line["kind"] in LOOKED:
            _looked_as_declared(reading, line)
    for line in evidence.of("further"):
        _complete(reading, line, "test")
    if any(line["margin"] > plan["margin"] for line in evidence.of("down")):
        raise Disproved("an attempt on the way down was allowed to lose more than was declared")
    coherent(reading)
    for line in evidence.of("confirmation"):
        _confirmed(reading, line)
    _labelled(evidence, plan)
    _declared(reading, plan, "plan")
    _in_order(reading, plan)
    _rungs(evidence, plan)
    _accounted(reading)
    from .gated import gated
    from .probed import probed
    from .schooling import schooling

    probed(reading)
    gated(reading)
    schooling(reading)


def swapped_whole(reading: Reading) -> None:
    """Raise `Disproved` where a swap's lines are not as many, in the order, and at the levels that were declared."""
    evidence, plan = reading.evidence, reading.evidence.one("plan")
    _each_once(evidence)
    _untouched(reading)
    lines = [evidence.one("swap"), *evidence.of("form")]
    for line in lines:
        for part in ("test", "edge"):
            if line[part]:
                _complete(reading, line, part)
        if line["test"] and line["kind"] in LOOKED:
            _looked_as_declared(reading, line)
    coherent_swap(reading)
    from .gated import gated_swap

    gated_swap(reading)
    _labelled(evidence, plan)
    _declared(reading, plan, "swap")
    _in_order(reading, plan)
    if [line["form"] for line in evidence.of("form")] != plan["declared"][: len(lines) - 1]:
        raise Disproved("the forms are not those that were declared, in their order")
    spoken = {line[key] for line in lines for key in ("test", "edge", "unloaded")}
    if unspoken := [run for run, line in reading.runs.items() if line["part"] in JUDGING and run not in spoken]:
        raise Disproved(f"run {unspoken[0][:12]} judged, and the swap does not speak of it")
    _bases(reading, plan, lines)


def swapped_agrees(reading: Reading, body: Mapping[str, Json]) -> None:
    """Raise `Disproved` where a swap ends before its last form though nothing had moved, or goes on after one."""
    moves = [form["status"] == "moves" for form in body["forms"]]
    if any(moves[:-1]) or (len(moves) < reading.evidence.one("plan")["candidates"] and not any(moves)):
        raise Disproved("the swap does not end at the first form that moves, or at the last one")
    if reading.parts.get("edge") and any(f["status"] == "moves" and f["edge"] is None for f in body["forms"]):
        raise Disproved("a form moves without the edge partition")


def _bases(reading: Reading, plan: Line, lines: Sequence[Line]) -> None:
    """The stack that was declared is held against forms over the base that was declared, and over no other."""
    old, *forms = [reading.runs[line["test"]] for line in lines if line["test"]]
    if old["stack_digest"] != plan["swap"]["from"]:
        raise Disproved("the stack that stands is not the one that the swap was declared for")
    if any(digest_of(run["stack"]["model"]) != plan["swap"]["base"] for run in forms):
        raise Disproved("a form stands on another base than the one that the swap was declared for")
    if lines[0]["to"] != plan["swap"]["to"]:
        raise Disproved("the base is not the one that the swap was declared for")


def agrees(reading: Reading, body: Mapping[str, Json]) -> None:
    """Raise `Disproved` where lines do not fit the verdict that follows from them."""
    met = False
    for step in body["steps"]:
        if met != (step["status"] == "not_needed"):
            raise Disproved(
                f"the rung {step['rung']} is {step['status']}: only what follows a met target is not needed"
            )
        met = met or (step["status"] == "kept" and step["meets_target"] is True)
    if reading.parts.get("edge"):
        kept = [s["rung"] for s in body["steps"] if s["status"] == "kept" and s["edge"] is None]
        kept += [a["change"] for a in body["down"] if a["accepted"] and a["edge"] is None]
        if kept:
            raise Disproved(f"{kept[0]} was kept without the edge partition")
    from .probed import explained

    beneath(reading, body)
    explained(reading, body)
    for what, run in _of_the_final_stack(reading.evidence):
        if reading.runs[run]["stack_digest"] != body["stack_digest"]:
            raise Disproved(f"the {what} is of another stack than the one that is kept")


def _of_the_final_stack(evidence: Evidence) -> Iterator[tuple[str, str]]:
    for line in evidence.of("left_out"):
        yield "ablation", line["whole"]
    for line in evidence.of("refit"):
        yield "variance of fits", line["runs"][0]
    for line in evidence.of("confirmation"):
        if line["run"] is not None:
            yield "confirmation", line["run"]


def _measured(evidence: Evidence) -> Iterator[Line]:
    return (x for x in evidence.lines if x["kind"] in ("floor", "rung", "own_best", "down", "audit"))


def _each_once(evidence: Evidence) -> None:
    keys = {"run": "run", "example": "id", "opinion": "id", "rung": "rung", "down": "change", "form": "form"}
    for kind, key in keys.items():
        _once(kind, [line[key] for line in evidence.of(kind)])
    alone = ("further", "own_best", "left_out", "refit", "confirmation", "labels", "figures", "swap")
    for kind in (*alone, *TRAINED_ONCE):
        _once(f"line of the kind {kind}", [kind for _ in evidence.of(kind)])


def _once(what: str, keys: Sequence[Json]) -> None:
    if len(set(keys)) != len(keys):
        raise Disproved(f"a {what} stands there twice")


def _untouched(reading: Reading) -> None:
    """Each run holds the records that it was written down with, each once, and none claims less than nothing."""
    records: dict[str, list[dict[str, Json]]] = {run: [] for run in reading.runs}
    for line in reading.evidence.of("record"):
        records[line["run"]].append({k: v for k, v in line.items() if k not in ("kind", "run")})
        if any((line.get(key) or 0) < 0 for key in COUNTED):
            raise Disproved(f"record `{line['id']}` of run {line['run'][:12]} took or cost less than nothing")
    for run, told in records.items():
        line = reading.runs[run]
        _once(f"record of run {run[:12]}", [x["id"] for x in told])
        if digest_of(told) != line["content"] or digest_of(line["stack"]) != line["stack_digest"]:
            raise Disproved(f"run {run[:12]} is not as it was written down: its content has another digest")


def _declared(reading: Reading, plan: Line, kind: str) -> None:
    """The plan is the one whose hash was chained, for these examples, this target, this scorer and this seed."""
    judged, dev = (Dataset(tuple(e for p in parts for e in reading.parts.get(p, ()))) for parts in PARTS)
    if (judged.fingerprint, dev.fingerprint) != (plan["fingerprint"], plan["dev"]):
        raise Disproved("the examples are not those that the plan was declared for: their fingerprint differs")
    body = {k: v for k, v in plan.items() if k not in BESIDE_THE_PLAN} | {"candidates": plan["declared"]}
    if link_of(plan["previous"], kind, body) != plan["hash"] or plan["candidates"] != len(plan["declared"]):
        raise Disproved("the plan is not the one that was declared: its hash differs")
    task = reading.evidence.one("task")
    told = {k: task[k] for k in ("target", "score", "seed", "scorer", "profile") if k in plan}
    told["smallest_lift"] = task["profile"]["smallest_lift"]
    if other := [k for k, v in told.items() if v != plan[k] or type(v) is not type(plan[k])]:
        raise Disproved(f"the task's {other[0]} is not the one that was declared before test was opened")


def _in_order(reading: Reading, plan: Line) -> None:
    """Each part stands in the order that follows from the seed, which is what makes a prefix of it a fair look."""
    for part in (p for parts in PARTS for p in parts):
        examples = reading.parts.get(part, ())
        if [e.id for e in seeded(examples, plan["seed"])] != [e.id for e in examples]:
            raise Disproved(f"the examples of {part} do not stand in the order that the seed gives them")
        if part in PARTS[0] and any((e.partition == "edge") != (part == "edge") for e in examples):
            raise Disproved(f"an example of {part} belongs to the other partition")


def _rungs(evidence: Evidence, plan: Line) -> None:
    """Every candidate has its line, in the order of the ladder, and nothing else was measured."""
    ladder, there = [r.name for r in LADDER], [line["rung"] for line in evidence.of("rung")]
    if there != [name for name in ladder if name in there] or set(plan["declared"]) - set(there):
        raise Disproved("the rungs are not those that were declared, in the order of the ladder")
    asked = {line["rung"] for line in evidence.of("rung") if line["outcome"] == "measured"}
    if undeclared := sorted(asked - set(plan["declared"])):
        raise Disproved(f"the rung {undeclared[0]} was measured and not declared: it has no part of the error")


def _accounted(reading: Reading) -> None:
    """No run that judges is left unspoken of."""
    spoken = {line[k] for line in _measured(reading.evidence) for k in ("test", "edge", "unloaded")}
    spoken |= {line["test"] for line in reading.evidence.of("further")}
    spoken |= {line["against"] for line in reading.evidence.of("audit")}
    spoken |= {line["run"] for line in reading.evidence.of("confirmation")}
    if unspoken := [run for run, line in reading.runs.items() if line["part"] in JUDGING and run not in spoken]:
        raise Disproved(f"run {unspoken[0][:12]} judged, and the verdict does not speak of it")


def _complete(reading: Reading, line: Line, part: str) -> None:
    """A run on test or edge holds every item, or on test a complete prefix of them up to a declared look."""
    ids, held = [e.id for e in reading.parts[part]], list(reading.records[line[part]])
    items = line.get("items") if part == "test" else None
    sizes = reading.evidence.one("plan").get("sizes", [])
    if reading.runs[line[part]]["part"] != part:
        raise Disproved(f"run {line[part][:12]} is no run on {part}")
    if items is not None and any(n > items or n not in sizes for n in line.get("pairs", {}).values()):
        raise Disproved(f"run {line[part][:12]} is not compared up to a declared look")
    if items is None and set(held) != set(ids):
        raise Disproved(f"run {line[part][:12]} does not hold every item of {part}")
    if items is not None and (items not in sizes or set(ids[: len(held)]) != set(held)):
        raise Disproved(f"run {line[part][:12]} does not hold a complete prefix of {part} up to a declared look")


def _looked_as_declared(reading: Reading, line: Line) -> None:
    """Looks wherever a stack asks its model, and the tests that dev's scores called for."""
    if not line["told_by"]:
        raise Disproved(f"run {line['test'][:12]} was not looked at as declared: what dev told is missing")
    records = reading.records[line["told_by"]].values()
    asks, partly = any(r.get("asked") or r["output"] is None for r in records), graded(r["value"] for r in records)
    looks = asks and reading.evidence.one("plan").get("looks", "none") != "none"
    if set(reading.records[line["told_by"]]) != {e.id for e in reading.parts["select"]}:
        raise Disproved(f"run {line['told_by'][:12]} is no run on all that dev chooses by")
    if (line["kind"] in ("down", "form") or looks) != (line["items"] is not None):
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
    """People's labels are those that were declared for these test items, one of each output by each person."""
    told = [{k: v for k, v in x.items() if k != "kind"} for x in evidence.of("label")]
    _once("label of one output by one person", [(x["id"], x["output_sha256"], x["by"]) for x in told if x["by"]])
    line = next(evidence.of("labels"), None)
    if line is None and told:
        raise Disproved("the labels were not declared")
    if line is not None:
        body = {"fingerprint": plan["fingerprint"], "labels": digest_of(told)}
        if link_of(line["previous"], "labels", body) != line["hash"]:
            raise Disproved("the labels are not those that were declared: their hash differs")
