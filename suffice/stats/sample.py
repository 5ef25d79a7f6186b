"""A sample: numbers that were checked once, and the groups they were drawn in."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.intp]

ENOUGH_GROUPS = 30
"""With fewer groups than this no interval over groups is trusted: the answer is "cannot tell"."""


def scores(values: Sequence[float] | Floats, name: str = "values") -> Floats:
    """The values as an array, each checked to be a number in [0, 1]."""
    import numpy as np

    array = finite(values, name)
    wrong = np.flatnonzero((array < 0) | (array > 1))
    if wrong.size:
        raise ValueError(f"{name}[{wrong[0]}] is {array[wrong[0]]:g}: a score lies in [0, 1]")
    return array


def finite(values: Sequence[float] | Floats, name: str = "values") -> Floats:
    """The values as a non-empty array of one dimension without nan or infinity."""
    import numpy as np

    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be a sequence of numbers: {error}") from None
    if array.ndim != 1:
        raise ValueError(f"{name} must be a sequence of numbers, not {array.ndim}-dimensional")
    if array.size == 0:
        raise ValueError(f"{name} is empty: there is nothing to measure")
    wrong = np.flatnonzero(~np.isfinite(array))
    if wrong.size:
        raise ValueError(f"{name}[{wrong[0]}] is {array[wrong[0]]}: drop or count what could not be scored first")
    return array


def binary(array: Floats) -> bool:
    """Whether every value is 0 or 1."""
    return bool(((array == 0) | (array == 1)).all())


def group_codes(groups: Sequence[Hashable] | None, n: int) -> Integers | None:
    """Each item's group as 0, 1, 2 … in order of appearance; None without groups or when each item is its own."""
    import numpy as np

    if groups is None:
        return None
    if len(groups) != n:
        raise ValueError(f"groups has {len(groups)} entries for {n} items: give one per item")
    seen: dict[Hashable, int] = {}
    codes = np.array([seen.setdefault(g, len(seen)) for g in groups], dtype=np.intp)
    return None if len(seen) == n else codes


def check_level(alpha: float) -> float:
    """The error level, checked to lie strictly between 0 and 1."""
    if not 0 < alpha < 1:
        raise ValueError(f"alpha is {alpha}: an error level lies strictly between 0 and 1")
    return alpha


def check_count(successes: int, n: int) -> None:
    """Check that 0 ≤ successes ≤ n and n ≥ 1."""
    if n < 1:
        raise ValueError(f"n is {n}: at least one item is needed")
    if not 0 <= successes <= n:
        raise ValueError(f"successes is {successes}: it lies between 0 and n = {n}")
    if int(successes) != successes or int(n) != n:
        raise ValueError(f"successes and n are counts, not {successes} and {n}")
