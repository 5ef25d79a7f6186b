"""Learning curves: how often do their limits hold, and how often is it wrong whether more rows would pay?

    python benchmarks/curves.py [--runs 300] [--seed 0]

Reads published scores from SUFFICE_DATA (default ../shared/data); asks no model and trains nothing.

*Known laws*: scores a − b·n^(−c) at 100, 200, 400 and 800 rows with drawn a, b and c, plus chance from one training to
the next, answered by so many items; of the items, half of what makes one easy stays from size to size. *Published
curves*: for each method and data set with four sizes or more and an accuracy (SetFit's few-shot results, ten seeds a
size), one seed a size is drawn, so many items are answered at that rate, all sizes but the last are shown, and the
score of another seed at the next size, and the mean of its seeds, should lie within the limits at 90 %. Sizes under 16
rows are left out: no slice is so small.

Ends with the spread from seed to seed by rows in the published scores beside the one that is assumed, and with `holds`
unless coverage is shown (at 99.9 %) to be below 85 %, or wrong words about what pays above 10 %, on published curves or
on laws with no more chance than is assumed; exits 1 then, and 2 without data.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, stdev

import numpy as np

from suffice.stats.curve import Curve, learned, luck_at
from suffice.stats.interval import proportion

DATA = Path(os.environ.get("SUFFICE_DATA", Path(__file__).parents[1] / ".." / "shared" / "data"))
CLASSES = {"ag_news": 4, "sst5": 5, "sst-5": 5, "enron_spam": 2, "cr": 2, "ade_corpus_v2_classification": 2}
"""The sets whose measure is an accuracy, with their classes: sizes are told per class."""
IN_ALL = "distillation"
"""The family whose sizes are rows in all."""
SMALLEST, LEVEL, LEAST = 0.02, 0.9, 16
Rng = np.random.Generator


@dataclass
class Count:
    """Of how many, how often."""

    hit: int = 0
    of: int = 0

    def add(self, hit: bool) -> None:
        self.hit, self.of = self.hit + hit, self.of + 1

    def __str__(self) -> str:
        if not self.of:
            return "–"
        found = proportion(self.hit, self.of)
        return f"{self.hit / self.of:.1%} [{found.low:.1%}, {found.high:.1%}] of {self.of}"

    def below(self, level: float) -> bool:
        return bool(self.of) and proportion(self.hit, self.of, 0.998).high < level

    def above(self, level: float) -> bool:
        return bool(self.of) and proportion(self.hit, self.of, 0.998).low > level


@dataclass
class Told:
    """What became of the claims on one kind of curve."""

    inside: Count = field(default_factory=Count)
    """Another training at twice the rows scores within the limits."""
    mean: Count = field(default_factory=Count)
    """So does the mean of trainings there."""
    wrong: Count = field(default_factory=Count)
    """Of all curves: `pays` or `does not pay`, and the opposite is true."""
    told: Count = field(default_factory=Count)
    """Of all curves: something else than `cannot tell`."""
    width: list[float] = field(default_factory=list)

    def add(self, curve: Curve, another: float, mean: float, gain: float) -> None:
        at = curve.predicted[0]
        self.inside.add(at.low <= another <= at.high)
        self.mean.add(at.low <= mean <= at.high)
        self.wrong.add(curve.pays != "cannot tell" and (curve.pays == "pays") != (gain >= SMALLEST))
        self.told.add(curve.pays != "cannot tell")
        self.width.append(at.high - at.low)

    def show(self, name: str) -> None:
        print(
            f"{name:34} another {self.inside}; mean {self.mean.hit / self.mean.of:.1%}; wide {median(self.width):.3f}"
        )
        print(f"{'':34} pays or not: wrong {self.wrong}, told {self.told.hit / self.told.of:.0%}")


def answered(rates: Sequence[float], items: int, draw: Rng) -> np.ndarray:
    """Right or wrong, a row a size: half of what makes an item easy stays from size to size."""
    from scipy.stats import norm

    shared, own = draw.normal(size=items), draw.normal(size=(len(rates), items))
    ease = norm.cdf((shared + own) / np.sqrt(2))
    return (ease < np.asarray(rates)[:, None]).astype(float)


def laws(runs: int, items: int, chance: float, draw: Rng) -> Told:
    """Curves that follow the law; `chance` scales the spread from training to training that is assumed."""
    told, sizes = Told(), (100, 200, 400, 800)
    for run in range(runs):
        a, c = draw.uniform(0.6, 1.0), draw.choice([0.2, 0.5, 1.0])
        b = draw.uniform(0.0, 0.5) * 100**c
        true = lambda n, a=a, b=b, c=c: max(0.0, a - b * n ** (-c))  # noqa: E731
        spread = [chance * luck_at(n) for n in (*sizes, 1600)]
        got = [float(np.clip(true(n) + draw.normal() * s, 0, 1)) for n, s in zip((*sizes, 1600), spread, strict=True)]
        curve = learned(sizes, answered(got[:-1], items, draw), smallest=SMALLEST, seed=run)
        told.add(curve, got[-1], true(1600), true(1600) - true(800))
    return told


Scores = dict[int, list[float]]


def published() -> dict[str, Scores]:
    """Scores by rows of every published curve that is an accuracy."""
    found: dict[str, Scores] = defaultdict(lambda: defaultdict(list))
    with (DATA / "setfit_fewshot" / "results.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["measure"] not in ("acc", "accuracy") or row["dataset"] not in CLASSES:
                continue
            classes = 1 if row["family"] == IN_ALL else CLASSES[row["dataset"]]
            rows = int(row["train_per_class_or_total"]) * classes
            found[f"{row['family']} {row['method']} {row['dataset']}"][rows].append(float(row["score"]) / 100)
    return {name: dict(sorted(scores.items())) for name, scores in sorted(found.items())}


def real(runs: int, items: int, draw: Rng) -> tuple[Told, int]:
    """Curves as they were published, one seed a size, the last size hidden; sizes that double."""
    told, curves = Told(), [list(shown(s)) for s in published().values()]
    kept = [(s, curve) for s, whole in zip(published().values(), curves, strict=True) for curve in whole]
    for run in range(runs):
        for scores, sizes in kept:
            seeds = [float(draw.choice(scores[n])) for n in sizes]
            curve = learned(sizes[:-1], answered(seeds[:-1], items, draw), smallest=SMALLEST, seed=run)
            means = [float(np.mean(scores[n])) for n in sizes[-2:]]
            told.add(curve, seeds[-1], means[-1], means[-1] - means[-2])
    return told, len(kept)


def shown(scores: Scores) -> Iterator[list[int]]:
    """Runs of sizes that double: three or more to show, and one to predict."""
    sizes = [n for n in scores if n >= LEAST]
    for last in sizes:
        chain = [last]
        while chain[0] % 2 == 0 and chain[0] // 2 in sizes:
            chain.insert(0, chain[0] // 2)
        if len(chain) >= 4:
            yield chain


def spreads() -> None:
    """The standard deviation from seed to seed by rows, and the one that is assumed."""
    found: dict[str, list[float]] = defaultdict(list)
    ends = (8, 20, 40, 80, 160, 320, 640, 1280)
    for scores in published().values():
        for rows, seeds in scores.items():
            end = next((e for e in ends if rows <= e), None)
            if len(seeds) >= 5 and end:
                found[f"to {end:5}"].append(stdev(seeds))
    print("\nspread from seed to seed (standard deviation of the score), by rows")
    for name, values in sorted(found.items()):
        high = float(np.quantile(values, 0.9))
        assumed = luck_at(int(name.split()[-1]))
        told = f"median {median(values):.4f}, ninth decile {high:.4f}, n {len(values)}"
        print(f"  {name} rows: {told}; assumed {assumed:.4f}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    draw, broken = np.random.default_rng(asked.seed), False
    for items in (100, 200, 2000):
        for chance in (0.0, 1.0, 2.0):
            found = laws(asked.runs, items, chance, draw)
            found.show(f"law, {items} items, chance × {chance:g}")
            broken |= chance <= 1 and (found.inside.below(0.85) or found.wrong.above(1 - LEVEL))
    if not (DATA / "setfit_fewshot" / "results.csv").is_file():
        print(f"no published scores at {DATA}", file=sys.stderr)
        return 2
    for items in (100, 200, 2000):
        found, curves = real(max(1, asked.runs // 10), items, draw)
        found.show(f"published, {curves} curves, {items} items")
        broken |= found.inside.below(0.85) or found.wrong.above(1 - LEVEL)
    spreads()
    print("does not hold" if broken else "holds")
    return int(broken)


if __name__ == "__main__":
    sys.exit(main())
