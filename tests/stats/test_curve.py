"""The learning curve: the law against another fit, what is certain, what is not, and how often its limits hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from suffice.stats.curve import AT_LEAST, LEAST_LUCK, Curve, learned, luck_at, traced
from suffice.stats.interval import mean_interval

SIZES = (100, 200, 400, 800)


def law(rows: Any, a: float = 0.9, b: float = 2.0, c: float = 0.5) -> Any:
    return a - b * rows ** (-c)


def items(rates: list[float], n: int, seed: int) -> np.ndarray:
    """Right or wrong, the same luck of an item at every size."""
    ease = np.random.default_rng(seed).random(n)
    return (ease < np.array(rates)[:, None]).astype(float)


def through(means: list[float], **more: float) -> Curve:
    return traced(SIZES, means, [1e-4] * 4, **{"luck": 1e-4, **more})


@pytest.mark.parametrize("c", [0.2, 0.5, 1.0])
def test_a_law_without_noise_is_found_as_scipy_finds_it(c: float) -> None:
    from scipy.optimize import curve_fit

    b = 0.3 * 100**c
    means = [law(n, 0.9, b, c) for n in SIZES]
    fit, _ = curve_fit(law, np.array(SIZES, float), means, p0=(0.9, b, c), bounds=([0, 0, 0.05], [1, np.inf, 1.5]))
    found = through(means)
    assert [at.rows for at in found.predicted] == [1600, 3200]
    for at in found.predicted:
        assert at.estimate == pytest.approx(law(at.rows, *fit), abs=0.002)
        assert at.low - 1e-3 <= law(at.rows, 0.9, b, c) <= at.high + 1e-3
    assert found.gain is not None and found.gain.estimate == pytest.approx(law(1600, *fit) - law(800, *fit), abs=0.002)


def test_a_flat_curve_does_not_pay_and_a_steep_one_does() -> None:
    assert through([0.8, 0.8, 0.8, 0.8]).pays == "does not pay"
    assert through([0.2, 0.35, 0.5, 0.65], luck=0.005).pays == "pays"
    assert traced(SIZES, [0.5, 0.6, 0.63, 0.7], [0.05] * 4).pays == "cannot tell"


def test_a_curve_that_falls_is_taken_for_flat() -> None:
    found = through([0.8, 0.7, 0.6, 0.5])
    assert found.gain is not None and found.gain.high == pytest.approx(0, abs=1e-9)


def test_the_rows_that_reach_a_target_are_those_of_the_law() -> None:
    means = [law(n) for n in SIZES]
    assert through(means, target=0.87).wanted == pytest.approx((2.0 / 0.03) ** 2, rel=0.2)
    assert through(means, target=0.95).wanted is None, "the law ends at 0.9"
    assert through(means, target=0.5).wanted == 800, "reached already"
    assert through(means).wanted is None


def test_more_items_and_less_luck_make_narrower_limits() -> None:
    def wide(error: float, luck: float) -> float:
        at = traced(SIZES, [law(n) for n in SIZES], [error] * 4, luck=luck).predicted[0]
        return at.high - at.low

    assert wide(0.001, 0.001) < wide(0.02, 0.001) < wide(0.05, 0.001)
    assert wide(0.01, 0.001) < wide(0.01, 0.01) < wide(0.01, 0.03)


def test_luck_enters_the_law_and_not_the_further_training_alone() -> None:
    """With items without number, nothing but chance from training to training is in the way."""
    means = [law(n) for n in SIZES]
    at = traced(SIZES, means, [1e-6] * 4, luck=0.02).predicted[0]
    assert at.high - at.low > 2 * 1.645 * 0.02 * 1.2


def test_luck_falls_with_the_root_of_the_rows() -> None:
    assert luck_at(100) == pytest.approx(0.02) and luck_at(400) == pytest.approx(0.01)
    assert luck_at(10**6) == LEAST_LUCK


def test_what_was_measured_has_the_limits_of_any_mean() -> None:
    table = items([0.6, 0.7, 1.0], 80, 0)
    found = learned(SIZES[:3], table, alpha=0.1)
    for at, row in zip(found.measured, table, strict=True):
        one = mean_interval(list(row), alpha=0.1)
        assert (at.estimate, at.low, at.high) == (one.estimate, one.low, one.high)
    assert found.measured[-1].low < 0.97, "eighty of eighty are not certainly all"


def test_scores_that_are_all_right_leave_doubt() -> None:
    found = learned(SIZES, np.ones((4, 60)), luck=0.001)
    assert found.predicted[0].low < 0.995 and found.pays == "does not pay"


def test_groups_are_drawn_whole() -> None:
    """Forty groups of five alike items say as much as forty items."""
    one = items([0.5, 0.6, 0.7, 0.75], 40, 1)
    alone, grouped = learned(SIZES, one), learned(SIZES, one.repeat(5, axis=1), [i // 5 for i in range(200)])
    blind = learned(SIZES, one.repeat(5, axis=1))
    wide = [c.predicted[0].high - c.predicted[0].low for c in (alone, grouped, blind)]
    assert wide[1] == pytest.approx(wide[0], rel=0.1) and wide[2] < 0.8 * wide[1]


def test_two_sizes_are_no_curve() -> None:
    found = learned(SIZES[: AT_LEAST - 1], items([0.5, 0.6], 50, 0))
    assert (found.pays, found.predicted, found.gain) == ("cannot tell", (), None) and len(found.measured) == 2


def test_the_same_seed_tells_the_same() -> None:
    table = items([0.5, 0.6, 0.7, 0.72], 90, 3)
    assert learned(SIZES, table, seed=4) == learned(SIZES, table, seed=4) != learned(SIZES, table, seed=5)


@pytest.mark.parametrize(
    ("sizes", "values", "said"),
    [
        ((100, 200), [[1.0]], "one row of values a size"),
        ((200, 100, 400), [[1.0]] * 3, "growing"),
        ((100, 100, 400), [[1.0]] * 3, "growing"),
        ((0, 100, 400), [[1.0]] * 3, "growing"),
        ((100, 200, 400), [[1.5]] * 3, "values"),
        ((100, 200, 400), [[float("nan")]] * 3, "values"),
    ],
)
def test_what_makes_no_curve_is_refused(sizes: tuple[int, ...], values: list[list[float]], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        learned(sizes, values)


def test_means_without_their_errors_are_refused() -> None:
    with pytest.raises(ValueError, match="one of each"):
        traced(SIZES, [0.5, 0.6, 0.7], [0.1] * 3)
    with pytest.raises(ValueError, match="0 or more"):
        traced(SIZES, [0.5] * 4, [-0.1] * 4)
    with pytest.raises(ValueError, match="alpha"):
        traced(SIZES, [0.5] * 4, [0.1] * 4, alpha=0.0)


def test_limits_hold_for_another_training_as_often_as_they_say() -> None:
    """On 120 curves of a known law, with chance from training to training: 90 % are promised, 83 % is chance."""
    draw, inside, wrong = np.random.default_rng(0), 0, 0
    for seed in range(120):
        c, a = float(draw.choice([0.3, 0.5, 1.0])), float(draw.uniform(0.7, 1.0))
        b = float(draw.uniform(0, 0.5)) * 100**c
        scores = [law(n, a, b, c) + draw.normal() * luck_at(n) for n in (*SIZES, 1600)]
        curve = traced(SIZES, [s + draw.normal() * 0.02 for s in scores[:-1]], [0.02] * 4, seed=seed)
        at, gain = curve.predicted[0], law(1600, a, b, c) - law(800, a, b, c)
        inside += at.low <= scores[-1] <= at.high
        wrong += curve.pays != "cannot tell" and (curve.pays == "pays") != (gain >= 0.02)
    assert inside >= 0.83 * 120 and wrong <= 0.1 * 120
