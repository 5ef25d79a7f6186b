"""A margin: whether a paired difference of two shares exceeds a stated amount, and between which limits it lies."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

from suffice.stats import distribution

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

_RATES = 40
_SET_ASIDE = 1e-5  # Berger & Boos: the error spent on confining the loss rate, added to every p-value
_SURE = 7.0  # standard deviations beyond which a number of losses is left out
_FINE = 1e-5


def margin_p(wins: int, losses: int, n: int, margin: float) -> float:
    """The exact one-sided p-value of "lift ≤ margin" for paired 0/1 items.

    The unconditional test of Hsueh, Liu & Chen 2001 (Biometrics 57:478): the probability of a score statistic at least
    as large as the one seen, at the worst loss rate on the boundary lift = margin, among those that the losses seen
    leave possible (Berger & Boos 1994, JASA 89:1012).
    """
    import numpy as np

    if abs(margin) >= 1:
        return 1.0 if margin > 0 else 0.0
    rates = _loss_rates(losses, n, margin)
    if rates is None:
        return _SET_ASIDE
    lost = _likely_counts(rates, n)
    seen = float(score_statistic(wins, losses, n, margin))
    least = _least_wins(lost, n, margin, seen)
    masses = distribution.binomial_masses(lost, n, rates[:, None])
    winning = np.clip((rates + margin) / np.maximum(1 - rates, 1e-300), 0, 1)
    tails = distribution.binomial_at_least_all(least, n - lost, winning[:, None])
    return float(min(1.0, (masses * tails).sum(axis=1).max() + _SET_ASIDE))


def margin_limits(wins: int, losses: int, n: int, alpha: float) -> tuple[float, float]:
    """The lifts that `margin_p` rejects from neither side at alpha/2: an exact interval for paired 0/1 items."""
    return margin_lower(wins, losses, n, alpha / 2), -margin_lower(losses, wins, n, alpha / 2)


@lru_cache(maxsize=4096)
def margin_lower(wins: int, losses: int, n: int, alpha: float) -> float:
    """The lift up to which `margin_p` rejects at one-sided level alpha: an exact lower limit for paired 0/1 items."""
    if alpha <= _SET_ASIDE:
        return -1.0  # no p-value is as small
    low, high = _bracket(wins, losses, n, alpha)
    while high - low > _FINE:
        middle = (low + high) / 2
        low, high = (middle, high) if margin_p(wins, losses, n, middle) <= alpha else (low, middle)
    return low


def score_statistic(wins: object, losses: object, n: int, margin: float) -> Floats:
    """The score statistic of "lift = margin" for paired 0/1 items (Tango 1998, Stat. Med. 17:891); arrays broadcast."""
    import numpy as np

    w, lost = np.asarray(wins, float), np.asarray(losses, float)
    numerator = w - lost - n * margin
    linear = -w - lost + (2 * n - w + lost) * margin
    constant = -lost * margin * (1 - margin)
    losing = (np.sqrt(np.maximum(linear**2 - 8 * n * constant, 0.0)) - linear) / (4 * n)
    variance = n * np.maximum(2 * losing + margin * (1 - margin), 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = numerator / np.sqrt(variance)
    return np.where(np.abs(numerator) < 1e-9, 0.0, z)


def _bracket(wins: int, losses: int, n: int, alpha: float) -> tuple[float, float]:
    # step away from the score statistic's own limit until the exact test changes its mind
    lift, guess, step = (wins - losses) / n, _score_lower(wins, losses, n, alpha), 0.25 / n
    rejected = guess <= -1 or margin_p(wins, losses, n, guess) <= alpha
    while -1 < guess < lift:
        further = min(guess + step, lift) if rejected else max(guess - step, -1.0)
        if further in (-1.0, lift) or (margin_p(wins, losses, n, further) <= alpha) != rejected:
            return min(guess, further), max(guess, further)
        guess, step = further, 2 * step
    return -1.0, lift


def _score_lower(wins: int, losses: int, n: int, tail: float) -> float:
    z = distribution.normal_quantile(1 - tail)
    low, high = -1.0, (wins - losses) / n
    while high - low > _FINE:
        middle = (low + high) / 2
        low, high = (middle, high) if float(score_statistic(wins, losses, n, middle)) > z else (low, middle)
    return low


def _loss_rates(losses: int, n: int, margin: float) -> Floats | None:
    # on the boundary p(win) = p(loss) + margin, both at least 0 and together at most 1
    import numpy as np

    least = distribution.beta_quantile(_SET_ASIDE / 2, losses, n - losses + 1) if losses else 0.0
    most = distribution.beta_quantile(1 - _SET_ASIDE / 2, losses + 1, n - losses) if losses < n else 1.0
    least, most = max(least, -margin, 0.0), min(most, (1 - margin) / 2)
    return np.linspace(least, most, _RATES) if least <= most else None


def _likely_counts(rates: Floats, n: int) -> Floats:
    import numpy as np

    def spread(rate: float) -> float:
        return _SURE * math.sqrt(n * rate * (1 - rate)) + 3 * _SURE

    first, last = float(rates[0]), float(rates[-1])
    return np.arange(max(0, int(n * first - spread(first))), min(n, int(n * last + spread(last))) + 1, dtype=float)


def _least_wins(lost: Floats, n: int, margin: float, seen: float) -> Floats:
    # for each number of losses the fewest wins whose statistic reaches the one seen: it rises with the wins
    import numpy as np

    low, high = np.full(lost.size, -1.0), n - lost + 1
    for _ in range(n.bit_length() + 1):
        middle = np.floor((low + high) / 2)
        enough = score_statistic(np.maximum(middle, 0), lost, n, margin) >= seen - 1e-9
        move = high - low > 1
        low, high = np.where(move & ~enough, middle, low), np.where(move & enough, middle, high)
    return high
