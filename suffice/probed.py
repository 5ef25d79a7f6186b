"""Probed: what explains a verdict was drawn by the seed, has its shams beside it, and is of the stack that it names."""

from __future__ import annotations

from collections.abc import Mapping

from .diagnose import DRAWN_AT_MOST, PASSING_AT_MOST
from .errors import Disproved
from .evidence import Line, Reading
from .places import ANSWERING
from .split import seeded
from .types import Json
from .variance import SEEDS


def probed(reading: Reading) -> None:
    """Raise `Disproved` where a diagnosis, an ablation or the variance of fits is not as a climb would have made it."""
    for line in reading.evidence.of("diagnosis"):
        _drawn(reading, line)
    for line in reading.evidence.of("trial"):
        _tried(reading, line)
    for line in reading.evidence.of("left_out"):
        _left_out(reading, line)
    for line in reading.evidence.of("refit"):
        _refitted(reading, line)


def explained(reading: Reading, body: Mapping[str, Json]) -> None:
    """Raise `Disproved` where the failures that are explained are not those of the stack that the climb stopped at."""
    lines = zip(reading.evidence.of("rung"), body["steps"], strict=True)
    kept = [line for line, step in lines if step["status"] == "kept"]
    diagnosed = list(reading.evidence.of("diagnosis"))
    if kept and (not diagnosed or diagnosed[-1]["of"] != kept[-1]["told_by"]):
        raise Disproved("the failures that are explained are not those of the stack that the climb stopped at")


def _drawn(reading: Reading, line: Line) -> None:
    """Failures, solved items and the few that every probe is asked about are the first of the seed's order."""
    seed, known = line["seed"], [reading.examples[i] for i in reading.records[line["of"]]]
    passed = {e.id for e in known if reading.passed(line["of"], e.id)}
    judged = {i for i, value in reading.values(line["of"]).items() if value is not None}
    failing = seeded((e for e in known if e.id in judged - passed), seed)
    solved = seeded((e for e in known if e.id in passed), seed)
    asked = failing[: len(line["failures"])]
    if seed != reading.evidence.one("plan")["seed"] or [e.id for e in asked] != line["failures"]:
        raise Disproved("the failures that were probed are not those that the seed draws")
    if failing and not asked:
        raise Disproved("there were failures, and none was probed")
    rest = ([e.id for e in solved[:PASSING_AT_MOST]], [e.id for e in seeded(asked, seed + 1)[:DRAWN_AT_MOST]])
    if rest != (line["passing"], line["drawn"]):
        raise Disproved("the items that probes were tried on are not those that the seed draws")


def _tried(reading: Reading, trial: Line) -> None:
    """What proves a cause has a sham beside it, asked about the same failures."""
    failures = next((x["failures"] for x in reading.evidence.of("diagnosis") if x["of"] == trial["of"]), None)
    if failures is None:
        raise Disproved(f"the probe {trial['probe']} was tried on failures that nothing says were drawn")
    if not trial["proves"]:
        return
    if trial["reads"] != "agreement" and not trial["sham_runs"]:
        raise Disproved(f"the probe {trial['probe']} proves causes, and has no sham beside it")
    wanted = {i for i in failures if trial["asked"] is None or i in trial["asked"]}
    wanted &= set(failures if trial["applies"] is None else trial["applies"])
    for arm in (trial["probe_runs"], *trial["sham_runs"]):
        if bool(arm) != bool(wanted) or any(not wanted <= set(reading.records[run]) for run in arm):
            raise Disproved(f"the probe {trial['probe']} and its shams were not asked about the same failures")
        if len({reading.runs[run]["stack_digest"] for run in arm}) > 1:
            raise Disproved(f"the probe {trial['probe']} or its sham is several stacks")


def _left_out(reading: Reading, line: Line) -> None:
    """Every layer that does not answer by itself was left out, alone, on all that dev chooses by."""
    whole: Line = reading.runs[line["whole"]]["stack"]
    names = [x["use"] for x in whole["layers"] if x["use"] not in ANSWERING]
    if [name for name, _ in line["without"]] != names:
        raise Disproved("the ablation does not leave out each layer in its turn")
    for name, run in line["without"]:
        without = {**whole, "layers": [x for x in whole["layers"] if x["use"] != name]}
        if reading.runs[run]["stack"] != without:
            raise Disproved(f"what the ablation calls the stack without {name} is another one")
    select = {e.id for e in reading.parts["select"]}
    if any(set(reading.records[run]) != select for run in (line["whole"], *(run for _, run in line["without"]))):
        raise Disproved("a run of the ablation does not hold all that dev chooses by")


def _refitted(reading: Reading, line: Line) -> None:
    """Each fit is another run of the same kinds of layers over the same model."""
    runs: list[str] = line["runs"]
    stacks = [reading.runs[run]["stack"] for run in runs]
    kinds = [(stack["model"], [layer["use"] for layer in stack["layers"]]) for stack in stacks]
    if len(set(runs)) != len(runs) or len(runs) > SEEDS or line["wanted"] != SEEDS or any(k != kinds[0] for k in kinds):
        raise Disproved("the variance of fits does not rest on other fits of the same stack")
