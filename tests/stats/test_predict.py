"""Predictions of what is not yet built: covered as often as promised, narrower with more items, and scored fairly."""

from __future__ import annotations

import numpy as np
import pytest

from suffice.stats.predict import Trial, interval_score, predicted


def world(seed: int, part: float, dev: int = 60, test: int = 80) -> tuple[list[float], Trial, float]:
    """Dev scores at 40 %, a probe that fixes half of the failures and breaks a tenth, its sham a twentieth; and what a
    thing that has `part` of that reaches on test."""
    draw = np.random.default_rng(seed)
    today = (draw.random(dev) < 0.4).astype(float)
    failing, solving = min(30, int((today == 0).sum())), min(8, int(today.sum()))
    trial = Trial(*((draw.random(k) < p).tolist() for k, p in ((failing, 0.5), (failing, 0.05), (solving, 0.1))))
    true = 0.4 + 0.6 * (0.05 + part * 0.45) - part * 0.4 * 0.1
    return today.tolist(), trial, float(draw.binomial(test, true)) / test


def test_what_is_reached_lies_inside_nine_times_in_ten() -> None:
    """The parts are drawn as the prior has them, and then evenly from the reach, which no prior foresaw."""
    draw, inside = np.random.default_rng(1), []
    for seed in range(300):
        part = draw.normal(0.7, 0.4 / 1.645) if seed % 2 else draw.uniform(0.3, 1.1)
        today, trial, reached = world(seed, float(part))
        found = predicted(today, trial, n=80, reach=(0.3, 1.1), seed=seed)
        inside.append(found.low <= reached <= found.high)
    assert np.mean(inside) >= 0.88 and np.mean(inside[::2]) >= 0.85


def test_a_part_that_was_known_exactly_leaves_the_errors_of_sampling_alone() -> None:
    inside = []
    for seed in range(200):
        today, trial, reached = world(seed, 0.8)
        found = predicted(today, trial, n=80, reach=(0.8, 0.8), seed=seed)
        inside.append(found.low <= reached <= found.high)
    assert 0.86 <= np.mean(inside) <= 0.97


def test_more_items_and_a_smaller_reach_narrow_it() -> None:
    today, trial, _ = world(0, 1.0)
    wide = predicted(today, trial, n=40)
    assert wide.high - wide.low > (more := predicted(today, trial, n=400)).high - more.low
    assert more.high - more.low > (sure := predicted(today, trial, n=400, reach=(0.9, 1.0))).high - sure.low
    assert wide.low < wide.estimate < wide.high


def test_a_probe_that_does_no_more_than_its_sham_promises_no_more_than_the_sham_brings() -> None:
    none = [False] * 30
    few = [True] * 3 + [False] * 27
    today = [1.0] * 30 + [0.0] * 30
    idle, sham = (predicted(today, Trial(arm, arm), n=1000).estimate for arm in (none, few))
    assert idle == pytest.approx(0.5, abs=0.03) and sham == pytest.approx(0.55, abs=0.03)


def test_graded_scores_spread_less() -> None:
    trial = Trial([True] * 5 + [False] * 25)
    graded = predicted([0.5, 0.6, 0.4, 0.5] * 15, trial, n=50)
    plain = predicted([1.0, 0.0, 1.0, 0.0] * 15, trial, n=50)
    assert graded.high - graded.low < plain.high - plain.low


def test_what_it_breaks_is_taken_off() -> None:
    today = [1.0] * 50 + [0.0] * 10
    fine, harmful = (predicted(today, Trial([False] * 10, broke=[k] * 8), n=200, reach=(1, 1)) for k in (False, True))
    assert harmful.high < fine.low


def test_the_interval_score_is_width_plus_what_was_missed() -> None:
    assert interval_score(0.2, 0.5, 0.4) == pytest.approx(0.3)
    assert interval_score(0.2, 0.5, 0.6) == pytest.approx(0.3 + 20 * 0.1)
    assert interval_score(0.2, 0.5, 0.1) == pytest.approx(0.3 + 20 * 0.1)


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="one item"):
        predicted([1.0], Trial([True]), n=0)
    with pytest.raises(ValueError, match="low to high"):
        predicted([1.0], Trial([True]), n=5, reach=(1, 0))
