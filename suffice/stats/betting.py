"""A bet against a mean: finite-sample limits for the mean of numbers in [0, 1], whatever their distribution.

A bettor who stakes on "the mean exceeds m" keeps an expected wealth of at most 1 if it does not, so reaching a wealth
of 1/alpha rejects m with an error of at most alpha (Ville; Waudby-Smith & Ramdas 2024, JRSS B 86:1, theorem 1). The
stakes are those of Voráček & Orabona 2025, "STaR-Bets" (arXiv 2505.22422): at each item just enough for the wealth to
reach its target over the items that remain. At n = 300 they reject nearly as often as a t-test, which has no such
guarantee. Items are bet on in one seeded order, so the limits depend a little on the seed.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

_CAP = 0.95  # no stake can lose more than this share of the wealth on one item
_GRID = 33
_ROUNDS = 3  # each narrows the limit by the grid: 1/32 cubed


def betting_lower(values: Floats, alpha: float, *, seed: int = 0) -> float:
    """The smallest mean that is not rejected in favour of a larger one at one-sided level alpha; 0 when none is."""
    import numpy as np

    return _lower(np.asarray(values, float).tobytes(), alpha, seed)


@lru_cache(maxsize=256)
def _lower(content: bytes, alpha: float, seed: int) -> float:
    # a verdict asks for the limits of the same scores several times
    import numpy as np

    values = np.frombuffer(content)
    ordered = np.random.default_rng(seed).permutation(values)
    deviations = _known_deviations(ordered)
    low, high = 0.0, float(values.mean())
    for _ in range(_ROUNDS):
        means = np.linspace(low, high, _GRID)
        kept = np.flatnonzero(~_rejected(ordered, deviations, means, alpha))
        first = int(kept[0]) if kept.size else _GRID - 1
        low, high = float(means[max(first - 1, 0)]), float(means[first])
        if first == 0:
            break
    return low


def betting_upper(values: Floats, alpha: float, *, seed: int = 0) -> float:
    """The largest mean that is not rejected in favour of a smaller one at one-sided level alpha; 1 when none is."""
    return 1.0 - betting_lower(1.0 - values, alpha, seed=seed)


def _rejected(ordered: Floats, deviations: Floats, means: Floats, alpha: float) -> npt.NDArray[np.bool_]:
    # log wealth against each mean; a bettor whose target is reached stops
    import numpy as np

    target, n = float(np.log(1 / alpha)), ordered.size
    wealth = np.zeros(means.size)
    most = _CAP / np.maximum(means, 1e-12)
    for t in range(n):
        missing = np.maximum(target - wealth, 0.0)
        stake = np.minimum(np.sqrt(missing * (2 / (n - t))) / deviations[t], most)
        wealth += np.log1p(stake * (ordered[t] - means))
    return wealth >= target - 1e-12


def _known_deviations(ordered: Floats) -> Floats:
    # the standard deviation as known before each item, starting from the widest possible, 1/2
    import numpy as np

    seen = np.arange(1, ordered.size + 1)
    mean = (0.5 + np.cumsum(ordered)) / (seen + 1)
    variance = (0.25 + np.cumsum((ordered - mean) ** 2)) / (seen + 1)
    deviations: Floats = np.sqrt(np.concatenate([[0.25], variance[:-1]]))
    return deviations
