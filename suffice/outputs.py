"""Recorded outputs: what a system answered, or was scored, as JSONL rows matched to examples by id."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from .artifacts import write_whole
from .data import Example, worded
from .digest import canonical
from .errors import InputError
from .record import Record
from .rows import jsonl, keyed, listed, scored
from .score import Score, Scorer
from .strict import Malformed
from .types import Answer, Json, Step, Usage

KEYS = ("id", "output", "score", "judge", "ms", "usage", "usd")
TOKENS = {"input_tokens": "prompt_tokens", "output_tokens": "completion_tokens", "cached_tokens": "cached_tokens"}
"""Our names for counts of tokens, and OpenAI's."""

UNJUDGED = "where it could not be judged"


@dataclass(frozen=True, slots=True)
class Recorded:
    """One row: an answer to be scored, or a score as it is."""

    id: str
    answer: Answer | None
    score: float | None = None
    line: int = 0
    judge: Score | None = None
    """The score that a judge model gave the answer, where one has been asked."""

    def value(self, example: Example, scorer: Scorer | None) -> float | None:
        """The score that counts: the scorer's on the answer, or the one that was recorded."""
        if self.answer is None:
            return self.score
        return _judge(scorer)(example, self.answer).value


def read(path: Path) -> Mapping[str, Recorded]:
    """The rows of a JSONL file by id; one InputError lists what is wrong, by line."""
    if not path.is_file():
        raise InputError("no such file of recorded outputs", file=str(path))
    found: dict[str, Recorded] = {}
    problems: list[tuple[int, str]] = []
    for line, row in jsonl(path):
        try:
            made = _recorded(line, row)
        except Malformed as wrong:
            problems.append((line, str(wrong)))
            continue
        if made.id in found:
            problems.append((line, f"`{made.id[:60]}` is already on line {found[made.id].line}"))
        found[made.id] = made
    if problems:
        raise listed(path, problems)
    if not found:
        raise InputError("no recorded outputs in the file", file=str(path), hint='a row is {"id": …, "output": …}')
    return found


def write(path: Path, records: Iterable[Record]) -> Path:
    """Records as recorded outputs; a failed call becomes a score of 0."""
    records = tuple(records)
    asked = any(record.judged for record in records)
    rows = (canonical(_row(record, asked)) + b"\n" for record in records)
    write_whole(path, b"".join(rows))
    return path


def _row(record: Record, asked: bool) -> dict[str, Json]:
    if record.answer is None:
        return {"id": record.id, "score": 0.0}
    usage = {"input_tokens": record.answer.usage.input_tokens, "output_tokens": record.answer.usage.output_tokens}
    judge = {"judge": record.score.value} if asked else {}
    return {"id": record.id, "output": record.answer.text, **judge, "ms": round(record.answer.ms, 3), "usage": usage}


def _recorded(line: int, given: Json) -> Recorded:
    row = keyed(given, KEYS)
    if ("output" in row and row["output"] is not None) == ("score" in row):
        raise Malformed("a row has either an `output` or a `score` (null where it could not be judged)")
    if "score" in row and "judge" in row:
        raise Malformed("`judge` is a judge's score of an `output`; a `score` stands alone")
    if "score" in row:
        return Recorded(str(row["id"]), None, scored(row["score"], "score", UNJUDGED), line)
    judge = Score(scored(row["judge"], "judge", UNJUDGED)) if "judge" in row else None
    return Recorded(str(row["id"]), _answer(row), None, line, judge)


def _answer(row: Mapping[str, Json]) -> Answer:
    output = row["output"]
    value = None if isinstance(output, str) else output
    trace = (Step("model", _number(row, "ms")),)
    return Answer(worded(output), value=value, usage=_usage(row.get("usage")), cost=_number(row, "usd"), trace=trace)


def _usage(given: Json) -> Usage:
    if given is None:
        return Usage()
    if not isinstance(given, Mapping):
        raise Malformed("`usage` is an object of token counts")
    counts = [given.get(ours, given.get(theirs, 0)) for ours, theirs in TOKENS.items()]
    if any(isinstance(count, bool) or not isinstance(count, int) or count < 0 for count in counts):
        raise Malformed("`usage` holds whole numbers of tokens")
    return Usage(*counts)


def _number(row: Mapping[str, Json], key: str) -> float:
    value = row.get(key) or 0.0
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise Malformed(f"`{key}` must be a number of zero or more")
    return float(value)


def _judge(scorer: Scorer | None) -> Scorer:
    if scorer is None:
        raise InputError("outputs need a scorer", hint="name the task folder whose scorer judges: --task FOLDER")
    return scorer
