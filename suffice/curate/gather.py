"""Gather: candidates from a task's dev examples, from logs, from people's reviews and from a teacher's replies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from .. import rows, teachers
from ..adjudicate import adjudicate
from ..data import Dataset, Example, Output
from ..demonstrations import Demonstration, Origin, Provenance, examples_of
from ..errors import InputError
from ..exchange import Exchange
from ..logs import Logs
from ..strict import Malformed, parse
from ..task import Task
from ..types import Json, Message
from .candidate import Candidate

KEYS = (
    *("id", "input", "output", "output_sha256", "expected", "score", "by", "note", "judge", "ms", "usage", "usd"),
    *("time", "group", "licence", "license", "teacher", "escalated"),
)
"""What a row of a file of replies may hold; a labels file and recorded outputs are such files."""
CUT_OFF = frozenset({"length", "max_tokens", "MAX_TOKENS", "content_filter", "SAFETY"})


@dataclass(frozen=True, slots=True)
class Sources:
    """Where candidates come from, beside the task's own dev examples."""

    logs: tuple[Path, ...] = ()
    reviews: tuple[Path, ...] = ()
    """Labels, filled sheets of `suffice data suspects`, and escalations: rows that people looked at."""
    teachers: tuple[Path, ...] = ()
    """Recorded outputs, or replies with their inputs: rows that a model wrote."""
    teacher: str = ""
    """The model that wrote the teachers' rows, where they do not say."""
    licence: str = ""
    """Of all rows that do not name their own."""


@dataclass
class Gathered:
    """Candidates in the order in which they were read, and what could not be used, by reason."""

    candidates: list[Candidate] = field(default_factory=list)
    unusable: Counter[str] = field(default_factory=Counter)
    prompts: Counter[str] = field(default_factory=Counter)
    """The system prompts of logged calls, which are no part of an input, and how many calls each had."""
    turned_down: list[Candidate] = field(default_factory=list)
    """Replies that people said are wrong."""


def gather(task: Task, sources: Sources = Sources()) -> Gathered:
    """All candidates: reviews first, then examples, logs and teachers; of examples those of dev alone."""
    found = Gathered()
    corrected: dict[str, Json] = {}
    for path in sources.reviews:
        corrected |= _reviewed(path, task, sources, found)
    found.candidates += _examples(task, sources, corrected)
    for path in sources.logs:
        found.candidates += _logged(path, task, sources, found)
    for path in sources.teachers:
        found.candidates += _taught(path, task, sources, found)
    found.candidates[:] = _numbered(found.candidates)
    return found


def _numbered(candidates: Iterable[Candidate]) -> Iterator[Candidate]:
    """Ids told apart: what comes later gets a number."""
    seen: Counter[str] = Counter()
    for c in candidates:
        seen[c.id] += 1
        yield c if seen[c.id] == 1 else replace(c, example=replace(c.example, id=f"{c.id}#{seen[c.id]}"))


# The task's own examples


def _examples(task: Task, sources: Sources, corrected: Mapping[str, Json]) -> Iterator[Candidate]:
    told = _columns(task)
    name = examples_file(task).name
    for e in sorted(task.parts.dev, key=lambda e: (e.line or 0, e.id)):
        own = told.get(e.line or 0, {})
        origin: Origin = "review" if e.id in corrected else "examples"
        provenance = Provenance(
            origin,
            own.get("source") or (f"{name}:{e.line}" if e.line else name),
            own.get("licence") or own.get("license") or sources.licence,
            own.get("teacher", ""),
            teachers.told(own["teacher"]) if own.get("teacher") else "",
            e.time,
            e.group,
        )
        yield Candidate(replace(e, expected=corrected.get(e.id, e.expected), context=()), provenance)


def examples_file(task: Task) -> Path:
    """Where the task's examples stand."""
    from ..load import FILE
    from ..taskfile import checked
    from ..yamlfile import read_yaml

    path = task.folder / FILE
    return task.folder / (checked(read_yaml(path, "task file")).examples if path.is_file() else "examples")


def _columns(task: Task) -> dict[int, dict[str, str]]:
    """What rows of the examples file say beside what a task reads: licence, source and teacher, by line."""
    path = examples_file(task)
    wanted = ("licence", "license", "source", "teacher")
    if not path.is_file():
        return {}
    return {
        line: {key: row[key] for key in wanted if isinstance(row.get(key), str)}
        for line, row in rows.raw(path)
        if isinstance(row, Mapping) and any(key in row for key in wanted)
    }


# Logs


def _logged(path: Path, task: Task, sources: Sources, found: Gathered) -> Iterator[Candidate]:
    logs = Logs([path])
    made = []
    for x in logs:
        told = _exchange(x, task.output, sources, found)
        if isinstance(told, str):
            found.unusable[f"log: {told}"] += 1
        else:
            made.append(told)
    for reason, rows_ in logs.unusable.items():
        found.unusable[f"log: {reason}"] += rows_.count
    if not logs.exchanges:
        told = "; ".join(f"{rows_.count} × {reason}" for reason, rows_ in logs.unusable.items())
        raise InputError(
            "the file holds no logged call", file=str(path), hint=told[:300] or "--logs takes served calls"
        )
    return iter(made)


def _exchange(x: Exchange, output: Output, sources: Sources, found: Gathered) -> Candidate | str:
    """The candidate that a logged call tells of, or why it tells of none."""
    if x.kind != "model":
        return "no call of a model"
    if x.error or (x.reply is None and x.expected is None):
        return "the call failed or has no reply"
    if x.expected is None and x.finish in CUT_OFF:
        return "the reply was cut off"
    if x.expected is None and x.score is not None and x.score < 1:
        return "its reply was scored below 1"
    system = "\n\n".join(m.content for m in x.messages if m.role == "system")
    asked = [m for m in x.messages if m.role != "system"]
    if not asked or asked[-1].role != "user" or any(m.role == "tool" or m.tool_calls for m in asked):
        return "its turns are not those of a user and an assistant, the user's last"
    try:
        expected = x.expected if x.expected is not None or x.reply is None else replied(x.reply, output)
    except Malformed:
        return "the reply is not the JSON that the contract asks for"
    if system:
        found.prompts[system] += 1
    given: Json = asked[0].content if len(asked) == 1 else [{"role": m.role, "content": m.content} for m in asked]
    where = f"{Path(x.file).name}:{x.line}" if x.line else Path(x.file).name
    wrote = "" if x.expected is not None else x.model
    licence = str(x.extra.get("licence") or x.extra.get("license") or sources.licence)
    provenance = Provenance("log", where, licence, wrote, teachers.told(wrote) if wrote else "", _moment(x.time))
    return Candidate(Example(f"log:{where}", given, expected, time=provenance.time), provenance)


def replied(reply: Message, output: Output) -> Json:
    """A reply as an expected answer; a `Malformed` where the contract asks for JSON and it is none."""
    if output.kind == "tools":
        return [{"name": c.name, "arguments": dict(c.arguments)} for c in reply.tool_calls]
    return parse(reply.content) if output.kind == "schema" else _stripped(reply.content, output)


def _stripped(text: str, output: Output) -> str:
    return text.strip() if output.kind == "labels" else text


def _moment(seconds: float | None) -> str | None:
    from datetime import UTC, datetime

    try:
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()
    except (OverflowError, OSError, ValueError):
        return None


# Files of replies


def _reviewed(path: Path, task: Task, sources: Sources, found: Gathered) -> dict[str, Json]:
    """What people corrected among dev's examples; replies that they approved become candidates."""
    if _is_sheet(path):
        dev = task.parts.dev.by_id
        return {c.id: c.after for c in adjudicate(task, path).changes if c.id in dev}
    for line, row in _replies(path, "reviews"):
        example = _asked(row, line, path, task)
        escalated: Origin = "escalation" if row.get("escalated") is True else "review"
        by = str(row.get("by") or "")
        right = row.get("score") is not None and row["score"] >= 1
        if "score" in row and row["score"] is None:
            found.unusable["review: not yet filled in"] += 1
        elif example is None:
            found.unusable["review: of no dev example, and without its own input"] += 1
        else:
            made = _candidate(row, line, path, example, task, sources, escalated)
            if "output" in row and not right:
                found.turned_down.append(made)
            if right and "output" in row:
                found.candidates.append(made)
            elif row.get("expected") is not None and not ("output" in row and "score" not in row):
                corrected = replace(made.example, expected=row["expected"])
                found.candidates.append(replace(made, example=corrected))
            elif "output" not in row:
                found.unusable["review: holds no output"] += 1
            else:
                found.unusable[f"review: turned down{' by ' + by if by else ''}"] += 1
    return {}


def _taught(path: Path, task: Task, sources: Sources, found: Gathered) -> Iterator[Candidate]:
    """A teacher's replies; those to dev examples only where the task's scorer finds them right."""
    from ..score import AskingScorer
    from ..types import Answer

    scorer = task.dataset.scorer
    for line, row in _replies(path, "replies of a teacher"):
        example = _asked(row, line, path, task)
        if example is None or row.get("output") is None:
            why = "of no dev example, and without its own input" if example is None else "no output"
            found.unusable[f"teacher: {why}"] += 1
            continue
        made = _candidate(row, line, path, example, task, sources, "teacher")
        known = example.expected is not None and scorer is not None and not isinstance(scorer, AskingScorer)
        text = row["output"] if isinstance(row["output"], str) else None
        if known and scorer and scorer(example, Answer(text or "", None if text else row["output"])).value != 1:
            found.unusable["teacher: the reply is not right by the task's scorer"] += 1
            continue
        yield made


def _candidate(
    row: Mapping[str, Json], line: int, path: Path, example: Example, task: Task, sources: Sources, origin: Origin
) -> Candidate:
    said = row.get("output", row.get("expected"))
    if isinstance(said, str) and task.output.kind in ("schema", "tools"):
        try:
            said = parse(said)
        except Malformed:
            said = None
    elif isinstance(said, str):
        said = _stripped(said, task.output)
    teacher = str(
        row.get("teacher") or (sources.teacher or task.strong_model or "unknown" if origin == "teacher" else "")
    )
    provenance = Provenance(
        origin,
        f"{path.name}:{line}",
        str(row.get("licence") or row.get("license") or sources.licence),
        teacher,
        teachers.told(teacher) if teacher else "",
        str(row["time"]) if row.get("time") else example.time,
        str(row["group"]) if row.get("group") is not None else example.group,
    )
    name = f"{example.id}:{origin}" if "input" not in row or example.id in task.dataset.by_id else example.id
    made = replace(example, id=name, expected=said, time=provenance.time, group=provenance.group, context=())
    return Candidate(made, provenance)


def _asked(row: Mapping[str, Json], line: int, path: Path, task: Task) -> Example | None:
    """The dev example that a row is about, or an unsolved one with the row's own input; None for those that judge."""
    if (known := task.parts.dev.by_id.get(str(row.get("id")))) is not None:
        return known
    if "input" not in row or str(row.get("id")) in task.dataset.by_id:
        return None
    given = {"id": row.get("id") or f"{path.stem}:{line}", "input": row["input"]}
    return rows.examples(path, [(line, given)], task.output, needs_expected=False)[0]


def _is_sheet(path: Path) -> bool:
    first = next((row for _, row in rows.jsonl(_there(path))), None)
    return isinstance(first, Mapping) and "sheet" in first


def _replies(path: Path, what: str) -> Iterator[tuple[int, Mapping[str, Json]]]:
    """The rows of a file of replies; one InputError lists what is wrong, by line."""
    problems: list[tuple[int, str]] = []
    good: list[tuple[int, Mapping[str, Json]]] = []
    for line, row in rows.jsonl(_there(path)):
        if wrong := _misfit(row):
            problems.append((line, wrong))
        else:
            good.append((line, row))
    if problems:
        raise rows.listed(path, problems)
    if not good:
        hint = 'a row is {"id": of a dev example, or "input": …, "output": …, "score": 0 to 1}'
        raise InputError(f"the file holds no {what}", file=str(path), hint=hint)
    return iter(good)


def _misfit(row: Json) -> str:
    if isinstance(row, Malformed):
        return str(row)
    if not isinstance(row, Mapping) or not ("id" in row or "input" in row):
        return "a row is an object with the `id` of a dev example, or with its own `input`"
    if unknown := [key for key in row if key not in KEYS]:
        return f"unknown key `{unknown[0][:60]}` (known: {', '.join(KEYS)})"
    score = row.get("score")
    if score is not None and (isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= 1):
        return "`score` is a number from 0 to 1, or null until it is known"
    return ""


def _there(path: Path) -> Path:
    if not path.is_file():
        raise InputError("no such file", file=str(path))
    return path


def candidates_of(demonstrated: Sequence[Demonstration], output: Output, path: Path) -> tuple[Candidate, ...]:
    """Training rows as candidates: their system prompts, which word a task and are not asked, left out."""
    found = []
    for row in demonstrated:
        asked = tuple(m for m in row.messages if m.role != "system") or row.messages
        try:
            (example,) = examples_of([replace(row, messages=asked)], output)
        except Malformed:
            example = Example(row.id, asked[-1].content, row.reply.content)
        source = row.provenance.source or f"{path.name}: {row.id}"
        found.append(Candidate(example, replace(row.provenance, source=source)))
    return tuple(found)


def dataset_of(candidates: Sequence[Candidate], like: Dataset) -> Dataset:
    """The candidates' examples, with the contract and the scorer of a dataset."""
    return like.only((c.example for c in candidates), "training")
