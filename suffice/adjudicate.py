"""Adjudicate: people say, blind, which of two answers is right; what that makes of the suspects and of all labels."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from . import rows
from .artifacts import write_whole
from .data import Dataset, Example, worded
from .digest import canonical, digest_of, plain
from .errors import InputError
from .evidence import Evidence, Reading
from .opinions import TEACHES, Opinion, opinions
from .stats.finite import marked
from .strict import Malformed, read_json
from .suspects import PARTS, Suspect, agree, agreements, opinions_of, suspects
from .task import Task
from .types import Json

RANDOM_AT_LEAST = 20
"""Items that are not suspected, drawn beside the suspects even where there are few of those."""
SHEETS = "sheets"
"""Where the keys to sheets lie, in the task's state: a sheet itself does not say who is suspected."""
SAME = ("model", "goal", "output")
"""What must be as it was for a climb's attempts to count for a task."""
CORRECTED = "examples.corrected.jsonl"


@dataclass(frozen=True)
class Listing:
    """The suspects of a task, and what is known of its labels."""

    task: Task
    suspects: tuple[Suspect, ...]
    opinions: tuple[Opinion, ...]
    parts: tuple[str, ...]
    """The parts that were looked at: dev; test and edge too, once their verdict stands."""

    @property
    def examples(self) -> tuple[Example, ...]:
        """All examples of these parts."""
        return tuple(e for part in self.parts for e in getattr(self.task.parts, part))


@dataclass(frozen=True, slots=True)
class Change:
    """An expected answer that a person found wrong, or narrower than what is right."""

    id: str
    before: Json
    after: Json


@dataclass(frozen=True)
class Adjudicated:
    """What people made of a sheet."""

    suspects: int
    confirmed: tuple[str, ...]
    false_alarms: tuple[str, ...]
    random: int
    random_wrong: tuple[str, ...]
    undecided: tuple[str, ...]
    """Rows that were not filled: for each limit they count as whatever is worse."""
    examples: int
    """Of the parts that were looked at; the share of wrong labels is theirs."""
    wrong: float | None
    """The share of expected answers that are wrong: an estimate; None where no random item was decided."""
    low: float
    high: float
    level: float
    changes: tuple[Change, ...]


def listed(task: Task) -> Listing:
    """The suspects of a task: in dev, and once a verdict over these very examples stands, in test and edge too."""
    reading = evidence_of(task)
    parts = PARTS if reading else TEACHES
    datasets: dict[str, Dataset] = {part: getattr(task.parts, part) for part in parts}
    known = opinions_of(reading) if reading else ()
    if not known and task.output.kind == "labels":
        known = opinions(datasets, folder=task.folder)
    agreed = agreements(reading) if reading else []
    found = suspects({part: examples.examples for part, examples in datasets.items()}, known, agreed)
    return Listing(task, tuple(found), known, parts)


def evidence_of(task: Task) -> Reading | None:
    """The evidence of the verdict in the task's folder, where it is over these examples."""
    path = task.folder / "verdict.json"
    if not path.is_file():
        return None
    body = read_json(path, "verdict")
    told = body.get("records") if isinstance(body, Mapping) else None
    records = task.folder / str(told.get("path") if isinstance(told, Mapping) else "")
    if not records.is_file():
        return None
    evidence = Evidence.read(records)
    plans, judged = list(evidence.of("plan")), (*task.parts.test, *task.parts.edge)
    mine = (Dataset(judged).fingerprint, task.parts.dev.fingerprint)
    return Reading(evidence) if plans and (plans[0].get("fingerprint"), plans[0].get("dev")) == mine else None


def measured_of(task: Task) -> Reading | None:
    """That evidence, where it is over the task's model, goal and output as well: what was tried then has been tried."""
    reading = evidence_of(task)
    if reading is None:
        return None
    told = reading.evidence.one("task")
    mine = plain({key: getattr(task, key) for key in SAME})
    return reading if plain({key: told.get(key) for key in SAME}) == mine else None


# The sheet


def write_sheet(listing: Listing, path: Path, *, random: int | None = None, seed: int = 0) -> int:
    """Write the suspects and as many items that are none, mixed, for a person to fill `right`; return how many rows.

    Each row shows the input and two answers in random order: today's and another one. Nothing in it says which is
    which, or who is suspected; the key stays in the task's `.suffice` folder. A file that is there is not overwritten.
    """
    if path.exists():
        raise InputError("that file is there, and may hold answers", file=str(path), hint="name another one")
    known = {s.id: s.proposed for s in listing.suspects}
    rest = sorted((e for e in listing.examples if e.id not in known), key=lambda e: _rank(seed, "draw", e.id))
    drawn = rest[: max(RANDOM_AT_LEAST, len(known)) if random is None else random]
    shown = {s.id: s.proposed for s in listing.suspects} | {e.id: _other(e, listing, seed) for e in drawn}
    examples = [e for e in listing.examples if e.id in shown]
    sheet = [_row(e, shown[e.id], seed) for e in sorted(examples, key=lambda e: _rank(seed, "row", e.id))]
    key = {
        "suspects": sorted(known),
        "random": sorted(e.id for e in drawn),
        "unsuspected": len(rest),
        "fingerprint": listing.task.dataset.fingerprint,
    }
    name = digest_of([sheet, key])[:16]
    write_whole(listing.task.state / SHEETS / f"{name}.json", canonical(key) + b"\n")
    lines = (json.dumps({"sheet": name, **row}, ensure_ascii=False) + "\n" for row in sheet)
    write_whole(path, "".join(lines).encode("utf-8", "surrogatepass"))
    return len(sheet)


def _row(example: Example, other: Json, seed: int) -> dict[str, Json]:
    answers = sorted((example.accepted[0], other), key=lambda a: _rank(seed, example.id, worded(a)))
    return {"id": example.id, "input": plain(example.input), "answers": answers, "right": None}


def _other(example: Example, listing: Listing, seed: int) -> Json:
    """An answer beside today's, as likely as can be had: what dev says of it, else some other example's answer."""
    told = next((o for o in listing.opinions if o.id == example.id), None)
    for label in (told.label, *sorted(told.near, key=lambda x: (-told.near[x], x))) if told else ():
        if not agree([label], example.accepted):
            return label
    others = sorted(listing.task.dataset, key=lambda e: _rank(seed, example.id, e.id))
    return next((e.accepted[0] for e in others if not agree(e.accepted, example.accepted)), None)


def _rank(seed: int, *key: str) -> str:
    return hashlib.sha256("\0".join((str(seed), *key)).encode("utf-8", "surrogatepass")).hexdigest()


# What people say


def adjudicate(task: Task, path: Path, *, alpha: float = 0.05) -> Adjudicated:
    """What a filled sheet makes of the suspects, and the share of wrong labels that the random items tell of.

    All suspects are looked at, and of the rest a random sample without replacement, so the limits are those of a
    stratum that is known and one that was sampled (exact hypergeometric limits). A row that was not filled counts
    against either limit. Raises InputError, by line, where a row is not of this sheet, or of another task.
    """
    sheet, key = _sheet(task, path)
    today = task.dataset.by_id
    said = {e.id: e.accepted for e in _answers(task, path, sheet)}
    wrong = {id_ for id_, right in said.items() if not agree(today[id_].accepted, right)}
    suspected, drawn = ([i for i in key[kind] if i in today] for kind in ("suspects", "random"))
    open_ = tuple(i for i in (*suspected, *drawn) if i not in said)
    share, low, high = _share(suspected, drawn, said, wrong, key["unsuspected"], alpha)
    return Adjudicated(
        suspects=len(suspected),
        confirmed=tuple(i for i in suspected if i in wrong),
        false_alarms=tuple(i for i in suspected if i in said and i not in wrong),
        random=len(drawn),
        random_wrong=tuple(i for i in drawn if i in wrong),
        undecided=open_,
        examples=len(suspected) + key["unsuspected"],
        wrong=share,
        low=low,
        high=high,
        level=1 - alpha,
        changes=tuple(_changes(today, said)),
    )


def _share(
    suspected: Sequence[str], drawn: Sequence[str], said: Mapping[str, Json], wrong: set[str], rest: int, alpha: float
) -> tuple[float | None, float, float]:
    """The share of wrong labels among suspects and rest, with limits."""
    total = max(1, len(suspected) + rest)
    known = sum(i in wrong for i in suspected)
    open_ = sum(i not in said for i in suspected)
    decided, found = sum(i in said for i in drawn), sum(i in wrong for i in drawn)
    least = marked(found, len(drawn), rest, alpha=alpha).low
    most = marked(found + len(drawn) - decided, len(drawn), rest, alpha=alpha).high
    low, high = (known + least) / total, (known + open_ + most) / total
    if not decided:
        return None, low, high
    judged = len(suspected) - open_
    guessed = open_ * known / judged if judged else 0.0
    return (known + guessed + rest * found / decided) / total, low, high


def _sheet(task: Task, path: Path) -> tuple[dict[str, tuple[int, Mapping[str, Json]]], Mapping[str, Json]]:
    """The rows by id, each with its line, and the key that says who was suspected."""
    if not path.is_file():
        raise InputError("no such file", file=str(path), hint="`suffice data suspects TASK --out FILE` makes one")
    found: dict[str, tuple[int, Mapping[str, Json]]] = {}
    problems: list[tuple[int, str]] = []
    for line, row in rows.jsonl(path):
        if wrong := _misfit(row, found):
            problems.append((line, wrong))
        else:
            found[str(row["id"])] = line, row
    if problems:
        raise rows.listed(path, problems)
    names = {str(row["sheet"]) for _, row in found.values()}
    if len(names) != 1:
        raise InputError(
            "the rows are of no sheet, or of several", file=str(path), hint="adjudicate one sheet at a time"
        )
    where = task.state / SHEETS / f"{names.pop()}.json"
    if not where.is_file():
        raise InputError("this task has no key to the sheet", file=str(path), hint="keep the task's .suffice folder")
    key: Mapping[str, Json] = read_json(where, "key")
    if key["fingerprint"] != task.dataset.fingerprint:
        hint = "adjudicate it with the examples that it was made of"
        raise InputError("the examples have changed since the sheet was made", file=str(path), hint=hint)
    listed_ = {*key["suspects"], *key["random"]}
    if strange := [(line, id_) for id_, (line, _) in found.items() if id_ not in listed_]:
        line, id_ = strange[0]
        raise InputError(f"`{id_[:60]}` is not of this sheet", file=str(path), line=line)
    return found, key


def _misfit(row: Json, found: Mapping[str, Json]) -> str:
    if isinstance(row, Malformed):
        return str(row)
    if not isinstance(row, Mapping) or not isinstance(row.get("id"), str) or not isinstance(row.get("sheet"), str):
        return "a row is an object with `sheet`, `id` and `right`, as it was written"
    if row["id"] in found:
        return f"`{row['id'][:60]}` stands there twice"
    return "" if "right" in row else "`right` is missing: the right answer, or null where you cannot tell"


def _answers(task: Task, path: Path, sheet: Mapping[str, tuple[int, Mapping[str, Json]]]) -> tuple[Example, ...]:
    """What is right, for the rows that were filled: checked as an expected answer is."""
    filled = [
        (line, {"id": id_, "input": "?", "expected": row["right"]})
        for id_, (line, row) in sheet.items()
        if row["right"] is not None
    ]
    return rows.examples(path, filled, task.output) if filled else ()


def _changes(today: Mapping[str, Example], said: Mapping[str, Sequence[Json]]) -> Iterator[Change]:
    """Where what is right is something else, or more: a right answer that was accepted already changes nothing."""
    for id_, right in said.items():
        if any(not agree([answer], today[id_].accepted) for answer in right):
            kept = [a for a in today[id_].accepted if agree([a], right)]
            added = [a for a in right if not agree([a], kept)]
            several = [*kept, *added]
            after: Json = several[0] if len(several) == 1 else {"any_of": several}
            yield Change(id_, today[id_].expected, after)


def write_corrected(task: Task, found: Adjudicated, path: Path | None = None) -> Path:
    """Write all examples with what people found right, beside the file in use, which stays; return where.

    Each example keeps the part it is in today (`split`). The set has another fingerprint, so it is another test set.
    """
    path = path or task.folder / CORRECTED
    if path.exists():
        raise InputError("that file is there already", file=str(path), hint="name another one with --corrected")
    after = {change.id: change.after for change in found.changes}
    part = {e.id: "dev" for e in task.parts.dev} | {e.id: "test" for e in (*task.parts.test, *task.parts.edge)}
    lines = [_as_row(replace(e, expected=after.get(e.id, e.expected)), part[e.id]) for e in task.dataset]
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    write_whole(path, text.encode("utf-8", "surrogatepass"))
    return path


def _as_row(example: Example, split: str) -> dict[str, Json]:
    context = [{k: v for k, v in plain(c).items() if v is not None} for c in example.context]
    told = {"time": example.time, "group": example.group, "context": context or None}
    row = {"id": example.id, "input": plain(example.input), "expected": plain(example.expected)}
    return {**row, "partition": example.partition, "split": split, **{k: v for k, v in told.items() if v is not None}}
