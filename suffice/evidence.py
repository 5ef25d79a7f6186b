"""Evidence: everything a verdict rests on, as lines that a sceptic can read and recompute."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from .artifacts import write_whole
from .data import Context, Dataset, Example
from .digest import canonical, digest_of, plain
from .errors import InputError
from .record import Record, Run
from .strict import Malformed, parse
from .types import Answer, Ask, Json, Request, ToolCall

Line = Mapping[str, Json]
UNSAID: Mapping[str, Json] = {
    "expected": None,
    "partition": "core",
    "split": None,
    "context": [],
    "time": None,
    "group": None,
}
"""What an example says by not saying it; its input and its id are always told."""


@dataclass
class Evidence:
    """Lines in the order things happened, each with its `kind`: task, plan, example, run, record, rung, trial."""

    lines: list[Line] = field(default_factory=list)
    _told: dict[str, dict[str, Json]] = field(default_factory=dict, repr=False, compare=False)
    _begun: dict[str, int] = field(default_factory=dict, repr=False, compare=False)

    def add(self, kind: str, **body: Json) -> Line:
        """Write down one thing that happened."""
        line = {"kind": kind, **plain(body)}
        self.lines.append(line)
        return line

    def add_examples(self, dataset: Dataset, part: str) -> None:
        """Write down a part's examples, in the order they are judged in."""
        for e in dataset:
            self.add("example", part=part, **{k: v for k, v in plain(e).items() if k not in UNSAID or v != UNSAID[k]})

    def add_run(self, run: Run, part: str) -> str:
        """Write down a run and its records, each once, and return its id; a run that went on is written on."""
        told = self._told.setdefault(run.id, {})
        new = {r.id: plain(_line_of(r)) for r in run.records if r.id not in told}
        if not told:
            self.add("run", run=run.id, part=part, stack=run.stack.spec, stack_digest=run.stack.digest, content="")
            self._begun[run.id] = len(self.lines) - 1
        for line in new.values():
            self.add("record", run=run.id, **line)
        told.update(new)
        at = self._begun[run.id]
        self.lines[at] = {**self.lines[at], "content": digest_of([*told.values()])}
        return run.id

    def of(self, kind: str) -> Iterator[Line]:
        """The lines of one kind."""
        return (line for line in self.lines if line["kind"] == kind)

    def one(self, kind: str) -> Line:
        """The only line of a kind."""
        found = list(self.of(kind))
        if len(found) != 1:
            raise InputError(f"the evidence has {len(found)} `{kind}` lines, not one")
        return found[0]

    def write(self, path: Path) -> str:
        """Write the lines as JSONL, whole or not at all; return the SHA-256 of the file."""
        content = b"".join(canonical(line) + b"\n" for line in self.lines)
        write_whole(path, content)
        return hashlib.sha256(content).hexdigest()

    @classmethod
    def read(cls, path: Path) -> Evidence:
        """The evidence in a JSONL file; a line that is not an object with a kind is an error."""
        lines: list[Line] = []
        try:
            with path.open("rb") as file:
                for number, text in enumerate(file, 1):
                    lines.append(_read(text, str(path), number))
        except OSError as wrong:
            raise InputError(f"cannot read the records: {wrong.strerror}", file=str(path)) from wrong
        return cls(lines)


@dataclass(frozen=True)
class Reading:
    """Evidence sorted for arithmetic: nothing is added to it any more."""

    evidence: Evidence

    @cached_property
    def parts(self) -> Mapping[str, tuple[Example, ...]]:
        """The examples of each part, in order."""
        found: dict[str, list[Example]] = {}
        for line in self.evidence.of("example"):
            found.setdefault(line["part"], []).append(example_of(line))
        return {part: tuple(examples) for part, examples in found.items()}

    @cached_property
    def examples(self) -> Mapping[str, Example]:
        """Every example by id."""
        return {e.id: e for examples in self.parts.values() for e in examples}

    @cached_property
    def records(self) -> Mapping[str, Mapping[str, Line]]:
        """Record lines by run and example id."""
        found: dict[str, dict[str, Line]] = {line["run"]: {} for line in self.evidence.of("run")}
        for line in self.evidence.of("record"):
            found[line["run"]][line["id"]] = line
        return found

    @cached_property
    def runs(self) -> Mapping[str, Line]:
        """Run lines by id."""
        return {line["run"]: line for line in self.evidence.of("run")}

    def values(self, run: str, ids: Sequence[str] | None = None) -> dict[str, float | None]:
        """Scores by example id; None where the scorer could not judge."""
        records = self.records[run]
        return {id_: records[id_]["value"] for id_ in (records if ids is None else ids)}

    def passed(self, run: str, id_: str) -> bool:
        """Whether a record is fully solved."""
        value = self.records[run][id_]["value"]
        return value is not None and value >= 1.0 - 1e-12


def example_of(line: Line) -> Example:
    """The example that a line holds."""
    names = ("id", "input", "expected", "partition", "split", "time", "group")
    contexts = tuple(Context(**c) for c in line.get("context", ()))
    return Example(**{k: line[k] for k in names if k in line}, context=contexts)


def answer_of(line: Line) -> Answer | None:
    """The answer that a record line holds, as far as a scorer looks at it; None where the call failed."""
    if line["output"] is None:
        return None
    calls = tuple(ToolCall(**c) for c in line.get("tool_calls", ()))
    return Answer(line["output"], value=line.get("parsed"), tool_calls=calls, status=line["status"])


def judge_of(line: Line) -> Ask:
    """What the scorer's own model replied for this record, said again in its order to whoever asks."""
    kept = iter(line.get("judged", ()))

    def again(_: Request) -> Answer:
        said = next(kept, None)
        if not isinstance(said, str):
            raise LookupError("no reply of the judge is kept")
        return Answer(said)

    return again


def _read(text: bytes, file: str, number: int) -> Line:
    try:
        line = parse(text.decode("utf-8", "surrogatepass"), lone=True)
    except ValueError as wrong:
        said = str(wrong) if isinstance(wrong, Malformed) else f"not JSON: {wrong}"
        raise InputError(said, file=file, line=number) from wrong
    if not isinstance(line, dict) or not isinstance(line.get("kind"), str):
        raise InputError("a line of evidence is an object with `kind`", file=file, line=number)
    return line


def _line_of(record: Record) -> dict[str, Json]:
    answer = record.answer
    told: dict[str, Json] = {
        "id": record.id,
        "value": record.score.value,
        "reason": record.score.reason,
        "output": answer.text if answer else None,
        "status": answer.status if answer else "failed",
    }
    if answer is None:
        return {**told, "error": record.error, "fault": record.fault}
    spent = {
        "ms": round(answer.ms, 3),
        "stages": [[step.name, round(step.ms, 3)] for step in answer.trace],
        "usd": answer.cost,
        "input_tokens": answer.usage.input_tokens,
        "output_tokens": answer.usage.output_tokens,
        "cached_tokens": answer.usage.cached_tokens,
        "asked": sum(1 for step in answer.trace if step.name == "model"),
    }
    extras = {"parsed": answer.value, "tool_calls": answer.tool_calls, "citations": answer.citations}
    extras |= {"confidence": answer.confidence}
    if record.judged:
        known = [a.cost for a in record.judged if a.cost is not None]
        whole = len(known) == len(record.judged)
        spent |= {"judged": [a.text for a in record.judged], "judge_usd": sum(known) if whole else None}
    return {**told, **spent, **{k: v for k, v in extras.items() if v is not None and v != ()}}
