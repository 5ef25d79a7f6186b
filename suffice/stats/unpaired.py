"""An unpaired difference: two shares of which only the totals are known, on items that nobody can match."""

from __future__ import annotations

import math

from suffice.stats import distribution
from suffice.stats.power import smallest_visible_mean
from suffice.stats.sample import check_level


def wilson(share: float, n: int, alpha: float = 0.05) -> tuple[float, float]:
    """The two-sided score interval of a share (Wilson 1927, JASA 22:209); the share need not be a whole count of n."""
    _check(share, n)
    z2 = distribution.normal_quantile(1 - check_level(alpha) / 2) ** 2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    width = math.sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    return max(0.0, middle - width), min(1.0, middle + width)


def newcombe(before: float, n_before: int, after: float, n_after: int, alpha: float = 0.05) -> tuple[float, float]:
    """The two-sided interval of after − before for two independent shares.

    Newcombe 1998 (Stat. Med. 17:873), method 10, from the two score intervals. It is approximate: it covers its level
    on average over the rates, a point or two less at some of them.
    """
    low_b, high_b = wilson(before, n_before, alpha)
    low_a, high_a = wilson(after, n_after, alpha)
    lift = after - before
    low = lift - math.hypot(after - low_a, high_b - before)
    high = lift + math.hypot(high_a - after, before - low_b)
    return max(-1.0, low), min(1.0, high)


def smallest_visible_difference(before: float, n_before: int, after: float, n_after: int, alpha: float = 0.05) -> float:
    """The smallest difference that such samples show four times in five (normal approximation).

    The rates are drawn towards a half by one success and one failure each (Agresti & Caffo 2000, Am. Stat. 54:280).
    """
    _check(before, n_before)
    _check(after, n_after)
    drawn = [((share * n + 1) / (n + 2), n + 2) for share, n in ((before, n_before), (after, n_after))]
    error = math.sqrt(sum(share * (1 - share) / n for share, n in drawn))
    return min(1.0, smallest_visible_mean(error, alpha))


def _check(share: float, n: int) -> None:
    if n < 1:
        raise ValueError(f"n is {n}: at least one item is needed")
    if not 0 <= share <= 1:
        raise ValueError(f"a share is {share}: it lies in [0, 1]")
