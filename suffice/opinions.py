"""Opinions: what dev says of an example's label: the labels of its nearest examples, and a classifier's answer."""

from __future__ import annotations

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from .data import Dataset, Example, likeness
from .duplicates import duplicates
from .errors import MissingExtra, Unreachable
from .plugins import find
from .stats.confident import nearest_votes
from .types import Answer, Request

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

By = Literal["meaning", "words"]
FOLDS = 5
"""Fits of the classifier on dev: each example is judged by the one that has not seen it, nor what repeats it."""
DIMENSIONS = 2048
"""Of the points that stand for words, where there is no embedder."""
TEACHES = ("pool", "select")
"""The parts that have opinions: dev, and nothing of test."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """What dev says of one example, which had no part in it."""

    id: str
    part: str
    near: Mapping[str, int]
    """The labels of its nearest examples in dev, and how many of them carry each."""
    by: By
    """What nearness is of: the meanings of texts, or their words."""
    label: str
    """What naive Bayes on words says, and how sure it is."""
    confidence: float


def opinions(
    parts: Mapping[str, Dataset], *, folder: Path = Path(), embedder: str | None = "minilm"
) -> tuple[Opinion, ...]:
    """What dev (`pool` and `select`) says of each example of these parts, all of a label task.

    Test never teaches: its examples are judged by the whole of dev. Those of dev are judged by the rest of it, without
    their own groups and duplicates: by their nearest examples there, and by a classifier fitted on the other folds. No
    model is asked. Texts are embedded where the embedder's weights are there, and compared by their words elsewhere.
    """
    told = [(part, e) for part, examples in parts.items() for e in examples if e.accepted[0] is not None]
    dev = parts["pool"].only(e for part, e in told if part in TEACHES)
    if len({_label(e) for e in dev}) < 2:
        return ()
    apart = joined({e.id: e.cluster for e in dev}, duplicates(dev))
    groups = [apart.get(e.id, e.cluster) for _, e in told]
    by, points = placed([e.text for _, e in told], folder, embedder)
    labels = sorted({_label(e) for _, e in told})
    code = {label: at for at, label in enumerate(labels)}
    codes = [code[_label(e)] for _, e in told]
    votes = nearest_votes(points, codes, [part in TEACHES for part, _ in told], groups, classes=len(labels))
    said = _classified(dev, [e for part, e in told if part not in TEACHES], apart, folder)
    return tuple(
        Opinion(e.id, part, _counted(row, labels), by, *said[e.id]) for (part, e), row in zip(told, votes, strict=True)
    )


def joined(keys: Mapping[str, str], pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Ids by a key of their heap: ids with one key, or that a pair joins, have the same."""
    of, members = dict(keys), defaultdict(set)
    for id_, key in keys.items():
        members[key].add(id_)
    for a, b in pairs:
        if of[a] != of[b]:
            gone, kept = of[b], of[a]
            of |= dict.fromkeys(members[gone], kept)
            members[kept] |= members.pop(gone)
    return of


def _label(example: Example) -> str:
    return str(example.accepted[0])


def _counted(row: Array, labels: Sequence[str]) -> dict[str, int]:
    found = {labels[at]: int(row[at]) for at in row.nonzero()[0].tolist()}
    return dict(sorted(found.items(), key=lambda pair: (-pair[1], pair[0])))


def _classified(
    dev: Dataset, others: Sequence[Example], apart: Mapping[str, str], folder: Path
) -> dict[str, tuple[str, float]]:
    """What the classifier says of each example: of dev's, the one fitted on the other folds."""
    fold = {key: at % FOLDS for at, key in enumerate(sorted(set(apart.values()), key=_drawn))}
    held = [[e for e in dev if fold[apart[e.id]] == number] for number in range(FOLDS)]
    rest = [[e for e in dev if fold[apart[e.id]] != number] for number in range(FOLDS)]
    found: dict[str, tuple[str, float]] = {}
    for asked, taught in ((others, list(dev)), *zip(held, rest, strict=True)):
        if asked and taught:
            layer = find("layers", "classifier")(method="bayes", features="words", folder=folder)
            fitted = layer.fit(_nobody, dev.only(taught))
            found |= {e.id: _said(fitted(Request(e.text), _nobody)) for e in asked}
    return found


def _said(answer: Answer) -> tuple[str, float]:
    return answer.text, round(answer.confidence or 0.0, 6)


def _nobody(_: Request) -> Answer:
    return Answer("")


def _drawn(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def placed(texts: Sequence[str], folder: Path, embedder: str | None) -> tuple[By, Array]:
    """Texts as rows of length one: by their meanings where the embedder is there, by their words elsewhere."""
    from .vectors import vectors

    with suppress(Unreachable, MissingExtra):
        if embedder is not None:
            return "meaning", vectors(texts, embedder=embedder, folder=folder)
    return "words", _worded(texts)


def _worded(texts: Sequence[str]) -> Array:
    """Texts by their words and pairs of words, by rarity, hashed (Weinberger et al. 2009); rows of length one."""
    import numpy as np

    terms = [_terms(text) for text in texts]
    often = Counter(term for of in terms for term in set(of))
    points = np.zeros((len(texts), DIMENSIONS), np.float32)
    for at, of in enumerate(terms):
        for term, count in Counter(of).items():
            place = int(_drawn(term)[:16], 16)
            weight = (1 + math.log(count)) * math.log((1 + len(texts)) / often[term])
            points[at, place % DIMENSIONS] += weight if place >> 63 else -weight
    lengths: Array = np.linalg.norm(points, axis=1, keepdims=True)
    return points / np.maximum(lengths, 1e-9)


def _terms(text: str) -> list[str]:
    words = likeness(text).split()
    return [*words, *(f"{a} {b}" for a, b in pairwise(words))]
