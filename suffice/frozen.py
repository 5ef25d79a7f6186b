"""Frozen facts: how much of the expected answers repeats what documents or gold contexts say and the input does not."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from .data import Dataset, Example, Output, worded
from .documents import Corpus, Document
from .errors import InputError
from .stats.interval import Interval, mean_interval
from .task import Task
from .types import Json
from .words import keys_of, words_of

Decision = Literal["facts", "behaviour", "cannot tell"]

FACTS_FROM = 0.2
"""The share of examples that hold frozen facts from which a set teaches facts; proven below it, behaviour."""
NEW_AT_LEAST = 0.3
"""The share of an answer's content that must not stand in the input."""
HELD_AT_LEAST = 0.35
"""The share of that which one window of a document must hold."""
LINK_AT_LEAST = 0.3
"""The share of the input's content that the same window must hold, unless it is the example's gold context."""
WINDOW, STEP = 150, 75
"""Words of a document that are looked at together, and from one such window to the next."""
LINKED = 40
"""Windows that are looked at for an input: those that hold most of its content."""
SHAMS = 5
"""Other examples' answers that are looked for beside each input: what is found there is there by chance."""
LEVEL = 0.95
SHOWN = 5


@dataclass(frozen=True, slots=True)
class Fact:
    """A stretch of an expected answer that a source holds and the input does not."""

    text: str
    source: str
    """The document's name, or `context` where only the example's gold context holds it."""
    weight: float
    """How much of the answer's content it is, in [0, 1]; rare words weigh more."""


@dataclass(frozen=True, slots=True)
class FrozenExample:
    """One example whose expected answer holds frozen facts."""

    id: str
    share: float
    """Of the answer's content, in [0, 1]."""
    facts: tuple[Fact, ...]
    """In the order of the answer."""


@dataclass(frozen=True, slots=True)
class Frozen:
    """What a set of examples teaches: facts or behaviour."""

    decision: Decision
    sentence: str
    n: int
    """Examples that were looked at."""
    share: Interval
    """Of examples whose answers hold frozen facts, less what is found by chance."""
    content: Interval
    """Of the answers' content that is frozen, each answer counting alike, less what is found by chance."""
    chance: float
    """The share of other examples' answers that are found in the same way."""
    threshold: float
    examples: tuple[FrozenExample, ...]
    """Those with frozen facts, most of them first."""
    skipped: Mapping[str, int]
    """Examples and documents that could not be used, by reason."""

    @property
    def typical(self) -> tuple[FrozenExample, ...]:
        """The cases in the middle: neither the most nor the least frozen."""
        start = max(0, (len(self.examples) - SHOWN) // 2)
        return self.examples[start : start + SHOWN]


def frozen_of(task: Task) -> Frozen:
    """The frozen facts of a task's dev examples, given its documents, the prompt in use and their gold contexts."""
    documents = Corpus(task.documents) if task.documents else None
    return frozen(task.parts.dev, _readable(documents), prompt=task.prompt or "", seed=task.seed)


def frozen(
    examples: Dataset, documents: Iterable[Document | InputError] = (), *, prompt: str = "", seed: int = 0
) -> Frozen:
    """How much of the expected answers are facts that the documents or the gold contexts hold and the input lacks.

    An answer is frozen where a good part of its content is new to the input (and to the prompt) and one window of a
    document, about what the input is about, holds most of that. Content is words, weighed by how rare they are in the
    documents, inputs and answers. The same is asked of other examples' answers beside the same input: with rates h and
    g, the share is (h − g) / (1 − g). Limits are those of h, by whole groups where there are any; under 30 groups the
    answer is "cannot tell". Answers that are labels, and words that a contract lists, are no facts. No model is asked.
    """
    usable, skipped = _usable(examples)
    if examples.output.kind == "labels":
        reason = f"the answers are {len(examples.output.labels)} labels, which are no facts"
        return _nothing("behaviour", reason, len(usable), skipped)
    if not usable:
        return _nothing("cannot tell", "no example has an expected answer", 0, skipped)
    asked = _Asked.of(usable, _vocabulary(examples.output), prompt)
    sources = _Sources.of(asked, documents, skipped)
    if not sources.windows and not any(sources.gold.values()):
        return _nothing("cannot tell", "there are neither documents nor gold contexts to look in", len(usable), skipped)
    return _decided(_Looking(asked, sources, seed), skipped)


def _readable(documents: Corpus | None) -> Iterator[Document | InputError]:
    for name in documents.manifest if documents else ():
        try:
            yield documents.read(name) if documents else InputError("no documents")
        except InputError as wrong:
            yield wrong


def _usable(examples: Iterable[Example]) -> tuple[list[Example], Counter[str]]:
    usable, skipped = [], Counter[str]()
    for e in examples:
        if any(keys_of(text) for text in _answer(e)):
            usable.append(e)
        else:
            skipped["no expected answer in words"] += 1
    return usable, skipped


def _answer(example: Example) -> list[str]:
    """The texts of the first accepted answer: of a record its values, of calls their arguments."""
    expected = example.expected
    calls = isinstance(expected, list) and any(isinstance(x, Mapping) and "arguments" in x for x in expected)
    return list(_leaves(expected if calls else example.accepted[0] if example.accepted else None))


def _leaves(value: Json) -> Iterator[str]:
    match value:
        case {"name": str(), "arguments": arguments}:
            yield from _leaves(arguments)
        case Mapping():
            yield from (text for one in value.values() for text in _leaves(one))
        case list():
            yield from (text for one in value for text in _leaves(one))
        case None | bool():
            return
        case one:
            yield str(one)


def _asked_text(example: Example) -> str:
    """All that the model is given: every message, every field with its name."""
    match example.input:
        case str(text):
            return text
        case Mapping() as fields:
            return "\n".join(f"{key}: {worded(value)}" for key, value in fields.items())
        case messages:
            return "\n".join(worded(m["content"]) for m in messages)


def _vocabulary(output: Output) -> frozenset[str]:
    """The words that a contract lists: values of an enum, and names of tools and their parameters."""
    schemas = [output.schema or {}, *(tool.parameters for tool in output.tools)]
    listed = [text for schema in schemas for text in _enums(schema)]
    return frozenset(key for text in listed for key in keys_of(text))


def _enums(schema: Json) -> Iterator[str]:
    match schema:
        case Mapping():
            yield from (text for key in ("enum", "const") for text in _leaves(schema.get(key)))
            yield from (text for part in schema.values() for text in _enums(part))
        case list():
            yield from (text for part in schema for text in _enums(part))


# What is asked and answered, in keys


@dataclass(frozen=True)
class _Asked:
    """Examples with the keys of their inputs and answers."""

    examples: Sequence[Example]
    inputs: Sequence[frozenset[str]]
    answers: Sequence[frozenset[str]]
    given: frozenset[str]
    """What every request holds: the prompt's keys, and those of the contract."""

    @classmethod
    def of(cls, examples: Sequence[Example], vocabulary: frozenset[str], prompt: str) -> _Asked:
        inputs = [frozenset(keys_of(_asked_text(e))) for e in examples]
        answers = [frozenset(key for text in _answer(e) for key in keys_of(text)) for e in examples]
        return cls(examples, inputs, answers, vocabulary | frozenset(keys_of(prompt)))

    @cached_property
    def known(self) -> frozenset[str]:
        """Every key that a source may be asked for."""
        return frozenset().union(*self.inputs, *self.answers)


@dataclass(frozen=True)
class _Sources:
    """Windows of the documents, and of each example's gold contexts, as the keys they hold."""

    windows: Sequence[frozenset[str]]
    names: Sequence[str]
    gold: Mapping[str, Sequence[tuple[str, frozenset[str]]]]

    @classmethod
    def of(cls, asked: _Asked, documents: Iterable[Document | InputError], skipped: Counter[str]) -> _Sources:
        windows, names = [], []
        for document in documents:
            if isinstance(document, InputError):
                skipped["document that cannot be read"] += 1
                continue
            for keys in _document_windows(document, asked.known):
                windows.append(keys)
                names.append(document.name)
        gold = {e.id: list(_gold(e, asked.known)) for e in asked.examples}
        return cls(windows, names, gold)


def _document_windows(document: Document, known: frozenset[str]) -> Iterator[frozenset[str]]:
    """Windows of each section, its heading and the document's name with each of them."""
    for section in document.sections:
        title = frozenset(keys_of(f"{document.name} {section.heading}")) & known
        yield from (keys | title for keys in _windows(section.text, known))


def _windows(text: str, known: frozenset[str]) -> Iterator[frozenset[str]]:
    keys = keys_of(text)
    for start in range(0, max(1, len(keys) - WINDOW + STEP), STEP):
        yield frozenset(keys[start : start + WINDOW]) & known


def _gold(example: Example, known: frozenset[str]) -> Iterator[tuple[str, frozenset[str]]]:
    for context in example.context:
        for keys in _windows(context.text or "", known):
            if keys:
                yield context.document or "context", keys


# Looking


@dataclass(frozen=True, slots=True)
class _Linked:
    """A window that an input leads to: how surely (1 for a gold context), of which source, and what it holds."""

    surely: float
    source: str
    keys: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Found:
    """What the best window holds of an answer beside an input."""

    source: str
    held: frozenset[str]
    share: float
    """Of the answer's content."""


@dataclass(frozen=True)
class _Looking:
    """Answers looked for in the windows that an input leads to."""

    asked: _Asked
    sources: _Sources
    seed: int

    @cached_property
    def weight(self) -> Mapping[str, float]:
        """How rare a key is: among windows, inputs and answers together, and among answers alone."""
        asked, n = self.asked, len(self.asked.examples)
        gold = [keys for held in self.sources.gold.values() for _, keys in held]
        texts = (*self.sources.windows, *gold, *asked.inputs, *asked.answers)
        everywhere = Counter(key for keys in texts for key in keys)
        told = Counter(key for keys in asked.answers for key in keys)
        found = {key: math.log((1 + len(texts)) / (1 + count)) for key, count in everywhere.items()}
        return {key: min(w, math.log((1 + n) / told[key])) if told[key] else w for key, w in found.items()}

    @cached_property
    def leading(self) -> Mapping[str, float]:
        """How much a key of an input says of what it is about: what all inputs hold says nothing."""
        n = len(self.asked.examples)
        often = Counter(key for keys in self.asked.inputs for key in keys)
        return {key: min(self.weight[key], math.log((1 + n) / count)) for key, count in often.items()}

    @cached_property
    def holding(self) -> Mapping[str, list[int]]:
        """The windows that hold a key of an input, left out where they are more than a tenth of many."""
        found: dict[str, list[int]] = {key: [] for key in self.leading}
        for at, keys in enumerate(self.sources.windows):
            for key in keys:
                if key in found:
                    found[key].append(at)
        most = max(200, len(self.sources.windows) // 10)
        return {key: places for key, places in found.items() if len(places) <= most}

    def linked(self, at: int) -> list[_Linked]:
        """The gold contexts of an example, and the windows that its input leads to."""
        example, keys = self.asked.examples[at], self.asked.inputs[at]
        own = [_Linked(1.0, source, held) for source, held in self.sources.gold[example.id]]
        total = sum(self.leading[key] for key in keys)
        links: Counter[int] = Counter()
        for key in keys:
            for place in self.holding.get(key, ()):
                links[place] += self.leading[key]  # type: ignore[assignment]  # weights, not counts
        near = [(w / total, place) for place, w in links.most_common(LINKED) if w >= LINK_AT_LEAST * total > 0]
        return own + [_Linked(w, self.sources.names[place], self.sources.windows[place]) for w, place in near]

    def found(self, at: int, answer: frozenset[str], windows: Sequence[_Linked]) -> _Found | None:
        """What one window holds of an answer that the input at hand lacks, where that is most of it."""
        new = answer - self.asked.inputs[at] - self.asked.given
        whole, lacking = self.weigh(answer - self.asked.given), self.weigh(new)
        if not windows or lacking <= 0 or lacking < NEW_AT_LEAST * whole:
            return None
        best = max(windows, key=lambda window: window.surely**0.5 * self.weigh(new & window.keys))
        held = self.weigh(new & best.keys)
        return _Found(best.source, new & best.keys, held / whole) if held >= HELD_AT_LEAST * lacking else None

    def weigh(self, keys: Iterable[str]) -> float:
        return math.fsum(self.weight[key] for key in keys)

    def shams(self, at: int) -> list[int]:
        """Other examples, drawn by the seed, of other groups and with other answers."""
        me, own, n = self.asked.examples[at], self.asked.answers[at], len(self.asked.examples)
        draws = (_draw(f"{self.seed}:{me.id}:{turn}") % n for turn in range(4 * SHAMS))
        apart = (i for i in draws if self.asked.examples[i].cluster != me.cluster and self.asked.answers[i] != own)
        return list(dict.fromkeys(apart))[:SHAMS]


def _draw(key: str) -> int:
    return int.from_bytes(hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()[:8], "big")


# Deciding


def _decided(looking: _Looking, skipped: Counter[str]) -> Frozen:
    examples, answers = looking.asked.examples, looking.asked.answers
    own: list[_Found | None] = []
    by_chance: list[float] = []
    chance_content: list[float] = []
    for at in range(len(examples)):
        windows = looking.linked(at)
        own.append(looking.found(at, answers[at], windows))
        shams = [looking.found(at, answers[i], windows) for i in looking.shams(at)]
        # where no other answer differs, nothing tells this one from chance
        by_chance.append(sum(s is not None for s in shams) / len(shams) if shams else 1.0)
        chance_content.append(_mean([s.share if s else 0.0 for s in shams]))
    chance = _mean(by_chance)
    share = _less(_limits(examples, [float(f is not None) for f in own]), chance)
    content = _less(_limits(examples, [f.share if f else 0.0 for f in own]), _mean(chance_content))
    decision: Decision = "cannot tell"
    if share.low >= FACTS_FROM:
        decision = "facts"
    elif share.high < FACTS_FROM:
        decision = "behaviour"
    told = [_told(e, f, looking) for e, f in zip(examples, own, strict=True) if f is not None]
    return Frozen(
        decision,
        _sentence(decision, share, len(examples)),
        len(examples),
        share,
        content,
        chance,
        FACTS_FROM,
        tuple(sorted(told, key=lambda f: (-f.share, f.id))),
        dict(skipped),
    )


def _limits(examples: Sequence[Example], values: Sequence[float]) -> Interval:
    return mean_interval([min(1.0, v) for v in values], [e.cluster for e in examples], alpha=1 - LEVEL)


def _less(seen: Interval, chance: float) -> Interval:
    """The share that is left when what is found by chance is taken off."""
    if chance >= 1:
        return replace(
            seen, estimate=0.0, low=0.0, high=1.0, reason="all answers are alike, so nothing can be told from chance"
        )
    estimate, low, high = (max(0.0, (x - chance) / (1 - chance)) for x in (seen.estimate, seen.low, seen.high))
    return replace(seen, estimate=estimate, low=low, high=high)


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else 0.0


def _told(example: Example, found: _Found, looking: _Looking) -> FrozenExample:
    whole = looking.weigh(frozenset(k for t in _answer(example) for k in keys_of(t)) - looking.asked.given)
    facts = tuple(_facts(example, found, looking, whole))
    return FrozenExample(example.id, round(found.share, 6), facts)


def _facts(example: Example, found: _Found, looking: _Looking, whole: float) -> Iterator[Fact]:
    """The stretches of the answer whose words the window holds: neighbours make one."""
    seen: set[str] = set()
    for text in _answer(example):
        runs: list[list[tuple[int, int, str]]] = [[]]
        for word in words_of(text):
            if word.key in found.held:
                runs[-1].append((word.start, word.end, word.key))
            elif runs[-1]:
                runs.append([])
        for run in runs:
            new = {key for _, _, key in run} - seen
            weight = looking.weigh(new) / whole
            seen |= new
            if weight > 0:
                yield Fact(text[run[0][0] : run[-1][1]][:200], found.source, round(weight, 6))


def _nothing(decision: Decision, sentence: str, n: int, skipped: Counter[str]) -> Frozen:
    none = Interval(0.0, 0.0, 0.0 if decision == "behaviour" else 1.0, LEVEL, n, "none", sentence)
    return Frozen(decision, f"{sentence[0].upper()}{sentence[1:]}.", n, none, none, 0.0, FACTS_FROM, (), dict(skipped))


def _sentence(decision: Decision, share: Interval, n: int) -> str:
    limits = f"{share.estimate:.0%} of {n} answers [{share.low:.0%}, {share.high:.0%}]"
    say = "repeat what the sources say and the input does not"
    match decision:
        case "facts":
            return f"This set teaches facts; retrieve them: {limits} {say}."
        case "behaviour":
            return f"This set teaches behaviour: {limits} {say}."
        case _:
            why = f"; {share.reason}" if share.reason else ""
            return f"Cannot tell whether this teaches facts: {limits} {say}; the line is at {FACTS_FROM:.0%}{why}."
