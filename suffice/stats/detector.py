"""A detector of change: bets on ranks that grow once something has changed, with a stated rate of false alarms.

Each new value is ranked among the earlier values of its own kind of block (the earlier Mondays, say). While blocks of a
kind are exchangeable these ranks are independent and uniform, ties broken at random (Vovk, Nouretdinov & Gammerman
2003, ICML), whatever the distribution of the values. A bet pays more for unusual ranks and 1 on average. Its
Shiryaev-Roberts sum over all times at which a change may have begun, R = payoff · (R + 1), is an e-detector (Shin,
Ramdas & Rinaldo 2022, arXiv 2203.03532): its mean after n blocks is n at most. Alarming where it
reaches H / alpha therefore has (a) chance alpha at most of any false alarm within the first H blocks, by Doob's maximal
inequality, and (b) H / alpha blocks at least before a false alarm on average, by optional stopping.

That is exact for one monitor, whose bets are fair given its own past. An average over several is an e-detector where
each monitor's bets are fair given the past of all of them; where monitors depend on one another in other ways, evidence
fair in one past need not be so in the joint one (Choe & Ramdas, Combining evidence across filtrations, arXiv
2402.09698). The joint rate is therefore measured (docs/watch.md), not proven.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from suffice.stats.sample import check_level

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

Side = Literal["both", "high"]
TOPS = (1, 2, 4)
"""Bets on a rank among the highest one, two or four, of which the last is for changes that are small."""
STAKES = (0.5, 0.9)
"""The share of the wealth that is bet."""
LARGEST_TOP = 0.5
_MOST = 1e200  # no sum grows beyond it, so that a drift that stands for years is still a number


@dataclass(frozen=True, slots=True)
class Bets:
    """The wealth of every bet since each block, and the sums that alarm; a value for blocks that were ranked only."""

    places: tuple[int, ...]
    """Which blocks were ranked."""
    sums: Floats
    """The mean Shiryaev-Roberts sum over the bets, after each of these blocks."""
    logs: Floats
    """The logarithm of each bet's payoff at each of these blocks (blocks × bets)."""

    def at(self, block: int) -> float:
        """The sum after a block; 0 before the first that was ranked."""
        import numpy as np

        known = int(np.searchsorted(self.places, block, side="right"))
        return float(self.sums[known - 1]) if known else 0.0

    def since(self, block: int, until: int) -> float:
        """The log of the bets' mean wealth from a block to another, both included; 0 where nothing was ranked."""
        import numpy as np

        rows = [at for at, place in enumerate(self.places) if block <= place <= until]
        if not rows:
            return 0.0
        wealth = self.logs[rows].sum(axis=0)
        return float(wealth.max() + np.log(np.exp(wealth - wealth.max()).mean()))

    def began(self, until: int) -> tuple[int, float]:
        """The block since which the best bet has won most up to another, and the log of that wealth."""
        import numpy as np

        rows = [at for at, place in enumerate(self.places) if place <= until]
        if not rows:
            return until, 0.0
        wealth = np.cumsum(self.logs[rows][::-1], axis=0)[::-1]
        at = int(wealth.max(axis=1).argmax())
        return self.places[rows[at]], max(0.0, float(wealth[at].max()))


def threshold(alpha: float, horizon: int) -> float:
    """What an average of sums must reach for an alarm, so that `horizon` quiet blocks have a chance alpha of one."""
    check_level(alpha)
    if horizon < 1:
        raise ValueError(f"horizon is {horizon}: at least one block")
    return horizon / alpha


def soonest(alpha: float, horizon: int, monitors: int, earlier: int, side: Side = "both") -> int:
    """Blocks that even the largest change needs for an alarm, where every value can be ranked among `earlier` ones."""
    wanted, total, blocks = threshold(alpha, horizon) * monitors, 0.0, 0
    pays = payoff(0.0, earlier, side)
    sums = pays * 0
    while total < wanted:
        sums = pays * (sums + 1)
        total, blocks = float(sums.mean()), blocks + 1
        if blocks > 10_000:
            raise ValueError(f"{earlier} earlier values can never raise an alarm")
    return blocks


def bets(ps: Sequence[float], earlier: Sequence[int], places: Sequence[int], *, side: Side = "both") -> Bets:
    """The bets on ranks: `ps` as from `rank`, each among so many `earlier` values, at these blocks in order."""
    import numpy as np

    if not len(ps) == len(earlier) == len(places):
        raise ValueError(f"{len(ps)} ranks, {len(earlier)} counts and {len(places)} blocks: give one of each per block")
    count = len(TOPS) * len(STAKES) * (2 if side == "both" else 1)
    pays = np.ones((len(ps), count))
    for at, (p, n) in enumerate(zip(ps, earlier, strict=True)):
        pays[at] = payoff(p, n, side)
    sums, total = np.zeros((len(ps), count)), np.zeros(count)
    for at, row in enumerate(pays):
        total = np.minimum(row * (total + 1), _MOST)
        sums[at] = total
    means = sums.mean(axis=1) if len(ps) else np.zeros(0)
    return Bets(tuple(places), means, np.log(pays))


def rank(value: float, earlier: Sequence[float] | Floats, chance: float) -> float:
    """The share of values at least as large as the new one, itself included; `chance` in [0, 1] breaks ties.

    Uniform on [0, 1] where all are exchangeable and chance is uniform: a smoothed conformal p-value.
    """
    import numpy as np

    others = np.asarray(earlier, np.float64)
    larger, same = int((others > value).sum()), int((others == value).sum()) + 1
    return (larger + chance * same) / (others.size + 1)


def apart(vectors: Floats, spread: Floats) -> Floats:
    """How far each row is from the mean of the others in units of each column's spread: no order of rows matters."""
    import numpy as np

    n = len(vectors)
    if n < 2:
        return np.zeros(n)
    others = (vectors.sum(axis=0) - vectors) / (n - 1)
    found: Floats = (((vectors - others) / spread) ** 2).sum(axis=1)
    return found


def spreads(vectors: Floats, kinds: Sequence[int], smallest: float) -> Floats:
    """Each column's spread within kinds of blocks: the median distance from the kind's median, and `smallest` at least.

    Of all blocks of all kinds together, so that it is the same for every order within a kind.
    """
    import numpy as np

    codes = np.asarray(kinds)
    rest = np.concatenate([np.abs(v - np.median(v, axis=0)) for v in (vectors[codes == k] for k in np.unique(codes))])
    found: Floats = np.median(rest, axis=0) * 1.48 + smallest
    return found


def memory(vectors: Floats, kinds: Sequence[int]) -> int:
    """How many blocks apart values must be to say something new: 1 where neighbours are no more alike than others.

    The correlation of neighbours within kinds, by the ratio of mean squared successive differences (von Neumann 1941,
    Ann. Math. Stat. 12:367); where r is beyond 1.5 standard errors, 1 / √n each, one value in (1 + r) / (1 - r) is
    new (the time scale of a first-order autoregression); beyond three, r is taken for one standard error more.
    """
    import numpy as np

    codes, rest = np.asarray(kinds), np.array(vectors, np.float64).reshape(len(vectors), -1)
    for kind in np.unique(codes):
        rest[codes == kind] -= rest[codes == kind].mean(axis=0)
    spread = rest.std(axis=0)
    rest = rest[:, spread > 0] / spread[spread > 0]
    if len(rest) < 4 or not rest.size:
        return 1
    r = 1 - float((np.diff(rest, axis=0) ** 2).mean()) / 2
    error = 1 / len(rest) ** 0.5
    if r <= 1.5 * error:
        return 1
    taken = min(0.99, r if r <= 3 * error else r + error)
    return math.ceil((1 + taken) / (1 - taken) - 0.5)


def payoff(p: float, earlier: int, side: Side) -> Floats:
    """What each bet pays for a rank: 1 on average over a uniform one."""
    import numpy as np

    made = np.array([_pay(p, top, stake) for top in _tops(earlier) for stake in STAKES])
    if side == "high":
        return made
    low = np.array([_pay(1 - p, top, stake) for top in _tops(earlier) for stake in STAKES])
    return np.concatenate([made, low])


def _pay(p: float, top: float, stake: float) -> float:
    return 1 - stake + (stake / top if p <= top else 0.0)


def _tops(earlier: int) -> tuple[float, ...]:
    return tuple(min(LARGEST_TOP, top / (earlier + 1)) for top in TOPS)
