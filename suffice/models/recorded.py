"""recorded: replies that somebody already has, read from a JSONL file and matched by example id."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from ..digest import file_digest
from ..errors import InputError, ModelError
from ..types import Answer, Json, Request, Step, Usage

KEYS = frozenset({"id", "output", "score", "ms", "usage", "usd"})
TOKENS = {"input_tokens": "prompt_tokens", "output_tokens": "completion_tokens", "cached_tokens": "cached_tokens"}


@dataclass(frozen=True, slots=True)
class Row:
    """One recorded outcome: an output to be scored, or a score as it is."""

    id: str
    output: Json = None
    score: float | None = None
    ms: float = 0.0
    usage: Usage = Usage()
    usd: float = 0.0
    line: int = 0


@dataclass(frozen=True)
class Recorded:
    """A model that can only say again what is in its file."""

    file: str
    folder: Path = field(default=Path(), repr=False, compare=False)
    """The folder that a relative `file` is taken from."""
    fixed: ClassVar[bool] = True
    """No new replies can be had: rungs that would need them are refused."""
    name: ClassVar[str] = "recorded"
    parallel: ClassVar[int] = 1

    @property
    def path(self) -> Path:
        """The file."""
        return self.folder / Path(self.file).expanduser()

    @property
    def spec(self) -> Mapping[str, Json]:
        return {"use": "recorded", "file": self.file}

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of the file's bytes, its rows checked."""
        return file_digest(self.path) if self.rows else ""

    @cached_property
    def rows(self) -> Mapping[str, Row]:
        """The rows by example id; the first row that is wrong raises `InputError` with its line."""
        return read(self.path)

    def payload(self, request: Request) -> Json:
        return {"id": request.id}

    def __call__(self, request: Request) -> Answer:
        row = self.rows.get(request.id or "")
        if row is None:
            raise ModelError(f"nothing is recorded for `{request.id}`", fault="refused", hint=f"add it to {self.file}")
        if row.output is None:
            raise ModelError(
                f"`{row.id}` has a score but no output", fault="refused", hint="compare can use it as it is"
            )
        text = row.output if isinstance(row.output, str) else json.dumps(row.output, ensure_ascii=False)
        return Answer(text, usage=row.usage, cost=row.usd, trace=(Step("model", row.ms),))


def read(path: Path) -> Mapping[str, Row]:
    """A file of recorded outcomes, checked."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as wrong:
        raise InputError(f"cannot read the recorded outputs: {wrong}", file=str(path)) from wrong
    rows: dict[str, Row] = {}
    for number, line in enumerate(lines, 1):
        if line.strip():
            row = _row(line, str(path), number)
            if row.id in rows:
                raise _wrong(f"`{row.id}` is already on line {rows[row.id].line}", str(path), number)
            rows[row.id] = row
    if not rows:
        raise InputError("no recorded outputs in the file", file=str(path), hint='a row is {"id": …, "output": …}')
    return rows


def _row(line: str, file: str, number: int) -> Row:
    try:
        body = json.loads(line)
    except ValueError as wrong:
        raise _wrong(f"not JSON: {wrong}", file, number) from wrong
    if not isinstance(body, dict) or not isinstance(body.get("id"), str | int) or isinstance(body.get("id"), bool):
        raise _wrong("a row is an object with an `id`", file, number)
    if unknown := sorted(set(body) - KEYS):
        raise _wrong(f"unknown key `{unknown[0]}`", file, number, f"known: {', '.join(sorted(KEYS))}")
    if (body.get("output") is None) == (body.get("score") is None):
        raise _wrong("a row has either an `output` or a `score`", file, number)
    return Row(
        id=str(body["id"]),
        output=body.get("output"),
        score=_number(body, "score", file, number) if body.get("score") is not None else None,
        ms=_number(body, "ms", file, number),
        usage=_usage(body.get("usage"), file, number),
        usd=_number(body, "usd", file, number),
        line=number,
    )


def _number(body: Mapping[str, Json], key: str, file: str, line: int) -> float:
    value = body.get(key) or 0.0
    top = 1.0 if key == "score" else float("inf")
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= top:
        raise _wrong(f"`{key}` must be a number {'from 0 to 1' if key == 'score' else 'of zero or more'}", file, line)
    return float(value)


def _usage(body: Json, file: str, line: int) -> Usage:
    """Tokens under our names or OpenAI's."""
    if body is None:
        return Usage()
    if not isinstance(body, dict):
        raise _wrong("`usage` is an object of token counts", file, line)
    counts: list[Json] = [body.get(ours, body.get(theirs, 0)) for ours, theirs in TOKENS.items()]
    if not all(isinstance(c, int) and c >= 0 for c in counts):
        raise _wrong("`usage` holds whole numbers of tokens", file, line)
    return Usage(*counts)


def _wrong(said: str, file: str, line: int, hint: str = "") -> InputError:
    return InputError(said, file=file, line=line, hint=hint)
