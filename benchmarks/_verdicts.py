"""Verdicts on diagnoses: causes found against causes planted, item by item, with intervals over runs."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

NOTHING = "undiagnosed"
RESAMPLES = 1000


@dataclass(frozen=True)
class Item:
    """One failing item: what was planted into it and what was found."""

    run: str
    id: str
    truth: frozenset[str]
    """The planted causes; empty for controls, which nothing should be found in."""
    found: frozenset[str]
    task: str
    plants: tuple[str, ...]
    rate: float
    sort: str
    """single, mixed, double, control, guesser or natural."""
    held_out: bool
    fixable: bool | None = None
    """Whether the repair that belongs to the planted cause makes it pass; None where there is none."""
    static: frozenset[str] = frozenset()
    """What a reading of the reply alone would say."""
    claimed: frozenset[str] = frozenset()
    """Of a natural failure, all that was found; `found` then holds what was not confirmed."""


@dataclass(frozen=True)
class Scored:
    """Precision, recall and F1 of one cause, and how often it was true and found."""

    cause: str
    true: int
    found: int
    right: int

    @property
    def precision(self) -> float:
        return self.right / self.found if self.found else 0.0

    @property
    def recall(self) -> float:
        return self.right / self.true if self.true else 0.0

    @property
    def f1(self) -> float:
        return 2 * self.right / (self.true + self.found) if self.true + self.found else 0.0


Guess = Callable[[Item], frozenset[str]]


def by_diagnosis(item: Item) -> frozenset[str]:
    return item.found


def by_reading(item: Item) -> frozenset[str]:
    return item.static


def scored(items: Iterable[Item], guess: Guess = by_diagnosis) -> list[Scored]:
    """A row for every cause that was planted."""
    true, found, right = Counter[str](), Counter[str](), Counter[str]()
    for item in items:
        said = guess(item)
        true.update(item.truth)
        found.update(said)
        right.update(item.truth & said)
    return [Scored(c, true[c], found[c], right[c]) for c in sorted(true)]


def macro(items: Iterable[Item], guess: Guess = by_diagnosis) -> float:
    """The mean F1 over the planted causes."""
    rows = scored(items, guess)
    return sum(r.f1 for r in rows) / len(rows) if rows else 0.0


def interval(items: Sequence[Item], measure: Callable[[Sequence[Item]], float], seed: int = 0) -> tuple[float, float]:
    """The middle 95 % of a measure over runs drawn again, whole runs at a time."""
    clusters: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        clusters[item.run].append(item)
    runs, drawn = list(clusters.values()), random.Random(seed)
    if not runs:
        return 0.0, 0.0
    found = sorted(measure([i for r in drawn.choices(runs, k=len(runs)) for i in r]) for _ in range(RESAMPLES))
    return found[int(0.025 * RESAMPLES)], found[int(0.975 * RESAMPLES) - 1]


def false_rate(items: Sequence[Item]) -> float:
    """The share of controls in which some cause was found."""
    return sum(bool(i.found) for i in items) / len(items) if items else 0.0


def majority(items: Sequence[Item]) -> Guess:
    """Says of every item what is most often true."""
    usual = Counter(c for i in items for c in i.truth).most_common(1)
    answer = frozenset(c for c, _ in usual)
    return lambda _: answer


def matrix(items: Iterable[Item]) -> str:
    """Truth by what was found, as a Markdown table: items with one planted cause, and controls."""
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    for item in items:
        if len(item.truth) <= 1:
            truth = next(iter(item.truth), NOTHING)
            wrong = item.found - item.truth
            if item.truth & item.found and not wrong:
                counted[truth][truth] += 1
            else:
                counted[truth][" + ".join(sorted(item.found)) if len(item.found) == 1 else _told(item)] += 1
    rows = [c for c in sorted(counted) if c != NOTHING] + ([NOTHING] if NOTHING in counted else [])
    others = sorted({f for row in counted.values() for f in row} - {*rows, NOTHING})
    columns = [*rows, *([NOTHING] if NOTHING not in rows else []), *others]
    lines = [f"| planted \\ found | {' | '.join(columns)} |", f"|---|{'--:|' * len(columns)}"]
    for truth in rows:
        cells = [str(counted[truth][c] or "") for c in columns]
        lines.append(f"| {truth} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _told(item: Item) -> str:
    return "several" if item.found else NOTHING


def table(items: Sequence[Item], guess: Guess = by_diagnosis) -> str:
    """Precision, recall and F1 by cause, as a Markdown table."""
    lines = ["| cause | planted | found | precision | recall | F1 |", "|---|--:|--:|--:|--:|--:|"]
    lines += [
        f"| {r.cause} | {r.true} | {r.found} | {r.precision:.2f} | {r.recall:.2f} | {r.f1:.2f} |"
        for r in scored(items, guess)
    ]
    return "\n".join(lines)


def by(items: Iterable[Item], key: Callable[[Item], str]) -> str:
    """Items that were told exactly right, by a key, as a Markdown table; with what was said instead."""
    groups: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    lines = ["| | items | exactly right | can be fixed | most often instead |", "|---|--:|--:|--:|---|"]
    for name, some in sorted(groups.items()):
        right = sum(i.found == i.truth for i in some)
        judged = [i.fixable for i in some if i.fixable is not None]
        fixable = f"{sum(judged) / len(judged):.2f}" if judged else ""
        wrong = Counter(" + ".join(sorted(i.found)) or NOTHING for i in some if i.found != i.truth)
        instead = ", ".join(f"{said} {n}" for said, n in wrong.most_common(2))
        lines.append(f"| {name} | {len(some)} | {right / len(some):.2f} | {fixable} | {instead} |")
    return "\n".join(lines)
