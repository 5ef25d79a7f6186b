"""Months of simulated traffic: a daily and a weekly rhythm, days that differ beyond chance, and a drift from a day on.

A day's calls are drawn as `suffice.watch` keeps them: topics by hour and weekday with a random effect of the day, and
words, labels, lengths, durations, passages, scores, canaries and anchors that follow from the topic.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from suffice.watch.monitors import Columns
from suffice.watch.seen import BUCKETS, DOCUMENTS, TONGUES

Rng = np.random.Generator
TOPICS, CANARIES, ANCHORS, CALLS = 8, 20, 30, 256
MONDAY = 19_999 - (19_999 % 7)
NEW = TOPICS
"""The place of the topic that nobody asked about before."""


@dataclass(frozen=True)
class World:
    """How requests are made, and what a drift changes of it."""

    day: float = 0.15
    """The standard deviation of a day's effect on the logits of topics; other values have a share of it."""
    carried: float = 0.0
    """How much of a day's effect is the day before's: an autocorrelation."""
    rhythm: float = 1.0
    """The size of the daily and weekly rhythm."""
    new_topic: float = 0.0
    """The share of requests of a topic that is new."""
    foreign: float = 0.0
    """The share of requests in another language."""
    longer: float = 0.0
    """What is added to the log of a request's length."""
    passages: float = 0.0
    """What is added to the scores of passages."""
    moved: float = 0.0
    """The share of documents that come from other buckets."""
    empty: float = 0.0
    """The share of searches that find nothing, beyond 2 %."""
    swapped: float = 0.0
    """The share of requests of two topics whose label is another one."""
    strict: float = 0.0
    """What is added to the judge's scores."""
    answered: float = 0.0
    """The share of canaries that are answered otherwise."""
    wordy: float = 0.0
    """What is added to the log of a reply's length."""
    slow: float = 0.0
    """What is added to the log of a duration."""
    told: Mapping[str, float] = field(default_factory=dict)


DRIFTS: Mapping[str, tuple[str, str, Callable[[World], World]]] = {
    "new topic": ("input", "12 % of requests are of a new topic", lambda w: replace(w, new_topic=0.12)),
    "language": ("input", "10 % of requests are in another language", lambda w: replace(w, foreign=0.10)),
    "longer requests": ("input", "requests are 15 % longer", lambda w: replace(w, longer=np.log(1.15))),
    "index": (
        "retrieval",
        "scores of passages fall by 0.04 (half a standard deviation), a third of documents are others, and so are the "
        "answers to 20 % of canaries",
        lambda w: replace(w, passages=-0.04, moved=0.33, answered=0.20),
    ),
    "empty searches": ("retrieval", "12 % more searches find nothing", lambda w: replace(w, empty=0.12)),
    "labels": ("label", "75 % of two topics in eight get another label", lambda w: replace(w, swapped=0.75)),
    "judge": ("judge", "the judge scores everything 0.05 lower", lambda w: replace(w, strict=-0.05)),
    "model": (
        "model",
        "20 % of canaries are answered otherwise, replies are 10 % longer",
        lambda w: replace(w, answered=0.20, wordy=np.log(1.10)),
    ),
    "slower model": (
        "model",
        "20 % of canaries are answered otherwise, replies take 20 % longer",
        lambda w: replace(w, answered=0.20, slow=np.log(1.20)),
    ),
}
"""By name: the kind, what changes, and the world after it."""


@dataclass(frozen=True)
class Place:
    """What is the same on every day of a simulated service."""

    words: np.ndarray
    base: np.ndarray
    weekday: np.ndarray
    hour: np.ndarray
    labels: np.ndarray
    documents: np.ndarray
    lengths: np.ndarray
    good: np.ndarray

    @classmethod
    def drawn(cls, rng: Rng) -> Place:
        """A service: its topics, their words, labels and documents."""
        words = np.zeros((TOPICS + 2, BUCKETS))
        common = rng.choice(BUCKETS, 60, replace=False)
        words[:, common] = rng.uniform(0.03, 0.25, 60)
        for topic in range(TOPICS + 2):
            own = rng.choice(BUCKETS, 14, replace=False)
            words[topic, own] = rng.uniform(0.15, 0.5, 14)
        words[TOPICS + 1, common] = 0.01
        return cls(
            words=words,
            base=rng.normal(0, 0.5, TOPICS),
            weekday=rng.normal(0, 0.3, (7, TOPICS)),
            hour=rng.normal(0, 0.4, (24, TOPICS)),
            labels=np.arange(TOPICS + 2) % 6,
            documents=rng.dirichlet(np.full(DOCUMENTS, 0.15), TOPICS + 2),
            lengths=rng.normal(4.0, 0.25, TOPICS + 2),
            good=rng.uniform(0.0, 0.06, CANARIES),
        )


def month(rng: Rng, days: int, drift: str | None = None, at: int = 10**6, world: World = World()) -> list[Columns]:
    """So many days from a Monday on; the drift begins with day `at`."""
    place = Place.drawn(rng)
    after = DRIFTS[drift][2](world) if drift else world
    effects = np.zeros(TOPICS + 6)
    made = []
    for day in range(days):
        fresh = rng.normal(0, 1, TOPICS + 6)
        effects = world.carried * effects + (1 - world.carried**2) ** 0.5 * fresh if day else fresh
        made.append(one_day(rng, place, day % 7, effects * world.day, after if day >= at else world))
    return made


def one_day(rng: Rng, place: Place, weekday: int, effects: np.ndarray, w: World) -> Columns:
    """A day's sample."""
    n = CALLS if weekday < 5 else CALLS // 2
    load = np.exp(0.8 * w.rhythm * np.sin((np.arange(24) - 6) / 24 * 2 * np.pi) * (1.0 if weekday < 5 else 0.4))
    hours = rng.choice(24, n, p=load / load.sum())
    logits = place.base + w.rhythm * (place.weekday[weekday] + place.hour[hours]) + effects[:TOPICS]
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    topic = np.minimum((shares.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1), TOPICS - 1)
    topic = np.where(rng.random(n) < w.new_topic, NEW, topic)
    foreign = rng.random(n) < 0.02 + w.foreign
    topic_words = np.where(foreign, TOPICS + 1, topic)
    label = np.where(rng.random(n) < 0.9, place.labels[topic], rng.integers(0, 6, n))
    label = np.where((topic < 2) & (rng.random(n) < w.swapped), (label + 1) % 6, label)
    busy, wordy, slow, passages, scores, judge = effects[TOPICS:] * (0.15, 0.15, 0.3, 0.03, 0.05, 0.03)
    length = place.lengths[topic] + rng.normal(0, 0.4, n) + busy + 0.05 * w.rhythm * (weekday >= 5) + w.longer
    out = 3 + 0.2 * length + 0.1 * label + rng.normal(0, 0.3, n) + wordy + w.wordy
    ms = 5 + 0.7 * out + 0.1 * load[hours] + rng.normal(0, 0.3, n) + slow + w.slow
    top = 0.75 + 0.01 * topic + rng.normal(0, 0.08, n) + passages + w.passages
    found = np.where(rng.random(n) < 0.02 + w.empty, 0, 5)
    return Columns(
        words=(rng.random((n, BUCKETS), dtype=np.float32) < place.words[topic_words]).astype(np.float32),
        length=length,
        tongue=np.where(foreign, TONGUES.index("de"), TONGUES.index("en")),
        label=label,
        truth=np.full(n, -1),
        out=out,
        ms=ms,
        score=np.clip(rng.beta(8, 2, n) + scores + judge + w.strict, 0, 1),
        top=np.where(found > 0, top, np.nan),
        found=found,
        documents=_documents(rng, place, topic, n, w.moved),
        canaries=_canaries(rng, place, w.answered),
        anchors={a: float(0.3 + 0.02 * a + rng.normal(0, 0.04) + judge + w.strict) for a in range(ANCHORS)},
    )


def _documents(rng: Rng, place: Place, topic: np.ndarray, n: int, moved: float) -> np.ndarray:
    mean = place.documents[topic].mean(axis=0)
    mean = (1 - moved) * mean + moved * np.roll(mean, 7)
    return rng.multinomial(5 * n, mean) / n


def _canaries(rng: Rng, place: Place, answered: float) -> dict[int, int]:
    """A few canaries are answered a little differently on any day; a changed model answers some otherwise for good."""
    other = np.arange(CANARIES) < answered * CANARIES
    noise = rng.random(CANARIES) < place.good
    return {c: int(2 if other[c] else noise[c]) for c in range(CANARIES)}
