"""Classifier: label a text by words or meaning, without a language model; ask what is beneath when unsure."""

from __future__ import annotations

import hashlib
import io
import math
import re
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from ..artifacts import Artifacts
from ..data import Dataset
from ..errors import Damaged
from ..layer import Cause, Duty, Gate, Layer
from ..task import Task
from ..types import Answer, Ask, Request
from ..vectors import vectors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

Method = Literal["neighbours", "bayes", "logistic"]
Features = Literal["words", "meaning", "both"]
VARIANTS: Sequence[tuple[Method, Features]] = (
    ("bayes", "words"),
    ("logistic", "words"),
    ("neighbours", "meaning"),
    ("logistic", "meaning"),
    ("logistic", "both"),
)
SOURCE = "docs/framework.md §3"
FOLDS = 3
HELD_OUT = 4000
"""Examples that are learned from at most when confidence is measured."""
QUICK = 50_000
"""Examples times labels up to which full logistic regression takes about a second."""


@dataclass(frozen=True)
class Classifier(Layer):
    """The lightest rung of a label task. What it learned is a table of weights: it loads at once and never drifts."""

    treats: ClassVar[tuple[Cause, ...]] = ("instruction", "behaviour", "format", "consistency")

    method: Method = "logistic"
    features: Features = "both"
    """Words and parts of words, the embedding's meaning, or both."""
    threshold: float = 0.0
    """Confidence under which it asks what is beneath; 0 always answers itself."""
    weights: str = ""
    """The artifact that holds what was learned (.npz, numbers and bytes only)."""
    embedder: str = "minilm"
    folder: Path = field(default=Path(), repr=False, compare=False)

    @classmethod
    def for_task(cls, task: Task) -> Self | None:
        """Unfitted, for label tasks only."""
        return cls(folder=task.folder) if task.output.kind == "labels" else None

    def variants(self, train: Dataset) -> Sequence[Self]:
        """Naive Bayes, nearest neighbours and logistic regression, on words, meaning or both."""
        return [replace(self, method=method, features=features) for method, features in VARIANTS]

    def fit(self, below: Ask, train: Dataset) -> Self:
        """Learn from every labelled example; nothing beneath is asked."""
        texts, labels = _labelled(train)
        learned = _learned(self, texts, labels)
        return replace(self, weights=Artifacts(self.folder / ".suffice" / "artifacts").put(learned.bytes(), ".npz"))

    def gates(self, task: Task, train: Dataset) -> Sequence[Gate]:
        """Two labels seen at least. A rare label is no reason not to measure: what it costs shows in the score."""
        seen = len(set(_labelled(train)[1]))
        return (Gate("labels seen", seen >= 2, str(seen), "at least 2", SOURCE),)

    def duties(self, task: Task) -> Sequence[Duty]:
        """It knows the labels and the words it has seen, no others."""
        return (
            Duty(
                what="fit the classifier again",
                why="it can only answer with labels, and recognise words, that it has seen",
                when="a label is added, split, merged or renamed, or the inputs change their wording",
                owner=task.profile.owner,
                command="suffice climb",
            ),
        )

    def __call__(self, request: Request, ask: Ask) -> Answer:
        if not self.weights:
            return ask(request)
        label, sure = self._best(request.input)
        if sure >= self.threshold:
            return Answer(label, value=label, confidence=sure).noting(method=self.method, features=self.features)
        return ask(request).noting(handed_over=label, confidence=sure)

    def _best(self, text: str) -> tuple[str, float]:
        learned = _read(self.folder, self.weights)
        scores = learned.scores([text], _points([text], self))[0]
        odds = _softmax(scores[None, :] / learned.temperature)[0]
        best = int(odds.argmax())
        return learned.labels[best], float(odds[best])


# What is learned


@dataclass(frozen=True)
class _Learned:
    """Linear weights over words and over the embedding, or the points to be near to; scores become odds."""

    labels: tuple[str, ...]
    terms: dict[str, int]
    idf: Array
    words: Array
    """terms × labels"""
    meaning: Array
    """dimensions × labels"""
    bias: Array
    points: Array
    """examples × dimensions, for nearest neighbours"""
    owners: Array
    """the label of each point"""
    counted: bool = False
    """Whether words count as often as they occur (naive Bayes), or as rows of length one."""
    temperature: float = 1.0

    def scores(self, texts: Sequence[str], points: Array | None) -> Array:
        """texts × labels; the largest is the answer."""
        import numpy as np

        if points is not None and len(self.owners):
            return _votes(points, self.points, self.owners, len(self.labels))
        total = np.tile(self.bias, (len(texts), 1))
        if len(self.words):
            for at, text in enumerate(texts):
                columns, values = self._row(text)
                total[at] += values @ self.words[columns]
        return total + points @ self.meaning if points is not None and len(self.meaning) else total

    def _row(self, text: str) -> tuple[list[int], Array]:
        """The known terms of a text and what each weighs."""
        import numpy as np

        counts = Counter(self.terms[term] for term in terms_of(text) if term in self.terms)
        columns = sorted(counts)
        if self.counted:
            return columns, np.array([counts[c] for c in columns], dtype=np.float32)
        values = np.array([1 + math.log(counts[c]) for c in columns], dtype=np.float32) * self.idf[columns]
        return columns, values / (float(np.sqrt(values @ values)) or 1.0)

    def bytes(self) -> bytes:
        """As an .npz that holds no objects; equal weights give equal bytes."""
        import numpy as np

        half = np.float16
        arrays = {
            "labels": _packed(self.labels),
            "terms": _packed(tuple(self.terms)),
            "idf": self.idf.astype(np.float32),
            "words": self.words.astype(half),
            "meaning": self.meaning.astype(np.float32),
            "bias": self.bias.astype(np.float32),
            "points": self.points.astype(half),
            "owners": self.owners.astype(np.int32),
            "counted": np.array(self.counted),
            "temperature": np.array(self.temperature, dtype=np.float32),
        }
        file = io.BytesIO()
        np.savez(file, **arrays)
        return file.getvalue()


@lru_cache(maxsize=16)
def _read(folder: Path, digest: str) -> _Learned:
    import numpy as np

    path = Artifacts(folder / ".suffice" / "artifacts").path(digest)
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            got = {name: file[name] for name in file.files}
        labels, terms = _unpacked(got.pop("labels")), _unpacked(got.pop("terms"))
        temperature, counted = float(got.pop("temperature")), bool(got.pop("counted"))
        arrays = {name: array.astype(np.float32) if name != "owners" else array for name, array in got.items()}
        found = {term: at for at, term in enumerate(terms)}
        return _Learned(labels, found, counted=counted, temperature=temperature, **arrays)
    except (ValueError, KeyError, TypeError, OSError, EOFError, zipfile.BadZipFile) as wrong:
        raise Damaged("the artifact holds no classifier", file=str(path), hint="run the climb again") from wrong


def _packed(texts: Sequence[str]) -> Any:
    import numpy as np

    return np.frombuffer("\0".join(texts).encode("utf-8", "surrogatepass"), dtype=np.uint8)


def _unpacked(array: Any) -> tuple[str, ...]:
    text = array.tobytes().decode("utf-8", "surrogatepass")
    return tuple(text.split("\0")) if text else ()


# Learning


def _learned(layer: Classifier, texts: Sequence[str], labels: Sequence[str]) -> _Learned:
    """The fitted weights, with the temperature that makes held-out confidence honest."""
    points = _points(texts, layer)
    whole = _fitted(layer, texts, points, labels)
    return replace(whole, temperature=_temperature(layer, texts, points, labels))


def _fitted(layer: Classifier, texts: Sequence[str], points: Array | None, labels: Sequence[str]) -> _Learned:
    import numpy as np

    names = tuple(sorted(set(labels)))
    owners = np.array([names.index(label) for label in labels])
    none = np.zeros((0, len(names)), dtype=np.float32)
    empty = _Learned(
        names, {}, np.zeros(0), none, none, np.zeros(len(names), dtype=np.float32), none, np.zeros(0, dtype=np.int32)
    )
    if points is not None and layer.method == "neighbours":
        return replace(empty, points=points, owners=owners)
    if len(names) < 2:
        return empty
    if layer.method == "bayes":
        words, terms = _bayes(texts, owners)
        return replace(empty, terms=terms, words=words, counted=True)
    table, terms, idf = _table(texts) if layer.features != "meaning" else (None, {}, empty.idf)
    weights, bias = _logistic(_joined(table, points), owners)
    return replace(empty, terms=terms, idf=idf, words=weights[: len(terms)], meaning=weights[len(terms) :], bias=bias)


def _table(texts: Sequence[str]) -> tuple[Any, dict[str, int], Array]:
    """texts × terms, weighted by log frequency and rarity, rows of length one."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    weighed = TfidfVectorizer(analyzer=terms_of, min_df=_rarest(texts), sublinear_tf=True)
    table = weighed.fit_transform(texts)
    return table, _in_order(weighed.vocabulary_), weighed.idf_


def _joined(table: Any, points: Array | None) -> Any:
    if table is None or points is None:
        return points if table is None else table
    from scipy.sparse import csr_matrix, hstack

    return hstack([table, csr_matrix(points)]).tocsr()


def _bayes(texts: Sequence[str], owners: Array) -> tuple[Array, dict[str, int]]:
    """Multinomial naive Bayes on counts; every label is as likely as the next before a word is read."""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.naive_bayes import MultinomialNB

    counted = CountVectorizer(analyzer=terms_of, min_df=_rarest(texts))
    fitted = MultinomialNB(alpha=0.1, fit_prior=False).fit(counted.fit_transform(texts), owners)
    return fitted.feature_log_prob_.T, _in_order(counted.vocabulary_)


def _rarest(texts: Sequence[str]) -> int:
    """In how many texts a term must stand to be learned."""
    return 2 if len(texts) > 200 else 1


def _in_order(vocabulary: Mapping[str, int]) -> dict[str, int]:
    return {term: int(at) for term, at in sorted(vocabulary.items(), key=lambda pair: pair[1])}


def _logistic(table: Any, owners: Array) -> tuple[Array, Array]:
    """All labels at once where that is quick, otherwise each against the rest by seeded stochastic gradients."""
    import numpy as np
    from sklearn.linear_model import LogisticRegression, SGDClassifier

    if len(owners) * (owners.max() + 1) <= QUICK:
        fitted = LogisticRegression(C=10.0, max_iter=300).fit(table, owners)
    else:
        fitted = SGDClassifier(loss="log_loss", alpha=1e-5, max_iter=5, tol=None, random_state=0).fit(table, owners)
    weights, bias = fitted.coef_, fitted.intercept_
    if len(weights) > 1:
        return weights.T, bias
    return np.vstack([-weights, weights]).T / 2, np.concatenate([-bias, bias]) / 2


def _votes(queries: Array, points: Array, owners: Array, count: int, k: int = 10) -> Array:
    """The `k` nearest points vote for their labels, the nearer the louder."""
    import numpy as np

    nearness = queries @ points.T
    k = min(k, points.shape[0])
    best = np.argpartition(-nearness, k - 1, axis=1)[:, :k]
    votes: Array = np.zeros((len(queries), count), dtype=np.float32)
    for at, columns in enumerate(best):
        np.add.at(votes[at], owners[columns], np.exp(10 * nearness[at, columns] - 10))
    logarithms: Array = np.log(votes + 1e-9)
    return logarithms


def _temperature(layer: Classifier, texts: Sequence[str], points: Array | None, labels: Sequence[str]) -> float:
    """One number that stretches scores, chosen so that held-out labels are likeliest (Guo et al. 2017)."""
    import numpy as np

    held = [at for at in range(len(texts)) if at % FOLDS == 0]
    rest = [at for at in range(len(texts)) if at % FOLDS][:HELD_OUT]
    known = {labels[at] for at in rest}
    held = [at for at in held if labels[at] in known][:HELD_OUT]
    if len(held) < 10 or len(known) < 2:
        return 1.0
    points_of = (lambda _: None) if points is None else points.__getitem__
    part = _fitted(layer, [texts[at] for at in rest], points_of(rest), [labels[at] for at in rest])
    scores = part.scores([texts[at] for at in held], points_of(held))
    right = np.array([part.labels.index(labels[at]) for at in held])
    tried = np.geomspace(0.02, 30, 60)
    return float(min(tried, key=lambda t: -np.log(_softmax(scores / t)[range(len(held)), right] + 1e-12).mean()))


def _softmax(scores: Array) -> Array:
    import numpy as np

    raised: Array = np.exp(scores - scores.max(axis=1, keepdims=True))
    odds: Array = raised / raised.sum(axis=1, keepdims=True)
    return odds


# Reading the text


def terms_of(text: str) -> list[str]:
    """Words, pairs of words, and the parts (3 to 5 characters) of each word with its edges."""
    words = re.findall(r"\w+", text.casefold())[:2000]
    pairs = [f"{a} {b}" for a, b in pairwise(words)]
    parts = [f"#{part}" for word in words for part in _parts(f" {word[:40]} ")]
    return [*words, *pairs, *parts]


def _parts(word: str) -> list[str]:
    return [word[at : at + size] for size in (3, 4, 5) for at in range(len(word) - size + 1)]


def _labelled(train: Dataset) -> tuple[list[str], list[str]]:
    """Texts and their (first accepted) labels, in an order that does not depend on the file's."""
    rows = [(e.text, str(e.accepted[0])) for e in train if e.accepted and e.accepted[0] is not None]
    rows.sort(key=lambda row: hashlib.sha256("\0".join(row).encode("utf-8", "surrogatepass")).digest())
    return [text for text, _ in rows], [label for _, label in rows]


def _points(texts: Sequence[str], layer: Classifier) -> Array | None:
    if layer.method == "bayes" or (layer.features == "words" and layer.method != "neighbours"):
        return None
    return vectors(texts, embedder=layer.embedder, folder=layer.folder)
