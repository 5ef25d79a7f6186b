"""Curate: from examples, logs, reviews and teachers to rows that deserve training, and a reason for each that does not.

found = curate(suffice.load("triage"), Sources(logs=(Path("traffic.jsonl"),)))
found.rows        the demonstrations
found.dropped     everything else, with step and reason
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

from ..data import Dataset, Example
from ..demonstrations import Choice, Demonstration, Words, reply_of
from ..digest import digest_of
from ..errors import InputError
from ..opinions import opinions
from ..suspects import Suspect, suspects
from ..task import Task
from ..types import Answer, Message, Request
from . import steps
from .candidate import Candidate, Dropped
from .gather import Gathered, Sources, dataset_of, gather
from .steps import Done, Policy

__all__ = ["Candidate", "Curated", "Dropped", "Policy", "Sources", "Step", "clean", "curate", "deserving", "gather"]

DOUBTED_AT_MOST = 20_000
"""Rows up to which labels are doubted: each is compared with all others."""
RARE = 10
"""Rows of a class below which it is said to be rare."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what went in, what was left out, and what was counted meanwhile."""

    name: str
    before: int
    dropped: int
    found: Mapping[str, int] = field(default_factory=dict)
    note: str = ""

    @property
    def after(self) -> int:
        return self.before - self.dropped


@dataclass(frozen=True)
class Cleaned:
    """Candidates that deserve training, those that do not, and the steps between."""

    kept: tuple[Candidate, ...]
    dropped: tuple[Dropped, ...]
    steps: tuple[Step, ...]

    def left_out(self, *names: str) -> tuple[Dropped, ...]:
        """What these steps left out."""
        return tuple(d for d in self.dropped if d.step in names)


@dataclass(frozen=True)
class Curated:
    """A training set and how it came about."""

    task: Task
    cleaned: Cleaned
    gathered: Gathered
    suspects: tuple[Suspect, ...]
    policy: Policy
    rows: tuple[Demonstration, ...]
    pairs: tuple[Choice, ...] = ()
    """A reply that people turned down beside one that stands, for preference tuning."""

    @property
    def kept(self) -> tuple[Candidate, ...]:
        return self.cleaned.kept

    @property
    def dropped(self) -> tuple[Dropped, ...]:
        return self.cleaned.dropped

    @property
    def steps(self) -> tuple[Step, ...]:
        return self.cleaned.steps

    @cached_property
    def balance(self) -> Balance | None:
        """The classes, where the replies are labels or tool calls."""
        return balance(self.kept, self.task)


@dataclass(frozen=True, slots=True)
class Balance:
    """How the rows are spread over classes."""

    counts: Mapping[str, int]
    """Rows by class, the largest first; classes of the contract without rows are there with 0."""

    @property
    def rare(self) -> tuple[str, ...]:
        """Classes with fewer than ten rows."""
        return tuple(name for name, n in self.counts.items() if n < RARE)

    @property
    def imbalance(self) -> float:
        """The rows of the largest class for each row of the median one."""
        ordered = sorted(self.counts.values())
        return ordered[-1] / max(1, ordered[len(ordered) // 2])


def balance(candidates: Sequence[Candidate], task: Task) -> Balance | None:
    """Rows by label, or by the tool that is called first where the tools are the task's and not a row's own."""
    if task.output.kind == "labels":
        counted = Counter(str(c.example.accepted[0]) for c in candidates)
        counted.update(dict.fromkeys(task.output.labels, 0))
    elif task.output.kind == "tools":
        shared = [c.example for c in candidates if not c.example.request.tools]
        counted = Counter(map(_first_tool, shared))
        counted.update({tool.name: 0 for tool in task.output.tools} if shared else {})
    else:
        return None
    return Balance(dict(sorted(counted.items(), key=lambda pair: (-pair[1], pair[0])))) if counted else None


def _first_tool(example: Example) -> str:
    answer = example.accepted[0]
    first = answer if isinstance(answer, Mapping) else answer[0] if answer else None
    return str(first["name"]) if first else "(no call)"


def clean(
    candidates: Sequence[Candidate], task: Task, *, policy: Policy = "mask", judging: Sequence[Example] = ()
) -> Cleaned:
    """Every step but gathering and doubting labels, over candidates of any origin. Asks no model. Deterministic."""
    output, scorer = task.output, task.dataset.scorer
    chain: tuple[tuple[str, Callable[[Sequence[Candidate]], Done]], ...] = (
        ("contract", lambda c: steps.contract(c, output)),
        ("contamination", lambda c: steps.contamination(c, judging)),
        ("personal", lambda c: steps.personal(c, output, policy)),
        ("repetitions", lambda c: steps.repetitions(c, scorer)),
        ("outlier", lambda c: steps.outliers(c, output)),
    )
    left, dropped, told = tuple(candidates), list[Dropped](), list[Step]()
    for name, step in chain:
        done = step(left)
        told.append(Step(name, len(left), len(done.dropped), done.found))
        dropped += done.dropped
        left = done.kept
    return Cleaned(left, tuple(dropped), tuple(told))


def deserving(examples: Dataset, task: Task, *, beside: Iterable[Example] = ()) -> Dataset:
    """Those of some examples that a training set would keep as they are; what holds a secret is not among them.

    Nothing that judges is, nor what repeats it, nor anything of `beside`: examples that are to choose.
    """
    judging = (*judging_of(task), *beside)
    cleaned = clean([Candidate(e) for e in examples], task, policy="keep", judging=judging)
    return examples.only(c.example for c in cleaned.kept if c.example == examples.by_id[c.id])


def judging_of(task: Task) -> tuple[Example, ...]:
    """Everything that judges and must not be learned: test, edge and the examples that confirm."""
    return (*task.parts.test, *task.parts.edge, *(task.confirmation or ()))


def curate(
    task: Task,
    sources: Sources = Sources(),
    *,
    policy: Policy = "mask",
    doubted: Literal["keep", "drop"] = "keep",
    below: Words | None = None,
) -> Curated:
    """The training set that a task's dev examples and other sources make. Test and edge are looked at, never taken.

    `below` words the prompts as its stack would; without it they are the inputs alone. Labels that look wrong are
    told, and left out where `doubted` says so; none is proven.
    """
    gathered = gather(task, sources)
    if not gathered.candidates:
        raise InputError("nothing to curate", hint="mark examples `dev`, or name --logs, --reviews or --teacher files")
    cleaned = clean(gathered.candidates, task, policy=policy, judging=judging_of(task))
    doubts, note = doubts_of(cleaned.kept, task)
    if doubted == "drop":
        cleaned = _without(cleaned, doubts)
    else:
        count = len(cleaned.kept)
        cleaned = replace(cleaned, steps=(*cleaned.steps, Step("label", count, 0, {"suspect": len(doubts)}, note)))
    rows = tuple(_demonstration(c, task, below) for c in cleaned.kept)
    pairs = _pairs(cleaned, gathered, task, policy, below)
    return Curated(task, cleaned, gathered, doubts, policy, tuple(row for row in rows if row), pairs)


def doubts_of(
    candidates: Sequence[Candidate], task: Task, embedder: str | None = "minilm"
) -> tuple[tuple[Suspect, ...], str]:
    """Labels that the other rows speak against, and why none were looked for where that is so."""
    if task.output.kind != "labels":
        return (), "labels are looked at, not free replies"
    if len(candidates) > DOUBTED_AT_MOST:
        return (), f"more than {DOUBTED_AT_MOST:,} rows: not looked at"
    data = dataset_of(candidates, task.dataset)
    said = opinions({"pool": data, "select": data.only(())}, folder=task.folder, embedder=embedder)
    return tuple(suspects({"pool": data.examples}, said)), ""


def _without(cleaned: Cleaned, doubts: Sequence[Suspect]) -> Cleaned:
    why = {s.id: s for s in doubts}
    gone = [
        Dropped(c, "label", f"{why[c.id].evidence[0]}; rather `{why[c.id].proposed}`")
        for c in cleaned.kept
        if c.id in why and c.weight > 0
    ]
    ids = {d.candidate.id for d in gone}
    step = Step("label", len(cleaned.kept), len(gone), {"suspect": len(doubts)})
    kept = tuple(c for c in cleaned.kept if c.id not in ids)
    return Cleaned(kept, (*cleaned.dropped, *gone), (*cleaned.steps, step))


def _demonstration(candidate: Candidate, task: Task, below: Words | None) -> Demonstration | None:
    example = candidate.example
    messages = worded(example.request, below)
    if not messages:
        return None
    tools = example.held_to(task.output).tools
    return Demonstration(candidate.id, messages, reply_of(example, task.output), tools, candidate.provenance)


def worded(request: Request, below: Words | None) -> tuple[Message, ...]:
    """A request as the stack beneath words it, or as it is."""
    from ..stack import Stack

    return (below or Stack(_nobody)).wording(request)


def _nobody(_: Request) -> Answer:
    return Answer("")


def _pairs(cleaned: Cleaned, gathered: Gathered, task: Task, policy: Policy, below: Words | None) -> tuple[Choice, ...]:
    """Each reply that was turned down beside the one that stands for the same input."""
    standing = {digest_of(c.example.input): c for c in cleaned.kept}
    left = steps.contract(gathered.turned_down, task.output).kept
    left = steps.personal(steps.contamination(left, judging_of(task)).kept, task.output, policy).kept
    found = []
    for c in left:
        good = standing.get(digest_of(c.example.input))
        rejected = reply_of(c.example, task.output)
        if good is not None and (chosen := reply_of(good.example, task.output)) != rejected:
            found.append(Choice(c.id, worded(good.example.request, below), chosen, rejected, c.provenance))
    return tuple(found)
