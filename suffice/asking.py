"""Asking: a stack asked about the test items, look by look, until what was declared of it is decided."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from .budget import Budget
from .data import Dataset, worded
from .evidence import Evidence
from .ledger import Ledger
from .looks import asked_of, graded, scores_of
from .record import Run
from .run import Progress, run
from .stack import Stack
from .stats import rung
from .task import Task
from .types import Json, Sampling

UNLOADED = 72
"""Test items asked one at a time where a latency target decides: the fewest that give P95 an upper limit (0.95^72 is
under 2.5 %), so that it can be proven to be met.
"""
UNLOADED_SAMPLE = 1_000_000
"""The sample number of those, so that no cached reply answers for them."""

UNLOOKED: Mapping[str, Json] = {
    **dict.fromkeys(("items", "graded", "told_by", "edge", "unloaded")),
    "pairs": {},
}
"""What a line of evidence holds beside its run on test, as long as nothing of it is known."""

Watch = Callable[[str, Progress | None], None]
"""Told the stage in words, and how far the runs of that stage are."""
Enough = Callable[[rung.Asked, rung.Scores, rung.Scores], bool]
"""Whether enough was asked, given the scores of what is held and of the stack so far."""


@dataclass
class Asking:
    """Runs of stacks over the parts of a task, each written down as evidence."""

    task: Task
    ledger: Ledger
    budget: Budget
    watch: Watch
    evidence: Evidence
    plan: Mapping[str, Json] = field(default_factory=dict)
    """What was declared; set before test is opened."""
    stacks: dict[str, Stack] = field(default_factory=dict)
    """The stacks of the runs on test, so that a run that was stopped can go on."""

    def run(self, stack: Stack, examples: Dataset, part: str, stage: str, *, first: int | None = None) -> Run:
        """Run a stack over a part and write it down."""
        self.watch(stage, None)
        found = run(
            stack,
            examples,
            ledger=self.ledger,
            budget=self.budget,
            first=first,
            progress=lambda p: self.watch(stage, p),
        )
        self.evidence.add_run(found, part)
        if part == "test":
            self.stacks[found.id] = stack
        return found

    def judged(self, stack: Stack, title: str, dev: Run, against: Sequence[str], enough: Enough) -> dict[str, Json]:
        """Run a stack on test against the held runs, as far as it takes; edge is left for those that get there.

        A stack that asks no model is run on everything at once: nothing is saved by stopping. `dev` tells whether its
        scores are graded.
        """
        if self.plan["looks"] == "none" or not asks(dev):
            test = self.run(stack, self.task.parts.test, "test", f"{title}: judging")
            for held in against:
                self.complete(held)
            return {**UNLOOKED, "test": test.id, "told_by": dev.id}
        partly = graded(r.value for r in dev.records)
        asked = asked_of(self.plan, self.task_line, self.task.parts.test.examples, graded=partly)
        looked = self.looked(stack, title, asked, against, enough, needs=rung.wants_lift)
        return {**UNLOOKED, **looked, "graded": partly, "told_by": dev.id}

    @property
    def task_line(self) -> Mapping[str, Json]:
        """The target as the evidence has it."""
        told: Mapping[str, Json] = self.evidence.one("task")["target"]
        return told

    def complete(self, held: str) -> None:
        """See that a run on test holds every item."""
        self.run(self.stacks[held], self.task.parts.test, "test", "what is held: the other test items")

    def begins(self, what: Mapping[str, Json], calls: int) -> bool:
        """Whether something that decides nothing may begin: it has once, or the caps leave room for so many calls."""
        begun = {"plan": self.plan["hash"], **what}
        if any(d.body == begun for d in self.ledger.declared("begun")):
            return True
        if fits := affordable(self.budget, self.ledger, calls):
            self.ledger.declare("begun", begun)
        return fits

    def edge(self, stack: Stack, title: str) -> str | None:
        """Run a stack on the edge partition, where there is one."""
        edge = self.task.parts.edge
        return self.run(stack, edge, "edge", f"{title}: edge").id if len(edge) else None

    def unloaded(self, stack: Stack, title: str) -> str | None:
        """Where latency decides: some test items asked once more, one at a time, past the reply cache."""
        if self.task.target.p95_ms is None:
            return None
        stage, items = f"{title}: latency, one request at a time", self.task.parts.test[:UNLOADED]
        self.watch(stage, None)
        found = run(
            stack,
            items,
            ledger=self.ledger,
            budget=self.budget,
            workers=1,
            sample=UNLOADED_SAMPLE,
            progress=lambda p: self.watch(stage, p),
        )
        return self.evidence.add_run(found, "test")

    def further(self, line: Mapping[str, Json], title: str, enough: Enough) -> dict[str, Json]:
        """Take up the looks of a stack that was judged where they were left."""
        asked = asked_of(self.plan, self.task_line, self.task.parts.test.examples, graded=line["graded"])
        return self.looked(self.stacks[line["test"]], title, asked, (), enough, line["items"])

    def looked(
        self,
        stack: Stack,
        title: str,
        asked: rung.Asked,
        against: Sequence[str],
        enough: Enough,
        after: int = 0,
        needs: Callable[[rung.Asked, rung.Scores], bool] | None = None,
    ) -> dict[str, Json]:
        """Ask look by look until it is enough against each held run; looks up to `after` are past.

        What is held is asked about the same items, where the question needs it; `pairs` says how far each was.
        """
        test, examples = self.task.parts.test, self.task.parts.test.examples
        found: Run | None = None
        for size in (s for s in self.plan["sizes"] if s > after):
            found = self.run(stack, test, "test", f"{title}: judging, {size} of {len(test)}", first=size)
            new = scores_of(_values(found), examples[:size])
            olds = [new]
            if against and (needs is None or needs(asked, new)):
                olds = [self._held(run, title, size) for run in against]
            if all(enough(asked, old, new) for old in olds):
                break
        if found is None:
            return {"test": "", "items": after, "pairs": {}}
        items = len(found.records)
        if needs is not None:
            for run in against:
                self._catch_up(run, title, asked, found)
        return {"test": found.id, "items": items, "pairs": {run: min(items, self._asked(run)) for run in against}}

    def _catch_up(self, held: str, title: str, asked: rung.Asked, found: Run) -> None:
        """Ask what is held about the items of a stack that needed it not, look by look, until the lift is decided.

        A lift is so once its limits show it too: they are a little later than the counts.
        """
        values, examples = _values(found), self.task.parts.test.examples
        for size in (s for s in self.plan["sizes"] if min(self._asked(held), len(values)) <= s <= len(values)):
            old, new = self._held(held, title, size), scores_of(values, examples[:size])
            lift = rung.judge(asked, old, new).lift
            if lift != "undecided" and (lift != "better" or rung.lift(asked, old, new).low > 0):
                return

    def _held(self, run: str, title: str, size: int) -> rung.Scores:
        test = self.task.parts.test
        found = self.run(self.stacks[run], test, "test", f"{title}: what is held", first=size)
        return scores_of(_values(found), test.examples[:size])

    def _asked(self, run: str) -> int:
        """How many test items a run holds so far."""
        return sum(1 for line in self.evidence.of("record") if line["run"] == run)


def settled(asked: rung.Asked, before: rung.Scores, after: rung.Scores) -> bool:
    """Enough for a rung: see `rung.settled`."""
    return rung.judge(asked, before, after).settled


def told(asked: rung.Asked, _: rung.Scores, after: rung.Scores) -> bool:
    """Enough for a last word on the target: it is proven met, or proven not to be."""
    return rung.decided(asked, after) in ("above", "below")


def _values(of: Run) -> dict[str, float | None]:
    return {r.id: r.value for r in of.records}


def affordable(budget: Budget, ledger: Ledger, calls: int) -> bool:
    """Whether so many more calls fit into the caps, at the price that calls have had so far."""
    bought = ledger.totals()
    fits = budget.calls is None or budget.calls - budget.spent_calls >= calls
    if budget.usd is None or not bought.attempts:
        return fits
    price = None if bought.usd is None else calls * bought.usd / bought.attempts
    return fits and price is not None and price <= budget.usd - budget.spent_usd


def asks(of: Run) -> bool:
    """Whether a stack asked its model for any item."""
    steps: Iterable[str] = (s.name for r in of.records if r.answer is not None for s in r.answer.trace)
    return any(name == "model" for name in steps) or any(r.answer is None for r in of.records)


def sampling_for(task: Task, dev: Dataset) -> Sampling:
    """Greedy, with room for half as much again as the longest right answer on dev (about 2.5 characters a token)."""
    longest = max((len(worded(a)) for e in dev for a in e.accepted), default=100)
    least = {"labels": 8, "text": 32, "schema": 48, "tools": 48}[task.output.kind]
    return Sampling(max_tokens=min(1024, max(least, round(longest * 1.5 / 2.5) + 4)), seed=task.seed)
