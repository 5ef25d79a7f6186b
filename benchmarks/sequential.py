"""How often do looks at pairs call "better" what is not, and how many items do they save where something is?

    python benchmarks/sequential.py [--runs 10000] [--items 300] [--alpha 0.05] [--part PART] [--quick]

Simulated pairs; asks no model. `nulls`: two systems alike, four discordance rates by four kinds of items. `targets`:
one system exactly at the bound of its target, four bounds by four kinds of items. `effects`: a lift over 5 % losses,
beside the exact McNemar test of all items. `speed`: one decision over 10,000 pairs. Exits 1 where a rate of false
"better" or "above" is shown to be above alpha, or the full-power mode loses over three points of power.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from suffice.stats import target
from suffice.stats.distribution import binomial_at_least_all
from suffice.stats.eprocess import above, confidence_sequence, units
from suffice.stats.interval import proportion
from suffice.stats.sequential import decide, decide_counts
from suffice.stats.spending import Plan, look_plan

GROUP = 5
RATES = (0.02, 0.05, 0.1, 0.2)
BOUNDS = (0.5, 0.7, 0.8, 0.9)
LIFTS = (-0.05, 0.0, 0.02, 0.05, 0.1, 0.2, 0.3)
LOSSES = 0.05
Rng = np.random.Generator


@dataclass(frozen=True)
class Found:
    """How often a method said "better", and after how many items on average it stopped."""

    better: int
    runs: int
    items: float

    @property
    def rate(self) -> float:
        return self.better / self.runs

    def __str__(self) -> str:
        limits = proportion(self.better, self.runs)
        return f"{100 * self.rate:.1f} ({100 * limits.low:.1f}–{100 * limits.high:.1f})"


def independent(rng: Rng, runs: int, n: int, wins: float, losses: float) -> np.ndarray:
    """after − before of each item."""
    u = rng.random((runs, n), dtype=np.float32)
    return (u < wins).astype(np.int8) - (u > 1 - losses)


def clustered(rng: Rng, runs: int, n: int, wins: float, losses: float) -> np.ndarray:
    """Four in five items do as the rest of their group does."""
    shared = np.repeat(independent(rng, runs, n // GROUP, wins, losses), GROUP, axis=1)
    return np.where(rng.random(shared.shape) < 0.8, shared, independent(rng, runs, n, wins, losses))


def drifting(rng: Rng, runs: int, n: int, wins: float, losses: float) -> np.ndarray:
    """From items that never differ to items that differ twice as often."""
    u, grows = rng.random((runs, n)), np.linspace(0, 2, n)
    return (u < wins * grows).astype(np.int8) - (u > 1 - losses * grows)


def many_ties(rng: Rng, runs: int, n: int, wins: float, losses: float) -> np.ndarray:
    """Only one item in five can differ."""
    return independent(rng, runs, n, wins, losses) * (rng.random((runs, n)) < 0.2)


def fixed(drawn: np.ndarray, alpha: float) -> Found:
    """One exact McNemar test of all items."""
    wins, losses = (drawn > 0).sum(1), (drawn < 0).sum(1)
    p = binomial_at_least_all(wins, wins + losses, 0.5)
    return Found(int((p <= alpha).sum()), len(drawn), drawn.shape[1])


def looks(drawn: np.ndarray, plan: Plan) -> Found:
    """Exact looks."""
    ends = np.array(plan.sizes) - 1
    wins = np.cumsum(drawn > 0, 1, dtype=np.int32)[:, ends].tolist()
    losses = np.cumsum(drawn < 0, 1, dtype=np.int32)[:, ends].tolist()
    found = [decide_counts(w, x, plan) for w, x in zip(wins, losses, strict=True)]
    return Found(sum(f.decision == "better" for f in found), len(found), float(np.mean([f.items for f in found])))


def bets(drawn: np.ndarray, alpha: float, groups: list[int] | None = None) -> Found:
    """The e-process, on whole groups where there are groups."""
    n = drawn.shape[1] if groups is None else groups[-1] + 1
    found = [above(units(d, groups), 0.0, alpha, horizon=n) for d in drawn]
    return Found(sum(f.decision == "above" for f in found), len(found), float(np.mean([f.items for f in found])))


def plans(n: int, alpha: float) -> tuple[Plan, Plan]:
    """The usual plan and the full-power mode."""
    return look_plan(n, alpha), look_plan(n, alpha, spending="obrien_fleming")


def nulls(runs: int, n: int, alpha: float) -> bool:
    """False "better", where nobody ever gives up: the worst case, since giving up only lowers it."""
    print(f'\nFalse "better" in % (95 % Clopper-Pearson), {runs:,} nulls a cell, {n} items, alpha {alpha:g}\n')
    print("| items | wins = losses | one exact test | looks, Pocock | looks, O'Brien-Fleming | bets |")
    print("|---|--:|--:|--:|--:|--:|")
    held, usual, full = True, *plans(n, alpha)
    kinds: tuple[Callable[..., np.ndarray], ...] = (independent, drifting, many_ties, clustered)
    for seed, (kind, rate) in enumerate((k, r) for k in kinds for r in RATES):
        drawn = kind(np.random.default_rng(seed), runs, n, rate, rate)
        if kind is clustered:
            cells = [bets(drawn, alpha, [i // GROUP for i in range(n)])]
            shown = [f"[{fixed(drawn, alpha)}]", "refused", "refused", str(cells[0])]
        else:
            cells = [fixed(drawn, alpha), *(looks(drawn, replace(p, futile_below=None)) for p in (usual, full))]
            cells.append(bets(drawn, alpha))
            shown = [str(cell) for cell in cells]
        held &= all(proportion(cell.better, cell.runs).low <= alpha for cell in cells)
        print(f"| {kind.__name__.replace('_', ' ')} | {rate:g} | {' | '.join(shown)} |", flush=True)
    print(f"\n[…]: what the test that is refused with groups would do, groups of {GROUP}.")
    return held


def alike(rng: Rng, runs: int, n: int, bound: float) -> np.ndarray:
    """Whether each item is right."""
    return rng.random((runs, n)) < bound


def uneven(rng: Rng, runs: int, n: int, bound: float) -> np.ndarray:
    """From hard items to easy ones, in a random order, as a task's are."""
    spread = np.linspace(-1, 1, n) * min(bound, 1 - bound)
    return rng.random((runs, n)) < rng.permuted(np.broadcast_to(bound + spread, (runs, n)), axis=1)


def mostly_sure(rng: Rng, runs: int, n: int, bound: float) -> np.ndarray:
    """Four items in five are surely right or surely wrong, the fifth is open, in a random order."""
    sure = rng.permuted(np.broadcast_to(np.arange(n) < round(bound * n), (runs, n)), axis=1)
    return np.where(rng.random((runs, n)) < 0.2, alike(rng, runs, n, bound), sure)


def in_groups(rng: Rng, runs: int, n: int, bound: float) -> np.ndarray:
    """Four in five items do as the rest of their group does."""
    shared = np.repeat(alike(rng, runs, n // GROUP, bound), GROUP, axis=1)
    return np.where(rng.random(shared.shape) < 0.8, shared, alike(rng, runs, n, bound))


def looks_at(right: np.ndarray, bound: float, plan: Plan) -> Found:
    """Exact looks at a target."""
    least = [size + 1 if b is None else b for b, size in zip(target.boundaries(bound, plan), plan.sizes, strict=True)]
    crossed = np.cumsum(right, 1)[:, np.array(plan.sizes) - 1] >= np.array(least)
    stopped = np.where(crossed.any(1), np.array(plan.sizes)[crossed.argmax(1)], plan.n)
    return Found(int(crossed.any(1).sum()), len(right), float(stopped.mean()))


def bets_at(right: np.ndarray, bound: float, alpha: float, groups: list[int] | None = None) -> Found:
    """Bets on a target, on whole groups where there are groups."""
    n = right.shape[1] if groups is None else groups[-1] + 1
    whole = [units(r.astype(float), groups, lowest=0.0, largest=GROUP if groups else None) for r in right]
    found = [above(of, bound, alpha, horizon=n) for of in whole]
    return Found(sum(f.decision == "above" for f in found), len(found), float(np.mean([f.items for f in found])))


def targets(runs: int, n: int, alpha: float) -> bool:
    """False "above" where the truth is the bound; nobody gives up."""
    print(f'\nFalse "above" in % (95 % Clopper-Pearson), {runs:,} runs a cell, {n} items, alpha {alpha:g}\n')
    print("| items | bound | one exact test | looks, Pocock | looks, O'Brien-Fleming | bets |")
    print("|---|--:|--:|--:|--:|--:|")
    held, (usual, full), groups = True, plans(n, alpha), [i // GROUP for i in range(n)]
    kinds: tuple[Callable[..., np.ndarray], ...] = (alike, uneven, mostly_sure, in_groups)
    for seed, (kind, bound) in enumerate((k, b) for k in kinds for b in BOUNDS):
        drawn = kind(np.random.default_rng(200 + seed), runs, n, bound)
        once = looks_at(drawn, bound, look_plan(n, alpha, sizes=[n]))
        if kind is in_groups:
            cells = [bets_at(drawn, bound, alpha, groups)]
            shown = [f"[{once}]", "refused", "refused", str(cells[0])]
        else:
            cells = [once, *(looks_at(drawn, bound, p) for p in (usual, full)), bets_at(drawn, bound, alpha)]
            shown = [str(cell) for cell in cells]
        held &= all(proportion(cell.better, cell.runs).low <= alpha for cell in cells)
        print(f"| {kind.__name__.replace('_', ' ')} | {bound:g} | {' | '.join(shown)} |", flush=True)
    return held


def effects(runs: int, n: int, alpha: float) -> bool:
    """Power and mean items."""
    print(f"\nPower in % / mean items, {runs:,} runs a row, {n} items, losses {LOSSES:g}, alpha {alpha:g}\n")
    print(
        "| lift | one exact test | looks, Pocock, may give up | looks, O'Brien-Fleming | bets |\n|--:|--:|--:|--:|--:|"
    )
    held, (usual, full) = True, plans(n, alpha)
    for seed, lift in enumerate(LIFTS):
        wins, losses = LOSSES + max(lift, 0.0), LOSSES - min(lift, 0.0)
        drawn = independent(np.random.default_rng(100 + seed), runs, n, wins, losses)
        cells = [fixed(drawn, alpha), looks(drawn, usual), looks(drawn, full), bets(drawn, alpha)]
        shown = [f"{100 * cell.rate:.1f} / {cell.items:.0f}" for cell in cells]
        noise = 3 * (0.25 / runs) ** 0.5 / 10  # the same draws: nearly all of the noise is shared
        held &= cells[2].rate >= cells[0].rate - 0.03 - noise
        print(f"| {lift:+g} | {' | '.join(shown)} |", flush=True)
    return held


def speed(n: int = 10_000) -> bool:
    """Milliseconds of one decision over n pairs, all its looks included."""
    print(f"\nOne decision over {n:,} pairs, median of 25\n\n| discordant | method | ms |\n|--:|---|--:|")
    rng, slowest = np.random.default_rng(0), 0.0
    for rate in (0.02, 0.2, 1.0):
        before = (rng.random(n) < 0.5).astype(float)
        after = np.where(rng.random(n) < rate, 1 - before, before)
        for name, call in _decisions(before, after):
            taken = sorted(_seconds(call) for _ in range(25))[12]
            slowest = max(slowest, taken)
            print(f"| {rate:g} | {name} | {1000 * taken:.2f} |")
    return slowest < 0.005


def _decisions(before: np.ndarray, after: np.ndarray) -> Iterator[tuple[str, Callable[[], object]]]:
    n = before.size
    for name, plan in zip(("looks, Pocock", "looks, O'Brien-Fleming"), plans(n, 0.05), strict=True):
        patient = replace(plan, futile_below=None)
        yield name, partial(decide, before, after, patient)
    yield "bet", lambda: above(units(after - before), 0.0, horizon=n)
    yield "limits", lambda: confidence_sequence(units(after - before), horizon=n)


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


PARTS = {"nulls": nulls, "targets": targets, "effects": effects}


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--runs", type=int, default=10_000)
    options.add_argument("--items", type=int, default=300)
    options.add_argument("--alpha", type=float, default=0.05)
    options.add_argument("--part", choices=(*PARTS, "speed"), action="append")
    options.add_argument("--quick", action="store_true", help="500 runs")
    asked = options.parse_args()
    runs, wanted = 500 if asked.quick else asked.runs, asked.part or (*PARTS, "speed")
    held = True
    for part in wanted:
        held &= speed() if part == "speed" else PARTS[part](runs, asked.items, asked.alpha)
    print("\nholds" if held else "\ndoes not hold")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
