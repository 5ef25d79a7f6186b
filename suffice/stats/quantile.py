"""A quantile: a latency percentile with limits that assume nothing about the distribution."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from suffice.stats.power import provable
from suffice.stats.sample import check_level, finite


@dataclass(frozen=True, slots=True)
class Quantile:
    """An observed percentile with the observed values between which the true one lies."""

    q: float
    estimate: float
    low: float | None
    high: float | None
    level: float
    n: int
    reason: str = ""
    """Why a limit is missing; empty when none is."""


def percentile(values: Sequence[float], q: float = 0.95, *, alpha: float = 0.05) -> Quantile:
    """The q-quantile (nearest rank) with order-statistic limits, alpha/2 on each side.

    The number of values below the true quantile is binomial (David & Nagaraja 2003, Order Statistics, §7.1). A limit is
    None, with the number of values that would give one, where even the extreme value is not far enough out.
    """
    import numpy as np

    _check_quantile(q)
    check_level(alpha)
    ordered = np.sort(finite(values))
    n = int(ordered.size)
    above, below = provable(q, n, alpha / 2), provable(1 - q, n, alpha / 2)
    return Quantile(
        q=q,
        estimate=float(ordered[max(math.ceil(n * q - 1e-9), 1) - 1]),
        low=None if below is None else float(ordered[n - below]),
        high=None if above is None else float(ordered[above - 1]),
        level=1 - alpha,
        n=n,
        reason=_reason(q, n, alpha, above is None, below is None),
    )


def values_needed(q: float, alpha: float = 0.05) -> int:
    """The fewest values that give the q-quantile both limits: 72 for a 95 % interval of P95."""
    _check_quantile(q)
    return math.ceil(math.log(check_level(alpha) / 2) / math.log(max(q, 1 - q)) - 1e-9)


def _reason(q: float, n: int, alpha: float, no_upper: bool, no_lower: bool) -> str:
    missing = " and ".join(side for side, gone in (("upper", no_upper), ("lower", no_lower)) if gone)
    return f"{n} values give P{q * 100:g} no {missing} limit: {values_needed(q, alpha)} would" if missing else ""


def _check_quantile(q: float) -> None:
    if not 0 < q < 1:
        raise ValueError(f"q is {q}: a quantile lies strictly between 0 and 1, P95 is 0.95")
