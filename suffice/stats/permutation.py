"""A permutation: how surprising a mean difference would be if each pair's two scores might as well be exchanged."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

from suffice.stats.sample import finite, group_codes

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

_STEPS = 240  # to one: halves, thirds, quarters, fifths, sixths, eighths lie on this grid
_CELLS = 30_000  # of the largest exact distribution
_DRAWS = 9_999
_AT_ONCE = 4_000_000  # signs drawn at once


def flip_p(differences: Sequence[float] | Floats, groups: Sequence[Hashable] | None = None, *, seed: int = 0) -> float:
    """The two-sided p-value of the paired permutation test: every difference, or whole group, has either sign alike.

    Fisher 1935, The Design of Experiments, §21. It asks whether the two arms may be exchanged within each item, which
    is more than a mean of 0: with skewed differences it can reject though the means are equal, so it decides nothing.
    Exact by convolution where the differences lie on a grid; else by 9,999 seeded draws, counting what was seen as one
    of them (Phipson & Smyth 2010, Stat. Appl. Genet. Mol. Biol. 9:39). For 0/1 scores it is exact McNemar.
    """
    import numpy as np

    array = finite(differences, "differences")
    codes = group_codes(groups, array.size)
    sums: Floats = array if codes is None else np.bincount(codes, array).astype(np.float64)
    totals: Floats = np.abs(sums[np.abs(sums) > 1e-12])
    seen = abs(float(array.sum()))
    if totals.size == 0:
        return 1.0
    steps = np.rint(totals * _STEPS).astype(np.int64)
    on_grid = bool((np.abs(steps - totals * _STEPS) < 1e-6).all())
    if on_grid and int(steps.sum()) // _unit(steps) <= _CELLS:
        return _exact(steps // _unit(steps), seen * _STEPS / _unit(steps))
    return _drawn(totals, seen, seed)


def _unit(steps: npt.NDArray[np.int64]) -> int:
    import numpy as np

    return int(np.gcd.reduce(steps))


def _exact(steps: npt.NDArray[np.int64], seen: float) -> float:
    # P(|sum of ± steps| ≥ seen): equal steps are binomial, their distributions are convolved
    import numpy as np

    from suffice.stats.distribution import binomial_masses

    masses = np.ones(1)
    for step, count in zip(*np.unique(steps, return_counts=True), strict=True):
        spread = np.zeros(int(step * count) + 1)
        spread[:: int(step)] = binomial_masses(np.arange(count + 1), count, 0.5)  # the positive ones among them
        masses = np.convolve(masses, spread)
    sums = 2 * np.arange(masses.size) - int(steps.sum())
    return float(min(1.0, masses[np.abs(sums) >= seen - 1e-6].sum()))


def _drawn(totals: Floats, seen: float, seed: int) -> float:
    import numpy as np

    rng, extreme, left = np.random.default_rng(seed), 0, _DRAWS
    while left:
        now = min(left, max(1, _AT_ONCE // totals.size))
        signs = rng.integers(0, 2, (now, totals.size), dtype=np.int8)
        extreme += int((np.abs(2.0 * (signs @ totals) - totals.sum()) >= seen - 1e-12).sum())
        left -= now
    return (extreme + 1) / (_DRAWS + 1)
