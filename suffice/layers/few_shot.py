"""Few-shot: show solved examples before the question, the same ones always or the nearest to each request."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from ..artifacts import Artifacts
from ..data import Dataset, Example, Output, likeness, worded
from ..demonstrations import reply_of
from ..layer import Cause, Duty, Gate, Layer
from ..task import Task
from ..toolwords import written
from ..types import Answer, Ask, Json, Request, Shot
from ..vectors import vectors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

AT_LEAST = 3
SOURCE = "docs/framework.md §3"


MOST_CHARACTERS = 1500
"""Of shots in one prompt, about 400 tokens: what every request pays for again where the nearest ones are shown."""


@dataclass(frozen=True)
class FewShot(Layer):
    """Solved examples in front of the question. An example that reads the same as the question is never shown."""

    treats: ClassVar[tuple[Cause, ...]] = ("behaviour", "format", "instruction")

    mode: Literal["static", "nearest"] = "nearest"
    k: int = 5
    pick: Literal["typical", "spread"] = "typical"
    """How static shots are chosen: the middle of each group of alike examples, or those farthest from one another."""
    shots: tuple[Shot, ...] = ()
    """The static shots, once chosen."""
    pool: str = ""
    """The artifact that holds the examples to be near to: JSONL."""
    embedder: str = "minilm"
    folder: Path = field(default=Path(), repr=False, compare=False)

    @classmethod
    def for_task(cls, task: Task) -> Self | None:
        """Unfitted, in the task's folder. Tool calls are shown as the JSON that a reply may hold them in."""
        return cls(folder=task.folder)

    def variants(self, train: Dataset) -> Sequence[Self]:
        """The same three, five or eight for every request, or the nearest five or ten; fewer where they are long."""
        most = min(len(train), max(AT_LEAST, MOST_CHARACTERS // max(1, _length(train))))
        static = [replace(self, mode="static", k=k, pick=pick) for k, pick in STATIC if k <= most]
        return [*static, *(replace(self, mode="nearest", k=k) for k in NEAREST if k <= most)] or [self]

    def fit(self, below: Ask, train: Dataset) -> Self:
        """Choose the static shots, or keep the examples to look among."""
        solved = _solved(train)
        if self.mode == "static":
            return replace(self, shots=tuple(_shot(e, train.output) for e in self._chosen(solved)), pool="")
        rows = [json.dumps(_row(e, train.output), ensure_ascii=False, separators=(",", ":")) for e in solved]
        return replace(self, shots=(), pool=self._artifacts.put("\n".join(rows).encode("utf-8"), ".jsonl"))

    def gates(self, task: Task, train: Dataset) -> Sequence[Gate]:
        """At least three solved examples to show."""
        solved = len(_solved(train))
        return (Gate("solved examples", solved >= AT_LEAST, str(solved), f"at least {AT_LEAST}", SOURCE),)

    def duties(self, task: Task) -> Sequence[Duty]:
        """Shown examples teach, whether they are still right or not."""
        return (
            Duty(
                what="check the shown examples",
                why="an example that is out of date teaches the old answer",
                when="labels, fields or policies change",
                owner=task.profile.owner,
                command="suffice climb",
            ),
        )

    def __call__(self, request: Request, ask: Ask) -> Answer:
        shots = self.shots[: self.k] if self.mode == "static" else self._nearest(request)
        shots = tuple(s for s in shots if likeness(s.input) != likeness(request.input))
        return ask(replace(request, shots=(*request.shots, *shots))).noting(shots=len(shots))

    def _nearest(self, request: Request) -> Sequence[Shot]:
        """The `k` nearest of the pool, the nearest last: beside the question."""
        if not self.pool:
            return ()
        pool = _pool(self.folder, self.pool, self.embedder)
        query = vectors([request.input], embedder=self.embedder, folder=self.folder)[0]
        return [pool.shots[at] for at in reversed(pool.near(request.input, query, self.k))]

    def _chosen(self, solved: Dataset) -> Sequence[Example]:
        if len(solved) <= self.k:
            return tuple(solved)
        points = vectors([e.text for e in solved], embedder=self.embedder, folder=self.folder)
        chosen = _farthest_first(points, self.k) if self.pick == "spread" else _typical(solved, points, self.k)
        return [solved.examples[at] for at in chosen]

    @property
    def _artifacts(self) -> Artifacts:
        return Artifacts(self.folder / ".suffice" / "artifacts")


STATIC: Sequence[tuple[int, Literal["typical", "spread"]]] = ((3, "typical"), (5, "typical"), (8, "spread"))
NEAREST = (5, 10)


# Choosing


def _length(train: Dataset) -> int:
    """Characters of a typical shot: the mean of the first hundred."""
    solved = _solved(train)[:100]
    return sum(len(e.text) + len(worded(e.accepted[0])) for e in solved) // max(1, len(solved))


def _solved(train: Dataset) -> Dataset:
    """The examples that have an answer to show."""
    return train.only(e for e in train if _answer(e, train.output) is not None)


def _typical(solved: Dataset, points: Array, k: int) -> list[int]:
    """Labels in turn, the most frequent first, each by the example nearest its middle; free answers are clustered."""
    if solved.output.kind != "labels":
        return _middles(points, k)
    groups: dict[str, list[int]] = defaultdict(list)
    for at, example in enumerate(solved):
        groups[str(_answer(example, solved.output))].append(at)
    order = sorted(groups, key=lambda name: (-len(groups[name]), name))
    ranked = {name: _from_the_middle(points, groups[name]) for name in order}
    turns = [ranked[name][turn] for turn in range(k) for name in order if turn < len(ranked[name])]
    return turns[:k]


def _from_the_middle(points: Array, members: Sequence[int]) -> list[int]:
    nearness = points[members] @ points[members].mean(axis=0)
    return [members[at] for at in (-nearness).argsort(kind="stable")]


def _middles(points: Array, k: int) -> list[int]:
    """The members nearest to the middles of `k` clusters, grown from the farthest-first points (Lloyd, ten rounds)."""
    chosen = _farthest_first(points, k)
    for _ in range(10):
        nearest = (points @ points[chosen].T).argmax(axis=1)
        clusters = [[int(at) for at in (nearest == c).nonzero()[0]] or [chosen[c]] for c in range(k)]
        middles = [_from_the_middle(points, cluster)[0] for cluster in clusters]
        if middles == chosen:
            break
        chosen = middles
    return chosen


def _farthest_first(points: Array, k: int) -> list[int]:
    """Greedy k-center (Gonzalez 1985): the most central example, then always the one least like those chosen."""
    chosen = [int((points @ points.mean(axis=0)).argmax())]
    nearest = points @ points[chosen[0]]
    while len(chosen) < k:
        nearest[chosen] = float("inf")
        chosen.append(int(nearest.argmin()))
        nearest = nearest.clip(min=points @ points[chosen[-1]])
    return chosen


# Looking


@dataclass(frozen=True)
class _Pool:
    """The examples to look among: shots, their vectors, and who must not see whom."""

    shots: tuple[Shot, ...]
    points: Array
    groups: tuple[str | None, ...]
    alike: Mapping[str, Sequence[int]]
    """likeness → rows that read so."""

    def near(self, text: str, query: Array, k: int) -> list[int]:
        """The nearest rows, best first, without those that read the same as the text, or share a group with one."""
        same = self.alike.get(likeness(text), ())
        groups = {self.groups[at] for at in same} - {None}
        nearness = self.points @ query
        nearness[list(same)] = float("-inf")
        if groups:
            nearness[[at for at, group in enumerate(self.groups) if group in groups]] = float("-inf")
        best = nearness.argpartition(-k)[-k:] if k < len(nearness) else range(len(nearness))
        ranked = sorted((int(at) for at in best), key=lambda at: (-nearness[at], at))
        return [at for at in ranked if nearness[at] > float("-inf")]


@lru_cache(maxsize=8)
def _pool(folder: Path, digest: str, embedder: str) -> _Pool:
    path = Artifacts(folder / ".suffice" / "artifacts").path(digest)
    rows: list[dict[str, Any]] = [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]
    shots = tuple(Shot(row["input"], row["output"], row.get("fields", {})) for row in rows)
    alike: dict[str, list[int]] = defaultdict(list)
    for at, shot in enumerate(shots):
        alike[likeness(shot.input)].append(at)
    points = vectors([s.input for s in shots], embedder=embedder, folder=folder)
    return _Pool(shots, points, tuple(row.get("group") for row in rows), alike)


# Wording


def _answer(example: Example, output: Output) -> Json:
    """The first accepted answer; an array-typed schema's list is itself the answer. None where nothing is expected."""
    whole = isinstance(example.expected, list) and (output.schema or {}).get("type") == "array"
    return example.expected if whole else next(iter(example.accepted), None)


def _shot(example: Example, output: Output) -> Shot:
    request, reply = example.request, reply_of(example, output)
    return Shot(request.input, written(reply.tool_calls) if output.kind == "tools" else reply.content, request.fields)


def _row(example: Example, output: Output) -> dict[str, Json]:
    shot = _shot(example, output)
    extra = {"fields": dict(shot.fields)} if shot.fields else {}
    return {"input": shot.input, "output": shot.output, **extra, **({"group": example.group} if example.group else {})}
