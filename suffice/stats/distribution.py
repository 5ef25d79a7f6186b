"""A distribution: tails and limits of the binomial, the normal and Student's t."""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

_NORMAL = NormalDist()


def binomial_at_least(k: int, n: int, p: float) -> float:
    """P(Bin(n, p) ≥ k)."""
    if k <= 0:
        return 1.0
    if k > n:
        return 0.0
    return float(_special().betainc(k, n - k + 1, p))


def binomial_at_least_all(k: object, n: object, p: object) -> Floats:
    """P(Bin(n, p) ≥ k) for arrays that broadcast; 1 where k ≤ 0, 0 where k > n."""
    import numpy as np

    ks, ns = np.asarray(k, float), np.asarray(n, float)
    inside: Floats = _special().betainc(np.maximum(ks, 1), np.maximum(ns - ks + 1, 1), p)
    return np.where(ks <= 0, 1.0, np.where(ks > ns, 0.0, inside))


def binomial_masses(k: object, n: object, p: object) -> Floats:
    """P(Bin(n, p) = k) for arrays that broadcast, with 0 ≤ k ≤ n."""
    import numpy as np

    s = _special()
    ks, ns = np.asarray(k, float), np.asarray(n, float)
    choose = s.gammaln(ns + 1) - s.gammaln(ks + 1) - s.gammaln(ns - ks + 1)
    masses: Floats = np.exp(choose + s.xlogy(ks, p) + s.xlog1py(ns - ks, -np.asarray(p, float)))
    return masses


def beta_quantile(q: float, a: float, b: float) -> float:
    """The q-quantile of Beta(a, b)."""
    return float(_special().betaincinv(a, b, q))


def gamma_quantile(q: float, a: float) -> float:
    """The q-quantile of Gamma(a, 1)."""
    return float(_special().gammaincinv(a, q))


def normal_quantile(q: float) -> float:
    """The q-quantile of the standard normal distribution."""
    return _NORMAL.inv_cdf(q)


def normal_below(z: float) -> float:
    """P(N(0, 1) ≤ z)."""
    return _NORMAL.cdf(z)


def t_quantile(q: float, degrees: float) -> float:
    """The q-quantile of Student's t."""
    return float(_special().stdtrit(degrees, q))


def t_below(t: float, degrees: float) -> float:
    """P(T ≤ t) for Student's t."""
    return float(_special().stdtr(degrees, t))


def _special() -> Any:
    # scipy ships no types; scipy.special alone loads several times faster than scipy.stats
    import scipy.special

    return scipy.special
