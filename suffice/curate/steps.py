"""The steps of curation, in order: each takes candidates and leaves some out, and says why."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from ..contract import fits
from ..data import Example, Output, likeness, worded
from ..duplicates import Quotes, duplicates, slips
from ..opinions import joined
from ..personal import SECRETS, scrubbed_in
from ..score import AskingScorer, Scorer
from ..suspects import agree
from ..types import Answer, Json
from .candidate import Candidate, Dropped

Policy = Literal["mask", "refuse", "keep"]
"""What becomes of personal data and secrets: replaced by their kind, the row left out, or (personal data only) kept."""

FAR = 6.0
"""Robust z, on the logarithm of lengths, from which a row is an outlier: far beyond the 3.5 of Iglewicz & Hoaglin 1993,
since lengths of real questions have long tails."""
LEAST_SPREAD, LEAST_SHARE = 0.3, 0.01
"""The least a robust standard deviation is taken for, of logarithms of lengths and of shares: where nearly all rows are
alike, a length six times the usual is far, and not one more letter."""
UNREADABLE = 0.25
"""The share of signs that are no letters from which a text may be no text."""
TOLD_FROM = 12
"""Signs from which a text has a make-up: `8:45` and `R-22` are answers."""
ENOUGH_TO_TELL = 30
"""Rows below which nothing is called unusual."""
ODD_SHAPE = 0.02
"""The share of a shape of replies below which it is an outlier, where one other shape has nearly all."""
NAMED = 3


@dataclass(frozen=True, slots=True)
class Done:
    """What one step came to."""

    kept: tuple[Candidate, ...]
    dropped: tuple[Dropped, ...] = ()
    found: Mapping[str, int] = field(default_factory=dict)
    """What was counted, by kind."""


def contract(candidates: Sequence[Candidate], output: Output) -> Done:
    """Leave out what has no reply, or one that breaks the output contract."""

    def wrong(c: Candidate) -> str:
        answers = c.example.accepted
        if not c.example.text.strip():
            return "the input is empty"
        if not answers or answers[0] is None or (isinstance(answers[0], str) and not answers[0].strip()):
            return "there is no reply"
        value = c.example.expected if _is_whole(c.example, output) else answers[0]
        called = output.kind == "tools" and isinstance(value, Mapping)
        return fits([value] if called else value, c.example.held_to(output)) or ""

    return _sorted_out(candidates, "contract", wrong)


def _is_whole(example: Example, output: Output) -> bool:
    return isinstance(example.expected, list) and (output.schema or {}).get("type") == "array"


# Contamination


def contamination(candidates: Sequence[Candidate], judging: Sequence[Example]) -> Done:
    """Leave out what repeats an example that judges, exactly or nearly, or quotes its question word for word."""
    judged = {f"judging:{e.id}": replace(e, id=f"judging:{e.id}") for e in judging}
    own = [replace(c.example, id=f"own:{at}") for at, c in enumerate(candidates)]
    alone = [replace(e, id=f"last:{e.id}", input=e.text) for e in own if isinstance(e.input, list)]
    everything = (*judged.values(), *own, *alone)
    pairs = duplicates(everything)
    near = _judging(_heaps(everything, pairs), judged)
    slipped = _judging(_heaps(everything, [*pairs, *slips(everything)]), judged)
    quotes = Quotes({key: e.text for key, e in judged.items()})
    kept, dropped, found = [], [], Counter[str]()
    for at, candidate in enumerate(candidates):
        kind, keys = _held(candidate.example, f"own:{at}", judged, near, slipped)
        keys = keys or quotes.within(f"{candidate.example.text}\n{worded(candidate.example.accepted[0])}")
        if not keys:
            kept.append(candidate)
            continue
        found[kind] += 1
        ids = tuple(k.removeprefix("judging:") for k in keys)[:NAMED]
        dropped.append(Dropped(candidate, "contamination", f"{kind} the test item {_named(ids)}", ids))
    return Done(tuple(kept), tuple(dropped), found)


def _judging(heaps: Sequence[Sequence[str]], judged: Mapping[str, Example]) -> Mapping[str, list[str]]:
    """The examples that judge in the heap of each of the others."""
    found: dict[str, list[str]] = defaultdict(list)
    for heap in heaps:
        held = [key for key in heap if key in judged]
        for key in heap if held else ():
            found[key.removeprefix("last:")] += held
    return found


def _held(
    example: Example,
    key: str,
    judged: Mapping[str, Example],
    near: Mapping[str, list[str]],
    slipped: Mapping[str, list[str]],
) -> tuple[str, list[str]]:
    """How a candidate is like examples that judge, and which; what is like none may still quote one."""
    keys = near.get(key, [])
    exact = [k for k in keys if likeness(judged[k].text) == likeness(example.text)]
    if keys:
        return ("repeats", exact) if exact else ("nearly repeats", keys)
    return ("is one letter from", slipped[key]) if key in slipped else ("quotes", [])


def _heaps(examples: Sequence[Example], pairs: Sequence[tuple[str, str]]) -> list[list[str]]:
    """Ids of the examples that pairs join, in the order given."""
    of = joined({id_: id_ for pair in pairs for id_ in pair}, pairs)
    found: dict[str, list[str]] = defaultdict(list)
    for e in examples:
        if e.id in of:
            found[of[e.id]].append(e.id)
    return list(found.values())


def _named(ids: Sequence[str]) -> str:
    return ", ".join(f"`{id_}`" for id_ in ids)


# What must not be learned


def personal(candidates: Sequence[Candidate], output: Output, policy: Policy) -> Done:
    """Mask, refuse or keep personal data and secrets; secrets are never kept as they are."""
    kept, dropped, found = [], [], Counter[str]()
    for candidate in candidates:
        asked, in_input = scrubbed_in(_texts(candidate.example))
        reply, in_reply = scrubbed_in(candidate.example.expected)
        marked = in_input + in_reply
        found += marked
        hidden = replace(candidate, example=replace(candidate.example, input=_back(candidate, asked), expected=reply))
        if not marked or (policy == "keep" and not SECRETS & set(marked)):
            kept.append(candidate)
        elif policy == "refuse":
            dropped.append(Dropped(hidden, "personal", f"holds {_counted(marked)}"))
        elif contract([hidden], output).dropped:
            dropped.append(Dropped(hidden, "personal", f"its reply cannot be masked: it holds {_counted(in_reply)}"))
        else:
            kept.append(hidden)
    return Done(tuple(kept), tuple(dropped), found)


def _texts(example: Example) -> Json:
    """The input without the roles of its messages."""
    return [m["content"] for m in example.input] if isinstance(example.input, list) else example.input


def _back(candidate: Candidate, texts: Json) -> Json:
    given = candidate.example.input
    if not isinstance(given, list):
        return texts
    return [{**message, "content": text} for message, text in zip(given, texts, strict=True)]


def _counted(found: Counter[str]) -> str:
    return ", ".join(f"{n} {kind}" if n > 1 else kind for kind, n in sorted(found.items()))


# Repetitions and contradictions


def repetitions(candidates: Sequence[Candidate], scorer: Scorer | None = None) -> Done:
    """Keep one of those that read the same and have one reply; set aside those whose replies differ.

    People's word stands against a model's, and a review against what it reviewed. Where people differ from people, or
    models from models, nobody is taken to be right: all are set aside until somebody has decided.
    """
    examples = [replace(c.example, id=f"own:{at}") for at, c in enumerate(candidates)]
    own = {e.id: c for e, c in zip(examples, candidates, strict=True)}
    gone: dict[str, Dropped] = {}
    slipped = [pair for pair in slips(examples) if _one_reply(own[pair[0]], own[pair[1]], scorer)]
    for heap in _heaps(examples, [*duplicates(examples), *slipped]):
        for key, step, reason, beside in _settled([(key, own[key]) for key in heap], scorer):
            gone[key] = Dropped(own[key], step, reason, beside)
    kept = tuple(c for key, c in own.items() if key not in gone)
    left_out = tuple(gone[key] for key in own if key in gone)
    return Done(kept, left_out, Counter(d.step for d in left_out))


_Said = tuple[str, str, str, tuple[str, ...]]


def _settled(heap: Sequence[tuple[str, Candidate]], scorer: Scorer | None) -> Iterator[_Said]:
    """What is left out of candidates that read the same: key, step, reason and the ids beside it."""
    best = min(c.weight for _, c in heap)
    word = [(key, c) for key, c in heap if c.weight == best]
    first_key, first = word[0]
    against = [c for _, c in word if not _one_reply(first, c, scorer)]
    if against:
        beside = tuple(c.id for _, c in word)
        for key, c in heap:
            others = [o for _, o in word if not _one_reply(c, o, scorer)] or against
            reason = f"it reads like {_named([o.id for o in others[:NAMED]])}, whose reply is {_shown(others[0])}"
            yield key, "conflict", reason, tuple(id_ for id_ in beside if id_ != c.id)[:NAMED]
        return
    for key, c in heap:
        if key == first_key:
            continue
        if _one_reply(first, c, scorer):
            yield key, "duplicate", f"reads like `{first.id}`", (first.id,)
        else:
            yield key, "conflict", f"people say {_shown(first)} to `{first.id}`, which reads the same", (first.id,)


def _one_reply(one: Candidate, other: Candidate, scorer: Scorer | None) -> bool:
    if one is other or agree(one.example.accepted, other.example.accepted):
        return True
    if scorer is None or isinstance(scorer, AskingScorer):
        return False
    both = ((one.example, other.example), (other.example, one.example))
    values = [scorer(held, Answer(worded(said.accepted[0]), said.accepted[0])).value for held, said in both]
    return all(value is not None and value >= 1 for value in values)


def _shown(candidate: Candidate) -> str:
    text = " ".join(worded(candidate.example.accepted[0]).split())
    return f"`{text}`" if len(text) <= 60 else f"`{text[:59]}…`"


# Outliers


def outliers(candidates: Sequence[Candidate], output: Output) -> Done:
    """Leave out inputs and free replies of a length or make-up far from all others, and replies of another shape."""
    free = output.kind == "text"
    texts = [c.example.text for c in candidates]
    replies = [worded(c.example.accepted[0]) for c in candidates]
    measured = [("input", texts), *([("reply", replies)] if free else [])]
    why: dict[int, str] = {}
    for what, told in measured:
        for at, z in _far([math.log(1 + len(t)) for t in told], LEAST_SPREAD):
            why.setdefault(at, f"the {what} is of {len(told[at])} signs, far from the usual (robust z {z:+.1f})")
        for at, z in _far([_unlettered(t) for t in told], LEAST_SHARE):
            if _unlettered(told[at]) >= UNREADABLE and len(told[at]) >= TOLD_FROM:
                why.setdefault(at, f"the {what} is mostly signs, unlike the others (robust z {z:+.1f})")
    for at, shape in _odd([_shape(t) for t in replies] if free else []):
        why.setdefault(at, f"the reply is {shape}, unlike nearly all others")
    for at, text in enumerate(texts):
        if "\N{REPLACEMENT CHARACTER}" in text + replies[at]:
            why.setdefault(at, "it was decoded wrongly: it holds the replacement character")
    dropped = [Dropped(c, "outlier", why[at]) for at, c in enumerate(candidates) if at in why]
    kept = [c for at, c in enumerate(candidates) if at not in why]
    return Done(tuple(kept), tuple(dropped), {"outlier": len(dropped)})


def _unlettered(text: str) -> float:
    """The share of signs that are neither letters nor digits nor spaces."""
    return sum(not (c.isalnum() or c.isspace()) for c in text) / max(1, len(text))


def _far(values: Sequence[float], least: float) -> Iterator[tuple[int, float]]:
    """Values far from the median, in robust standard deviations: 1.4826 times their median distance, or `least`."""
    import numpy as np

    if len(values) < ENOUGH_TO_TELL:
        return
    known = np.asarray(values)
    apart = np.abs(known - np.median(known))
    spread = max(1.4826 * float(np.median(apart)), least)
    for at in np.flatnonzero(apart > FAR * spread).tolist():
        yield at, float((known[at] - np.median(known)) / spread)


_SHAPES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("JSON", re.compile(r"\s*[\[{][\s\S]*[\]}]\s*")),
    ("a code block", re.compile(r"\s*```[\s\S]*")),
    ("a list", re.compile(r"\s*(?:[-*•]|[0-9]{1,2}[.)]) [^\n]+\n\s*(?:[-*•]|[0-9]{1,2}[.)]) [\s\S]*")),
    ("markup", re.compile(r"\s*<[a-zA-Z!][^>\n]{0,200}>[\s\S]*")),
)


def _shape(text: str) -> str:
    return next((name for name, shape in _SHAPES if shape.fullmatch(text)), "plain text")


def _odd(shapes: Sequence[str]) -> Iterator[tuple[int, str]]:
    counted = Counter(shapes)
    if len(shapes) < ENOUGH_TO_TELL or max(counted.values()) < (1 - 3 * ODD_SHAPE) * len(shapes):
        return
    rare = {shape for shape, n in counted.items() if n < ODD_SHAPE * len(shapes)}
    yield from ((at, shape) for at, shape in enumerate(shapes) if shape in rare)


def _sorted_out(candidates: Sequence[Candidate], step: str, wrong: Callable[[Candidate], str]) -> Done:
    kept, dropped = [], []
    for candidate in candidates:
        if why := wrong(candidate):
            dropped.append(Dropped(candidate, step, why))
        else:
            kept.append(candidate)
    return Done(tuple(kept), tuple(dropped), {step: len(dropped)})
