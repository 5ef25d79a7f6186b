"""Confident: labels that the labels of the nearest items contradict, and each label's own standard for doing so."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from suffice.stats.sample import group_codes

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.intp]
    Points = npt.NDArray[np.float32]

NEAREST = 20
"""Neighbours that vote. Fewer are noisier, and more are not there where labels are many: docs/LOG.md."""
OF_ALL = 4
"""At most every fourth of those that teach is near."""
ABSENT = 0.1
"""The share of its usual votes under which an item's own label counts as absent."""
USUAL_AT_LEAST = 0.2
"""The votes that items of a label must usually get for it: of a rarer, or a looser, label nothing can be missed."""
AT_ONCE = 1024


@dataclass(frozen=True, slots=True)
class Doubt:
    """One item whose nearest items say that another label is meant."""

    at: int
    proposed: int
    share: float
    """The votes for the proposed label."""
    own: float
    """The votes for the item's own label, and what items of that label usually get."""
    usual: float


def nearest_votes(
    points: Points,
    labels: Sequence[int],
    teaches: Sequence[bool],
    groups: Sequence[Hashable] | None = None,
    *,
    classes: int,
    nearest: int = NEAREST,
) -> Integers:
    """How many of an item's nearest items carry each label (items × classes): those that teach, of other groups.

    `points` are rows of length one (items × dimensions); the nearest have the largest inner product. Of a few that
    teach only the nearest quarter votes.
    """
    import numpy as np

    codes = group_codes(groups, len(labels)) if groups is not None else np.arange(len(labels))
    codes = np.arange(len(labels)) if codes is None else codes
    teachers = np.flatnonzero(np.asarray(teaches, bool))
    nearest = min(nearest, max(1, teachers.size // OF_ALL))
    owners, found = np.asarray(labels, np.intp)[teachers], np.zeros((len(labels), classes), np.intp)
    for start in range(0, len(labels), AT_ONCE) if teachers.size else ():
        rows = slice(start, start + AT_ONCE)
        nearness = np.asarray(points[rows] @ points[teachers].T, np.float64)
        nearness[codes[rows][:, None] == codes[teachers][None, :]] = -np.inf
        order = np.argpartition(-nearness, nearest - 1, axis=1)[:, :nearest]
        known = np.isfinite(np.take_along_axis(nearness, order, axis=1))
        for at, (near, there) in enumerate(zip(order, known, strict=True), start):
            np.add.at(found[at], owners[near[there]], 1)
    return found


def doubts(votes: Integers, labels: Sequence[int], teaches: Sequence[bool]) -> list[Doubt]:
    """Items that confidently belong to another label, and hardly to their own, in order.

    Confident learning (Northcutt, Jiang & Chuang 2021, JAIR 70:1373, §3.1): a label is confidently meant where its
    probability is at least what the items that carry it have on average. That alone finds every loose item of a label
    that overlaps with another, so the item's own label must be absent as well. The standards are set by the items that
    teach; the others are judged by them.
    """
    import numpy as np

    own, taught = np.asarray(labels, np.intp), np.asarray(teaches, bool)
    shares = votes / np.maximum(votes.sum(axis=1, keepdims=True), 1)
    usual = np.array([_mean(shares[taught & (own == c), c]) for c in range(shares.shape[1])])
    reached = np.where((shares >= usual) & (shares > 0) & (usual > 0), shares, -1.0)
    proposed, mine = reached.argmax(axis=1), shares[np.arange(own.size), own]
    confident = (reached.max(axis=1) > 0) & (proposed != own)
    absent = (mine <= ABSENT * usual[own]) & (usual[own] >= USUAL_AT_LEAST)
    return [
        Doubt(int(at), int(proposed[at]), float(shares[at, proposed[at]]), float(mine[at]), float(usual[own[at]]))
        for at in np.flatnonzero(confident & absent)
    ]


def _mean(values: Floats) -> float:
    return float(values.mean()) if values.size else 0.0
