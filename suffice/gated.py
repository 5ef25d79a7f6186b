"""Gated: whatever was trained names every gate that there is, each as far as the evidence itself says how it stands."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from .afterwards import TRAINED
from .attribution import attribute
from .errors import Disproved
from .evidence import Evidence, Line, Reading
from .layer import Gate
from .minimum import MINIMA, Approach, stated
from .plan import TRAINED as PLANNED
from .readiness import CONTRADICTING, DOUBTED, LOOKED_AT, LOOKED_FROM, attempts_of, exhausted, golden, wall
from .task import Profile, Target

APPROACH: Mapping[str, Approach] = {
    **PLANNED,
    "prompt into weights": "lora",
    "student": "distillation",
    "tuned again": "lora",
}
"""What each rung, change of the way down and form of a swap trains by."""
STATED = ("owner", "metric", "stable requirements", "slow knowledge", "volume", "no frozen facts", "still target")
HERE = ("weights", "training libraries", "trainer")
"""What must be there so that an adapter can be trained."""
MEASURED = ("measured", "dev")


def gated(reading: Reading) -> None:
    """Raise `Disproved` where a climb trained past a gate, or does not name one that it had to pass."""
    for line in reading.evidence.of("rung"):
        _forced(reading, line["rung"], line["gates"], opened=line["outcome"] in MEASURED)
        if line["rung"] in PLANNED and line["outcome"] != "not_needed":
            _named(reading, line["rung"], line["gates"], measured=line["outcome"] in MEASURED)
            _as_found(reading, line["rung"], line["gates"])
        if line["rung"] == "fine_tuning" and line["outcome"] != "not_needed":
            _tried(reading, line)
    for line in reading.evidence.of("down"):
        if bool(line["gates"]) != (line["change"] in TRAINED):
            raise Disproved(f"the change `{line['change']}` does not say rightly what had to hold before it may train")
        _trained(reading, line["change"], line["gates"])


def gated_swap(reading: Reading) -> None:
    """Raise `Disproved` where a form was trained past a gate, or does not name one that it had to pass."""
    for line in reading.evidence.of("form"):
        gates = line.get("gates", ())
        if bool(gates) != bool(line["trains"]):
            raise Disproved(f"the form {line['form']} does not say rightly what had to hold before it may train")
        if line["trains"]:
            _forced(reading, line["form"], gates, opened=line["test"] is not None)
            _named(reading, line["form"], gates, measured=line["test"] is not None)
            _as_found(reading, line["form"], gates)
            _is(line["form"], gates, wall(MINIMA["lora"], None))


def _trained(reading: Reading, change: str, gates: Sequence[Line]) -> None:
    _forced(reading, change, gates, opened=True)
    if change in TRAINED:
        _named(reading, change, gates, measured=True)
        _as_found(reading, change, gates)


def _forced(reading: Reading, trained: str, gates: Sequence[Line], *, opened: bool) -> None:
    """Only what was declared was forced, and what was opened had every other gate hold."""
    declared = reading.evidence.one("plan").get("forced", ())
    for gate in gates:
        forced = bool(gate.get("forced"))
        if forced and gate["name"] not in declared:
            raise Disproved(f"the gate `{gate['name']}` of {trained} was forced, which was not declared")
        if opened and not gate["passed"] and not forced:
            raise Disproved(f"{trained} was measured though its gate `{gate['name']}` did not hold")


# Every name


def _named(reading: Reading, trained: str, gates: Sequence[Line], *, measured: bool) -> None:
    """The gates are those of the approach, each once and in their order."""
    names, wanted = [gate["name"] for gate in gates], _wanted(reading, trained, gates)
    own = {"student": (), "distillation": ("student", "trainer")}.get(trained, HERE)
    allowed = [[*wanted, *own]] if measured else [wanted, [*wanted, *own]]
    if names not in allowed:
        odd = sorted({*names} ^ {*allowed[-1]}) or names
        raise Disproved(f"the gates of {trained} are not all that it has to pass, in their order: `{odd[0]}`")


def _wanted(reading: Reading, trained: str, gates: Sequence[Line]) -> list[str]:
    """The gates that what there is to learn from, the task and what was tried give an approach."""
    labels = reading.evidence.one("task")["output"]["kind"] == "labels"
    doubted = labels and _clean(reading, trained, gates) >= LOOKED_FROM
    rows = ["clean pairs", "no contradictions", *(["right labels"] if doubted else []), "no leaked test items"]
    after = {"fine_tuning": ["prompting exhausted", "behaviour wall"], "tuned again": ["behaviour wall"]}
    first = ["teacher"] if APPROACH[trained] == "distillation" else []
    return [*first, *rows, *STATED, "golden set", *after.get(trained, [])]


def _clean(reading: Reading, trained: str, gates: Sequence[Line]) -> int:
    """How many rows are said to be clean; the gate holds where those are enough."""
    rows = sum(e.expected is not None for part in ("pool", "select") for e in reading.parts[part])
    told: Line = next((gate for gate in gates if gate["name"] == "clean pairs"), {"measured": ""})
    said = re.fullmatch(r"(\d+) solved examples(?:, (\d+) of them clean)?", told["measured"])
    if said is None or int(said[1]) != rows:
        raise Disproved(f"the gate `clean pairs` of {trained} does not count the {rows} examples of dev")
    count = int(said[2] or said[1])
    if told["passed"] != (count >= MINIMA[APPROACH[trained]].rows):
        raise Disproved(f"the gate `clean pairs` of {trained} does not stand as {count} rows have it")
    return count


# As far as evidence tells


def _as_found(reading: Reading, trained: str, gates: Sequence[Line]) -> None:
    """The gates that rest on the task file, on counts of examples, or on counts that they tell themselves."""
    task, need = reading.evidence.one("task"), MINIMA[APPROACH[trained]]
    profile, target = (_made(kind, task[name]) for kind, name in ((Profile, "profile"), (Target, "target")))
    for gate in stated(profile, target, task["score"], need):
        _is(trained, gates, gate)
    _is(trained, gates, golden(len(reading.parts["test"]), len(reading.parts.get("edge", ()))))
    clean = _clean(reading, trained, gates)
    for name, most, of in (
        ("no contradictions", CONTRADICTING, None),
        ("right labels", DOUBTED, min(clean, LOOKED_AT)),
    ):
        _counted(trained, next((g for g in gates if g["name"] == name), None), most, of)


def _counted(trained: str, gate: Line | None, most: float, of: int | None) -> None:
    """A gate that says how many of how many rows speak against it holds as those have it."""
    if gate is None:
        return
    said = re.match(r"(?:at least )?(\d+) of (\d+) ", gate["measured"])
    found, rows = (int(said[1]), int(said[2])) if said else (1, 0)
    if gate["passed"] != (found <= most * max(1, rows)) or (of is not None and rows != of):
        raise Disproved(f"the gate `{gate['name']}` of {trained} does not stand as its own numbers have it")


def _tried(reading: Reading, line: Line) -> None:
    """What was tried before fine-tuning, and whether anything that failed would be mended by it."""
    lines = reading.evidence.lines
    rungs = [at for at, x in enumerate(lines) if x["kind"] == "rung"]
    before = lines[: max((at for at in rungs if at < lines.index(line)), default=0) + 1]
    kind = reading.evidence.one("task")["output"]["kind"]
    _is(line["rung"], line["gates"], exhausted(kind, attempts_of(Reading(Evidence(list(before))))))
    of = next((x["of"] for x in reversed(before) if x["kind"] == "diagnosis"), None)
    _is(line["rung"], line["gates"], wall(MINIMA["lora"], attribute(reading, of) if of else None))


def _is(trained: str, gates: Sequence[Line], gate: Gate) -> None:
    found: Line = next((x for x in gates if x["name"] == gate.name), {})
    if any(found.get(part) != getattr(gate, part) for part in ("passed", "measured", "needed", "assumed")):
        raise Disproved(f"the gate `{gate.name}` of {trained} is not what the evidence says: {gate.measured}")


def _made(kind: type[Any], known: Line) -> Any:
    return kind(**{f.name: known[f.name] for f in fields(kind) if f.name in known})
