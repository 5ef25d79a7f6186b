"""Looks: what is asked of a stack on test, from what was declared, and its scores in the order they are judged in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from .data import Example
from .stats.rung import Asked, Scores
from .stats.spending import Plan, Spending, look_plan, look_sizes
from .task import Looks
from .types import Json

Values = Mapping[str, float | None]


def sizes_of(examples: Sequence[Example], looks: Looks, alpha: float) -> tuple[int, ...]:
    """The complete prefixes at which decisions may fall, groups whole; all items alone where there are no looks."""
    n = len(examples)
    if looks == "none" or n == 0:
        return (n,)
    ends = [at for at in range(1, n + 1) if at == n or examples[at].cluster != examples[at - 1].cluster]
    wanted = look_sizes(n, alpha, spending=looks)
    return tuple(sorted({next(end for end in ends if end >= size) for size in wanted}))


def asked_of(
    plan: Mapping[str, Json],
    target: Mapping[str, Json],
    examples: Sequence[Example],
    *,
    graded: bool,
    alpha_target: float | None = None,
    alpha_lift: float | None = None,
) -> Asked:
    """What is asked of one stack on these examples, at the declared levels (one-sided) or others."""
    n = len(examples)
    first, second = alpha_target or plan["alpha_target"], alpha_lift or plan["alpha_claim"] / 2
    aimed = target["quality"] is not None
    return Asked(
        target=plan_of(plan, n, first),
        lift=plan_of(plan, n, second),
        bound=target["quality"] - target["tolerance"] if aimed else None,
        ceiling=target["quality"] if aimed else None,
        graded=graded,
        groups=groups_of(examples),
    )


def plan_of(plan: Mapping[str, Json], n: int, alpha: float) -> Plan:
    """The looks that were declared, at one-sided level alpha."""
    spending: Spending = "obrien_fleming" if plan["looks"] == "obrien_fleming" else "pocock"
    return look_plan(n, alpha, spending=spending, sizes=tuple(plan["sizes"]))


def groups_of(examples: Sequence[Example]) -> tuple[int, ...] | None:
    """Each example's group as a number, or None where every example stands alone."""
    seen: dict[str, int] = {}
    codes = tuple(seen.setdefault(e.cluster, len(seen)) for e in examples)
    return codes if len(seen) < len(codes) else None


def scores_of(values: Values, examples: Sequence[Example]) -> Scores:
    """The scores of these examples, in their order; what could not be judged is as low and as high as can be."""
    import numpy as np

    found = [values[e.id] for e in examples]
    low, high = ([otherwise if v is None else v for v in found] for otherwise in (0.0, 1.0))
    return Scores(np.array(low), np.array(high))


def graded(*values: Iterable[float | None]) -> bool:
    """Whether any score lies between wrong and right."""
    return any(v is not None and 0 < v < 1 for of in values for v in of)
