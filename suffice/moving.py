"""Moving target: whether like inputs get other answers over time, how often documents change, what that rules out."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Literal

from .data import Example, likeness, worded
from .documents import Corpus
from .errors import InputError
from .opinions import By, placed
from .stats.hazard import hazard
from .stats.interval import proportion
from .stats.moved import Moved, moved
from .task import Change, Task

Decision = Literal["moving", "still", "cannot tell"]

MOVED_FROM = 0.08
"""The share of like inputs whose answer has changed from which a target moves. Smaller ones are noise: docs/LOG.md."""
SURPRISE = 0.02
"""The p-value at most, of the permutation of times among like inputs."""
DATED_AT_LEAST = 50
"""Examples with a time that a change of answers can be told from."""
A_KIND = 15
"""Examples a kind of input, on average, below which kinds that come and go look like answers that change."""
LOOKED_AT = 1_500
"""Examples at most that are compared, spread over time."""
HALF_YEAR = 365.25 / 2
RULES: tuple[tuple[str, float, str], ...] = (
    (
        "fine_tuning",
        HALF_YEAR,
        "docs/framework.md §3: not for a relation that will not hold in six months",
    ),
    ("distillation", HALF_YEAR, "docs/framework.md §3: a student is tuned, so what it was taught must hold as long"),
    (
        "retrieval",
        1.0,
        "docs/framework.md §3: not for knowledge too volatile to index; ask a database",
    ),
)
"""Rungs, the half-life in days below which each is ruled out, and who says so."""
STATED: Mapping[Change, tuple[str, ...]] = {
    "hourly": ("retrieval", "fine_tuning", "distillation"),
    "daily": ("fine_tuning", "distillation"),
    "weekly": ("fine_tuning", "distillation"),
}
"""What `profile.knowledge_changes` rules out by itself (docs/framework.md §3: not with weekly knowledge)."""
LEVEL = 0.95
_DATE = re.compile(r"(?<!\d)((?:19|20)\d\d)[-_.]?(0[1-9]|1[0-2])(?:[-_.]?(0[1-9]|[12]\d|3[01]))?(?!\d)")
_VERSION = re.compile(r"(?:^|[-_. /])(?:v|version|rev)[-_. ]?\d+(?:\.\d+)*(?=[-_. /]|$)", re.IGNORECASE)
_SENTENCE = re.compile(r"(?<=[.!?。！？])\s+|\n+")


@dataclass(frozen=True, slots=True)
class HalfLife:
    """Days until half of something is no longer as it was, at the rate that was seen."""

    of: Literal["answers", "documents"]
    days: float | None
    """None where nothing changed: longer than `low`."""
    low: float
    high: float | None
    level: float
    how: str


@dataclass(frozen=True, slots=True)
class Shifted:
    """One kind of input whose answer is another one since some time."""

    old: str
    new: str
    examples: int
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answers:
    """Whether like inputs get other answers as time goes by."""

    decision: Decision
    reason: str
    n: int
    share: float = 0.0
    """Of like inputs whose answer has changed, less what is found by chance."""
    p: float = 1.0
    since: str | None = None
    """The day from which most differ."""
    days: float = 0.0
    """Between the first and the last example."""
    by: By | None = None
    """What likeness is of."""
    shifted: tuple[Shifted, ...] = ()
    skipped: Mapping[str, int] = field(default_factory=dict)
    half_life: HalfLife | None = None


@dataclass(frozen=True, slots=True)
class History:
    """How often documents change, from dated copies of them."""

    documents: int
    """With at least two dated copies."""
    looks: int
    """Pairs of copies that follow one another."""
    changes: int
    """Looks at which the later copy lacks a sentence of the earlier one."""
    replaced: float | None
    """Of a document's sentences, the share that a change replaces; None without a change."""
    skipped: Mapping[str, int]
    half_life: HalfLife | None = None


@dataclass(frozen=True, slots=True)
class RuledOut:
    """A rung that a moving target rules out."""

    rung: str
    why: str
    source: str
    by: Literal["proven", "measured", "stated"]
    """`proven` where the whole interval of the half-life is below the limit, `stated` where the profile says so."""


@dataclass(frozen=True, slots=True)
class Moving:
    """How fast a task's target moves, and what that rules out."""

    decision: Decision
    sentence: str
    answers: Answers
    history: History
    stated: Change | None
    """The pace of change that the profile states."""
    rules_out: tuple[RuledOut, ...]


def moving_of(task: Task) -> Moving:
    """How fast the target of a task's dev examples and documents moves."""
    answers = answers_over_time(task.parts.dev, folder=task.folder, seed=task.seed)
    history = history_of(Corpus(task.documents)) if task.documents else History(0, 0, 0, None, {})
    return moving(answers, history, task.profile.knowledge_changes)


def moving(answers: Answers, history: History, stated: Change | None = None) -> Moving:
    """The two findings and the stated pace, put together."""
    lives = [life for life in (answers.half_life, history.half_life) if life]
    ruled = tuple(_ruled_out(lives, stated))
    decision: Decision = "cannot tell"
    if answers.decision == "moving" or any(life.days and life.days < HALF_YEAR for life in lives):
        decision = "moving"
    elif answers.decision == "still" or history.half_life:
        decision = "still"
    return Moving(decision, _sentence(decision, answers, history, ruled), answers, history, stated, ruled)


def _ruled_out(lives: Sequence[HalfLife], stated: Change | None) -> Iterator[RuledOut]:
    for rung, limit, source in RULES:
        fast = [life for life in lives if life.days is not None and life.days < limit]
        if fast:
            life = min(fast, key=lambda life: life.days or 0.0)
            why = f"half of the {life.of} are other ones after {_days(life)}"
            sure = life.high is not None and life.high < limit
            yield RuledOut(rung, why, source, "proven" if sure else "measured")
        elif stated and rung in STATED.get(stated, ()):
            yield RuledOut(rung, f"the profile says that knowledge changes {stated}", source, "stated")


def _days(life: HalfLife) -> str:
    if life.days is None:
        return f"more than {life.low:.0f} days"
    high = "…" if life.high is None else f"{life.high:.0f}"
    return f"{life.days:.0f} days [{life.low:.0f}, {high}]"


def _sentence(decision: Decision, answers: Answers, history: History, ruled: Sequence[RuledOut]) -> str:
    said = [answers.reason]
    if life := history.half_life:
        found = f"{history.changes} of {history.looks} looks at {history.documents} documents show a change"
        said.append(f"{found}; half of what they say is another after {_days(life)}")
    else:
        said.append("no document has two dated copies")
    lead = {"moving": "The target moves", "still": "Nothing shows that the target moves"}.get(decision, "Cannot tell")
    end = f" Ruled out: {', '.join(r.rung for r in ruled)}." if ruled else ""
    return f"{lead}: {'; '.join(said)}.{end}"


# Answers over time


def answers_over_time(
    examples: Iterable[Example], *, folder: Path = Path(), embedder: str | None = "minilm", seed: int = 0
) -> Answers:
    """Whether like inputs get other answers as time goes by. No model is asked; an embedder is used where it is there.

    Answers count as other where they read differently. That inputs of some kinds become rarer or more frequent, or that
    a share of answers is wrong all the time, is no change. See `stats.moved` for the test and the share.
    """
    dated, skipped = _dated(examples)
    n, keys = len(dated), [likeness(worded(e.accepted[0])) or worded(e.accepted[0]) for _, e in dated]
    if why := _too_little(dated, keys):
        return Answers("cannot tell", why, n, skipped=dict(skipped))
    codes = {key: at for at, key in enumerate(sorted(set(keys)))}
    by, points = placed([e.text for _, e in dated], folder, embedder)
    times = [when.timestamp() / 86_400 for when, _ in dated]
    found = moved(points, [codes[key] for key in keys], times, seed=seed)
    shown = {codes[key]: worded(e.accepted[0]) for key, (_, e) in zip(keys, dated, strict=True)}
    shifted = [Shifted(shown[s.old], shown[s.new], s.items, tuple(dated[i][1].id for i in s.at)) for s in found.shifts]
    since = datetime.fromtimestamp(found.when * 86_400, UTC).date().isoformat()
    days = times[-1] - times[0]
    decision, what = judged(found, n, since, days)
    told = decision == "moving"
    life = _life_of_answers(keys, times, found.when, {s.old for s in found.shifts}, codes)
    return Answers(
        decision, what, n, found.share, found.p, since if told else None, days, by,
        tuple(shifted) if told else (), dict(skipped), life if told else None,
    )  # fmt: skip


def judged(found: Moved, n: int, since: str, days: float) -> tuple[Decision, str]:
    """What a finding over `n` examples and some days says, and in words why."""
    surprising, many = found.p <= SURPRISE, found.share >= MOVED_FROM
    what = f"{found.share:.0%} of like inputs have another answer since {since} (p = {found.p:.3f}, {n} examples)"
    if surprising and many and found.seasonal and n < A_KIND * found.kinds:
        why = f"or its {found.kinds} kinds come and go, with too few examples of each to tell which"
        return "cannot tell", f"{what}, {why}"
    if surprising and many:
        return "moving", what
    if surprising or found.comparable < DATED_AT_LEAST // 2:
        told = f"{found.comparable} of {n} examples have like inputs before and after {since}"
        return "cannot tell", f"{told}, where {what}"
    return "still", f"like inputs keep their answers over {days:.0f} days (p = {found.p:.3f}, {n} examples)"


def _dated(examples: Iterable[Example]) -> tuple[list[tuple[datetime, Example]], Counter[str]]:
    """Examples by their time; without a zone it is UTC."""
    dated, skipped = [], Counter[str]()
    for e in examples:
        when = _moment(e.time)
        if when is None:
            skipped["no time"] += 1
        elif not e.accepted or e.accepted[0] is None or not e.text.strip():
            skipped["no input or no expected answer"] += 1
        else:
            dated.append((when, e))
    dated.sort(key=lambda pair: (pair[0], pair[1].id))
    if len(dated) > LOOKED_AT:
        skipped["more than are compared"] = len(dated) - LOOKED_AT
        dated = [dated[i * len(dated) // LOOKED_AT] for i in range(LOOKED_AT)]
    return dated, skipped


def _moment(text: str | None) -> datetime | None:
    try:
        when = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def _too_little(dated: Sequence[tuple[datetime, Example]], keys: Sequence[str]) -> str:
    if len(dated) < DATED_AT_LEAST:
        return f"{len(dated)} examples have a time, and {DATED_AT_LEAST} are needed"
    if dated[0][0] == dated[-1][0]:
        return f"all {len(dated)} examples have the same time"
    often = Counter(keys)
    repeated = sum(count for count in often.values() if count > 1)
    if repeated < len(keys) / 2:
        return f"{len(keys) - repeated} of {len(keys)} answers occur once, so none can be seen to change"
    return ""


def _life_of_answers(
    keys: Sequence[str], times: Sequence[float], when: float, gone: set[int], codes: Mapping[str, int]
) -> HalfLife | None:
    """From the kinds of answers there were before the change, and how many of them inputs have left."""
    before = Counter(key for key, time in zip(keys, times, strict=True) if time < when)
    kinds = {codes[key] for key, count in before.items() if count > 1} | gone
    share, days = proportion(len(gone), len(kinds), LEVEL), times[-1] - times[0]
    if not gone:
        return None
    how = f"inputs have left {len(gone)} of {len(kinds)} kinds of answers in {days:.0f} days"
    return HalfLife(
        "answers",
        _half(share.estimate, days) or 0.0,
        _half(share.high, days) or 0.0,
        _half(share.low, days),
        LEVEL,
        how,
    )


def _half(share: float, days: float) -> float | None:
    """The half-life where this share has changed within these days, at a constant rate."""
    if share <= 0:
        return None
    return 0.0 if share >= 1 else days * math.log(2) / -math.log1p(-share)


# Documents over time


def history_of(corpus: Corpus) -> History:
    """How often documents change, from copies whose paths differ in a date only (2026-03/a.md, a_2026-04-01.md).

    A document's copies are held against one another in the order of their dates, sentence by sentence: a sentence that
    the next copy lacks has changed. Copies with a version but no date are counted and left out.
    """
    copies, skipped = _copies(corpus.manifest)
    gaps: list[float] = []
    gone: list[int] = []
    of: list[int] = []
    for dated in copies.values():
        texts = [(day, _statements(corpus, name, skipped)) for day, name in sorted(dated.items())]
        for (day, old), (later, new) in pairwise((day, said) for day, said in texts if said):
            gaps.append(float((later - day).days))
            # what was only added has changed nothing that was there
            gone.append(len(old - new))
            of.append(len(old))
    documents = sum(len(dated) > 1 for dated in copies.values())
    if not gaps:
        return History(documents, 0, 0, None, dict(skipped))
    replaced = [k / n for k, n in zip(gone, of, strict=True) if k]
    mean = math.fsum(replaced) / len(replaced) if replaced else None
    return History(documents, len(gaps), len(replaced), mean, dict(skipped), _life_of_documents(gaps, gone, of))


def _life_of_documents(gaps: Sequence[float], gone: Sequence[int], of: Sequence[int]) -> HalfLife:
    found = hazard(gaps, gone, of, LEVEL)
    days, low, high = (math.log(2) / rate if rate > 0 else None for rate in (found.rate, found.high, found.low))
    how = f"{sum(gone)} of {sum(of)} sentences were other ones at the next look ({found.method})"
    return HalfLife("documents", days, low or 0.0, high, LEVEL, how)


def _copies(names: Iterable[str]) -> tuple[dict[str, dict[date, str]], Counter[str]]:
    """The dated copies of each document, by what their paths share."""
    found: dict[str, dict[date, str]] = defaultdict(dict)
    skipped: Counter[str] = Counter()
    for name in names:
        dates = list(_DATE.finditer(name))
        day = _day(dates[-1]) if dates else None
        if day is None:
            skipped["version without a date" if _VERSION.search(name) else "no date"] += 1
            continue
        key = re.sub(r"[-_. ]*/[-_. ]*|[-_. ]+", "/", _DATE.sub("/", name)).replace("//", "/").strip("/")
        if day in found[key]:
            skipped["two copies of one day"] += 1
        found[key][day] = name
    return dict(found), skipped


def _day(found: re.Match[str]) -> date | None:
    try:
        return date(int(found[1]), int(found[2]), int(found[3] or 1))
    except ValueError:
        return None


def _statements(corpus: Corpus, name: str, skipped: Counter[str]) -> frozenset[str]:
    try:
        text = corpus.read(name).text
    except InputError:
        skipped["cannot be read"] += 1
        return frozenset()
    said = frozenset(key for sentence in _SENTENCE.split(text) if (key := likeness(sentence)))
    if not said:
        skipped["no words"] += 1
    return said
