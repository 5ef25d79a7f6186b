"""Words: texts as vectors of their words, grouped, spread out, and held against one another. Small samples only."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Integers = NDArray[np.intp]

READ = 4_000
"""Characters of a text that are read."""
VOCABULARY = 4_000
_WORD = re.compile(r"[^\W\d_]{2,30}")
_COMMON = """
the and for that with this you are not have has was were but can will what which from your our its his her she they them
their there here how why when where who does did do is it in on of to an as at be by or if we he me my so no
"""
STOP = frozenset(_COMMON.split())
"""The commonest words of English; those of other languages weigh little by tf-idf alone."""


@dataclass(frozen=True)
class Bag:
    """Texts as unit rows of tf-idf weights (texts × words), and which words the columns are."""

    rows: Floats
    words: tuple[str, ...]
    holds: NDArray[np.bool_]
    """Whether a text has a word at all."""
    rare: Floats
    """What each word weighs: the fewer texts have it, the more."""


def bag(texts: Sequence[str]) -> Bag:
    """The texts over the words that at least two of them have, the most common 4,000."""
    counted = [_counted(text) for text in texts]
    often = Counter(word for counts in counted for word in counts)
    words = tuple(word for word, n in sorted(often.items(), key=lambda x: (-x[1], x[0])) if n > 1)[:VOCABULARY]
    rows = _rows(counted, words)
    holds = rows > 0
    rare: Floats = (np.log((1 + len(texts)) / (1 + holds.sum(axis=0))) + 1).astype(np.float32)
    return Bag(unit(rows * rare), words, holds, rare)


def placed(texts: Sequence[str], among: Bag) -> Floats:
    """Other texts over the same words, weighed alike (texts × words, unit rows)."""
    return unit(_rows([_counted(text) for text in texts], among.words) * among.rare)


def _counted(text: str) -> Counter[str]:
    return Counter(word for word in _WORD.findall(text[:READ].casefold()) if word not in STOP)


def _rows(counted: Sequence[Counter[str]], words: Sequence[str]) -> Floats:
    column = {word: at for at, word in enumerate(words)}
    rows = np.zeros((len(counted), len(words)), np.float32)
    for row, counts in enumerate(counted):
        for word, n in counts.items():
            if (at := column.get(word)) is not None:
                rows[row, at] = 1 + np.log(n)
    return rows


def unit(rows: Floats) -> Floats:
    """The rows at length one; a row of nothing stays one."""
    size = np.linalg.norm(rows, axis=1, keepdims=True)
    made: Floats = (rows / np.where(size > 0, size, 1)).astype(np.float32)
    return made


@dataclass(frozen=True)
class Groups:
    """Which group each text is in, and the groups' centres (groups × words, unit rows)."""

    of: Integers
    centres: Floats


def grouped(rows: Floats, *, most: int = 8, seed: int = 0) -> Groups:
    """Spherical k-means (Dhillon & Modha 2001, Mach. Learn. 42:143), as many groups as the silhouette prefers."""
    best, good = _means(rows, 1, seed), 0.05
    for k in range(2, min(most, len(rows) // 3) + 1):
        found = _means(rows, k, seed)
        score = _silhouette(rows, found)
        if score > good + 0.01:
            best, good = found, score
    return best


def _means(rows: Floats, k: int, seed: int, steps: int = 25) -> Groups:
    draw = np.random.default_rng([seed, k])
    centres = rows[_seeds(rows, k, draw)]
    of: Integers = np.zeros(len(rows), np.intp)
    for step in range(steps):
        now: Integers = np.argmax(rows @ centres.T, axis=1)
        if step and (now == of).all():
            break
        of = now
        sums = np.stack([rows[of == g].sum(axis=0) if (of == g).any() else centres[g] for g in range(k)])
        centres = unit(sums.astype(np.float32))
    return Groups(of, centres)


def _seeds(rows: Floats, k: int, draw: np.random.Generator) -> list[int]:
    """Far apart with the chances of k-means++ (Arthur & Vassilvitskii 2007)."""
    chosen = [int(draw.integers(len(rows)))]
    while len(chosen) < k:
        far = np.clip(1 - (rows @ rows[chosen].T).max(axis=1), 0, None).astype(float)
        total = far.sum()
        chosen.append(int(draw.choice(len(rows), p=far / total)) if total > 0 else int(draw.integers(len(rows))))
    return chosen


def _silhouette(rows: Floats, found: Groups) -> float:
    """The mean of (b − a) / max(a, b) over distances to the centres (the simplified silhouette)."""
    far = 1 - rows @ found.centres.T
    own = far[np.arange(len(rows)), found.of].copy()
    far[np.arange(len(rows)), found.of] = np.inf
    other = far.min(axis=1)
    return float(np.mean((other - own) / np.maximum(np.maximum(own, other), 1e-9)))


def apart(rows: Floats, n: int, near: Floats) -> list[int]:
    """n texts that are far from one another and from those that are given (greedy k-center: Gonzalez 1985)."""
    if not len(rows):
        return []
    closest = (rows @ near.T).max(axis=1) if len(near) else -(rows @ rows.mean(axis=0))
    chosen: list[int] = []
    for _ in range(min(n, len(rows))):
        at = int(np.argmin(closest))
        chosen.append(at)
        closest = np.maximum(closest, rows @ rows[at])
        closest[at] = np.inf
    return chosen


def telling(bag_: Bag, inside: NDArray[np.bool_], most: int = 5) -> tuple[str, ...]:
    """The words that texts inside have more often than those outside, by the difference of their shares."""
    if inside.all() or not inside.any():
        shares = bag_.rows[inside].mean(axis=0) if inside.any() else np.zeros(len(bag_.words))
    else:
        shares = bag_.holds[inside].mean(axis=0) - bag_.holds[~inside].mean(axis=0)
    order = sorted(range(len(bag_.words)), key=lambda at: (-float(shares[at]), bag_.words[at]))
    return tuple(bag_.words[at] for at in order[:most] if shares[at] > 0)


@dataclass(frozen=True, slots=True)
class Moved:
    """A word's share of texts before and after."""

    word: str
    before: float
    after: float


def moved(bag_: Bag, later: NDArray[np.bool_], *, draws: int = 999, seed: int = 0) -> tuple[float, tuple[Moved, ...]]:
    """Whether texts use other words than before: a p-value, and the words that say so.

    The largest |z| over all words against its distribution under exchanged texts (max-T: Westfall & Young 1993), so it
    holds over the whole vocabulary; each named word is beyond the 95 % point of that distribution. Texts count as
    independent.
    """
    holds = bag_.holds[:, bag_.holds.mean(axis=0) >= 0.02]
    names = [w for w, often in zip(bag_.words, bag_.holds.mean(axis=0), strict=True) if often >= 0.02]
    n, m = len(later), int(later.sum())
    if not names or m < 30 or n - m < 30:
        return 1.0, ()
    here = holds.astype(np.float32)
    mean = here.mean(axis=0)
    spread = np.sqrt(mean * (1 - mean) * (1 / m + 1 / (n - m)))
    error = np.where(spread > 0, spread, np.inf).astype(np.float32)

    def z(labels: Floats) -> Floats:
        after, before = labels @ here / m, (1 - labels) @ here / (n - m)
        return (np.abs(after - before) / error).astype(np.float32)

    seen = z(later[None].astype(np.float32))[0]
    draw = np.random.default_rng(seed)
    largest = np.concatenate(
        [
            z(np.stack([draw.permutation(later) for _ in range(100)]).astype(np.float32)).max(axis=1)
            for _ in range(draws // 100 + 1)
        ]
    )
    p = float((1 + (largest >= seen.max()).sum()) / (1 + len(largest)))
    bound = np.quantile(largest, 0.95)
    order = [int(at) for at in np.argsort(-seen) if seen[at] > bound][:5]
    return p, tuple(Moved(names[at], float(holds[~later, at].mean()), float(holds[later, at].mean())) for at in order)


def _exchanged(labels: NDArray[np.bool_], times: int, draw: np.random.Generator) -> Floats:
    return np.stack([draw.permutation(labels) for _ in range(times)]).astype(np.float32)
