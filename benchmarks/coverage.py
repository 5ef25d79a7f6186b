"""How often does each interval hold the truth that it was drawn from?

    python benchmarks/coverage.py [--runs 2000] [--only ppi] [--quick]

Simulated samples of 50, 75, 100 and 200 items; asks no model. One row an interval and a case, one column a size: the
share of samples, in %, whose 95 % limits hold the truth, with its Clopper-Pearson limits at 95 %. Those in brackets are
there for comparison. Exits 1 where an interval is shown (at 99.9 %) to hold it less often than 95 %, or than 93 %
for those that are approximate by design (~).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np

from suffice.stats.agreement import agreement, length_bias, position_bias, self_preference
from suffice.stats.eprocess import confidence_sequence, units
from suffice.stats.interval import mean_interval, proportion
from suffice.stats.margin import margin_limits
from suffice.stats.paired import paired
from suffice.stats.ppi import powered_lift, powered_mean
from suffice.stats.quantile import percentile
from suffice.stats.unpaired import newcombe

SIZES = (50, 75, 100, 200)
LEVEL, APPROXIMATE = 0.95, 0.93
JUDGED = 10  # items that the judge alone scores, for each that people label too
GROUP = 5
Rng = np.random.Generator
Limits = tuple[float, float]
Sample = Callable[[Rng, int], Limits]


@dataclass(frozen=True)
class Case:
    """An interval on samples whose truth is known."""

    name: str
    truth: float
    sample: Sample
    cost: int = 1
    """Runs are divided by it."""
    least: float | None = LEVEL
    """The coverage below which the promise is broken; None for a comparison."""

    @property
    def title(self) -> str:
        mark = "~" if self.least == APPROXIMATE else ""
        return f"[{self.name}]" if self.least is None else f"{self.name} {mark}".strip()


# means


@lru_cache(100_000)
def exact_mean(successes: int, n: int) -> Limits:
    found = mean_interval(np.repeat([1.0, 0.0], [successes, n - successes]))
    return found.low, found.high


def share(p: float, rng: Rng, n: int) -> Limits:
    return exact_mean(int(rng.binomial(n, p)), n)


def graded_mean(a: float, b: float, rng: Rng, n: int) -> Limits:
    found = mean_interval(rng.beta(a, b, n), seed=int(rng.integers(1 << 30)))
    return found.low, found.high


def clustered(p: float, rng: Rng, groups: int) -> np.ndarray:
    """Items of whole groups: each group has its own rate."""
    rates = np.repeat(rng.beta(4 * p, 4 * (1 - p), groups), GROUP)
    return (rng.random(rates.size) < rates).astype(float)


def grouped_mean(p: float, rng: Rng, n: int) -> Limits:
    found = mean_interval(clustered(p, rng, n), np.repeat(np.arange(n), GROUP).tolist())
    return found.low, found.high


def sequence(p: float, rng: Rng, n: int) -> Limits:
    found = confidence_sequence(units((rng.random(n) < p).astype(float), lowest=0.0), horizon=n)
    return found.low, found.high


def sequence_lift(wins: float, losses: float, rng: Rng, n: int) -> Limits:
    found = confidence_sequence(units(differences(wins, losses, rng, n)), horizon=n)
    return found.low, found.high


def tail(q: float, rng: Rng, n: int) -> Limits:
    found = percentile(rng.lognormal(size=n).tolist(), q)
    return (-np.inf if found.low is None else found.low), (np.inf if found.high is None else found.high)


# differences


def differences(wins: float, losses: float, rng: Rng, n: int) -> np.ndarray:
    u = rng.random(n)
    return (u < wins).astype(float) - (u > 1 - losses)


@lru_cache(100_000)
def exact_lift(wins: int, losses: int, n: int) -> Limits:
    return margin_limits(wins, losses, n, 1 - LEVEL)


def lift(wins: float, losses: float, rng: Rng, n: int) -> Limits:
    d = differences(wins, losses, rng, n)
    return exact_lift(int((d > 0).sum()), int((d < 0).sum()), n)


def graded_lift(more: float, rng: Rng, n: int) -> Limits:
    before = rng.beta(2, 2, n)
    found = paired((before * (1 - more)).tolist(), before.tolist(), seed=int(rng.integers(1 << 30)))
    return found.low, found.high


def unpaired(before: float, after: float, rng: Rng, n: int) -> Limits:
    return newcombe(rng.binomial(n, before) / n, n, rng.binomial(n, after) / n, n)


# judges


def judged(kind: str, rng: Rng, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Human scores (or differences) and the judge's."""
    u = rng.random(n)
    if kind in ("partial", "harsh"):
        human = differences(*((0.2, 0.1) if kind == "partial" else (0.1, 0.07)), rng, n)
        return human, np.where((human < 0) & (u < (0.5 if kind == "partial" else 0.99)), 1.0, human)
    if kind == "noisy":
        human = differences(0.1, 0.05, rng, n)
        return human, np.where(u < 0.8, human, rng.integers(-1, 2, n))
    if kind == "graded":
        human = rng.beta(8, 1, n)
        return human, np.clip(human + 0.1 * rng.normal(size=n), 0, 1)
    p, right = {"half": (0.5, 0.85), "easy": (0.9, 0.95), "useless": (0.9, 0.5), "lenient": (0.95, 0.7)}[kind]
    human = (rng.random(n) < p).astype(float)
    return human, np.where(u < right, human, 1.0 if kind == "lenient" else 1 - human)


def powered(kind: str, measure: Callable[..., object], rng: Rng, n: int) -> Limits:
    found = measure(*judged(kind, rng, n), judged(kind, rng, JUDGED * n)[1])
    return found.low, found.high


def normal(kind: str, rng: Rng, n: int) -> Limits:
    """PPI++ as published: weight and normal limits from the same labels."""
    (human, judge), elsewhere = judged(kind, rng, n), judged(kind, rng, JUDGED * n)[1]
    spread = judge.var(ddof=1)
    weight = float(np.clip(np.cov(human, judge)[0, 1] / spread / (1 + 1 / JUDGED), 0, 1)) if spread else 0.0
    rest = human - weight * judge
    middle = rest.mean() + weight * elsewhere.mean()
    width = 1.96 * np.sqrt(rest.var(ddof=1) / n + weight**2 * elsewhere.var(ddof=1) / elsewhere.size)
    return middle - width, middle + width


def grouped_powered(p: float, rng: Rng, n: int) -> Limits:
    human, elsewhere = clustered(p, rng, n), clustered(p, rng, JUDGED * n)
    seen, unseen = (np.where(np.repeat(rng.random(h.size // GROUP) < 0.9, GROUP), h, 1 - h) for h in (human, elsewhere))
    names = np.repeat(np.arange((JUDGED + 1) * n), GROUP).tolist()
    found = powered_mean(human, seen, unseen, names[: human.size], names[human.size :])
    return found.low, found.high


def table(sensitive: float, specific: float, positive: float) -> np.ndarray:
    """Shares of (judge, human) labels."""
    return np.array(
        [
            [(1 - positive) * specific, positive * (1 - sensitive)],
            [(1 - positive) * (1 - specific), positive * sensitive],
        ]
    )


def beyond_chance(p: np.ndarray, which: str) -> float:
    agreed, judge, human = np.trace(p), p[1].sum(), p[:, 1].sum()
    used = (judge + human) / 2
    chance = judge * human + (1 - judge) * (1 - human) if which == "kappa" else 2 * used * (1 - used)
    return float(agreed if which == "accuracy" else (agreed - chance) / (1 - chance))


@lru_cache(100_000)
def agreed(counts: tuple[int, ...], which: str) -> Limits:
    cells = np.repeat(np.arange(4), counts)
    found = getattr(agreement((cells // 2).tolist(), (cells % 2).tolist()), which)
    return (-np.inf, np.inf) if found is None else (found.low, found.high)


def agreeing(rates: tuple[float, float, float], which: str, rng: Rng, n: int) -> Limits:
    return agreed(tuple(rng.multinomial(n, table(*rates).ravel()).tolist()), which)


def ordered(rng: Rng, n: int) -> tuple[list[float], list[float]]:
    """Verdicts in both orders: 12 % of pairs go to the first place, 3 % to the second."""
    fair, u = (rng.random(n) < 0.5).astype(float), rng.random(n)
    first, second = np.where(u < 0.12, 1.0, np.where(u > 0.97, 0.0, fair)), np.where(u < 0.12, 0.0, fair)
    return first.tolist(), np.where(u > 0.97, 1.0, second).tolist()


@lru_cache(100_000)
def position(wins: int, losses: int, n: int, which: str) -> Limits:
    first, second = [1.0] * wins + [0.0] * (n - wins), [0.0] * wins + [1.0] * losses + [0.0] * (n - wins - losses)
    found = getattr(position_bias(first, second), which)
    return found.low, found.high


def flipping(which: str, rng: Rng, n: int) -> Limits:
    first, second = (np.array(verdicts) for verdicts in ordered(rng, n))
    return position(int((first > second).sum()), int((first < second).sum()), n, which)


@lru_cache(100_000)
def swayed(wins: int, losses: int, n: int) -> Limits:
    judge, human = (
        np.repeat([1.0, 0.0, 1.0], [wins, losses, n - wins - losses]),
        np.repeat([0.0, 1.0], [wins, n - wins]),
    )
    found = length_bias(judge.tolist(), human.tolist(), [2] * n, [1] * n)
    return found.low, found.high


def longer(rng: Rng, n: int) -> Limits:
    d = differences(0.12, 0.05, rng, n)
    return swayed(int((d > 0).sum()), int((d < 0).sum()), n)


def flattering(own: float, others: float, rng: Rng, n: int) -> Limits:
    mine, human = np.arange(2 * n) < n, (rng.random(2 * n) < 0.5).astype(float)
    judge = np.where(rng.random(2 * n) < np.where(mine, own, others), 1.0, human)
    found = self_preference(judge, human, mine)
    return found.low, found.high


def cases() -> Iterator[Case]:
    """Every interval, on samples that are easy and samples that are not."""
    for p in (0.5, 0.9, 0.97):
        yield Case(f"mean, 0/1, {p:g}", p, partial(share, p))
    for a, b in ((2.0, 2.0), (0.5, 0.1)):
        yield Case(f"mean, graded (betting), Beta({a:g}, {b:g})", a / (a + b), partial(graded_mean, a, b), 10)
    for p in (0.5, 0.9):
        yield Case(f"mean, {GROUP} × n items in n groups, {p:g}", p, partial(grouped_mean, p), 2, APPROXIMATE)
    for wins, losses in ((0.05, 0.05), (0.1, 0.02), (0.3, 0.2)):
        yield Case(f"paired lift, 0/1, +{wins:g} −{losses:g}", wins - losses, partial(lift, wins, losses))
    yield Case("paired lift, graded (betting), +0.05", 0.05, partial(graded_lift, 0.1), 10)
    for b, a in ((0.5, 0.5), (0.8, 0.9), (0.95, 0.97)):
        yield Case(f"unpaired (Newcombe), {b:g} and {a:g}", a - b, partial(unpaired, b, a), 1, APPROXIMATE)
    yield Case("confidence sequence, 0/1, 0.8", 0.8, partial(sequence, 0.8), 10)
    yield Case("confidence sequence, lift, +0.1 −0.05", 0.05, partial(sequence_lift, 0.1, 0.05), 10)
    for q, truth in ((0.5, 1.0), (0.95, float(np.exp(1.6448536269514722)))):
        yield Case(f"quantile, P{100 * q:g}", truth, partial(tail, q))
    means = {"half": 0.5, "easy": 0.9, "useless": 0.9, "lenient": 0.95, "graded": 8 / 9}
    for kind, truth in means.items():
        yield Case(f"PPI++ mean, {kind} judge", truth, partial(powered, kind, powered_mean), 1, APPROXIMATE)
        yield Case(f"PPI++ mean, normal limits, {kind} judge", truth, partial(normal, kind), 1, None)
    yield Case(f"PPI++ mean, {GROUP} × n items in n groups", 0.8, partial(grouped_powered, 0.8), 1, APPROXIMATE)
    for kind, truth in {"noisy": 0.05, "partial": 0.1, "harsh": 0.03}.items():
        yield Case(f"PPI++ lift, {kind} judge", truth, partial(powered, kind, powered_lift), 1, APPROXIMATE)
        yield Case(f"PPI++ lift, normal limits, {kind} judge", truth, partial(normal, kind), 1, None)
    for rates in ((0.85, 0.85, 0.5), (0.95, 0.7, 0.9), (0.97, 0.5, 0.95)):
        for which in ("accuracy", "kappa", "ac1"):
            truth, least = beyond_chance(table(*rates), which), LEVEL if which == "accuracy" else APPROXIMATE
            yield Case(f"{which}, {rates[2]:.0%} positive", truth, partial(agreeing, rates, which), 1, least)
    yield Case("position bias, flips", 0.15, partial(flipping, "flips"), 1)
    yield Case("position bias, first place", 0.09, partial(flipping, "first"), 1)
    yield Case("length bias", 0.07, longer, 1)
    for own, others in ((0.2, 0.05), (0.05, 0.05)):
        name = f"self-preference, {own:g} and {others:g}"
        yield Case(name, (own - others) / 2, partial(flattering, own, others), 1, APPROXIMATE)


def row(case: Case, runs: int, seed: int) -> tuple[str, bool]:
    """One line of the table, and whether the promise held."""
    cells, held = [], True
    for n in SIZES:
        rng = np.random.default_rng((seed, n))
        limits = [case.sample(rng, n) for _ in range(runs)]
        hits = sum(low - 1e-9 <= case.truth <= high + 1e-9 for low, high in limits)
        seen = proportion(hits, runs)
        held &= case.least is None or proportion(hits, runs, 0.999).high >= case.least
        cells.append(f"{100 * seen.estimate:.1f} ({100 * seen.low:.1f}–{100 * seen.high:.1f})")
    return f"| {case.title} | {runs:,} | {' | '.join(cells)} |", held


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=2000, help="samples a cell; the slow intervals get a tenth")
    parser.add_argument("--only", default="", help="rows whose name contains this")
    parser.add_argument("--quick", action="store_true", help="300 samples a cell")
    options = parser.parse_args()
    runs = 300 if options.quick else options.runs
    print(f"| 95 % limits | samples | {' | '.join(f'n = {n}' for n in SIZES)} |\n|---|--:|{'--:|' * len(SIZES)}")
    held = True
    for seed, case in enumerate(cases()):
        if options.only.lower() in case.name.lower():
            line, kept = row(case, max(runs // case.cost, 1), seed)
            print(line + ("" if kept else " ← falls short"), flush=True)
            held &= kept
    print("\nholds" if held else "\ndoes not hold")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
