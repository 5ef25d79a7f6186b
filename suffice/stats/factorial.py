"""A factorial: what each of several factors does to a score, what they do to one another, and who earned the gain.

Each cell holds the scores of the same items with some of the factors present. The 2^k contrasts are those of Yates 1937
(Box, Hunter & Hunter 2005, Statistics for Experimenters, §5); Shapley values follow Shapley 1953. An effect of leaving
one factor out is a paired difference, tested as `paired` does.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import factorial as products
from typing import TYPE_CHECKING, Literal

from suffice.stats.paired import paired
from suffice.stats.sample import ENOUGH_GROUPS, check_level, group_codes, scores
from suffice.stats.simultaneous import simultaneous_limits

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.intp]

MOST = 6
"""Factors of a full factorial: 64 cells; more would show hardly anything on a few hundred items."""

Subset = frozenset[str]
Scores = Sequence[float | None]
Weights = Mapping[Subset, float]
Relation = Literal["", "only together", "needs", "help each other", "redundant", "either will do", "overlap", "hurt"]


@dataclass(frozen=True, slots=True)
class Effect:
    """What some factors do to the mean score, with limits that hold together with all others of one table."""

    factors: tuple[str, ...]
    estimate: float
    """Over the items that were judged in every cell."""
    low: float
    high: float
    method: str
    reason: str = ""
    """Why the limits say nothing; empty when they do."""

    @property
    def sign(self) -> int:
        """1 where it is proven above zero, −1 where below, 0 where neither."""
        return 1 if self.low > 0 else -1 if self.high < 0 else 0


@dataclass(frozen=True, slots=True)
class Pair:
    """Two factors where all others are present: what each does without the other and with it."""

    first: str
    second: str
    first_alone: Effect
    """What `first` adds where `second` is absent."""
    second_alone: Effect
    first_with: Effect
    """What `first` adds where `second` is present."""
    second_with: Effect
    together: Effect
    """What both add."""
    interaction: Effect
    """What `first` adds with `second` minus what it adds without."""
    relation: Relation
    """Empty where no interaction is proven: a proven effect beside an unproven one is no proven difference."""
    dependent: str = ""
    """Of "needs" and "redundant": the one that needs the other, or adds nothing where the other is."""


@dataclass(frozen=True, slots=True)
class Factorial:
    """All effects of a full factorial; their limits hold all at once with chance 1 − alpha."""

    factors: tuple[str, ...]
    n: int
    groups: int | None
    alpha: float
    means: Mapping[Subset, float | None]
    """The mean of each cell's judged items."""
    removals: tuple[Effect, ...]
    """What each factor adds where all others are present; these share half of alpha, all others the other half."""
    effects: tuple[Effect, ...]
    """Main effects, then interactions by order: half the difference that one more factor makes to the one before."""
    pairs: tuple[Pair, ...]
    gain: Effect
    """All factors minus none."""
    shapley: tuple[Effect, ...]
    """Each factor's part of the gain: its mean contribution over all orders of adding them."""


def leave_one_out(
    full: Scores,
    without: Mapping[str, Scores],
    groups: Sequence[Hashable] | None = None,
    *,
    alpha: float = 0.05,
    seed: int = 0,
) -> tuple[Effect, ...]:
    """What each factor adds to the full set, from scores with all factors and with all but one, item by item.

    The effects share alpha equally (Bonferroni), so that all limits hold at once; each is exact for right-or-wrong
    scores. None marks an item that could not be judged: each limit takes it at its worst.
    """
    check_level(alpha)
    cells = {frozenset[str](): full, **{frozenset((name,)): told for name, told in without.items()}}
    _check(cells, groups)
    if not without:
        raise ValueError("without is empty: name at least one factor that was left out")
    level = alpha / len(without)
    return tuple(_removed(name, full, told, groups, level, seed) for name, told in without.items())


def factorial(
    cells: Mapping[Subset, Scores],
    groups: Sequence[Hashable] | None = None,
    *,
    factors: Sequence[str] | None = None,
    alpha: float = 0.05,
    seed: int = 0,
) -> Factorial:
    """All effects of a full factorial: `cells` holds scores in [0, 1] for each of the 2^k sets of factors present.

    Half of alpha is for the removals, as `leave_one_out` tests them; half for everything else at once (max-t, see
    `simultaneous`). None marks an item that could not be judged: each limit takes it at its worst. Under 30 items or
    groups everything else is the whole range: "cannot tell".
    """
    check_level(alpha)
    names = tuple(sorted(frozenset[str]().union(*cells)) if factors is None else factors)
    _check_factors(names, cells)
    count = _check(cells, groups)
    full = frozenset(names)
    removals = leave_one_out(cells[full], {f: cells[full - {f}] for f in names}, groups, alpha=alpha / 2, seed=seed)
    contrasts = {**_contrasts(names), **_pair_contrasts(names)}
    codes = group_codes(groups, count)
    found = _effects(contrasts, cells, codes, alpha / 2, seed)
    return Factorial(
        factors=names,
        n=count,
        groups=None if codes is None else int(codes.max()) + 1,
        alpha=alpha,
        means={s: _mean(cells[s]) for s in subsets(names)},
        removals=removals,
        effects=tuple(found["effect", part] for r in range(1, len(names) + 1) for part in combinations(names, r)),
        pairs=tuple(_pair(a, b, found, dict(zip(names, removals, strict=True))) for a, b in combinations(names, 2)),
        gain=found["gain", names],
        shapley=tuple(found["shapley", (f,)] for f in names),
    )


def subsets(factors: Sequence[str]) -> tuple[Subset, ...]:
    """All sets of factors, the empty one first and the full one last."""
    return tuple(frozenset(part) for r in range(len(factors) + 1) for part in combinations(factors, r))


# Contrasts

Key = tuple[str, tuple[str, ...]]


def _contrasts(names: Sequence[str]) -> dict[Key, Weights]:
    # the 2^k contrasts, the gain, and each factor's part of it
    k, full, sets = len(names), frozenset(names), subsets(names)
    found: dict[Key, Weights] = {
        ("effect", tuple(f for f in names if f in part)): {s: 2 / 2**k * (-1) ** len(part - s) for s in sets}
        for part in sets[1:]
    }
    found["gain", tuple(names)] = {full: 1.0, frozenset(): -1.0}
    for f in names:
        orders = {s: products(len(s)) * products(k - len(s) - 1) / products(k) for s in sets if f not in s}
        found["shapley", (f,)] = {**{s: -w for s, w in orders.items()}, **{s | {f}: w for s, w in orders.items()}}
    return found


def _pair_contrasts(names: Sequence[str]) -> dict[Key, Weights]:
    found: dict[Key, Weights] = {}
    for a, b in combinations(names, 2):
        both = frozenset(names)
        one, other, neither = both - {b}, both - {a}, both - {a, b}
        found["alone", (a, b)] = {one: 1.0, neither: -1.0}
        found["alone", (b, a)] = {other: 1.0, neither: -1.0}
        found["together", (a, b)] = {both: 1.0, neither: -1.0}
        found["interaction", (a, b)] = {both: 1.0, one: -1.0, other: -1.0, neither: 1.0}
    return found


def _effects(
    contrasts: Mapping[Key, Weights], cells: Mapping[Subset, Scores], codes: Integers | None, alpha: float, seed: int
) -> dict[Key, Effect]:
    import numpy as np

    sets = list(cells)
    weights = np.array([[told.get(s, 0.0) for s in sets] for told in contrasts.values()]).T
    low, high = (np.array([_filled(cells[s], x) for s in sets]).T for x in (0.0, 1.0))
    up, down = np.maximum(weights, 0), np.minimum(weights, 0)
    lowest, highest = down.sum(axis=0), up.sum(axis=0)
    judged = (low == high).all(axis=1)
    estimates = (low[judged] @ weights).mean(axis=0) if judged.any() else np.zeros(len(contrasts))
    units = len(low) if codes is None else int(codes.max()) + 1
    method, reason, limits = "max-t", "", (lowest, highest)
    if units < ENOUGH_GROUPS:
        what = "items" if codes is None else "groups"
        method, reason = "none", f"cannot tell: {units} {what}, at least {ENOUGH_GROUPS} are needed"
    else:
        worst, best = low @ up + high @ down, high @ up + low @ down
        found = simultaneous_limits(worst, lowest, highest, codes, alpha, seed=seed)
        other = found if judged.all() else simultaneous_limits(best, lowest, highest, codes, alpha, seed=seed)
        limits = found[0], other[1]
    return {
        key: Effect(key[1], float(e), float(at_least), float(at_most), method, reason)
        for key, e, at_least, at_most in zip(contrasts, estimates, *limits, strict=True)
    }


def _removed(
    name: str, full: Scores, without: Scores, groups: Sequence[Hashable] | None, alpha: float, seed: int
) -> Effect:
    # each limit from the scores that are worst for it; the estimate from the items that both sides were judged on
    worst = paired(_filled(without, 1.0), _filled(full, 0.0), groups, alpha=alpha, seed=seed)
    best = worst
    if None in full or None in without:
        best = paired(_filled(without, 0.0), _filled(full, 1.0), groups, alpha=alpha, seed=seed)
    judged = [a - b for a, b in zip(full, without, strict=True) if a is not None and b is not None]
    estimate = sum(judged) / len(judged) if judged else 0.0
    return Effect((name,), estimate, worst.low, best.high, worst.method, worst.reason)


# Pairs


def _pair(a: str, b: str, found: Mapping[Key, Effect], removals: Mapping[str, Effect]) -> Pair:
    bare = Pair(
        a,
        b,
        first_alone=replace(found["alone", (a, b)], factors=(a,)),
        second_alone=replace(found["alone", (b, a)], factors=(b,)),
        first_with=removals[a],
        second_with=removals[b],
        together=found["together", (a, b)],
        interaction=found["interaction", (a, b)],
        relation="",
    )
    relation, dependent = _relation(bare)
    return replace(bare, relation=relation, dependent=dependent)


def _relation(pair: Pair) -> tuple[Relation, str]:
    # the interaction must be proven: "one effect shows, the other does not" is no proven difference (Gelman & Stern
    # 2006, Am. Stat. 60:328)
    alone = {pair.first: pair.first_alone.sign, pair.second: pair.second_alone.sign}
    joined = {pair.first: pair.first_with.sign, pair.second: pair.second_with.sign}
    if pair.interaction.sign > 0:
        needing = [f for f in alone if alone[f] <= 0 and joined[f] > 0]
        if pair.together.sign > 0 and max(alone.values()) <= 0:
            return "only together", ""
        return ("needs", needing[0]) if len(needing) == 1 else ("help each other", "")
    if pair.interaction.sign < 0:
        spare = [f for f in alone if alone[f] > 0 and joined[f] == 0]
        if min(joined.values()) < 0 or max(alone.values()) <= 0:
            return "hurt", ""
        if len(spare) == 2:
            return "either will do", ""
        return ("redundant", spare[0]) if spare else ("overlap", "")
    return "", ""


# Cells


def _check_factors(names: Sequence[str], cells: Mapping[Subset, Scores]) -> None:
    if len(set(names)) < len(names) or not names:
        raise ValueError(f"factors are {list(names)}: name each once, and at least one")
    if len(names) > MOST:
        raise ValueError(f"{len(names)} factors make {2 ** len(names)} cells: a full factorial takes {MOST} at most")
    wanted = set(subsets(names))
    if missing := sorted(map(sorted, wanted - set(cells))):
        raise ValueError(f"{len(missing)} of {len(wanted)} cells are missing, such as {missing[0]}")
    if unknown := sorted(map(sorted, set(cells) - wanted)):
        raise ValueError(f"cells hold {unknown[0]}, which is no set of the factors {list(names)}")


def _check(cells: Mapping[Subset, Scores], groups: Sequence[Hashable] | None) -> int:
    sizes = {len(told) for told in cells.values()}
    if len(sizes) > 1:
        raise ValueError(f"cells have {' and '.join(map(str, sorted(sizes)))} scores: give each the same items")
    count = sizes.pop() if sizes else 0
    if count < 2:
        raise ValueError(f"n is {count}: at least two items are needed")
    for s, told in cells.items():
        scores(_filled(told, 0.0), f"cell {sorted(s)}")
    group_codes(groups, count)
    return count


def _filled(told: Scores, otherwise: float) -> list[float]:
    return [otherwise if value is None else value for value in told]


def _mean(told: Scores) -> float | None:
    judged = [value for value in told if value is not None]
    return sum(judged) / len(judged) if judged else None
