"""Verify: recompute every number of a verdict from its records, and fail on any difference."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from .data import Example
from .digest import file_digest, plain
from .errors import Disproved, InputError, OwnCode
from .evidence import Evidence, Line, Reading, answer_of, judge_of
from .plugins import build, installed_only
from .score import AskingScorer, Scorer
from .strict import read_json
from .swapped import conclude as conclude_swap
from .types import Json
from .verdict import conclude
from .whole import CLOSE, agrees, swapped_agrees, swapped_whole, whole

DATED = frozenset({"version", "created", "ledger", "records"})
"""What a verdict says of its making: true of that day, and not recomputable."""


@dataclass(frozen=True)
class Says:
    """How a kind of document follows from evidence, and what must hold of that evidence and of the document."""

    conclude: Callable[[Evidence], Mapping[str, Json]]
    whole: Callable[[Reading], None]
    agrees: Callable[[Reading, Mapping[str, Json]], None]


SAYS: Mapping[str, Says] = {
    "verdict": Says(conclude, whole, agrees),
    "swap": Says(conclude_swap, swapped_whole, swapped_agrees),
}


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
    try:
        return _verified(path, own_code)
    except RecursionError as deep:
        raise Disproved("a line of the records is nested too deeply to be read", file=str(path)) from deep


def _verified(path: Path, own_code: bool) -> Verified:
    body = _read(path)
    where = body.get("records")
    if not isinstance(where, dict) or not isinstance(where.get("path"), str):
        raise InputError("the verdict does not say where its records are", file=str(path))
    records = path.parent / _beside(where["path"], path)
    if not records.is_file():
        raise InputError("the verdict's records are missing", file=str(records))
    if file_digest(records) != where.get("sha256"):
        raise Disproved(
            "the records are not those the verdict was computed from: their SHA-256 differs", file=str(records)
        )
    evidence = Evidence.read(records)
    says = SAYS.get(body.get("kind", "verdict"))
    if says is None:
        raise InputError("neither a verdict nor a swap", file=str(path))
    try:
        says.whole(Reading(evidence))
        with nullcontext() if own_code else installed_only():
            _judge(Reading(evidence), path.parent)
            scored = _scores(Reading(evidence), path.parent)
        again = plain(says.conclude(evidence))
        says.agrees(Reading(evidence), again)
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


def _beside(name: str, path: Path) -> str:
    """The name of a file beside the verdict: a stranger's verdict opens nothing else."""
    if Path(name).name != name:
        raise InputError("the records do not lie beside the verdict", file=str(path), hint="`records.path` is a name")
    return name


def _scores(reading: Reading, folder: Path) -> int:
    """Score every stored answer again; raises on the first that differs."""
    from .regressions import general

    spec = reading.evidence.one("task")["scorer"]
    scorer = cast(Scorer, build("scorers", spec, beside=folder))
    scored = 0
    for line in reading.evidence.of("record"):
        scored += 1
        asked = general() if reading.runs[line["run"]]["part"] == "general" else None
        known = asked.by_id if asked else reading.examples
        told, found = line["value"], _score_again((asked.scorer if asked else None) or scorer, known, line)
        if (told is None) != (found is None) or (told is not None and found is not None and abs(told - found) > 1e-6):
            raise Disproved(f"record `{line['id']}` of run {line['run'][:12]} says {told}, its answer scores {found}")
    return scored


def _judge(reading: Reading, folder: Path) -> None:
    """The model that judged is the one that was declared, so that its scores are taken for what they are."""
    scorer = build("scorers", reading.evidence.one("task")["scorer"], beside=folder)
    if (scorer.model if isinstance(scorer, AskingScorer) else None) != reading.evidence.one("plan").get("judge"):
        raise Disproved("the model that judged is not the one that was declared")


def _score_again(scorer: Scorer, known: Mapping[str, Example], line: Line) -> float | None:
    answer = answer_of(line)
    if answer is None:
        return 0.0
    try:
        asked = scorer.over(judge_of(line)) if isinstance(scorer, AskingScorer) else scorer
        return asked(known[line["id"]], answer).value
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
        if not math.isclose(_float(told), _float(again), rel_tol=CLOSE, abs_tol=CLOSE):
            yield f"{where.rstrip('.')} is {str(told)[:60]}, recomputed {again}"
    elif type(told) is not type(again) or told != again:
        yield f"{where.rstrip('.')} is {str(told)[:60]!r}, recomputed {str(again)[:60]!r}"


def _numbers(value: Json) -> Iterator[float]:
    if _is_number(value):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _numbers(item)


def _float(number: float) -> float:
    """The number, infinite where it is an integer that no float can hold."""
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
