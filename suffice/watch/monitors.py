"""Monitors: what is compared from day to day, each a number or a row of numbers a day, and the kind of drift it tells.

What replies depend on by themselves is taken off first: labels, lengths and durations are compared with what requests
like these used to get. How that was is learned on the first third of the baseline, which is then not compared with.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .days import Day
from .seen import BUCKETS, DOCUMENTS, TONGUES, Seen

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Kind = Literal["input", "retrieval", "label", "judge", "model", "quality"]
Value = float | Floats | None
FEWEST, FEWEST_FIXED = 30, 5
"""Calls, and fixed inputs, that a day needs before it is compared."""
MOST_LABELS = 24
COVERED = 0.8
"""Replies are labels where so large a share of them are among the most frequent few."""
DOUBLINGS = 24
UNUSUAL, LOW = 0.02, 0.10
"""Requests as unusual as these are out of scope; searches as poor as these are low."""


@dataclass(frozen=True, slots=True)
class Monitor:
    """One thing that is compared."""

    name: str
    kind: Kind
    what: str
    floor: float
    """A smaller difference is no drift that matters; in the unit of the values, 0 for mixtures."""
    unit: Literal["share", "log", "score", "mixture"] = "mixture"
    weekly: bool = True
    """Whether weekdays are apart: inputs that are fixed have none."""
    learned: bool = False
    """Whether the first third of the baseline is used up for learning."""
    smallest: float = 0.01
    """Of a mixture's columns: no spread is taken for smaller."""


MONITORS: tuple[Monitor, ...] = (
    Monitor("words", "input", "the words of requests", 0.0),
    Monitor("length", "input", "the length of requests", 0.03, "log"),
    Monitor("languages", "input", "the languages of requests", 0.0),
    Monitor("scope", "input", "requests unlike those of the baseline", 0.02, "share", learned=True),
    Monitor("sizes", "input", "requests and replies of sizes unlike the baseline's", 0.05, "share", learned=True),
    Monitor("passage scores", "retrieval", "the best passage's score", 0.005, "score"),
    Monitor("low retrieval", "retrieval", "searches that find nothing or little", 0.02, "share", learned=True),
    Monitor("documents", "retrieval", "the documents that searches return", 0.0),
    Monitor("labels", "label", "the labels answered, for requests like these", 0.0, learned=True),
    Monitor("right labels", "label", "the labels that are right, for requests like these", 0.0, learned=True),
    Monitor("anchors", "judge", "the judge's scores of fixed outputs", 0.01, "score", weekly=False, learned=True),
    Monitor("canaries", "model", "fixed requests answered differently", 0.02, "share", weekly=False, learned=True),
    Monitor("reply length", "model", "the length of replies, for requests like these", 0.03, "log", learned=True),
    Monitor("latency", "model", "the time that replies take, for their length", 0.05, "log", learned=True),
    Monitor("scores", "quality", "the scores of replies", 0.01, "score"),
)
BY_NAME: Mapping[str, Monitor] = {m.name: m for m in MONITORS}


@dataclass(frozen=True)
class Columns:
    """The calls of one day as columns; a missing number is nan, a missing label -1."""

    words: NDArray[np.float32]
    """Whether each call holds a word of each bucket."""
    length: Floats
    tongue: Integers
    label: Integers
    truth: Integers
    out: Floats
    ms: Floats
    score: Floats
    top: Floats
    """The best score of each search."""
    found: Integers
    documents: Floats
    """How often each bucket of documents was returned, a search."""
    canaries: Mapping[int, int]
    anchors: Mapping[int, float]

    @property
    def calls(self) -> int:
        """How many calls there are."""
        return len(self.length)


def columns(day: Day) -> Columns:
    """A day's sample as columns, in the order of identities."""
    calls = [day.calls.held[mark] for mark in sorted(day.calls.held)]
    found = [day.searches.held[mark] for mark in sorted(day.searches.held)]
    documents = np.zeros(DOCUMENTS)
    for sought in found:
        documents[list(sought.documents)] += 1 / len(found)
    return Columns(
        words=_words(calls),
        length=_numbers([c.length for c in calls]),
        tongue=np.array([c.tongue for c in calls], np.int64),
        label=_codes([c.label for c in calls]),
        truth=_codes([c.truth for c in calls]),
        out=_numbers([c.out for c in calls]),
        ms=_numbers([c.ms for c in calls]),
        score=_numbers([c.score for c in calls]),
        top=_numbers([s.top for s in found]),
        found=np.array([s.found for s in found], np.int64),
        documents=documents,
        canaries=day.canaries,
        anchors=day.anchors,
    )


def _words(calls: Sequence[Seen]) -> NDArray[np.float32]:
    made = np.zeros((len(calls), BUCKETS), np.float32)
    for at, call in enumerate(calls):
        made[at, list(call.words)] = 1
    return made


def _numbers(values: Sequence[float | None]) -> Floats:
    return np.array([np.nan if v is None else v for v in values], np.float64)


def _codes(values: Sequence[int | None]) -> Integers:
    return np.array([-1 if v is None else v for v in values], np.int64)


# What is usual


@dataclass(frozen=True)
class Usual:
    """What the first third of the baseline says is usual."""

    rarity: Floats
    """The log of how often each bucket of words occurs."""
    unusual: float
    """The mean rarity below which a request is out of scope."""
    vocabulary: Integers
    """The labels, most frequent first; empty where replies are no labels."""
    evidence: Floats
    """How much each bucket speaks for each label (buckets + 1 × labels; the last row is how frequent each is)."""
    answered: Floats
    """Of requests that read like each label: the shares of labels that they got, the last column for others."""
    right: Floats
    sizes: Floats
    """How often requests and replies of each pair of sizes occur, by steps of a doubling."""
    rare: float
    """How often pairs occur that are as rare as the rarest 2 % of calls."""
    out: Floats
    """Coefficients of the reply's length."""
    ms: Floats
    low: float
    """The best score below which a search is poor."""
    replies: Mapping[int, int]
    """What each canary is usually answered."""
    judged: Mapping[int, float]
    """What each anchor is usually scored."""


def usual(days: Sequence[Columns]) -> Usual:
    """Learn what is usual from some days."""
    words = np.concatenate([d.words for d in days])
    labels, truths = (np.concatenate([getattr(d, name) for d in days]) for name in ("label", "truth"))
    rarity = np.log((words.sum(axis=0) + 0.5) / (len(words) + 1.0)).astype(np.float64)
    each = _rarities(words, rarity)
    told = labels if (vocabulary := _vocabulary(labels)).size else truths
    vocabulary = vocabulary if vocabulary.size else _vocabulary(truths)
    evidence = _evidence(words, told, vocabulary)
    like = _like(words, evidence)
    out, ms, length = (np.concatenate([getattr(d, name) for d in days]) for name in ("out", "ms", "length"))
    top = np.concatenate([d.top for d in days])
    return Usual(
        rarity=rarity,
        unusual=float(np.quantile(each, UNUSUAL)) if each.size else -np.inf,
        vocabulary=vocabulary,
        evidence=evidence,
        answered=_shares(like, labels, vocabulary),
        right=_shares(like, truths, vocabulary),
        sizes=(sizes := _sizes(length, out)),
        rare=_rare(sizes, length, out),
        out=_fitted(_predictors(length, like, len(vocabulary)), out),
        ms=_fitted(_predictors(length, like, len(vocabulary), out), ms),
        low=float(np.nanquantile(top, LOW)) if np.isfinite(top).any() else -np.inf,
        replies=_usually(days),
        judged=_scored(days),
    )


def _vocabulary(labels: Integers) -> Integers:
    counts = Counter(labels[labels >= 0].tolist())
    most = [label for label, _ in sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:MOST_LABELS]]
    covered = sum(counts[label] for label in most)
    return np.array(most if len(most) > 1 and covered >= COVERED * len(labels) else [], np.int64)


def _evidence(words: NDArray[np.float32], labels: Integers, vocabulary: Integers) -> Floats:
    """Naive Bayes on which buckets occur."""
    made = np.zeros((words.shape[1] + 1, len(vocabulary)))
    for at, label in enumerate(vocabulary):
        inside = words[labels == label]
        made[:-1, at] = np.log((inside.sum(axis=0) + 0.5) / (len(inside) + 1.0))
        made[-1, at] = np.log((len(inside) + 0.5) / (len(words) + 1.0))
    return made


def _like(words: NDArray[np.float32], evidence: Floats) -> Integers:
    """Which label each request reads like; 0 where there are none."""
    if not evidence.shape[1]:
        return np.zeros(len(words), np.int64)
    made: Integers = (words @ evidence[:-1] + evidence[-1]).argmax(axis=1).astype(np.int64)
    return made


def _places(labels: Integers, vocabulary: Integers) -> Integers:
    """Each label's place in the vocabulary; its length for others."""
    if not vocabulary.size:
        return np.zeros(len(labels), np.int64)
    same = labels[:, None] == vocabulary
    return np.where(same.any(axis=1), same.argmax(axis=1), len(vocabulary)).astype(np.int64)


def _shares(like: Integers, labels: Integers, vocabulary: Integers) -> Floats:
    k = len(vocabulary)
    counts = np.zeros((max(k, 1), k + 1))
    told = labels >= 0
    np.add.at(counts, (like[told], _places(labels[told], vocabulary)), 1.0)
    counts += 0.5 / (k + 1)
    made: Floats = counts / counts.sum(axis=1, keepdims=True)
    return made


def _predictors(length: Floats, like: Integers, labels: int, out: Floats | None = None) -> Floats:
    """A row a call: which label it reads like, its length, and the reply's length where that is asked for."""
    groups = np.eye(max(labels, 1))[like]
    parts = [groups, np.nan_to_num(length)[:, None]]
    return np.concatenate(parts if out is None else [*parts, np.nan_to_num(out)[:, None]], axis=1)


def _fitted(rows: Floats, values: Floats) -> Floats:
    """Least squares, with a little shrinking so that it always has an answer."""
    known = np.isfinite(values)
    x, y = rows[known], values[known]
    made: Floats = np.linalg.solve(x.T @ x + 0.01 * np.eye(rows.shape[1]), x.T @ y).astype(np.float64)
    return made


def _cells(length: Floats, out: Floats) -> tuple[Integers, Integers]:
    """The doubling that the sizes of each call fall into; calls that lack one are left out."""
    known = np.isfinite(length) & np.isfinite(out)
    first, second = ((x[known] / np.log(2)).astype(np.int64).clip(0, DOUBLINGS - 1) for x in (length, out))
    return first, second


def _sizes(length: Floats, out: Floats) -> Floats:
    made = np.zeros((DOUBLINGS, DOUBLINGS))
    np.add.at(made, _cells(length, out), 1.0)
    shares: Floats = made / max(1.0, float(made.sum()))
    return shares


def _rare(sizes: Floats, length: Floats, out: Floats) -> float:
    often = sizes[_cells(length, out)]
    return float(np.quantile(often, UNUSUAL)) if often.size else 0.0


def _unlike(day: Columns, known: Usual) -> float | None:
    """The share of calls whose sizes are rarer than nearly all were; only of a log without text, which says no more."""
    if day.words.any() or not np.isfinite(day.out).any():
        return None
    often = known.sizes[_cells(day.length, day.out)]
    return float((often < known.rare).mean()) if often.size >= FEWEST else None


def _usually(days: Sequence[Columns]) -> Mapping[int, int]:
    counts: dict[int, Counter[int]] = {}
    for day in days:
        for key, reply in day.canaries.items():
            counts.setdefault(key, Counter())[reply] += 1
    return {key: min(c.items(), key=lambda one: (-one[1], one[0]))[0] for key, c in counts.items()}


def _scored(days: Sequence[Columns]) -> Mapping[int, float]:
    scores: dict[int, list[float]] = {}
    for day in days:
        for key, score in day.anchors.items():
            scores.setdefault(key, []).append(score)
    return {key: sum(given) / len(given) for key, given in scores.items()}


def _rarities(words: NDArray[np.float32], rarity: Floats) -> Floats:
    """The mean log frequency of each request's words; requests without words are left out."""
    counts = words.sum(axis=1)
    some = counts > 0
    made: Floats = (words[some] @ rarity) / counts[some]
    return made


# What a day's values are


def values(day: Columns, known: Usual) -> Mapping[str, Value]:
    """Every monitor's value on a day; None where the day does not hold enough for one."""
    like = _like(day.words, known.evidence)
    near = _near(day, known)
    low = (day.found == 0) | (np.nan_to_num(day.top, nan=np.inf) < known.low)
    k = len(known.vocabulary)
    out = day.out - _predictors(day.length, like, k) @ known.out
    ms = day.ms - _predictors(day.length, like, k, day.out) @ known.ms
    read = day.words.any(axis=1)
    return {
        "words": np.sqrt(day.words[read].mean(axis=0)) if read.sum() >= FEWEST else None,
        "length": _mean(day.length),
        "languages": _mixture(day.tongue[read], len(TONGUES)),
        "scope": _mean((_rarities(day.words, known.rarity) < known.unusual).astype(float)),
        "sizes": _unlike(day, known),
        "passage scores": _mean(day.top),
        "low retrieval": _mean(low.astype(float)),
        "documents": np.sqrt(day.documents) if len(day.found) >= FEWEST and day.documents.any() else None,
        "labels": _surplus(day.label[near], like[near], known.answered, known.vocabulary),
        "right labels": _surplus(day.truth[near], like[near], known.right, known.vocabulary),
        "anchors": _moved(day.anchors, known.judged),
        "canaries": _differing(day.canaries, known.replies),
        "reply length": _mean(out),
        "latency": _mean(ms),
        "scores": _mean(day.score),
    }


def _near(day: Columns, known: Usual) -> NDArray[np.bool_]:
    """The requests that are not out of scope: of the others nobody knows what they used to get."""
    counts = np.maximum(day.words.sum(axis=1), 1)
    made: NDArray[np.bool_] = (day.words @ known.rarity) / counts >= known.unusual
    return made


def _mean(numbers: Floats) -> float | None:
    known = numbers[np.isfinite(numbers)]
    return float(known.mean()) if known.size >= FEWEST else None


def _mixture(codes: Integers, of: int) -> Floats | None:
    return np.bincount(codes, minlength=of) / len(codes) if len(codes) >= FEWEST else None


def _surplus(labels: Integers, like: Integers, shares: Floats, vocabulary: Integers) -> Floats | None:
    """Each label's share beyond that which requests like these used to get."""
    told = labels >= 0
    if not vocabulary.size or told.sum() < FEWEST:
        return None
    k = len(vocabulary)
    seen = np.bincount(_places(labels[told], vocabulary), minlength=k + 1) / told.sum()
    made: Floats = seen - shares[like[told]].mean(axis=0)
    return made


def _moved(scores: Mapping[int, float], before: Mapping[int, float]) -> float | None:
    both = [score - before[key] for key, score in scores.items() if key in before]
    return sum(both) / len(both) if len(both) >= FEWEST_FIXED else None


def _differing(replies: Mapping[int, int], before: Mapping[int, int]) -> float | None:
    both = [reply != before[key] for key, reply in replies.items() if key in before]
    return sum(both) / len(both) if len(both) >= FEWEST_FIXED else None
