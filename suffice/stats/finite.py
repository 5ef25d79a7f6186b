"""Finite: how many of a given set are marked, where a random few of them were looked at, without replacement."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from suffice.stats.sample import check_count, check_level


@dataclass(frozen=True, slots=True)
class Marked:
    """How many items of a finite set are marked: an estimate, with limits in whole items."""

    estimate: float | None
    low: int
    high: int
    level: float
    population: int
    n: int


def marked(found: int, n: int, population: int, *, alpha: float = 0.05) -> Marked:
    """The exact two-sided limits of the number of marked items in `population`, of which `found` of `n` drawn are.

    Each end inverts the hypergeometric test at alpha/2 (Buonaccorsi 1987, The American Statistician 41:215). With
    n = 0 nothing is known, and with n = population everything.
    """
    check_level(alpha)
    if n:
        check_count(found, n)
    if not 0 <= n <= population or (not n and found):
        raise ValueError(f"{found} of {n} drawn from {population}: no such sample")
    least, most = found, population - (n - found)
    low = _first(least, most, lambda m: _at_least(found, n, m, population) > alpha / 2)
    high = most - _first(0, most - least, lambda back: _at_most(found, n, most - back, population) > alpha / 2)
    return Marked(population * found / n if n else None, low, high, 1 - alpha, population, n)


def _first(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """The smallest number in [low, high] from which a condition holds; it holds at `high`."""
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low


def _at_least(k: int, n: int, among: int, population: int) -> float:
    """P(X ≥ k) for the marked among n drawn, where `among` of the population are."""
    return math.fsum(_mass(x, n, among, population) for x in range(k, min(n, among) + 1))


def _at_most(k: int, n: int, among: int, population: int) -> float:
    return math.fsum(_mass(x, n, among, population) for x in range(max(0, n - (population - among)), k + 1))


def _mass(x: int, n: int, among: int, population: int) -> float:
    return math.exp(_choose(among, x) + _choose(population - among, n - x) - _choose(population, n))


def _choose(n: int, k: int) -> float:
    """The logarithm of n over k; minus infinity where there is no way."""
    if not 0 <= k <= n:
        return -math.inf
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
