"""People: what their labels make of a judge's scores of stored runs, and which outputs they should label next."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .compare import Comparison
from .data import Example
from .draw import drawn, to_label
from .errors import InputError
from .evidence import Reading
from .judged import judged
from .labels import Arm, Label, Labels, read, sha256
from .stats.interval import Interval, mean_interval
from .stats.ppi import powered_mean
from .stats.sample import ENOUGH_GROUPS
from .types import Json

DRAWN = 40
"""Items that people are asked to label at first: some more than the 30 without which nothing is told."""


TO_LABEL = "to_label"
"""What the files that people fill are called; one that holds anything of theirs is never written again."""


def unfilled(folder: Path) -> Path:
    """The first of to_label.jsonl, to_label-2.jsonl … that is not there yet, or holds no label so far."""
    names = (f"{TO_LABEL}{'' if n == 1 else f'-{n}'}.jsonl" for n in itertools.count(1))
    return next(path for name in names if not _filled(path := folder / name))


def _filled(path: Path) -> bool:
    if not path.exists():
        return False
    try:
        return any(row.score is not None or row.by for row in read(path).rows)
    except InputError:
        return True


@dataclass(frozen=True)
class People:
    """A judge's scores on test beside people's labels, both from evidence."""

    reading: Reading
    examples: Sequence[Example]
    seed: int

    @property
    def labels(self) -> Labels:
        """The labels that the evidence holds."""
        keys = ("id", "output_sha256", "score", "by")
        return Labels(tuple(Label(*(x[k] for k in keys)) for x in self.reading.evidence.of("label")))

    def arm(self, run: str) -> Arm:
        """What a run said and how the judge scored it."""
        records = self.reading.records[run]
        outputs = {e.id: records[e.id]["output"] for e in self.examples}
        return Arm(outputs, {e.id: records[e.id]["value"] for e in self.examples})

    def mean(self, run: str, alpha: float) -> Interval | None:
        """The mean that people would give, prediction-powered, each end at alpha/2; None with too few labels."""
        arm, labels, order = self.arm(run), self.labels, drawn(self.examples, self.seed)
        whole = next((n for n, c in enumerate(order) if any(arm.truth(e.id, labels) is None for e in c)), len(order))
        used, rest = ([e for cluster in part for e in cluster] for part in (order[:whole], order[whole:]))
        if whole < ENOUGH_GROUPS:
            return None
        human = [arm.truth(e.id, labels) or 0.0 for e in used]
        grouped = len(order) < len(self.examples)
        here, there = ([e.cluster for e in part] if grouped else None for part in (used, rest))
        if len(rest) < 2:
            return mean_interval(human, here, alpha=alpha, seed=self.seed)
        guessed, elsewhere = ([arm.guess(e.id) for e in part] for part in (used, rest))
        found = powered_mean(human, guessed, elsewhere, here, there, alpha=alpha)
        return Interval(found.estimate, found.low, found.high, found.level, len(used), found.method, found.reason)

    def lift(self, before: str, after: str, alpha: float) -> Comparison | None:
        """The lift that people would see, prediction-powered; None with too few labels of both arms."""
        found = judged(self.arm(before), self.arm(after), self.labels, self.examples, alpha=alpha, seed=self.seed)
        return found.comparison if found.verified else None

    def wanted(self, pairs: Sequence[tuple[str, str]]) -> list[dict[str, Json]]:
        """Rows for people to fill, blind: the outputs of the first items drawn, for each pair of runs."""
        rows: dict[str, dict[str, Json]] = {}
        for before, after in pairs:
            arms = self.arm(before), self.arm(after)
            for row in to_label(*arms, self.examples, DRAWN, seed=self.seed, labels=self.labels):
                rows[sha256(f"{self.seed}:{row['id']}:{row['output']}")] = row
        return [rows[key] for key in sorted(rows)]
