"""A bet against a mean: finite-sample limits for the mean of numbers in [0, 1], whatever their distribution.

Waudby-Smith & Ramdas 2024, "Estimating means of bounded random variables by betting" (JRSS B 86:1), Theorem 3 with the
predictable plug-in bets of their equation (26) for a fixed n. A bettor who stakes on "the mean exceeds m" has a wealth with
expectation at most 1 if it does not, so a wealth of 1/alpha rejects m (Markov). The wealth is averaged over several seeded
orders of the same items, which keeps that expectation and makes the limit depend little on the order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

_ORDERS = 16
_CAP = 0.9  # at most this share of the wealth is staked on one item


def betting_lower(values: Floats, alpha: float, *, seed: int = 0) -> float:
    """The largest m such that "the mean of these [0, 1] values is at most m" is rejected at level alpha, or 0."""
    orders, bets = _bets(values, alpha, seed)
    low, high = 0.0, float(values.mean())
    for _ in range(40):
        m = (low + high) / 2
        low, high = (m, high) if _log_wealth(orders, bets, m) >= _log_inverse(alpha) else (low, m)
        if high - low < 1e-7:
            break
    return low


def betting_upper(values: Floats, alpha: float, *, seed: int = 0) -> float:
    """The smallest m such that "the mean of these [0, 1] values is at least m" is rejected at level alpha, or 1."""
    return 1.0 - betting_lower(1.0 - values, alpha, seed=seed)


def betting_p(values: Floats, mean: float, alpha: float, *, seed: int = 0) -> float:
    """A valid p-value for "the mean of these [0, 1] values is at most `mean`": one over the wealth of bets tuned for alpha."""
    import math

    if mean < 0:
        return 0.0
    if mean >= 1:
        return 1.0
    orders, bets = _bets(values, alpha, seed)
    return min(1.0, math.exp(-_log_wealth(orders, bets, mean)))


def _bets(values: Floats, alpha: float, seed: int) -> tuple[Floats, Floats]:
    # each item's bet looks only at the items before it in the same order (equations 24–26)
    import numpy as np

    n = values.size
    rng = np.random.default_rng(seed)
    orders = rng.permuted(np.tile(values, (_ORDERS, 1)), axis=1)
    before = np.arange(1, n + 1)
    mean = (0.5 + np.cumsum(orders, axis=1)) / (before + 1)
    variance = (0.25 + np.cumsum((orders - mean) ** 2, axis=1)) / (before + 1)
    known = np.concatenate([np.full((_ORDERS, 1), 0.25), variance[:, :-1]], axis=1)
    return orders, np.sqrt(2 * _log_inverse(alpha) / (n * known))


def _log_wealth(orders: Floats, bets: Floats, m: float) -> float:
    # every factor falls in m, so the wealth does, and the rejected m are an interval
    import numpy as np

    stake = np.minimum(bets, _CAP / max(m, 1e-12))
    log = np.log1p(stake * (orders - m)).sum(axis=1)
    top = float(log.max())
    return top + float(np.log(np.mean(np.exp(log - top))))


def _log_inverse(alpha: float) -> float:
    import math

    return math.log(1 / alpha)
