"""Oracles: what `scipy`, `statsmodels` or plain enumeration say of the same tables, where no other test asks them.

The tests of intervals, exact McNemar, Newcombe, permutations, finite sets, kappa, factorial contrasts, walks and looks
have theirs beside them; these are for what was compared with itself or with simulations alone.
"""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as oracle
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.inter_rater import cohens_kappa

from suffice.stats import agreement, bootstrap, distribution, eprocess, quantile, simultaneous
from suffice.stats.betting import betting_lower
from suffice.stats.margin import margin_p, score_statistic
from suffice.stats.power import items_to_prove, mcnemar_power, needed, provable
from suffice.stats.spending import Spending, spend
from suffice.stats.unpaired import smallest_visible_difference

shares = st.floats(0.001, 0.999)


@given(n=st.integers(1, 400), k=st.integers(-2, 402), p=shares)
def test_binomial_tails_and_masses_are_scipys(n: int, k: int, p: float) -> None:
    at_least = oracle.binom.sf(k - 1, n, p)
    assert distribution.binomial_at_least(k, n, p) == pytest.approx(at_least, rel=1e-9, abs=1e-300)
    assert distribution.binomial_at_least_all([k], n, p)[0] == pytest.approx(at_least, rel=1e-9, abs=1e-300)
    inside = min(max(k, 0), n)
    assert distribution.binomial_masses(inside, n, p) == pytest.approx(oracle.binom.pmf(inside, n, p), rel=1e-8)


@given(q=shares, a=st.floats(0.5, 200), b=st.floats(0.5, 200), degrees=st.integers(1, 300))
def test_quantiles_are_scipys(q: float, a: float, b: float, degrees: int) -> None:
    assert distribution.beta_quantile(q, a, b) == pytest.approx(oracle.beta.ppf(q, a, b), rel=1e-7)
    assert distribution.normal_quantile(q) == pytest.approx(oracle.norm.ppf(q), abs=1e-9)
    assert distribution.t_quantile(q, degrees) == pytest.approx(oracle.t.ppf(q, degrees), rel=1e-7, abs=1e-9)
    z = oracle.norm.ppf(q)
    assert distribution.normal_below(z) == pytest.approx(q) and distribution.t_below(z, degrees) == pytest.approx(
        oracle.t.cdf(z, degrees)
    )


@given(share=st.floats(0.01, 0.99), alpha=st.sampled_from([0.05, 0.025, 0.0042]))
def test_spending_is_the_formula_of_lan_and_demets(share: float, alpha: float) -> None:
    spendings: dict[Spending, float] = {
        "pocock": alpha * math.log(1 + (math.e - 1) * share),
        "obrien_fleming": 2 * oracle.norm.sf(oracle.norm.isf(alpha / 2) / math.sqrt(share)),
    }
    for name, spent in spendings.items():
        assert spend(share, alpha, name) == pytest.approx(spent, rel=1e-9)


@pytest.mark.parametrize(("n", "lift", "discordance"), [(12, 0.2, 0.3), (25, 0.1, 0.1), (30, 0.3, 0.5), (18, 0.0, 0.4)])
@pytest.mark.parametrize("alpha", [0.05, 0.004])
def test_the_power_of_mcnemar_is_that_of_every_outcome(n: int, lift: float, discordance: float, alpha: float) -> None:
    rates = [(discordance + lift) / 2, (discordance - lift) / 2, 1 - discordance]
    power = 0.0
    for wins, losses in product(range(n + 1), repeat=2):
        if wins + losses <= n and wins > losses:
            p = oracle.binomtest(wins, wins + losses).pvalue
            mass = oracle.multinomial.pmf([wins, losses, n - wins - losses], n, rates)
            power += mass * (p <= alpha * (1 + 1e-12))
    assert mcnemar_power(n, lift, discordance, alpha) == pytest.approx(power, rel=1e-6, abs=1e-12)


@pytest.mark.parametrize(("share", "bound", "alpha"), [(0.95, 0.8, 0.05), (0.9, 0.7, 0.01), (0.99, 0.9, 0.0042)])
def test_the_items_to_prove_a_share_have_that_power_by_scipy(share: float, bound: float, alpha: float) -> None:
    def power(n: int) -> float:
        least = next((k for k in range(n + 1) if oracle.binom.sf(k - 1, n, bound) <= alpha), None)
        assert provable(bound, n, alpha) == least
        return 0.0 if least is None else float(oracle.binom.sf(least - 1, n, share))

    found = items_to_prove(share, bound, alpha)
    first = next(n for n in range(1, 1000) if power(n) >= 0.8)
    assert found is not None and power(found) >= 0.8 and first <= found <= 1.25 * first + 5


def test_the_items_that_find_a_lift_are_near_those_of_the_normal_approximation() -> None:
    found = needed(0.1, 0.3, 0.05)
    z, power = oracle.norm.isf(0.025), oracle.norm.isf(0.2)
    normal = ((z * math.sqrt(0.3) + power * math.sqrt(0.3 - 0.1**2)) / 0.1) ** 2  # Connor 1987
    assert found is not None and normal <= found <= 1.15 * normal


def _size(wins: int, losses: int, n: int, margin: float) -> float:
    # of the same statistic, at the worst of 300 loss rates, by the multinomial
    counts = np.array([(w, lost, n - w - lost) for w in range(n + 1) for lost in range(n + 1 - w)])
    seen = float(score_statistic(wins, losses, n, margin))
    extreme = counts[score_statistic(counts[:, 0], counts[:, 1], n, margin) >= seen - 1e-9]
    rates = np.linspace(max(0.0, -margin), (1 - margin) / 2, 300)
    return max(float(oracle.multinomial.pmf(extreme, n, [r + margin, r, 1 - 2 * r - margin]).sum()) for r in rates)


@pytest.mark.parametrize(("wins", "losses", "n"), [(5, 1, 20), (0, 0, 25), (8, 6, 30), (3, 4, 18), (12, 0, 24)])
@pytest.mark.parametrize("margin", [-0.1, -0.02, 0.05])
def test_the_margin_test_is_the_tail_of_every_outcome(wins: int, losses: int, n: int, margin: float) -> None:
    """Confining the loss rate to what the losses leave possible may only lower the p-value by what it sets aside."""
    whole, found = _size(wins, losses, n, margin), margin_p(wins, losses, n, margin)
    assert found <= whole * 1.001 + 2e-5
    here = losses / n
    if max(0.0, -margin) <= here <= (1 - margin) / 2:
        at = [here + margin, here, 1 - 2 * here - margin]
        counts = np.array([(w, lost, n - w - lost) for w in range(n + 1) for lost in range(n + 1 - w)])
        seen = float(score_statistic(wins, losses, n, margin))
        extreme = counts[score_statistic(counts[:, 0], counts[:, 1], n, margin) >= seen - 1e-9]
        assert found >= 0.98 * float(oracle.multinomial.pmf(extreme, n, at).sum())


def test_the_error_over_groups_is_the_cluster_robust_one_of_statsmodels() -> None:
    rng = np.random.default_rng(3)
    sizes = rng.integers(1, 7, 50)
    codes, values = np.repeat(np.arange(50), sizes), rng.random(int(sizes.sum()))
    fit = OLS(values, np.ones(values.size)).fit(cov_type="cluster", cov_kwds={"groups": codes, "use_correction": False})
    limits = bootstrap.group_limits(values, codes, 0.05)
    assert limits is not None and limits.error == pytest.approx(float(fit.bse[0]) * math.sqrt(50 / 49), rel=1e-9)


def test_the_bootstrap_of_equal_groups_is_scipys_bca() -> None:
    rng = np.random.default_rng(4)
    totals = rng.gamma(1.0, 1.0, 60)
    low, high = bootstrap._bca(totals, np.ones(60), 0.05, 0)
    found = oracle.bootstrap((totals,), np.mean, n_resamples=20_000, method="BCa", rng=5, vectorized=True)
    width = found.confidence_interval.high - found.confidence_interval.low
    assert low == pytest.approx(found.confidence_interval.low, abs=0.04 * width)
    assert high == pytest.approx(found.confidence_interval.high, abs=0.04 * width)


@given(st.integers(0, 10_000), st.integers(80, 200), st.sampled_from([0.5, 0.9, 0.95]))
def test_limits_of_a_percentile_are_scipys(seed: int, n: int, q: float) -> None:
    values = np.random.default_rng(seed).random(n)
    found = quantile.percentile(values.tolist(), q)
    test = oracle.quantile_test(values, q=0, p=q, alternative="two-sided").confidence_interval(0.95)
    for mine, theirs in ((found.low, test.low), (found.high, test.high)):
        assert (mine is None) == bool(np.isnan(theirs)) and (mine is None or mine == pytest.approx(theirs))


@given(st.lists(st.integers(1, 40), min_size=4, max_size=4))
def test_the_error_of_kappa_is_statsmodels(cells: list[int]) -> None:
    table = np.array(cells, float).reshape(2, 2)
    found, influence = agreement._kappa(table / table.sum())
    theirs = cohens_kappa(table)
    error = math.sqrt(float((table * influence**2).sum()) / table.sum() ** 2)
    assert found == pytest.approx(theirs.kappa, abs=1e-12)
    assert error == pytest.approx(theirs.std_kappa, rel=1e-6, abs=1e-9)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40), shares, st.sampled_from([0.05, 0.004]))
def test_wealth_is_what_a_bettor_would_count_item_by_item(values: list[float], bound: float, alpha: float) -> None:
    of = eprocess.units(values, lowest=0.0)
    wealth, mean, squares = 1.0, 0.5, 0.25
    for t, value in enumerate(values, 1):
        variance = squares / t
        stake = math.sqrt(2 * math.log(1 / alpha) / (max(t, 60) * variance))
        wealth *= 1 + min(stake, 0.75 / bound) * (value - bound)
        mean = (0.5 + sum(values[:t])) / (t + 1)
        squares += (value - mean) ** 2
        found = float(eprocess.log_wealth(of, bound, alpha, horizon=60)[t - 1])
        assert found == pytest.approx(math.log(wealth), rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("alpha", [0.05, 0.004])
def test_the_limit_by_betting_is_the_first_mean_that_a_slow_bettor_keeps(alpha: float) -> None:
    values = np.random.default_rng(2).beta(6, 2, 80)
    ordered, limit = np.random.default_rng(0).permutation(values), betting_lower(values, alpha)

    def rejected(mean: float) -> bool:
        wealth, squares, target = 0.0, 0.25, math.log(1 / alpha)
        for t, value in enumerate(ordered):
            deviation = math.sqrt(squares / (t + 1))
            stake = min(math.sqrt(2 * max(target - wealth, 0) / (80 - t)) / deviation, 0.95 / mean)
            wealth += math.log1p(stake * (value - mean))
            squares += (value - (0.5 + ordered[: t + 1].sum()) / (t + 2)) ** 2
        return wealth >= target - 1e-12

    means = np.linspace(0.01, float(values.mean()), 400)
    first = next(m for m in means if not rejected(m))
    assert limit <= first and limit == pytest.approx(first, abs=0.005)


def test_the_largest_of_several_is_that_of_scipys_multivariate_t() -> None:
    rng = np.random.default_rng(8)
    columns = rng.standard_normal((60, 3)) @ np.array([[1, 0.8, 0], [0, 0.6, 0], [0, 0, 1.0]])
    residuals = columns - columns.mean(axis=0)
    found = simultaneous._largest(residuals, 0.05, 1)
    spread = np.sqrt((residuals**2).sum(axis=0))
    law = oracle.multivariate_t(shape=(residuals / spread).T @ (residuals / spread), df=61)
    inside = law.cdf(np.full(3, found), lower_limit=np.full(3, -found), random_state=2)
    assert inside == pytest.approx(0.95, abs=0.005)


@given(shares, shares, st.integers(10, 500), st.integers(10, 500))
def test_a_visible_difference_is_that_of_the_drawn_rates(before: float, after: float, n: int, m: int) -> None:
    drawn = [(before * n + 1) / (n + 2), (after * m + 1) / (m + 2)]
    error = math.sqrt(drawn[0] * (1 - drawn[0]) / (n + 2) + drawn[1] * (1 - drawn[1]) / (m + 2))
    wanted = min(1.0, (oracle.norm.isf(0.025) + oracle.norm.isf(0.2)) * error)
    assert smallest_visible_difference(before, n, after, m) == pytest.approx(wanted, rel=1e-9)
