"""Labels: what people say of outputs, as JSONL rows by example id and output; and the arms whose outputs they are."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from .errors import InputError
from .rows import jsonl, keyed, listed, scored
from .strict import Malformed
from .types import Json

KEYS = ("id", "output", "output_sha256", "score", "by", "input", "expected", "note")
"""What a row may hold; `input`, `expected` and `note` are for whoever reads it."""

UNKNOWN = 0.5
"""What stands for a judge's score that is missing; the labels correct it like any other."""

Key = tuple[str, str]
"""An example's id and the SHA-256 of an output's text."""


@dataclass(frozen=True, slots=True)
class Label:
    """One person's score of one output: 0 is wrong, 1 is right. None where it has not been filled in yet."""

    id: str
    output_sha256: str
    score: float | None
    by: str = ""
    line: int = 0

    @property
    def key(self) -> Key:
        return self.id, self.output_sha256


@dataclass(frozen=True)
class Labels:
    """Labels by example and output, whichever arm the output came from."""

    rows: tuple[Label, ...] = ()

    @cached_property
    def scores(self) -> Mapping[Key, float]:
        """The mean score of each output that was labelled: where people disagree, they count alike."""
        return {key: sum(given) / len(given) for key, given in self._given.items()}

    @property
    def conflicts(self) -> tuple[Key, ...]:
        """The outputs on which people disagree."""
        return tuple(key for key, given in self._given.items() if len(set(given)) > 1)

    def of(self, id_: str, output: str) -> float | None:
        """The score that people gave this output, None where nobody has."""
        return self.scores.get((id_, sha256(output)))

    @cached_property
    def _given(self) -> Mapping[Key, list[float]]:
        found: dict[Key, list[float]] = {}
        for row in self.rows:
            if row.score is not None:
                found.setdefault(row.key, []).append(row.score)
        return found


@dataclass(frozen=True, slots=True)
class Arm:
    """What one side said, and how the judge scored it, by example id."""

    outputs: Mapping[str, str | None]
    """None where the call failed: that scores 0, and nobody has to say so."""
    scores: Mapping[str, float | None]
    """The judge's; None where it could not judge."""

    def truth(self, id_: str, labels: Labels) -> float | None:
        """What people say of this output; a failed call is worth 0."""
        output = self.outputs[id_]
        return 0.0 if output is None else labels.of(id_, output)

    def guess(self, id_: str) -> float:
        """What the judge says, or what stands for it."""
        score = self.scores[id_]
        return 0.0 if self.outputs[id_] is None else UNKNOWN if score is None else score


def sha256(output: str) -> str:
    """What an output is known by."""
    return hashlib.sha256(output.encode("utf-8", "surrogatepass")).hexdigest()


def read(path: Path) -> Labels:
    """The labels in a JSONL file of `{"id", "output" or "output_sha256", "score", "by"?}`; a null score is not yet one.

    One InputError lists the rows that are wrong, by line; so is a second label of one output by the same `by`.
    """
    if not path.is_file():
        raise InputError("no such file of labels", file=str(path), hint="`suffice compare A B --draw N` makes one")
    found: list[Label] = []
    problems: list[tuple[int, str]] = []
    seen: dict[tuple[Key, str], int] = {}
    for line, row in jsonl(path):
        try:
            made = _label(line, row)
        except Malformed as wrong:
            problems.append((line, str(wrong)))
            continue
        if made.by and (first := seen.setdefault((made.key, made.by), line)) != line:
            problems.append((line, f"`{made.by[:60]}` labels the same output on line {first}"))
        found.append(made)
    if problems:
        raise listed(path, problems)
    if not found:
        raise InputError(
            "no labels in the file", file=str(path), hint='a row is {"id": …, "output": …, "score": 0 to 1}'
        )
    return Labels(tuple(found))


def _label(line: int, given: Json) -> Label:
    row = keyed(given, KEYS)
    if "score" not in row:
        raise Malformed("`score` is missing: a number from 0 to 1, or null until it is known")
    by = row.get("by")
    if by is not None and not isinstance(by, str):
        raise Malformed("`by` is the name of whoever labels, as text")
    return Label(str(row["id"]), _output(row), scored(row["score"], "score", "until it is known"), by or "", line)


def _output(row: Mapping[str, Json]) -> str:
    text, digest = row.get("output"), row.get("output_sha256")
    if text is None and digest is None:
        raise Malformed("a label is of an `output`, or of its `output_sha256`")
    if text is not None and not isinstance(text, str):
        raise Malformed("`output` is the text of the output")
    if digest is not None and not (isinstance(digest, str) and len(digest) == 64):
        raise Malformed("`output_sha256` is 64 hexadecimal digits")
    if text is not None and digest is not None and sha256(text) != digest.lower():
        raise Malformed("`output` and `output_sha256` do not belong together")
    return sha256(text) if text is not None else str(digest).lower()
