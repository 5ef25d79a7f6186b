"""Several tests at once: p-values adjusted so that all claims together keep their chance of error."""

from __future__ import annotations

from collections.abc import Sequence

from suffice.stats import distribution


def holm(ps: Sequence[float]) -> tuple[float, ...]:
    """The adjusted p-values, in the order given (Holm 1979, Scand. J. Stat. 6:65), each at most 1."""
    _check(ps)
    order = sorted(range(len(ps)), key=lambda at: ps[at])
    found, largest = [1.0] * len(ps), 0.0
    for rank, at in enumerate(order):
        largest = max(largest, min(1.0, (len(ps) - rank) * ps[at]))
        found[at] = largest
    return tuple(found)


def false_discovery(ps: Sequence[float]) -> tuple[float, ...]:
    """The adjusted p-values, in the order given: claiming those up to q keeps the expected share of false claims at q.

    Benjamini & Hochberg 1995, J. R. Stat. Soc. B 57:289, for tests that are independent or positively dependent; where
    nothing is true, any claim at all has chance q at most.
    """
    _check(ps)
    order = sorted(range(len(ps)), key=lambda at: ps[at], reverse=True)
    found, least = [1.0] * len(ps), 1.0
    for rank, at in enumerate(order):
        least = min(least, len(ps) / (len(ps) - rank) * ps[at])
        found[at] = least
    return tuple(found)


def _check(ps: Sequence[float]) -> None:
    if any(not 0 <= p <= 1 for p in ps):
        raise ValueError(f"p-values lie in [0, 1], not {list(ps)}")


def sign_p(wins: int, losses: int) -> float:
    """The chance of so many wins, or more, among so many pairs that differ, if either were as likely: one-sided."""
    if wins < 0 or losses < 0:
        raise ValueError(f"{wins} wins and {losses} losses are not counts")
    return distribution.binomial_at_least(wins, wins + losses, 0.5) if wins + losses else 1.0
