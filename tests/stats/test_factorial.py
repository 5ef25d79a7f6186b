"""What factors do alone and together is what regressions and brute force say, and what is called proven is true."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from suffice.stats.factorial import Factorial, Pair, factorial, leave_one_out, subsets

Cells = dict[frozenset[str], list[float | None]]


def drawn(rates: dict[str, float], n: int, seed: int = 0, *, noise: float = 0.1) -> Cells:
    """0/1 cells over the same items: an item is right where its difficulty lies under the rate, but for some noise."""
    rng = np.random.default_rng(seed)
    hard, cells = rng.random(n), {}
    for name, rate in rates.items():
        own = rng.random(n) < noise
        cells[frozenset(name.strip("-"))] = [float(x) for x in np.where(own, rng.random(n), hard) < rate]
    return cells


def pair(**rates: float) -> Pair:
    return factorial(drawn({"-": rates["none"], **{k: v for k, v in rates.items() if k != "none"}}, 200)).pairs[0]


# Against what others compute


def test_effects_are_twice_the_coefficients_of_a_regression_on_signs() -> None:
    sm = pytest.importorskip("statsmodels.api")
    rng = np.random.default_rng(3)
    cells = {s: rng.random(40).tolist() for s in subsets("ABC")}
    found = {e.factors: e.estimate for e in factorial(cells).effects}
    signs = np.array([[1 if f in s else -1 for f in "ABC"] for s in cells for _ in range(40)])
    columns = {tuple("ABC"[i] for i in at): signs[:, at].prod(axis=1) for at in ([0], [1], [2], [0, 1], [0, 2], [1, 2])}
    columns["A", "B", "C"] = signs.prod(axis=1)
    fitted = sm.OLS(np.concatenate([cells[s] for s in cells]), sm.add_constant(np.stack([*columns.values()], axis=1)))
    assert found == pytest.approx(dict(zip(columns, 2 * fitted.fit().params[1:], strict=True)))


def test_shapley_values_are_the_mean_over_all_orders_and_add_up_to_the_gain() -> None:
    rng = np.random.default_rng(4)
    cells = {s: rng.random(30).tolist() for s in subsets("ABCD")}
    found, mean = factorial(cells), {s: float(np.mean(told)) for s, told in cells.items()}
    for effect in found.shapley:
        (f,), orders = effect.factors, list(permutations("ABCD"))
        before = [frozenset(order[: order.index(f)]) for order in orders]
        assert effect.estimate == pytest.approx(np.mean([mean[s | {f}] - mean[s] for s in before]))
    assert sum(e.estimate for e in found.shapley) == pytest.approx(found.gain.estimate)


def test_a_pair_is_read_where_all_others_are_present() -> None:
    cells: Cells = {s: [float(s >= set("ABC"))] * 15 + [0.5] * 25 for s in subsets("ABC")}
    first = factorial(cells).pairs[0]
    assert (first.first, first.second) == ("A", "B")
    assert first.first_alone.estimate == 0 and first.first_with.estimate == pytest.approx(15 / 40)
    assert first.interaction.estimate == pytest.approx(15 / 40) and first.together.estimate == pytest.approx(15 / 40)
    assert next(e for e in factorial(cells).effects if e.factors == ("A", "B")).estimate < first.interaction.estimate


def test_leaving_one_out_is_the_exact_paired_test_at_a_shared_level() -> None:
    from suffice.stats.paired import paired

    full, without = [1.0] * 50, [1.0] * 42 + [0.0] * 8
    found = leave_one_out(full, {"A": without, "B": full})
    alone = paired(without, full, alpha=0.025)
    assert (found[0].low, found[0].high, found[0].method) == (alone.low, alone.high, "exact McNemar")
    assert [e.sign for e in found] == [1, 0] and found[1].low < 0 < found[1].high


# Relations


@pytest.mark.parametrize(
    ("relation", "dependent", "rates"),
    [
        ("only together", "", {"none": 0.1, "A": 0.1, "B": 0.1, "AB": 0.8}),
        ("needs", "A", {"none": 0.1, "A": 0.1, "B": 0.4, "AB": 0.9}),
        ("help each other", "", {"none": 0.05, "A": 0.3, "B": 0.3, "AB": 0.95}),
        ("redundant", "B", {"none": 0.1, "A": 0.9, "B": 0.5, "AB": 0.9}),
        ("either will do", "", {"none": 0.1, "A": 0.8, "B": 0.8, "AB": 0.8}),
        ("overlap", "", {"none": 0.1, "A": 0.6, "B": 0.6, "AB": 0.8}),
        ("hurt", "", {"none": 0.4, "A": 0.8, "B": 0.8, "AB": 0.4}),
        ("", "", {"none": 0.2, "A": 0.4, "B": 0.5, "AB": 0.7}),
    ],
)
def test_what_two_factors_do_to_each_other_is_named(relation: str, dependent: str, rates: dict[str, float]) -> None:
    found = pair(**rates)
    assert (found.relation, found.dependent) == (relation, dependent)


def test_one_effect_that_shows_beside_one_that_does_not_is_no_interaction() -> None:
    """B shows with A and not without, but the difference of the two is not proven."""
    found = pair(none=0.3, A=0.5, B=0.4, AB=0.68)
    assert (found.second_with.sign, found.second_alone.sign, found.relation) == (1, 0, "")


def test_an_interaction_of_three_is_found() -> None:
    cells = drawn(
        {s: 0.9 if len(s.strip("-")) == 3 else 0.1 for s in ("-", "A", "B", "C", "AB", "AC", "BC", "ABC")}, 100
    )
    found = factorial(cells)
    assert next(e for e in found.effects if e.factors == ("A", "B", "C")).sign == 1
    assert [p.relation for p in found.pairs] == ["only together"] * 3


# What is promised


def _truth(rates: dict[str, float]) -> Factorial:
    n = 2000
    hard = (np.arange(n) + 0.5) / n
    return factorial({frozenset(k.strip("-")): [float(x) for x in hard < rate] for k, rate in rates.items()})


def _all(found: Factorial) -> list[tuple[float, float, float]]:
    parts = [(p.first_alone, p.second_alone, p.together, p.interaction) for p in found.pairs]
    effects = [*found.removals, *found.effects, *found.shapley, found.gain, *(e for part in parts for e in part)]
    return [(e.estimate, e.low, e.high) for e in effects]


@pytest.mark.parametrize(
    ("rates", "n"),
    [
        ({"-": 0.9, "A": 0.95, "B": 0.9, "AB": 0.95}, 100),
        ({"-": 0.0, "A": 0.0, "B": 0.0, "AB": 0.8}, 50),
        ({"-": 0.5, "A": 0.7, "B": 0.7, "AB": 0.6}, 100),
    ],
    ids=["dead weight", "only together", "hurt"],
)
def test_all_limits_hold_at_once_as_often_as_promised(rates: dict[str, float], n: int) -> None:
    runs, alpha, missed = 40, 0.2, 0
    truths = [estimate for estimate, _, _ in _all(_truth(rates))]
    for seed in range(runs):
        found = _all(factorial(drawn(rates, n, seed), alpha=alpha, seed=seed))
        missed += any(not low - 1e-6 <= t <= high + 1e-6 for t, (_, low, high) in zip(truths, found, strict=True))
    assert missed / runs <= alpha + 2 * np.sqrt(alpha * (1 - alpha) / runs)


def test_where_nothing_does_anything_nothing_is_named() -> None:
    rates = dict.fromkeys(("-", "A", "B", "AB"), 0.7)
    named = [p.relation for seed in range(25) for p in factorial(drawn(rates, 100, seed, noise=0.4)).pairs]
    assert sum(map(bool, named)) <= 2


def test_what_could_not_be_judged_widens_the_limits_and_never_turns_into_proof() -> None:
    cells = drawn({"-": 0.1, "A": 0.1, "B": 0.1, "AB": 0.6}, 60)
    whole = factorial(cells)
    both = frozenset("AB")
    holed = factorial({**cells, both: [None if at < 12 else x for at, x in enumerate(cells[both])]})
    for sure, unsure in zip(_all(whole), _all(holed), strict=True):
        assert unsure[1] <= sure[1] + 2e-3 and unsure[2] >= sure[2] - 2e-3  # the drawn quantile differs a little
    lost = factorial({**cells, both: [None] * 60})
    assert lost.means[both] is None and not any(e.sign for e in (*lost.removals, lost.gain, lost.pairs[0].interaction))


def test_under_thirty_groups_nothing_is_told() -> None:
    cells = drawn({"-": 0.1, "A": 0.1, "B": 0.1, "AB": 0.9}, 60)
    found = factorial(cells, [at // 3 for at in range(60)])
    assert found.groups == 20 and "20 groups" in found.gain.reason and "20 groups" in found.removals[0].reason
    assert not any(e.sign for e in (*found.removals, *found.effects, *found.shapley))


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        ({"-": [1, 1], "A": [1, 1], "AB": [1, 1]}, r"1 of 4 cells are missing, such as \['B'\]"),
        ({"-": [1, 1], "A": [1]}, "1 and 2 scores"),
        ({"-": [1], "A": [1]}, "n is 1"),
        ({"-": [1, 2], "A": [1, 1]}, "a score lies in"),
        ({"-": [1, float("nan")], "A": [1, 1]}, "nan"),
        ({"-": [1, 1]}, "at least one"),
        ({"-": [1, 1], "ABCDEFG": [1, 1]}, "7 factors make 128 cells"),
    ],
)
def test_cells_that_make_no_factorial_are_refused(cells: dict[str, list[float]], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        factorial({frozenset(k.strip("-")): told for k, told in cells.items()})


def test_leaving_nothing_out_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one factor"):
        leave_one_out([1.0, 0.0], {})
