"""A share of failures: how many of them each intervention explains beyond what its sham explains."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from suffice.stats import distribution
from suffice.stats.bootstrap import draws_for
from suffice.stats.interval import Interval, mean_interval
from suffice.stats.sample import ENOUGH_GROUPS, check_level, finite, group_codes, scores

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Flags = npt.NDArray[np.bool_]

ENOUGH_FAILURES = 30
"""With fewer failures than this the counts are given and no interval."""


@dataclass(frozen=True, slots=True)
class Share:
    """One probe's part in the failures."""

    tried: int
    """Failures on which the probe and its sham ran, among those that no earlier probe had fixed."""
    fixed: int
    sham_fixed: int
    rate: float | None
    """h = fixed / tried; None when the probe never ran."""
    sham_rate: float | None
    """g = sham_fixed / tried."""
    rho: float
    """(h − g) / (1 − g), the part of the failures still unexplained that this probe explains."""
    share: float
    """rho times the part that the earlier probes left."""
    confidence: float
    """(h − g) / h: how sure it is of one fixed item that the probe, not chance, fixed it."""
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Shares:
    """The failures by cause; the shares and the undiagnosed rest add up to 1."""

    n: int
    probes: tuple[Share, ...]
    undiagnosed: float
    undiagnosed_low: float | None
    undiagnosed_high: float | None
    level: float
    """The chance that all the intervals hold at once."""
    method: str
    reason: str = ""


def shares(
    fixed: Sequence[Sequence[float]],
    sham: Sequence[Sequence[float]],
    ran: Sequence[Sequence[bool]] | None = None,
    groups: Sequence[Hashable] | None = None,
    *,
    alpha: float = 0.05,
    seed: int = 0,
) -> Shares:
    """Attribute failures (rows) to probes (columns, in their frozen order), each measured against its sham.

    `ran` is False where a probe and its sham were not run; a probe's rates use the failures that no earlier probe fixed
    and on which it ran, and runs on items already fixed are left out. A probe that cannot apply to an item has run and
    fixed nothing. A probe that does no better than its sham gets rho = 0. The limits come from a bootstrap of the whole
    chain over items, or whole groups, and hold for all shares at once (max-t: Westfall & Young 1993, Resampling-Based
    Multiple Testing, §2); a cause too rare to be seen widens them as in `group_limits`,
    and Student's t replaces the normal, without which 30 failures are covered 92 % of the time, not 95 %.
    """

    check_level(alpha)
    hits, shams, runs = _matrices(fixed, sham, ran)
    n = hits.shape[0]
    counts = _counts(hits, shams, runs)
    found = _chain(counts.sum(axis=0)[None])[0]
    codes = group_codes(groups, n)
    units = counts if codes is None else _by_group(counts, codes)
    reason = _too_few(n, len(units), codes is not None)
    low, high = (None, None) if reason else _limits(units, found, alpha, seed)
    method = "counts only" if reason else "bootstrap of the chain, simultaneous (max-t)"
    probes = tuple(_share(counts.sum(axis=0)[k], found, k, low, high) for k in range(hits.shape[1]))
    rest = (None, None) if low is None or high is None else (float(low[-1]), float(high[-1]))
    return Shares(n, probes, float(found[-1]), rest[0], rest[1], 1 - alpha, method, reason)


def oracle_estimate(
    quality: float,
    fixed: Sequence[float],
    broken: Sequence[float],
    *,
    fixed_groups: Sequence[Hashable] | None = None,
    broken_groups: Sequence[Hashable] | None = None,
    alpha: float = 0.05,
    seed: int = 0,
) -> Interval:
    """The quality a rung would have if it always worked like the probe: quality + (1 − quality)·h − quality·breakage.

    `fixed` holds the probe's outcomes on failures, `broken` is 1 where an item that passed now fails. Quality is taken
    as it was measured on these items, since the estimate is read against it. The limits combine those of the two rates
    (MOVER: Zou & Donner 2008, Stat. Med. 27:1693), so a probe that fixed none of ten may still fix some.
    """
    if not 0 <= quality <= 1:
        raise ValueError(f"quality is {quality}: it lies in [0, 1]")
    h = _rate(fixed, fixed_groups, "fixed", alpha, seed)
    b = _rate(broken, broken_groups, "broken", alpha, seed + 1)
    gain, loss = 1 - quality, quality
    estimate = quality + gain * h.estimate - loss * b.estimate
    down = math.hypot(gain * (h.estimate - h.low), loss * (b.high - b.estimate))
    up = math.hypot(gain * (h.high - h.estimate), loss * (b.estimate - b.low))
    reason = "; ".join(part.reason for part in (h, b) if not part.tells)
    low, high = max(0.0, estimate - down), min(1.0, estimate + up)
    return Interval(estimate, low, high, 1 - alpha, h.n + b.n, f"MOVER of {h.method} and {b.method}", reason)


def _rate(outcomes: Sequence[float], groups: Sequence[Hashable] | None, name: str, alpha: float, seed: int) -> Interval:
    if len(outcomes) == 0:
        return Interval(0.0, 0.0, 1.0, 1 - alpha, 0, "none", f"{name} was tried on no item")
    return mean_interval(scores(outcomes, name), groups, alpha=alpha, seed=seed)


def _matrices(fixed: object, sham: object, ran: object) -> tuple[Flags, Flags, Flags]:
    import numpy as np

    hits, shams = _matrix(fixed, "fixed"), _matrix(sham, "sham")
    runs = np.ones(hits.shape, bool) if ran is None else _matrix(ran, "ran")
    if not hits.shape == shams.shape == runs.shape:
        raise ValueError(
            f"fixed is {hits.shape}, sham {shams.shape} and ran {runs.shape}: give items × probes for each"
        )
    return hits & runs, shams & runs, runs


def _matrix(rows: object, name: str) -> Flags:
    import numpy as np

    try:
        array = np.asarray(rows, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be rows of 0 and 1: {error}") from None
    if array.ndim != 2 or 0 in array.shape:
        raise ValueError(f"{name} must be items × probes with at least one of each, not of shape {array.shape}")
    flat = finite(array.ravel(), name)
    if not ((flat == 0) | (flat == 1)).all():
        raise ValueError(f"{name} must hold 0 and 1 only: a failure was fixed or it was not")
    flags: Flags = array == 1
    return flags


def _counts(hits: Flags, shams: Flags, runs: Flags) -> Floats:
    # items × probes × (tried, fixed, sham fixed), among the items that no earlier probe has fixed
    import numpy as np

    earlier = np.zeros_like(hits)
    earlier[:, 1:] = np.logical_or.accumulate(hits, axis=1)[:, :-1]
    open_ = runs & ~earlier
    return np.stack([open_, open_ & hits, open_ & shams], axis=2).astype(np.float64)


def _by_group(counts: Floats, codes: npt.NDArray[np.intp]) -> Floats:
    import numpy as np

    sums = np.zeros((int(codes.max()) + 1, *counts.shape[1:]))
    np.add.at(sums, codes, counts)
    return sums


def _chain(counts: Floats) -> Floats:
    # draws × probes × 3 to draws × (shares, then the undiagnosed rest)
    import numpy as np

    rho = _rho(counts)
    left = np.cumprod(1 - rho, axis=1, dtype=np.float64)
    before = np.concatenate([np.ones((len(rho), 1)), left[:, :-1]], axis=1)
    return np.concatenate([rho * before, left[:, -1:]], axis=1)


def _rho(counts: Floats) -> Floats:
    import numpy as np

    tried = np.maximum(counts[..., 0], 1)
    h, g = counts[..., 1] / tried, counts[..., 2] / tried
    return np.where(g < 1, np.clip((h - g) / np.where(g < 1, 1 - g, 1), 0, 1), 0.0)


def _limits(units: Floats, found: Floats, alpha: float, seed: int) -> tuple[Floats, Floats]:
    import numpy as np

    # drawing units with replacement is drawing how often each kind of unit occurs
    n = len(units)
    kinds, often = np.unique(units.reshape(n, -1), axis=0, return_counts=True)
    times = np.random.default_rng(seed).multinomial(n, often / n, size=draws_for(len(kinds)))
    drawn = _chain((times @ kinds).reshape(-1, *units.shape[1:]))
    error = drawn.std(axis=0, ddof=1)
    moved = error > 1e-12
    largest = (np.abs(drawn - found)[:, moved] / error[moved]).max(axis=1, initial=0.0)
    few = distribution.t_quantile(1 - alpha / 2, n - 1) / distribution.normal_quantile(1 - alpha / 2)
    width = few * np.quantile(largest, 1 - alpha) * error
    unseen = 1 - (alpha / 2 / found.size) ** (1 / n)
    low = np.minimum(found - width, found * (1 - unseen))
    high = np.maximum(found + width, found + unseen * (1 - found))
    return np.clip(low, 0, 1), np.clip(high, 0, 1)


def _share(count: Floats, found: Floats, k: int, low: Floats | None, high: Floats | None) -> Share:
    tried, fixed, sham = (int(x) for x in count)
    h, g = (fixed / tried, sham / tried) if tried else (None, None)
    limits = (None, None) if low is None or high is None or not tried else (float(low[k]), float(high[k]))
    return Share(
        tried=tried,
        fixed=fixed,
        sham_fixed=sham,
        rate=h,
        sham_rate=g,
        rho=float(_rho(count)),
        share=float(found[k]),
        confidence=max(0.0, (fixed - sham) / fixed) if fixed else 0.0,
        low=limits[0],
        high=limits[1],
    )


def _too_few(n: int, units: int, grouped: bool) -> str:
    if n < ENOUGH_FAILURES:
        return f"{n} failures: counts only, at least {ENOUGH_FAILURES} are needed for an interval"
    if grouped and units < ENOUGH_GROUPS:
        return (
            f"{n} failures in {units} groups: counts only, at least {ENOUGH_GROUPS} groups are needed for an interval"
        )
    return ""
