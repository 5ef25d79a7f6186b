"""Clusters: failing requests that read alike, what sets each apart, and how often requests like these fail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from .collect import Sample
from .found import Cluster
from .shown import clean, mask, shown
from .signs import TITLES
from .sketch import Reservoir
from .words import READ, Bag, Floats, Groups, bag, grouped, placed, telling

MOST = 600
"""Failing requests that are grouped."""
FEWEST_NEAR = 20


def failing(kept: Mapping[int, Reservoir[Sample]]) -> list[tuple[Sample, float]]:
    """The failing exchanges that were kept, each with how many it stands for."""
    found: dict[int, tuple[Sample, float]] = {}
    for flag in TITLES:
        held = kept[flag]
        for sample in held.items:
            weight = held.seen / len(held.items)
            old = found.get(id(sample))
            found[id(sample)] = (sample, weight if old is None else min(weight, old[1]))
    return list(found.values())


def clusters(kept: Sequence[tuple[Sample, float]], uniform: Sequence[Sample], *, seed: int = 0) -> tuple[Cluster, ...]:
    """The groups, largest first; of few failing requests there is one."""
    read = [(s, w) for s, w in kept if s.exchange.messages and s.exchange.messages[-1].content.strip()][:MOST]
    if not read:
        return ()
    others = [s for s in uniform if s.exchange.messages and not s.flag][:MOST]
    texts = bag([text_of(s) for s, _ in read] + [text_of(s) for s in others])
    mine = Bag(texts.rows[: len(read)], texts.words, texts.holds[: len(read)], texts.rare)
    groups = grouped(mine.rows, seed=seed)
    weights = np.array([w for _, w in read])
    rates = _rates(mine, groups, uniform, texts)
    made = []
    for g in range(len(groups.centres)):
        inside = groups.of == g
        if inside.any():
            made.append(_cluster([s for s, _ in read], weights, inside, texts, groups.centres[g], rates[g]))
    return tuple(sorted(made, key=lambda c: -c.share))


def text_of(sample: Sample) -> str:
    """What a request is grouped by: the beginning of its last turn, its secrets masked, so that no word is one."""
    if not sample.exchange.messages:
        return ""
    if not sample.text:
        sample.text = mask(sample.exchange.messages[-1].content[: 2 * READ])[:READ]
    return sample.text


def _cluster(
    samples: Sequence[Sample],
    weights: NDArray[np.float64],
    inside: NDArray[np.bool_],
    texts: Bag,
    centre: Floats,
    rate: float | None,
) -> Cluster:
    places = np.flatnonzero(inside)
    middle = samples[int(places[np.argmax(texts.rows[places] @ centre)])]
    signs: Counter[str] = Counter()
    for at in places:
        flagged = samples[int(at)].flag
        signs.update(TITLES[flag][0] for flag in TITLES if flagged & flag)
    whole = np.zeros(len(texts.rows), bool)
    whole[places] = True
    words = tuple(clean(word, 30) for word in telling(texts, whole))
    share = float(weights[places].sum() / weights.sum())
    return Cluster(words, len(places), share, dict(signs.most_common()), rate, shown(middle.exchange, middle.kind))


def _rates(mine: Bag, groups: Groups, uniform: Sequence[Sample], texts: Bag) -> list[float | None]:
    """How many of the requests near each centre fail, in the uniform sample; None where few are near."""
    read = [s for s in uniform if s.exchange.messages]
    if not read:
        return [None] * len(groups.centres)
    rows = placed([text_of(s) for s in read], texts)
    near = rows @ groups.centres.T
    best, fails = near.argmax(axis=1), np.array([bool(s.flag) for s in read])
    own = mine.rows @ groups.centres.T
    found: list[float | None] = []
    for g in range(len(groups.centres)):
        inside = groups.of == g
        least = float(np.quantile(own[inside, g], 0.25)) if inside.any() else 1.0
        there = (best == g) & (near[:, g] >= least - 1e-5)
        found.append(float(fails[there].mean()) if there.sum() >= FEWEST_NEAR else None)
    return found
