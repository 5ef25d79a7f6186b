"""A margin: whether a paired difference of two shares exceeds a stated amount, and between which limits it lies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from suffice.stats import distribution

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

_NUISANCE = 64


def score_statistic(wins: object, losses: object, n: int, margin: float) -> Floats:
    """The score statistic of "lift = margin" for paired 0/1 items (Tango 1998, Stat. Med. 17:891); arrays broadcast."""
    import numpy as np

    w, lost = np.asarray(wins, float), np.asarray(losses, float)
    numerator = w - lost - n * margin
    linear = -w - lost + (2 * n - w + lost) * margin
    constant = -lost * margin * (1 - margin)
    root = np.sqrt(np.maximum(linear**2 - 8 * n * constant, 0.0))
    losing = np.clip((root - linear) / (4 * n), 0.0, 1.0)
    variance = n * np.maximum(2 * losing + margin * (1 - margin), 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = numerator / np.sqrt(variance)
    return np.where(np.abs(numerator) < 1e-9, 0.0, z)


def score_limits(wins: int, losses: int, n: int, alpha: float) -> tuple[float, float]:
    """Tango's interval: the lifts whose score statistic lies within the two normal quantiles at alpha/2 each."""
    z = distribution.normal_quantile(1 - alpha / 2)
    return _lower_limit(wins, losses, n, z), -_lower_limit(losses, wins, n, z)


def margin_p(wins: int, losses: int, n: int, margin: float) -> float:
    """The exact one-sided p-value of "lift ≤ margin" for paired 0/1 items.

    The unconditional test of Hsueh, Liu & Chen 2001 (Biometrics 57:478): the probability of a score statistic at least
    as large as the one seen, at the worst loss rate on the boundary lift = margin.
    """
    import numpy as np

    if margin >= 1:
        return 1.0
    if margin <= -1:
        return 0.0
    seen = float(score_statistic(wins, losses, n, margin))
    lost = np.arange(n + 1)
    least = _least_wins(lost, n, margin, seen)
    rates = _loss_rates(margin)
    masses = distribution.binomial_masses(lost[None, :], n, rates[:, None])
    share = (rates + margin) / np.maximum(1 - rates, 1e-300)
    tails = distribution.binomial_at_least_all(least, n - lost, np.clip(share, 0, 1)[:, None])
    return float(min(1.0, (masses * tails).sum(axis=1).max()))


def _lower_limit(wins: int, losses: int, n: int, z: float) -> float:
    low, high = -1.0, (wins - losses) / n
    while high - low > 1e-9:
        middle = (low + high) / 2
        low, high = (middle, high) if float(score_statistic(wins, losses, n, middle)) > z else (low, middle)
    return low


def _least_wins(lost: object, n: int, margin: float, seen: float) -> Floats:
    # for each number of losses the fewest wins whose statistic reaches the one seen: it rises with the wins
    import numpy as np

    losses = np.asarray(lost, float)
    low, high = np.full(n + 1, -1.0), n - losses + 1
    for _ in range(int(n).bit_length() + 1):
        middle = np.floor((low + high) / 2)
        enough = score_statistic(np.maximum(middle, 0), losses, n, margin) >= seen - 1e-9
        move = (high - low) > 1
        low, high = np.where(move & ~enough, middle, low), np.where(move & enough, middle, high)
    return high


def _loss_rates(margin: float) -> Floats:
    # p(loss) on the boundary: p(win) = p(loss) + margin, both at least 0, together at most 1; denser near the ends
    import numpy as np

    least, most = max(0.0, -margin), (1 - margin) / 2
    return least + (most - least) * (np.sin(np.linspace(0, np.pi / 2, _NUISANCE)) ** 2)
