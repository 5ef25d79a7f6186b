"""Moved: whether items that are alike get other labels as time goes by, and how many of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from suffice.stats import distribution
from suffice.stats.sample import finite

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Points = npt.NDArray[np.float32]
    Integers = npt.NDArray[np.intp]
    Bools = npt.NDArray[np.bool_]

NEAREST = 10
"""Neighbours whose labels and times say what is usual for an item; of few items an eighth."""
DRAWS = 199
CUTS = 7
"""Times at which labels may have changed, between 15 and 85 % of the items."""
ROOM = 64
"""Nearest items among which voters are looked for."""
VOTERS, AGREEING = 3, 2
"""Nearest items on each side of a change that vote, and how many must agree."""
SHIFT_AT_LEAST = 3
"""Items that must have moved from one label to another for that to count."""
EACH_SIDE = 2
"""Of these, how many must be from before the change, and from after it."""
APART_AT_MOST = 0.05
"""How much nearer the items of one's own time may be than those of the other, beyond what is usual: docs/LOG.md."""
SHIFT_DRAWS = 19


@dataclass(frozen=True, slots=True)
class Shift:
    """Items that would have had one label before, and have another one since."""

    old: int
    new: int
    items: int
    at: tuple[int, ...]
    """Their places, in order."""


@dataclass(frozen=True, slots=True)
class Moved:
    """How far labels depend on time where items are alike."""

    p: float
    """Of the permutation test: how surprising this would be if time had no part in the labels of like items."""
    when: float
    """The time before and after which labels differ most."""
    share: float
    """Of the comparable items that are in a shift, less what is found by chance."""
    chance: float
    comparable: int
    """Items with neighbours that agree on both sides."""
    shifts: tuple[Shift, ...]
    """The largest first."""
    kinds: int
    """Labels that the nearest items of some item mostly carry."""
    seasonal: bool
    """Whether kinds come and go with time. With few items a kind, that looks like a change of labels."""


def moved(points: Points, labels: Sequence[int], times: Sequence[float] | Floats, *, seed: int = 0) -> Moved:
    """Whether the labels of items that are alike depend on time. `points` are rows of length one (items × dimensions).

    The p-value: an item's label and its place in time are each taken less what is usual among its nearest items, and
    neighbours whose leftovers agree in both speak for a change (a local form of the generalised covariance measure of
    Shah & Peters 2020, Ann. Stat. 48:1514, so that inputs may come and go with time). The largest such sum over seven
    times is held against times exchanged within a kind: the items whose nearest ones mostly carry one label. Exact
    where the times have nothing to do with the inputs; label noise that is always there changes nothing.

    The share: at each time, an item has moved where its three nearest items of its own side and of the other side
    agree on two labels. A shift from one label to another counts where its items lie as near to the other side as
    items usually do: where a kind of input is new, there is nothing to compare it with. The same with times exchanged
    is chance.
    """
    import numpy as np

    when, own = finite(times, "times"), np.asarray(labels, np.intp)
    if not len(points) == own.size == when.size or own.size <= NEAREST:
        raise ValueError(
            f"{len(points)} points, {own.size} labels and {when.size} times: give one each, over {NEAREST}"
        )
    looking = _Looking.of(np.asarray(points, np.float32), own)
    cuts = np.unique(np.quantile(when, np.linspace(0.15, 0.85, CUTS)))
    rng = np.random.default_rng(seed)
    drawn = [looking.exchanged(when, rng) for _ in range(DRAWS)]
    p = _p(np.stack([looking.evidence(t, cuts) for t in (when, *drawn)]))
    at, share, chance = looking.largest(when, cuts, drawn[:SHIFT_DRAWS])
    comparable, shifts = looking.shifts(when >= cuts[at])
    kinds, seasonal = np.unique(looking.kinds).size, _seasonal(when, looking.kinds)
    return Moved(p, float(cuts[at]), share, chance, comparable, tuple(shifts), kinds, seasonal)


def _seasonal(times: Floats, kinds: Integers) -> bool:
    """Whether times differ between kinds more than in one of a hundred draws: the F-test, on ranks."""
    import numpy as np

    ranks = np.argsort(np.argsort(times, kind="stable")).astype(float)
    ranks -= ranks.mean()
    counts = np.bincount(kinds)
    present = counts > 0
    between = float((np.bincount(kinds, ranks)[present] ** 2 / counts[present]).sum()) / float((ranks**2).sum())
    groups, n = int(present.sum()), times.size
    return 1 < groups < n and between > distribution.beta_quantile(0.99, (groups - 1) / 2, (n - groups) / 2)


def _p(sums: Floats) -> float:
    """The largest of the standardised columns of the first row, held against that of the others."""
    spread = sums.std(axis=0)
    largest = ((sums - sums.mean(axis=0)) / (spread + 1e-12 + 1e-9 * abs(sums).max())).max(axis=1)
    return float((largest >= largest[0] - 1e-9).mean())


@dataclass(frozen=True)
class _Looking:
    """Items, their nearest ones, and what their labels say beyond what is usual there."""

    labels: Integers
    near: Integers
    """Nearest items, the nearest first (items × room), and how near they are."""
    nearness: Floats
    kinds: Integers
    agreeing: Floats
    """How far the label of a neighbour is as unusual as one's own (items × nearest)."""

    @classmethod
    def of(cls, points: Points, labels: Integers) -> _Looking:
        import numpy as np

        n = labels.size
        near, nearness = _nearest(points, min(ROOM, n - 1))
        first = near[:, : min(NEAREST, max(2, n // 8))]
        held = np.eye(int(labels.max()) + 1, dtype=np.float32)[labels]
        rest = held - held[first].mean(axis=1)
        agreeing = np.stack([(rest * rest[first[:, k]]).sum(axis=1) for k in range(first.shape[1])], axis=1)
        votes = held[first].sum(axis=1) + 1e-3 * held[first[:, 0]]
        return cls(labels, near, nearness, votes.argmax(axis=1), agreeing.astype(np.float64))

    def evidence(self, times: Floats, cuts: Floats) -> Floats:
        """For each cut: how far neighbours with like unusual labels have like unusual times."""
        first = self.near[:, : self.agreeing.shape[1]]
        since = (times[:, None] >= cuts).astype(float)
        rest: Floats = since - since[first].mean(axis=1)
        total: Floats = sum(
            (self.agreeing[:, [k]] * rest * rest[first[:, k]]).sum(axis=0) for k in range(first.shape[1])
        )
        return total

    def exchanged(self, times: Floats, rng: np.random.Generator) -> Floats:
        """The times, exchanged within each kind."""
        import numpy as np

        found = np.empty_like(times)
        found[np.argsort(self.kinds, kind="stable")] = times[np.lexsort((rng.random(times.size), self.kinds))]
        return found

    def largest(self, times: Floats, cuts: Floats, drawn: Sequence[Floats]) -> tuple[int, float, float]:
        """The cut with the largest share of items that moved beyond chance, that share, and chance."""
        import numpy as np

        seen = np.array([self._share(times >= cut) for cut in cuts])
        chance = np.array([[self._share(t >= cut) for cut in cuts] for t in drawn]).mean(axis=0)
        beyond = (seen - chance) / np.maximum(1 - chance, 1e-9)
        at = int(beyond.argmax())
        return at, max(0.0, float(beyond[at])), float(chance[at])

    def _share(self, late: Bools) -> float:
        comparable, shifts = self.shifts(late)
        return sum(shift.items for shift in shifts) / max(1, comparable)

    def shifts(self, late: Bools) -> tuple[int, list[Shift]]:
        """How many items can be compared, and the shifts from one label to another that count."""
        import numpy as np

        own, agreed, near = self._vote(late[self.near] == late[:, None])
        other, others, far = self._vote(late[self.near] != late[:, None])
        comparable = agreed & others & (own == self.labels)
        changed, gap = comparable & (own != other), near - far
        still = comparable & ~changed
        usual = float(gap[still].mean()) if still.any() else 0.0
        old, new = np.where(late, other, own), np.where(late, own, other)
        found = _by_pair(np.flatnonzero(changed), old, new)
        counts = (s for s in found if self._counts(np.array(s.at), late, gap - usual))
        return int(comparable.sum()), sorted(counts, key=lambda s: (-s.items, s.old, s.new))

    def _counts(self, at: Integers, late: Bools, gap: Floats) -> bool:
        """Whether enough items moved, seen from both sides, and as near to the other side as items usually are."""
        since = int(late[at].sum())
        seen = at.size >= SHIFT_AT_LEAST and min(since, at.size - since) >= EACH_SIDE
        return seen and float(gap[at].mean()) <= APART_AT_MOST

    def _vote(self, allowed: Bools) -> tuple[Integers, Bools, Floats]:
        """What the nearest allowed items say, whether enough of them agree, and how near they are on average."""
        import numpy as np

        order = np.argsort(~allowed, axis=1, kind="stable")[:, :VOTERS]
        there = np.take_along_axis(allowed, order, axis=1).all(axis=1) & (order.shape[1] == VOTERS)
        said = self.labels[np.take_along_axis(self.near, order, axis=1)]
        votes = (said[:, :, None] == said[:, None, :]).sum(axis=2)
        first = votes.argmax(axis=1)[:, None]
        label = np.take_along_axis(said, first, axis=1)[:, 0]
        enough = np.take_along_axis(votes, first, axis=1)[:, 0] >= AGREEING
        return label, there & enough, np.take_along_axis(self.nearness, order, axis=1).mean(axis=1)


def _by_pair(items: Integers, old: Integers, new: Integers) -> Iterator[Shift]:
    heaps: dict[tuple[int, int], list[int]] = {}
    for at in items.tolist():
        heaps.setdefault((int(old[at]), int(new[at])), []).append(at)
    return (Shift(a, b, len(at), tuple(at)) for (a, b), at in heaps.items())


def _nearest(points: Points, room: int) -> tuple[Integers, Floats]:
    import numpy as np

    near, nearness = [], []
    for start in range(0, len(points), 512):
        found = np.asarray(points[start : start + 512] @ points.T, np.float64)
        found[np.arange(len(found)), np.arange(start, start + len(found))] = -np.inf
        order = np.argsort(-found, axis=1, kind="stable")[:, :room]
        near.append(order)
        nearness.append(np.take_along_axis(found, order, axis=1))
    return np.concatenate(near), np.concatenate(nearness)
