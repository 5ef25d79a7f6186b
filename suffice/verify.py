"""Verify: recompute every number of a verdict from its records, and fail on any difference."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from .digest import file_digest, plain
from .errors import Disproved, InputError
from .evidence import Evidence, Line, Reading, answer_of
from .plugins import build
from .score import Scorer
from .types import Json
from .verdict import conclude

DATED = frozenset({"version", "created", "ledger", "records"})
"""What a verdict says of its making: true of that day, and not recomputable."""
CLOSE = 1e-9


@dataclass(frozen=True)
class Verified:
    """What was recomputed."""

    path: Path
    numbers: int
    records: int
    scored: int
    """Records whose answer was scored again."""


def verify(path: Path) -> Verified:
    """Recompute a verdict.json; raises `Disproved` naming the first differences."""
    body = _read(path)
    records = path.parent / str(body.get("records", {}).get("path", "records.jsonl"))
    if not records.is_file():
        raise InputError("the verdict's records are missing", file=str(records))
    if file_digest(records) != body.get("records", {}).get("sha256"):
        raise Disproved(
            "the records are not those the verdict was computed from: their SHA-256 differs", file=str(records)
        )
    evidence = Evidence.read(records)
    scored = _scores(Reading(evidence), path.parent)
    again = plain(conclude(evidence))
    told = {k: v for k, v in body.items() if k not in DATED}
    if found := list(_differences(told, json.loads(json.dumps(again)), "")):
        shown = "; ".join(found[:5])
        raise Disproved(
            f"{len(found)} of the verdict's statements do not follow from its records: {shown}", file=str(path)
        )
    return Verified(path, sum(1 for _ in _numbers(told)), len(list(evidence.of("record"))), scored)


def _read(path: Path) -> Mapping[str, Json]:
    if path.is_dir():
        path = path / "verdict.json"
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
    except OSError as wrong:
        raise InputError("no verdict there", file=str(path), hint="`suffice climb` writes one") from wrong
    except ValueError as wrong:
        raise InputError(f"not JSON: {wrong}", file=str(path)) from wrong
    if not isinstance(body, dict) or body.get("format") != 1:
        raise InputError("not a verdict of format 1", file=str(path))
    return body


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
        return scorer(reading.examples[line["id"]], answer).value
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
    elif told != again:
        yield f"{where.rstrip('.')} is {str(told)[:60]!r}, recomputed {str(again)[:60]!r}"


def _numbers(value: Json) -> Iterator[float]:
    if _is_number(value):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _numbers(item)


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
