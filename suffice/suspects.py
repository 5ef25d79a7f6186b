"""Suspects: expected answers that look wrong, each with its evidence in words, from what is stored alone."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, cast

from .contract import fits
from .data import Example, Output, worded
from .digest import canonical
from .duplicates import duplicates
from .evidence import Line, Reading, answer_of
from .opinions import TEACHES, Opinion, joined
from .plugins import build
from .score import Scorer
from .stats.confident import USUAL_AT_LEAST, doubts
from .strict import Malformed, parse
from .types import Json

Sign = Literal["duplicates", "learned", "stacks"]
PARTS = (*TEACHES, "test", "edge")
DECIDABLE = frozenset({"label", "exact", "json"})
"""Scorers under which a reply can be an expected answer: right or wrong, and the same from whoever gives it."""
KINDS_AT_LEAST = 2
"""Kinds of stacks (without a model, over one, over another) that must agree: one kind repeats its own mistakes."""
SPOKEN_FOR = 2
"""Nearest examples that carry an example's own label, from which stacks cannot make it suspect; one may be wrong."""
LISTED_FROM = 0.3
"""The score from which a suspect is listed. Lower finds more, and more that is right: docs/LOG.md."""
SURE = 0.9
"""How sure the classifier must be where nearness is of words alone, which tell less than meanings."""
NAMED = 3


@dataclass(frozen=True, slots=True)
class Suspect:
    """One expected answer that looks wrong."""

    id: str
    part: str
    expected: Json
    proposed: Json
    evidence: tuple[str, ...]
    """Why, a sentence a sign."""
    signs: tuple[Sign, ...]
    score: float
    """For ranking, in [0, 1]; it is no probability."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Stacks that all give one answer, which is not the expected one."""

    id: str
    part: str
    proposed: Json
    without_model: int
    over: Mapping[str, int]
    """Stacks that asked a model for this item, by the model's spec."""
    missed: int
    same: int
    """Of the items of the part that none of their stacks gets right, those on which all say the same."""

    @property
    def kinds(self) -> int:
        """Stacks that share a model make the same mistakes, so they count once."""
        return len(self.over) + (self.without_model > 0)


@dataclass(frozen=True, slots=True)
class _Hint:
    """What one sign says of one example."""

    id: str
    sign: Sign
    proposed: Json
    words: str
    score: float


def suspects_of(reading: Reading) -> list[Suspect]:
    """The suspects of a climb, from its evidence: `example`, `opinion`, `run` and `record` lines."""
    parts = {part: reading.parts[part] for part in PARTS if part in reading.parts}
    return suspects(parts, opinions_of(reading), agreements(reading))


def opinions_of(reading: Reading) -> tuple[Opinion, ...]:
    """The opinions that were written down, one a line of the kind `opinion`."""
    fields = ("id", "part", "near", "by", "label", "confidence")
    return tuple(Opinion(**{name: line[name] for name in fields}) for line in reading.evidence.of("opinion"))


def suspects(
    parts: Mapping[str, Sequence[Example]],
    opinions: Sequence[Opinion] = (),
    agreements: Sequence[Agreement] = (),
    *,
    at_least: float = LISTED_FROM,
) -> list[Suspect]:
    """The examples whose expected answer looks wrong, the most suspect first.

    Three signs: an example that reads the same has another answer; dev's labels say confidently that another label is
    meant (confident learning); stacks of at least two kinds agree on another answer, and at most one of the nearest
    examples in dev speaks for the expected one. Pure: equal values give an equal list.
    """
    told = {e.id: (part, e) for part, examples in parts.items() for e in examples}
    hints: dict[str, list[_Hint]] = defaultdict(list)
    for hint in (*_doubled(told, opinions), *_learned(told, opinions), *_agreed(told, opinions, agreements)):
        hints[hint.id].append(hint)
    found = [s for id_, given in hints.items() if (s := _suspect(*told[id_], given)).score >= at_least]
    return sorted(found, key=lambda s: (-s.score, s.id))


def _suspect(part: str, example: Example, hints: Sequence[_Hint]) -> Suspect:
    """The strongest sign proposes; together they weigh more than each."""
    first = max(hints, key=lambda h: h.score)
    score = 1 - math.prod(1 - h.score for h in hints)
    signs = tuple(h.sign for h in hints)
    evidence = tuple(h.words for h in hints)
    return Suspect(example.id, part, example.expected, first.proposed, evidence, signs, round(score, 6))


# Examples that read the same


def _doubled(told: Mapping[str, tuple[str, Example]], opinions: Sequence[Opinion]) -> Iterator[_Hint]:
    """Of examples that read the same and differ in their answer: those in the minority, or all of a draw.

    Where dev's classifier sides with some of a draw, the others are meant.
    """
    pairs = duplicates(e for _, e in told.values())
    heaps: dict[str, list[str]] = defaultdict(list)
    for id_, key in joined({id_: id_ for pair in pairs for id_ in pair}, pairs).items():
        heaps[key].append(id_)
    said = {o.id: o.label for o in opinions}
    for ids in heaps.values():
        heap = [told[id_][1] for id_ in sorted(ids)]
        votes = {e.id: sum(not _apart(e, other) for other in heap) for e in heap}
        against = [e for e in heap if any(_apart(e, x) and votes[x.id] >= votes[e.id] for x in heap)]
        sided = {e.id for e in against if e.id in said and said[e.id] in map(str, e.accepted)}
        drawn = all(votes[e.id] == max(votes.values()) for e in against)
        for e in against:
            if drawn and sided and e.id in sided and len(sided) < len(against):
                continue
            others = [x for x in heap if _apart(e, x) and votes[x.id] >= votes[e.id]]
            best = max(others, key=lambda x: votes[x.id])
            named = ", ".join(f"`{x.id}` ({told[x.id][0]})" for x in others[:NAMED])
            words = f"it reads like {named}, whose answer is {_shown(best.accepted[0])}"
            yield _Hint(e.id, "duplicates", best.accepted[0], words, votes[best.id] / len(heap))


def _apart(one: Example, other: Example) -> bool:
    return not agree(one.accepted, other.accepted)


def agree(one: Sequence[Json], other: Sequence[Json]) -> bool:
    """Whether two lists of accepted answers have one in common, but for case, spaces and a full stop at the end."""
    return bool({_key(a) for a in one} & {_key(a) for a in other})


def _key(answer: Json) -> str:
    return " ".join(worded(answer).casefold().split()).rstrip(".") or worded(answer)


# What dev's labels say


def _learned(told: Mapping[str, tuple[str, Example]], opinions: Sequence[Opinion]) -> Iterator[_Hint]:
    """Examples whose nearest ones carry another label, and whose own label the classifier does not see either."""
    import numpy as np

    known = [(o, told[o.id][1]) for o in opinions if o.id in told]
    if not known:
        return
    own = [_nearest_own(o, e) for o, e in known]
    labels = sorted({*own, *(label for o, _ in known for label in o.near)})
    code = {label: at for at, label in enumerate(labels)}
    votes = np.zeros((len(known), len(labels)), np.intp)
    for at, (o, _) in enumerate(known):
        votes[at, [code[label] for label in o.near]] = list(o.near.values())
    for doubt in doubts(votes, [code[label] for label in own], [told[o.id][0] in TEACHES for o, _ in known]):
        (o, e), proposed = known[doubt.at], labels[doubt.proposed]
        surely = o.label == proposed and o.confidence >= SURE
        second = surely if o.by == "words" else o.label not in map(str, e.accepted)
        if second and proposed not in map(str, e.accepted):
            near = sum(o.near.values())
            words = (
                f"of the {near} nearest examples in dev {o.near[proposed]} are {_shown(proposed)} and "
                f"{o.near.get(own[doubt.at], 0)} {_shown(own[doubt.at])}, which usually has "
                f"{doubt.usual * near:.0f}; a classifier on words says {_shown(o.label)} ({o.confidence:.2f})"
            )
            sure = o.confidence if o.label == proposed else 0.0
            yield _Hint(e.id, "learned", proposed, words, 0.5 * doubt.share + 0.5 * sure * 0.98)


def _nearest_own(opinion: Opinion, example: Example) -> str:
    """Of several accepted labels the one that the nearest examples carry most often."""
    return max(map(str, example.accepted), key=lambda label: (opinion.near.get(label, 0), label))


# What stacks agree on


def _agreed(
    told: Mapping[str, tuple[str, Example]], opinions: Sequence[Opinion], agreements: Sequence[Agreement]
) -> Iterator[_Hint]:
    near, usual = {o.id: o.near for o in opinions}, _usual(told, opinions)
    for found in agreements:
        own = [str(a) for a in told[found.id][1].accepted]
        spoken = sum(near.get(found.id, {}).get(label, 0) for label in own) >= SPOKEN_FOR
        missed = found.id not in near or max(usual.get(label, 0.0) for label in own) >= USUAL_AT_LEAST
        if found.kinds >= KINDS_AT_LEAST and missed and not spoken:
            stacks = found.without_model + sum(found.over.values())
            over = [f"{n} {'asks' if n == 1 else 'ask'} one model" for n in found.over.values()]
            free = [f"{found.without_model} without a model"] if found.without_model else []
            words = (
                f"all {stacks} stacks say {_shown(found.proposed)} ({', '.join(free + over)}); of the {found.missed} "
                f"items that none of them gets right, they say the same on {found.same}"
            )
            yield _Hint(found.id, "stacks", found.proposed, words, 1 - 0.5**found.kinds)


def _usual(told: Mapping[str, tuple[str, Example]], opinions: Sequence[Opinion]) -> dict[str, float]:
    """The share of its own votes that an example in dev usually gets, by label: of a rare one nothing can be missed."""
    shares: dict[str, list[float]] = defaultdict(list)
    for o in opinions:
        if o.id in told and told[o.id][0] in TEACHES:
            own = _nearest_own(o, told[o.id][1])
            shares[own].append(o.near.get(own, 0) / max(1, sum(o.near.values())))
    return {label: sum(found) / len(found) for label, found in shares.items()}


def agreements(reading: Reading) -> list[Agreement]:
    """The items on which every measured stack gives one answer, and not the expected one.

    Only where a scorer of right or wrong judges (label, exact, json). On test and edge the stacks are those that were
    judged there, on dev (`select`) the variants that were chosen for it.
    """
    spec = reading.evidence.one("task")["scorer"]
    if not spec or spec["use"] not in DECIDABLE:
        return []
    output = reading.evidence.one("task")["output"]
    asked = _Asked(
        reading, cast(Scorer, build("scorers", spec)), Output(output["kind"], tuple(output["labels"]), output["schema"])
    )
    return [found for part in ("select", "test", "edge") for found in asked.agreements(part)]


@dataclass(frozen=True)
class _Asked:
    """What the stacks of a climb said, and the scorer that says whether two replies are one answer."""

    reading: Reading
    scorer: Scorer
    output: Output

    def agreements(self, part: str) -> Iterator[Agreement]:
        runs = self._runs(part)
        missed: list[tuple[str, list[Line], Json]] = []
        for e in self.reading.parts.get(part, ()):
            lines = [self.reading.records[run][e.id] for run in runs if e.id in self.reading.records[run]]
            if len(lines) > 1 and all(line["value"] is not None and line["value"] < 1 for line in lines):
                missed.append((e.id, lines, self._one_answer(e, lines)))
        same = sum(answer is not None for _, _, answer in missed)
        for id_, lines, answer in missed:
            if answer is not None:
                yield Agreement(id_, part, answer, *self._kinds(lines), len(missed), same)

    def _runs(self, part: str) -> list[str]:
        """The runs on a part of the stacks that were measured, the most common answer left out, each stack once."""
        lines = [x for kind in ("rung", "own_best", "down") for x in self.reading.evidence.of(kind)]
        key = part if part in ("test", "edge") else "told_by"
        runs = dict.fromkeys(line.get(key) or (line.get("dev_run") if key == "told_by" else None) for line in lines)
        found = [run for run in runs if run is not None and run in self.reading.runs]
        return list({self.reading.runs[run]["stack_digest"]: run for run in found}.values())

    def _kinds(self, lines: Sequence[Line]) -> tuple[int, dict[str, int]]:
        over: dict[str, int] = defaultdict(int)
        for line in lines:
            if line.get("asked"):
                over[canonical(self.reading.runs[line["run"]]["stack"]["model"]).decode()] += 1
        return sum(not line.get("asked") for line in lines), dict(over)

    def _one_answer(self, example: Example, lines: Sequence[Line]) -> Json:
        """What all replies say, as an expected answer; None where they differ or one is no answer at all."""
        if any(line["status"] != "ok" or line["output"] is None for line in lines):
            return None
        for proposed in self._proposals(lines[0]):
            as_told = replace(example, expected=proposed)
            scores = [self.scorer(as_told, answer).value for x in lines if (answer := answer_of(x)) is not None]
            if all(value is not None and value >= 1 for value in scores):
                return proposed
        return None

    def _proposals(self, line: Line) -> list[Json]:
        """What a reply may mean as an expected answer: one of the labels, a record, or the text as it is."""
        text = str(line["output"]).strip()
        if self.output.kind == "labels":
            return list(self.output.labels)
        if self.output.kind == "text":
            return [text] if text else []
        try:
            value = line["parsed"] if line.get("parsed") is not None else parse(text)
        except Malformed:
            return []
        return [value] if value is not None and not fits(value, self.output) else []


def _shown(answer: Json) -> str:
    text = " ".join(worded(answer).split())
    return f"`{text}`" if len(text) <= 60 else f"`{text[:59]}…`"
