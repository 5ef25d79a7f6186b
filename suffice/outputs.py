"""Recorded outputs: what a system answered, or was scored, as JSONL rows matched to examples by id."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .artifacts import write_whole
from .data import Example
from .digest import canonical
from .errors import InputError
from .record import Record
from .rows import listed, raw
from .score import Scorer
from .strict import Malformed
from .types import Answer, Json, Step, Usage


@dataclass(frozen=True, slots=True)
class Recorded:
    """One row: an answer to be scored, or a score as it is."""

    id: str
    answer: Answer | None
    score: float | None = None
    line: int = 0

    def value(self, example: Example, scorer: Scorer | None) -> float | None:
        """The score that counts: the scorer's on the answer, or the one that was recorded."""
        if self.answer is None:
            return self.score
        return _judge(scorer)(example, self.answer).value


def read(path: Path) -> Mapping[str, Recorded]:
    """The rows of a JSONL file by id; one InputError lists what is wrong, by line."""
    found: dict[str, Recorded] = {}
    problems: list[tuple[int, str]] = []
    for line, row in raw(path):
        try:
            made = _recorded(line, row)
        except Malformed as wrong:
            problems.append((line, str(wrong)))
            continue
        if made.id in found:
            problems.append((line, f"the id `{made.id[:60]}` was used before, on line {found[made.id].line}"))
        found[made.id] = made
    if problems:
        raise listed(path, problems)
    if not found:
        raise InputError(
            "no outputs in the file", file=str(path), hint='write {"id", "output"} or {"id", "score"} a line'
        )
    return found


def write(path: Path, records: Iterable[Record]) -> Path:
    """Records as recorded outputs; a failed call becomes a score of 0."""
    rows = (canonical(_row(record)) + b"\n" for record in records)
    write_whole(path, b"".join(rows))
    return path


def _row(record: Record) -> dict[str, Json]:
    if record.answer is None:
        return {"id": record.id, "score": 0.0}
    usage = {"input_tokens": record.answer.usage.input_tokens, "output_tokens": record.answer.usage.output_tokens}
    return {"id": record.id, "output": record.answer.text, "ms": round(record.answer.ms, 3), "usage": usage}


def _recorded(line: int, row: Json) -> Recorded:
    match row:
        case Malformed():
            raise row
        case {"id": str() | int() as id_, "output": output, **rest} if not isinstance(id_, bool):
            return Recorded(str(id_), _answer(output, rest), None, line)
        case {"id": str() | int() as id_, "score": score} if not isinstance(id_, bool):
            return Recorded(str(id_), None, _score(score), line)
        case _:
            raise Malformed('a row must be {"id", "output", "ms"?, "usage"?} or {"id", "score"}')


def _answer(output: Json, rest: Mapping[Any, Json]) -> Answer:
    text = output if isinstance(output, str) else canonical(output).decode()
    value = None if isinstance(output, str) else output
    return Answer(text, value=value, usage=_usage(rest.get("usage")), trace=(Step("model", _ms(rest.get("ms"))),))


def _usage(given: Json) -> Usage:
    """Token counts under our names or OpenAI's."""
    if given is None:
        return Usage()
    if not isinstance(given, Mapping):
        raise Malformed('`usage` must be {"input_tokens", "output_tokens"}')
    names = (("input_tokens", "prompt_tokens"), ("output_tokens", "completion_tokens"), ("cached_tokens", ""))
    counts = [given.get(ours, given.get(theirs, 0)) for ours, theirs in names]
    if any(isinstance(count, bool) or not isinstance(count, int) or count < 0 for count in counts):
        raise Malformed("`usage` must hold whole numbers")
    return Usage(*counts)


def _ms(given: Json) -> float:
    if given is None:
        return 0.0
    if isinstance(given, bool) or not isinstance(given, int | float) or given < 0:
        raise Malformed("`ms` must be a number, zero or more")
    return float(given)


def _score(given: Json) -> float | None:
    if given is None:
        return None
    if isinstance(given, bool):
        return float(given)
    if not isinstance(given, int | float) or not 0 <= given <= 1:
        raise Malformed(f"`score` must be between 0 and 1, or null where it could not be judged, not {str(given)[:40]}")
    return float(given)


def _judge(scorer: Scorer | None) -> Scorer:
    if scorer is None:
        raise InputError("outputs need a scorer", hint="name the task folder whose scorer judges: --task FOLDER")
    return scorer
