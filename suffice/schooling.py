"""Schooling: what evidence says of training is complete, as it was declared, and as it can only have been."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from .afterwards import TRAINED, deferral_of
from .demonstrations import Demonstration, Provenance
from .errors import Disproved
from .evidence import Line, Reading
from .regressions import TRAINED as LAYERS
from .regressions import general
from .taught import RISK, missed
from .trainer import HELD_MOST, HELD_SHARE, held_out
from .tuning import SHARES, SMALLEST
from .types import Json, Message


def schooling(reading: Reading) -> None:
    """Raise `Disproved` where curves, margins or the general set are not as a climb would have written them."""
    _margins(reading)
    _curve(reading)
    _deferral(reading)
    _general(reading)


# Margins


def _margins(reading: Reading) -> None:
    """What is trained on the way down may lose as much as such a change may, under whatever name it stands."""
    for line in reading.evidence.of("down"):
        if line["change"] in TRAINED and line["margin"] != RISK:
            raise Disproved(f"the change `{line['change']}` was allowed to lose {line['margin']}, and {RISK} it may")
        if line["test"] is None or line["change"] in TRAINED:
            continue
        new = {name for name, _ in _trained(reading, line["test"])}
        if new - {name for name, _ in _trained(reading, line["against"])} - _accepted(reading):
            raise Disproved(f"the change `{line['change']}` brought something that was trained, and does not say so")


def _accepted(reading: Reading) -> set[str]:
    """The layers that changes which say that they train brought."""
    runs = [line["test"] for line in reading.evidence.of("down") if line["change"] in TRAINED and line["test"]]
    return {name for run in runs for name, _ in _trained(reading, run)}


def _trained(reading: Reading, run: str) -> Iterator[tuple[str, str]]:
    """The trained layers of a run's stack, with their artifacts."""
    layers = reading.runs[run]["stack"]["layers"]
    return ((layer["use"], layer.get("adapter", "")) for layer in layers if layer["use"] in LAYERS)


# The learning curve


def _curve(reading: Reading) -> None:
    """Every run on held-out items is a point, in the order of the slices, and each slice has its own."""
    line = next(reading.evidence.of("curve"), None)
    points: Sequence[Line] = line["points"] if line else ()
    runs = [run for run, told in reading.runs.items() if told["part"] == "held"]
    if [p["run"] for p in points] != runs:
        raise Disproved("the learning curve does not hold every training in its order")
    if line is None:
        return
    _held(reading, line["items"], runs, "pool")
    recipes = [_split(reading.runs[run]["stack"], "adapter") for run in runs]
    if any(
        stack != recipes[0][0] or own.get("share", 1.0) != p["share"]
        for (stack, own), p in zip(recipes, points, strict=True)
    ):
        raise Disproved("a point of the learning curve is of another stack, or of another slice, than it says")
    pool = reading.parts["pool"]
    grouped = any(e.group is not None for e in pool)
    if not any(_fits(points, len(line["items"]), grouped, n) for n in range(1, len(pool) - len(line["items"]) + 1)):
        raise Disproved("the rows of the learning curve are not slices of what there was to learn from")
    if bool(line["stopped"]) == (points[-1]["share"] == 1):
        raise Disproved("the learning curve does not say rightly whether it was followed to its end")
    last = recipes[-1][1].get("adapter")
    for rung in reading.evidence.of("rung"):
        if rung["rung"] == "fine_tuning" and any(a != last for run in _asked(rung) for _, a in _trained(reading, run)):
            raise Disproved("what was judged is not what the learning curve ends with")


def _asked(line: Line) -> set[str]:
    return {*line["dev_runs"], line["test"], line["edge"], line["unloaded"]} - {None}


def _split(stack: Mapping[str, Json], name: str) -> tuple[Json, Mapping[str, Json]]:
    """A stack without what one layer learned and from how much, and that layer."""
    own: Mapping[str, Json] = next((layer for layer in stack["layers"] if layer["use"] == name), {})
    plain = [{k: v for k, v in x.items() if k not in ("adapter", "share")} for x in stack["layers"]]
    return {**stack, "layers": plain}, own


def _fits(points: Sequence[Line], held: int, grouped: bool, rows: int) -> bool:
    """Whether these are the first slices of so many rows, and so many the held-out ones beside them."""
    shares = [s for s in SHARES if s == 1 or s * rows >= SMALLEST]
    out = min(HELD_MOST, round(HELD_SHARE * (rows + held)))
    sliced = [(s, max(1, round(s * rows))) for s in shares][: len(points)]
    return (held == out or (grouped and held < out)) and [(p["share"], p["rows"]) for p in points] == sliced


# The curve of deferral


def _deferral(reading: Reading) -> None:
    """Student and teacher on all items that neither learned from, at the risk that was declared."""
    line = next(reading.evidence.of("deferral"), None)
    if line is None:
        if any(name == "student" for run in reading.runs for name, _ in _trained(reading, run)):
            raise Disproved("there is a student, and no curve of what it may answer")
        return
    student, teacher = (reading.runs[line[who]]["stack"] for who in ("student", "teacher"))
    plain, own = _split(student, "student")
    if {**plain, "layers": [x for x in plain["layers"] if x["use"] != "student"]} != _split(teacher, "")[0]:
        raise Disproved("student and teacher of the curve of deferral do not stand on the same stack")
    if line["risk"] != RISK or own.get("threshold", 0.0) != 0:
        raise Disproved(f"the student's threshold was not chosen for a risk of {RISK}, over all thresholds")
    _held(reading, line["items"], [line["student"], line["teacher"]], "pool", "select")
    if list(line["items"]) != _unlearned(reading, teacher, own):
        raise Disproved("the curve of deferral does not rest on all items that neither learned from")
    taken = (deferral_of(reading) or {}).get("threshold")
    for run in reading.runs:
        layer = _split(reading.runs[run]["stack"], "student")[1]
        if (
            layer
            and run != line["student"]
            and (layer.get("threshold", 0.0), layer["adapter"]) != (taken, own["adapter"])
        ):
            raise Disproved("the student that was asked is not the one whose threshold was chosen")


def _unlearned(reading: Reading, teacher: Mapping[str, Json], student: Mapping[str, Json]) -> list[str]:
    """The items of `select`, those of the teacher's right answers that were held out, and as many of the wrong ones."""
    select = [e.id for e in reading.parts["select"]]
    if any(x["use"] == "classifier" for x in teacher["layers"]):
        return select
    (lessons,) = (run for run, told in reading.runs.items() if told["part"] == "pool")
    known = {e.id: e for e in reading.parts["pool"]}
    right = [i for i in reading.records[lessons] if reading.passed(lessons, i)]
    rows = [Demonstration(i, (), Message("assistant", ""), (), Provenance(group=known[i].group)) for i in right]
    seed = int(student.get("recipe", {}).get("seed", 0))
    held = held_out(rows, seed=seed).held
    wrong = [i for i in reading.records[lessons] if i not in set(right)]
    out = {*(row.id for row in held), *missed(wrong, len(held), len(rows), seed)}
    return [*select, *(i for i in reading.records[lessons] if i in out)]


# The general set


def _general(reading: Reading) -> None:
    """The bare model and one trained model, which was judged, asked all of the general set and nothing else."""
    line = next(reading.evidence.of("general"), None)
    runs = [run for run, told in reading.runs.items() if told["part"] == "general"]
    if runs != ([] if line is None else [line["before"], line["after"]]):
        raise Disproved("a run on the general set is not the one that is told of")
    if line is None:
        return
    before, after = (reading.runs[run]["stack"] for run in runs)
    judged = {a for run, told in reading.runs.items() if told["part"] == "test" for _, a in _trained(reading, run)}
    tuned = [a for _, a in _trained(reading, line["after"])]
    if before["layers"] or len(after["layers"]) != len(tuned) or {**after, "layers": []} != before:
        raise Disproved("the general set was not asked of the bare model and of it as it was trained")
    if len(tuned) != 1 or not set(tuned) <= judged:
        raise Disproved("the general set was asked of something trained that was not judged")
    if any(set(reading.records[run]) != set(general().by_id) for run in runs):
        raise Disproved("a run does not hold every item of the general set")


def _held(reading: Reading, items: Sequence[str], runs: Sequence[str], *parts: str) -> None:
    """Runs hold exactly these items, each once, all of them from these parts."""
    known = {e.id for part in parts for e in reading.parts[part]}
    if len(set(items)) != len(items) or not set(items) <= known:
        raise Disproved(f"items of a curve stand there twice, or are none of {' or '.join(parts)}")
    if any(list(reading.records[run]) != list(items) for run in runs):
        raise Disproved("a run of a curve does not hold the items that it says")
