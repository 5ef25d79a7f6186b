"""New: make a task folder from an examples file, and say what was guessed and why. Nothing is ever overwritten."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import rows
from .data import Output
from .errors import InputError
from .infer import Guess, guess
from .load import FILE, load
from .task import Task
from .types import Json

INPUTS = ("input", "text", "question", "query", "utterance", "sentence", "ticket", "message")
ANSWERS = ("expected", "label", "category", "intent", "answer", "answers", "output", "completion", "target", "class")


@dataclass(frozen=True, slots=True)
class Guessed:
    """One thing that was decided for the user."""

    key: str
    value: str
    why: str


@dataclass(frozen=True, slots=True)
class Scaffold:
    """The folder that was made, the task in it, and what was guessed on the way."""

    folder: Path
    task: Task
    files: tuple[str, ...]
    guessed: tuple[Guessed, ...]


def new(folder: Path, examples: Path, *, documents: Path | None = None, model: str = "embedded") -> Scaffold:
    """A task folder for these examples; their columns may be called text and label, question and answer, and so on."""
    _check_free(folder)
    if documents is not None and not documents.exists():
        raise InputError("no such file or folder of documents", file=str(documents))
    read = list(rows.raw(examples))
    keys = _Columns.of(read, examples)
    normal = [(line, keys.example(row, line)) for line, row in read]
    found = guess([row["expected"] for _, row in normal if isinstance(row, Mapping) and row["expected"] is not None])
    rows.examples(examples, normal, Output(found.kind, found.labels, found.schema))
    files = _files(folder, found, [row for _, row in normal], documents, model)
    task = _checked(folder, files)
    told = (*keys.guessed, *_told(found))
    return Scaffold(folder, task, tuple(sorted(files)), told)


def _check_free(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise InputError("that is a file, not a folder", file=str(folder))
    for name in (FILE, "examples.jsonl", "schema.json"):
        if (folder / name).exists():
            raise InputError(f"{name} is there already", file=str(folder / name), hint="name a new folder")


@dataclass(frozen=True, slots=True)
class _Columns:
    """Which columns hold the id, the input and the answer."""

    input: str
    answer: str
    numbered: bool
    guessed: tuple[Guessed, ...]

    @classmethod
    def of(cls, read: Sequence[rows.Row], path: Path) -> _Columns:
        first = next((row for _, row in read if isinstance(row, Mapping)), None)
        if first is None:
            return cls("input", "expected", False, ())
        columns = [key for key in first if key]
        asked, answer = _first(INPUTS, columns), _first(ANSWERS, columns)
        if asked is None or answer is None:
            missing = "input" if asked is None else "expected"
            known = ", ".join(INPUTS if asked is None else ANSWERS)
            hint = f"columns here: {', '.join(columns)[:200] or 'none'}; one of them should be called {known}"
            raise InputError(f"no column that looks like `{missing}`", file=str(path), line=1, hint=hint)
        told = [
            Guessed(want, have, "by its name")
            for want, have in (("input", asked), ("expected", answer))
            if want != have
        ]
        if "id" not in columns:
            told.append(Guessed("id", "r1, r2, …", "there is no column `id`: rows are numbered by their lines"))
        return cls(asked, answer, "id" not in columns, tuple(told))

    def example(self, row: Json, line: int) -> Json:
        if not isinstance(row, Mapping):
            return row
        given = row
        rest = {key: given[key] for key in ("partition", "split", "context", "time", "group") if key in given}
        known = {"id": f"r{line}" if self.numbered else given.get("id"), "input": given.get(self.input)}
        return {**known, "expected": _answer(given.get(self.answer)), **rest}


def _first(wanted: Sequence[str], columns: Sequence[str]) -> str | None:
    lower = {column.lower(): column for column in reversed(columns)}
    return next((lower[name] for name in wanted if name in lower), None)


def _answer(value: Json) -> Json:
    """An object that was written into a text column is taken as the object."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            parsed = json.loads(value)
        except ValueError:
            return value
        return parsed if isinstance(parsed, dict) else value
    return value


def _files(
    folder: Path, found: Guess, normal: Sequence[Mapping[str, Json]], documents: Path | None, model: str
) -> dict[str, str]:
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in normal)
    files = {"examples.jsonl": lines, FILE: _yaml(folder, found, documents, model)}
    if found.schema is not None:
        files["schema.json"] = json.dumps(found.schema, indent=2, ensure_ascii=False) + "\n"
    return files


def _yaml(folder: Path, found: Guess, documents: Path | None, model: str) -> str:
    """Every key that people set, in the order of the contract; JSON strings are YAML strings."""
    goals = {
        "labels": "Say which label fits the text.",
        "schema": "Extract the record from the text.",
        "text": "Answer the question.",
        "tools": "Call the right tools.",
    }
    known = {"labels": "{labels: " + json.dumps(list(found.labels), ensure_ascii=False) + "}", "text": "text"}
    where = os.path.relpath(documents.resolve(), folder.resolve()) if documents else None
    lines = [
        f"name: {json.dumps(folder.resolve().name, ensure_ascii=False)}",
        f"goal: {goals[found.kind]}   # say it in your own words: the prompt is built from this",
        f"model: {json.dumps(model)}",
        "examples: examples.jsonl",
        f"documents: {json.dumps(where)}" if where else "# documents: handbook/      # knowledge that answers stand on",
        "# prompt: prompt.md         # the prompt in use today",
        f"output: {known.get(found.kind, '{schema: schema.json}')}",
        f"score: {found.score}",
        "target: {quality: 0.90, tolerance: 0.02}",
        "profile: {requests_per_day: null, knowledge_changes: null, owner: null}",
    ]
    return "\n".join(lines) + "\n"


def _checked(folder: Path, files: Mapping[str, str]) -> Task:
    """Write the files beside their place, load them, and only then move them in: nothing is left half-written."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as scratch:
        for name, text in files.items():
            Path(scratch, name).write_text(text, encoding="utf-8")
        try:
            load(scratch)
        except InputError as wrong:
            if str(wrong.file).startswith(scratch):  # it will be gone when somebody reads this
                wrong.file = wrong.line = None
            raise
        folder.mkdir(exist_ok=True)
        for name in sorted(files):
            Path(scratch, name).rename(folder / name)
    return load(folder)


def _told(found: Guess) -> Iterator[Guessed]:
    shown = {"labels": f"{len(found.labels)} labels", "schema": "schema.json", "text": "text", "tools": "tools"}
    yield Guessed("output", shown[found.kind], found.why)
    yield Guessed("score", found.score, "it fits this kind of output")
    yield Guessed("target.quality", "0.90", "a common wish; nobody can guess yours")
