"""Labels that the nearest items contradict: found where they were planted, and not where a label is loose or rare."""

from __future__ import annotations

import numpy as np
import pytest

from suffice.stats.confident import NEAREST, doubts, nearest_votes


def _blobs(n: int, classes: int, spread: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Points of length one around one centre a class."""
    rng = np.random.default_rng(seed)
    truth = np.arange(n) % classes
    points = np.eye(16)[truth] + spread * rng.normal(size=(n, 16))
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32), truth


def test_of_few_that_teach_the_nearest_quarter_votes() -> None:
    points, labels = _blobs(40, 2, 0.1)
    assert set(nearest_votes(points, labels, [True] * 40, classes=2).sum(axis=1)) == {10}
    assert set(nearest_votes(points, labels, np.arange(40) < 3, classes=2).sum(axis=1)) == {1}
    points, labels = _blobs(200, 2, 0.1)
    assert set(nearest_votes(points, labels, [True] * 200, classes=2).sum(axis=1)) == {NEAREST}


def test_the_nearest_are_others_that_teach_and_not_of_ones_own_group() -> None:
    near = [[1, 0], [1, 0.01], [0.9, 0.1], [0, 1], [0.95, 0.05]]
    points = np.array([*near, *[[-1, 0]] * 4], np.float32)
    labels, teaches = [0, 1, 0, 1, 1, 1, 1, 1, 1], [True] * 4 + [False] + [True] * 4
    votes = nearest_votes(points, labels, teaches, ["a", "a", *range(7)], classes=2)
    assert votes[0].tolist() == [1, 1]  # the third and the fourth: not itself, nor its group, nor who teaches nobody
    assert votes[4].tolist() == [1, 1]  # of those that teach, the first two
    assert nearest_votes(points, labels, [False] * 9, classes=2).sum() == 0


@pytest.mark.parametrize("seed", range(3))
def test_flipped_labels_are_found_and_little_else(seed: int) -> None:
    points, truth = _blobs(600, 8, 0.25, seed)
    given = truth.copy()
    flipped = np.random.default_rng(seed).choice(600, 30, replace=False)
    given[flipped] = (truth[flipped] + 1 + np.arange(30) % 7) % 8
    teaches = np.arange(600) < 450
    found = doubts(nearest_votes(points, given, teaches, classes=8), given, teaches)
    named = {d.at for d in found}
    assert len(named & set(flipped)) >= 18 and len(named - set(flipped)) <= 2
    assert all(d.proposed == truth[d.at] for d in found if d.at in set(flipped))
    assert all(d.own <= 0.1 * d.usual and d.share > d.own for d in found)


def test_labels_that_say_nothing_of_the_points_make_no_suspects() -> None:
    points, truth = _blobs(400, 2, 0.1)
    noise = np.random.default_rng(1).integers(0, 2, 400)
    assert doubts(nearest_votes(points, noise, [True] * 400, classes=2), noise, [True] * 400) == []
    assert doubts(nearest_votes(points, truth, [True] * 400, classes=2), truth, [True] * 400) == []


def test_a_label_that_is_rare_cannot_be_missed_among_the_nearest() -> None:
    points, truth = _blobs(200, 2, 0.1)
    rare = truth.copy()
    rare[[0, 2]] = 2  # two of their own, among a hundred that are alike
    assert doubts(nearest_votes(points, rare, [True] * 200, classes=3), rare, [True] * 200) == []
    assert NEAREST * 0.2 > 2


def test_what_does_not_teach_sets_no_standard() -> None:
    points, truth = _blobs(300, 3, 0.2)
    teaches = np.arange(300) < 200
    given = truth.copy()
    given[200:] = (truth[200:] + 1) % 3
    found = doubts(nearest_votes(points, given, teaches, classes=3), given, teaches)
    assert {d.at for d in found} == set(range(200, 300))
