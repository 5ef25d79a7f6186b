"""How many calls does a whole climb take, and how often does it say what is not so?

    python benchmarks/ladder.py [--climbs 2000] [--boundary 10000] [--part usual|full|alone|small|strict] [--quick]

Simulated ladders of six rungs, judged by the functions that a climb uses; asks no model. Beside each climb, on the same
items at the same error: the full grid (every rung on every item) and the fixed walk-up (one exact test a rung, on all
items, until the first that passes). `usual`: items share their difficulty, looks may give up; `full`: the full-power
mode; `alone`: rungs fail independently; `small`: fewer items; `strict`: the default tolerance. Exits 1 where a promise
does not hold: of errors in every part, of calls in `usual`.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cache
from statistics import NormalDist, median

import numpy as np

from suffice.stats import rung
from suffice.stats.budget import split
from suffice.stats.distribution import binomial_at_least
from suffice.stats.interval import proportion
from suffice.stats.power import provable
from suffice.stats.spending import Plan, Spending, look_plan, look_sizes

TARGET, FLOOR, MARGIN = 0.85, 0.02, 0.05
DEV = 40
BEHIND, SMALLEST_LIFT = 0.01, 0.02
WITHOUT_A_LAYER = 0.1
"""What any layer but the outermost is worth."""
LADDERS: dict[str, tuple[float, ...]] = {
    "the first suffices": (0.93, 0.94, 0.95, 0.95, 0.96, 0.96),
    "the third suffices": (0.62, 0.71, 0.92, 0.93, 0.94, 0.94),
    "only the last suffices": (0.55, 0.60, 0.65, 0.70, 0.75, 0.92),
    "nothing suffices": (0.40, 0.55, 0.60, 0.62, 0.65, 0.70),
    "one is nearly enough": (0.70, 0.78, 0.83, 0.86, 0.88, 0.90),
    "all are at the bound": (),
}
CLEAR = tuple(LADDERS)[:4]
BOUNDARY = tuple(LADDERS)[-1]
KINDS = ("test", "dev", "down", "ablation")
_HAIR = 1e-9


@dataclass(frozen=True)
class Setting:
    """What is climbed, and with which looks."""

    name: str
    n: int = 500
    tolerance: float = 0.05
    spending: Spending = "pocock"
    rho: float = 0.5
    """How much of an item's difficulty all stacks share, as the correlation of their latent scores."""

    @property
    def bound(self) -> float:
        return TARGET - self.tolerance

    @property
    def truths(self) -> tuple[float, ...]:
        return LADDERS[self.name] or (self.bound,) * 6

    @property
    def right(self) -> int | None:
        """The lightest rung that suffices."""
        return next((k for k, q in enumerate(self.truths) if q >= TARGET), None)


@cache
def asked(of: Setting, attempts: int = 0) -> rung.Asked:
    """What is asked of a rung, or of each of so many attempts on the way down."""
    shared = split(candidates=len(of.truths), claims=len(of.truths))
    assert shared.per_candidate and shared.per_claim
    sizes = look_sizes(of.n, shared.per_claim / 2, spending=of.spending)

    def plan(alpha: float) -> Plan:
        return look_plan(of.n, alpha, spending=of.spending, sizes=sizes)

    target, lift = (shared.per_candidate, shared.per_claim / 2) if not attempts else (shared.down / attempts,) * 2
    return rung.Asked(plan(target), plan(lift), of.bound, TARGET)


@dataclass
class Stack:
    """A stack with its scores on dev and on test, of which so many were bought."""

    truth: float
    layers: int
    dev: np.ndarray
    test: np.ndarray
    bought: int = 0
    judged: int = 0
    below: bool = False

    def scores(self, size: int) -> rung.Scores:
        return rung.Scores(self.test[:size], self.test[:size])


@dataclass
class Found:
    """How one climb ended."""

    calls: Counter[str] = field(default_factory=Counter)
    met: bool | None = None
    truth: float = FLOOR
    layers: int = 0
    """Of the rung at which it stopped, before the way down."""
    lighter: int = 0
    false: Counter[str] = field(default_factory=Counter)
    walk_calls: int = 0
    walk_layers: int = 0


class Climb:
    """One climb of one simulated ladder."""

    def __init__(self, of: Setting, rng: np.random.Generator) -> None:
        self.of, self.rng, self.found = of, rng, Found()
        self.shared = math.sqrt(of.rho) * rng.standard_normal(DEV + of.n)
        self.rungs = [self.stack(q, k) for k, q in enumerate(of.truths, 1)]
        self.held = self.stack(FLOOR, 0)
        self.held.bought = of.n
        self.base: Stack | None = None

    def stack(self, truth: float, layers: int) -> Stack:
        own = math.sqrt(1 - self.of.rho) * self.rng.standard_normal(DEV + self.of.n)
        passed = (self.shared + own < NormalDist().inv_cdf(truth)).astype(float)
        return Stack(truth, layers, passed[:DEV], passed[DEV:])

    def run(self) -> Found:
        for each in self.rungs:
            if self._rung(each):
                break
        if self.found.met is None and self.held.layers:
            self._further()
        self.found.truth, self.found.layers = self.held.truth, self.held.layers
        if self.found.met:  # what does not suffice is not made lighter
            self._down()
        self._walk_up()
        return self.found

    # Up

    def _rung(self, each: Stack) -> bool:
        self.found.calls["dev"] += DEV
        carried = self.base is None or (not self.held.layers and _gain(self.base, each) >= SMALLEST_LIFT)
        if self._worth_opening(each) and not _behind(self.held, each):
            stood = self._judged(each)
            if stood.target == "above" or stood.lift == "better":
                self.held, carried, self.found.met = each, True, True if stood.target == "above" else None
        self.base = each if carried else self.base
        return bool(self.found.met)

    def _worth_opening(self, each: Stack) -> bool:
        before, after = self.base and self.base.dev.mean(), each.dev.mean()
        return before is None or rung.worth_opening(float(before), float(after), self.of.bound)

    def _judged(self, each: Stack) -> rung.Judged:
        ask = asked(self.of)
        for size in ask.target.sizes:
            self._buy(each, size, "test")
            each.judged = size
            if rung.wants_lift(ask, each.scores(size)):
                self._buy(self.held, size, "test")
                if rung.judge(ask, self.held.scores(size), each.scores(size)).settled:
                    break
            elif rung.decided(ask, each.scores(size)) == "above":
                break
        stood = self._caught_up(each)
        self._claims_of_target(each, stood.target)
        self._claim("lift", stood.lift == "better" and each.truth <= self.held.truth + _HAIR)
        self._claim("loss", stood.lift == "worse" and each.truth >= self.held.truth - _HAIR)
        return stood

    def _caught_up(self, each: Stack) -> rung.Judged:
        # what is held is asked about the items of a rung that needed it not, until the lift is decided
        ask, least = asked(self.of), min(self.held.bought, each.judged)
        target = rung.judge(ask, each.scores(each.judged), each.scores(each.judged)).target
        for size in (s for s in ask.target.sizes if least <= s <= each.judged):
            self._buy(self.held, size, "test")
            stood = rung.judge(ask, self.held.scores(size), each.scores(size))
            if stood.lift != "undecided":
                break
        return replace(stood, target=target)

    def _further(self) -> None:
        if self.held.below:
            self.found.met = False
            return
        ask = asked(self.of)
        for size in (s for s in ask.target.sizes if s > self.held.judged):
            self._buy(self.held, size, "test")
            found = rung.decided(ask, self.held.scores(size))
            if found in ("above", "below"):
                self.found.met = found == "above"
                self._claims_of_target(self.held, found)
                return

    # Down

    def _down(self) -> None:
        frozen, of = self.held, self.of
        self.found.calls["ablation"] += DEV * frozen.layers
        for layer in range(frozen.layers):
            beneath = of.truths[frozen.layers - 2] if frozen.layers > 1 else FLOOR
            lighter = self.stack(max(FLOOR, frozen.truth - WITHOUT_A_LAYER) if layer else beneath, frozen.layers - 1)
            if self._does(lighter, frozen):
                self.found.truth = lighter.truth
                self.found.lighter += 1

    def _does(self, lighter: Stack, frozen: Stack) -> bool:
        ask = asked(self.of, frozen.layers)
        if not rung.tellable(ask, MARGIN) or not rung.promising(frozen.dev, lighter.dev, MARGIN):
            return False
        for size in ask.target.sizes:
            self._buy(lighter, size, "down")
            self._buy(frozen, size, "down")
            old, new = frozen.scores(size), lighter.scores(size)
            found = rung.lighter(ask, old, new, MARGIN, aimed=True)
            if found != "undecided":
                break
        loss = rung.not_worse(ask, old, new, MARGIN)
        self._claim("not worse", loss == "not worse" and lighter.truth <= frozen.truth - MARGIN + _HAIR)
        self._claim("loss", loss == "worse" and lighter.truth >= frozen.truth - _HAIR)
        self._claims_of_target(lighter, rung.decided(ask, new))
        return found == "enough"

    # Beside it

    def _walk_up(self) -> None:
        ask = asked(self.of)
        least = provable(self.of.bound, self.of.n, ask.target.alpha) or self.of.n + 1
        for each in self.rungs:
            self.found.walk_calls += self.of.n
            if each.test.sum() >= least:
                self.found.walk_layers = each.layers
                return

    def _buy(self, each: Stack, size: int, kind: str) -> None:
        self.found.calls[kind] += max(0, size - each.bought)
        each.bought = max(each.bought, size)

    def _claims_of_target(self, each: Stack, found: str | None) -> None:
        each.below |= found == "below"
        self._claim("met", found == "above" and each.truth <= self.of.bound + _HAIR)
        self._claim("not met", found == "below" and each.truth >= TARGET - _HAIR)

    def _claim(self, kind: str, false: bool) -> None:
        self.found.false[kind] += false


def _gain(before: Stack, after: Stack) -> float:
    return float(after.dev.mean() - before.dev.mean())


def _behind(held: Stack, after: Stack) -> bool:
    # exact McNemar on dev, two-sided
    lost, won = int((held.dev > after.dev).sum()), int((held.dev < after.dev).sum())
    return lost > won and 2 * binomial_at_least(lost, lost + won, 0.5) <= BEHIND


# Many climbs


@dataclass(frozen=True)
class Cell:
    """All climbs of one ladder."""

    of: Setting
    found: tuple[Found, ...]

    @property
    def totals(self) -> np.ndarray:
        return np.array([f.calls.total() for f in self.found], float)

    @property
    def walks(self) -> np.ndarray:
        return np.array([f.walk_calls for f in self.found], float)

    def against(self, others: np.ndarray) -> tuple[float, float]:
        """How many times as many calls the others take, and the 95 % error of that (delta method)."""
        mean = self.totals.mean()
        ratio = float(others.mean() / mean)
        return ratio, float(1.96 * (others - ratio * self.totals).std() / mean / math.sqrt(len(self.found)))

    @property
    def grid(self) -> tuple[float, float]:
        return self.against(np.full(len(self.found), float(self.of.n * len(self.of.truths))))

    @property
    def insufficient(self) -> int:
        return sum(f.met is True and f.truth <= self.of.bound + _HAIR for f in self.found)

    @property
    def false(self) -> int:
        return sum(f.false.total() > 0 for f in self.found)

    @property
    def right(self) -> int:
        """Stopped at the lightest that suffices or at a lighter one within the tolerance; if none does, said no yes."""
        return sum(self._right(f.met is True, f.layers, f.truth) for f in self.found)

    @property
    def walk_right(self) -> int:
        truths = (FLOOR, *self.of.truths)
        return sum(self._right(f.walk_layers > 0, f.walk_layers, truths[f.walk_layers]) for f in self.found)

    def _right(self, met: bool, layers: int, truth: float) -> bool:
        best = self.of.right
        if best is None or not met:
            return best is None and not met
        return layers <= best + 1 and truth > self.of.bound + _HAIR


def climbed(of: Setting, runs: int, seed: int) -> list[Found]:
    rng = np.random.default_rng(seed)
    return [Climb(of, rng).run() for _ in range(runs)]


def cells(settings: Sequence[Setting], runs: Callable[[Setting], int], pool: ProcessPoolExecutor) -> list[Cell]:
    waiting = []
    for of in settings:
        chunks = [min(CHUNK, runs(of) - start) for start in range(0, runs(of), CHUNK)]
        waiting.append([pool.submit(climbed, of, size, seed) for seed, size in enumerate(chunks)])
    return [
        Cell(of, tuple(f for chunk in chunks for f in chunk.result()))
        for of, chunks in zip(settings, waiting, strict=True)
    ]


def show(cell: Cell) -> None:
    """Two lines of a table."""
    of, runs = cell.of, len(cell.found)
    split_ = " + ".join(f"{np.mean([f.calls[k] for f in cell.found]):.0f}" for k in KINDS)
    (grid, grid_error), (walk, walk_error) = cell.grid, cell.against(cell.walks)
    kinds = Counter(kind for f in cell.found for kind, times in f.false.items() if times)
    told = ", ".join(f"{kind} {times}" for kind, times in kinds.most_common()) or "none"
    print(
        f"| {of.name} | {cell.totals.mean():.0f} ± {cell.totals.std():.0f} | {split_} | {grid:.2f} ± {grid_error:.2f} "
        f"| {walk:.2f} ± {walk_error:.2f} | {_rate(cell.insufficient, runs)} | {_rate(cell.false, runs)} | {told} "
        f"| {100 * cell.right / runs:.1f} / {100 * cell.walk_right / runs:.1f} |",
        flush=True,
    )


def _rate(happened: int, runs: int) -> str:
    limits = proportion(happened, runs)
    return f"{100 * happened / runs:.2f} ({100 * limits.low:.2f}–{100 * limits.high:.2f})"


def broken(found: Sequence[Cell], calls: bool) -> list[str]:
    """The promises that the simulation shows not to hold; those about calls where they were made."""
    said = []
    for cell in found:
        runs = len(cell.found)
        if proportion(cell.insufficient, runs).low > 0.025:
            said.append(f"{cell.of.name}: ships an insufficient rung in {_rate(cell.insufficient, runs)} %")
        if proportion(cell.false, runs).low > 0.05:
            said.append(f"{cell.of.name}: says what is not so in {_rate(cell.false, runs)} %")
        if calls and cell.of.name in CLEAR and cell.grid[0] < 3:
            said.append(f"{cell.of.name}: {cell.grid[0]:.2f} times fewer calls than the grid, not 3")
        if calls and cell.of.name == BOUNDARY and cell.totals.mean() > 1.1 * cell.walks.mean():
            said.append(f"{cell.of.name}: more than 1.1 times the calls of the walk-up")
    if calls and (middle := median(cell.grid[0] for cell in found)) < 4:
        said.append(f"the median over all ladders is {middle:.2f} times fewer calls than the grid, not 4")
    return said


CHUNK = 100
HEADER = """| ladder | calls | test + dev + way down + ablation | times fewer than the grid | than the walk-up \
| insufficient shipped | anything false | what | right: climb / walk-up |
|---|--:|--:|--:|--:|--:|--:|---|--:|"""
PARTS: dict[str, dict[str, object]] = {
    "usual": {},
    "full": {"spending": "obrien_fleming"},
    "alone": {"rho": 0.0},
    "small": {"n": 300},
    "strict": {"tolerance": 0.02},
}


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--climbs", type=int, default=2000)
    options.add_argument("--boundary", type=int, default=10_000, help="climbs where all rungs are at the bound")
    options.add_argument("--part", choices=tuple(PARTS), action="append")
    options.add_argument("--quick", action="store_true", help="a tenth of the climbs")
    asked_for = options.parse_args()
    tenth = 10 if asked_for.quick else 1
    said: list[str] = []
    started = time.perf_counter()

    def runs(of: Setting) -> int:
        return (asked_for.boundary if of.name == BOUNDARY else asked_for.climbs) // tenth

    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for part in asked_for.part or tuple(PARTS):
            settings = [Setting(name, **PARTS[part]) for name in LADDERS]  # type: ignore[arg-type]
            of = settings[0]
            print(
                f"\n{part}: {of.n} items, bound {of.bound:.2f}, {of.spending}, difficulty shared {of.rho:g}; "
                f"in %, with exact 95 % limits\n\n{HEADER}"
            )
            found = cells(settings, runs, pool)
            for cell in found:
                show(cell)
            print(f"\nmedian: {median(cell.grid[0] for cell in found):.2f} times fewer calls than the grid")
            said += broken(found, calls=part == "usual")
    print(f"\n{time.perf_counter() - started:.0f} s\n" + ("\n".join(said) or "holds"))
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main())
