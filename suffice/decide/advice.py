"""Advice: from a case to its levers, what to measure first, what not to do, the gates, and what would change it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..minimum import Approach
from ..types import Json
from .avoid import AVOID
from .case import Case
from .condition import Facts, facts_of, holds, open_facts
from .doors import CONDITIONS, DOORS
from .facts import FACTS, Fact
from .levers import LEVERS
from .money import Money, Spans, money_of, shipped
from .rule import Row, Topic
from .topics import CASE, START, TOPICS


@dataclass(frozen=True, slots=True)
class Step:
    """What one kind of failure calls for now."""

    topic: str
    row: str
    lever: str
    heads_to: str
    """The heaviest lever that this failure may ask for later."""


@dataclass(frozen=True, slots=True)
class Checked:
    """One gate of the approach: whether it holds, None where a fact is missing."""

    name: str
    held: bool | None


@dataclass(frozen=True, slots=True)
class Change:
    """One fact that, known otherwise, would change the answer."""

    fact: str
    value: Json
    levers: tuple[str, ...]
    """The levers of the answer then."""
    size: int
    """How far it moves the answer on the ladder, in rungs."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What to do about a case. Texts and sources of the rows, levers and gates that it names are in the rules."""

    lever: str
    """The first lever, the lightest of the steps."""
    steps: tuple[Step, ...]
    """One for each kind of failure, the lightest first."""
    combined: bool
    """Whether several levers that have to be built come together: each must then prove its own part."""
    measure: tuple[str, ...]
    """Facts that nobody knows and that could change the answer, what the next rung waits for first."""
    avoid: tuple[str, ...]
    approach: Approach
    gates: tuple[Checked, ...]
    changes: tuple[Change, ...]
    """For each fact the value that would change most, the largest change first."""
    money: tuple[Money, ...]
    """Of each lever of the steps, and of the heaviest that they lead to, where it costs anything beyond tokens."""

    @property
    def levers(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(step.lever for step in self.steps))

    @property
    def tunes(self) -> bool:
        """Whether anything is to be trained now."""
        return any(LEVERS[lever].trained for lever in self.levers)


BUILT = LEVERS["retrieval"].weight
"""From here on levers are built and run, not written."""


def decide(case: Case, spans: Spans | None = None) -> Answer:
    """What the framework says of a case; no model is asked, and nothing is measured.

    `spans` are figures of money, low and high, by name of the price book; ours where none are given.
    """
    facts = case.facts
    active = _active(facts)
    steps, approach = steps_of(facts), _approach(facts, active)
    combined = sum(_weight(lever) >= BUILT for lever in _levers(steps)) > 1
    return Answer(
        steps[0].lever,
        steps,
        combined,
        _asked(facts, active, combined),
        tuple(w.name for w in AVOID if holds(w.when, facts, CONDITIONS)),
        approach,
        tuple(Checked(d.name, holds(d.when, facts, CONDITIONS)) for d in DOORS[approach]),
        tuple(_changes(facts, steps)),
        money_of(facts, _priced(steps), spans or shipped()),
    )


def steps_of(facts: Facts) -> tuple[Step, ...]:
    """The steps alone: what settles the case, else a step for each failure that is there, else where to begin."""
    settled = _first(CASE, facts)
    if settled is not None:
        return (_step(CASE, settled),)
    found = [_step(topic, row) for topic in _active(facts) if (row := _first(topic, facts))]
    return tuple(sorted(found, key=lambda step: LEVERS[step.lever].weight))


def _active(facts: Facts) -> list[Topic]:
    """The failures that are there; where none is, where to begin."""
    found = [t for t in TOPICS if holds(t.when, facts, CONDITIONS) and holds(t.unless, facts, CONDITIONS) is not True]
    return found or [START]


def _first(topic: Topic, facts: Facts) -> Row | None:
    return next((row for row in topic.rows if holds(row.when, facts, CONDITIONS)), None)


def _step(topic: Topic, row: Row) -> Step:
    return Step(topic.name, row.name, row.lever, topic.heads_to)


def _priced(steps: Sequence[Step]) -> tuple[str, ...]:
    """The levers whose cost matters: those of the steps, and the heaviest that these lead to."""
    furthest = max((step.heads_to for step in steps), key=_weight)
    return tuple(dict.fromkeys((*_levers(steps), furthest)))


def _approach(facts: Facts, active: Sequence[Topic]) -> Approach:
    """The approach whose gates stand before the heaviest lever that is in play; a LoRA's where none is."""
    trained = [topic for topic in active if topic.approach]
    heaviest = max(trained, key=lambda topic: LEVERS[topic.heads_to].weight, default=None)
    row = _first(heaviest, facts) if heaviest else None
    return (row and row.approach) or (heaviest and heaviest.approach) or "lora"


# What is not known


def _asked(facts: Facts, active: Sequence[Topic], combined: bool) -> tuple[str, ...]:
    """Open facts: of what settles a case, then of each failure from its lightest rung upwards."""
    found: dict[str, None] = dict.fromkeys(_open(CASE, facts))
    if _first(CASE, facts) is None:
        for topic in active:
            found.update(dict.fromkeys(_open(topic, facts)))
        for topic in TOPICS:
            found.update(dict.fromkeys(open_facts(topic.when, facts, CONDITIONS)))
            if holds(topic.when, facts, CONDITIONS):
                found.update(dict.fromkeys(open_facts(topic.unless, facts, CONDITIONS)))
    if combined and facts.get("each_layer_measured") is None:
        found["each_layer_measured"] = None
    return tuple(found)


def _open(topic: Topic, facts: Facts) -> Iterator[str]:
    """What the rows above the one that is taken wait for, the lightest of them first."""
    taken = _first(topic, facts)
    above = topic.rows[: topic.rows.index(taken)] if taken else topic.rows
    for row in above if topic is CASE else reversed(above):
        yield from open_facts(row.when, facts, CONDITIONS)


# What would change it


def _changes(facts: Facts, steps: Sequence[Step]) -> list[Change]:
    """Each fact that would change the levers on its own, at the value that moves them furthest."""
    now = _levers(steps)
    found = []
    for name in TRIES:
        tried = [_change(name, value, facts, now) for value in _values(name, facts)]
        moved = [change for change in tried if change.levers != now]
        if moved:
            found.append(max(moved, key=lambda change: change.size))
    return sorted(found, key=lambda change: -change.size)


def _change(name: str, value: Json, facts: Facts, now: tuple[str, ...]) -> Change:
    then = _levers(steps_of({**facts, name: value}))
    size = max(abs(_weight(then[at]) - _weight(now[at])) for at in (0, -1))
    return Change(name, value, then, size)


def _levers(steps: Sequence[Step]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(step.lever for step in steps))


def _weight(lever: str) -> int:
    return LEVERS[lever].weight


@dataclass(frozen=True, slots=True)
class Like:
    """A value taken from another fact."""

    fact: str
    times: float


def _values(name: str, facts: Facts) -> Iterator[Json]:
    """The values worth trying for a fact, other than what it is."""
    for value in TRIES[name]:
        if isinstance(value, Like):
            other = facts.get(value.fact)
            value = None if other is None else min(FACTS[name].most, other * value.times)
        if value is not None and value != facts.get(name):
            yield value


def _tries() -> Mapping[str, tuple[Json, ...]]:
    """For each fact the values on either side of every threshold that some rule sets it."""
    conditions = [row.when for topic in (CASE, START, *TOPICS) for row in topic.rows]
    conditions += [t.when for t in TOPICS] + [t.unless for t in TOPICS]
    read = dict.fromkeys(name for c in conditions for name in facts_of(c, CONDITIONS))
    flat = [one for c in conditions for one in _flat(c)]
    return {name: _tried(fact, flat) for name, fact in FACTS.items() if name in read}


def _flat(condition: tuple[Json, ...]) -> Iterator[tuple[Json, ...]]:
    """Every comparison within a condition, gates included."""
    word, *of = condition
    if word == "gates":
        yield from _flat(CONDITIONS[of[0]])
    elif word in ("every", "some", "not"):
        for one in of:
            yield from _flat(one)
    else:
        yield condition


LEAST_REQUESTS = 1_000.0
"""A volume that repays the smallest project within six months, and then some: 112 a day would."""


def _tried(fact: Fact, flat: Sequence[tuple[Json, ...]]) -> tuple[Json, ...]:
    if fact.kind == "flag":
        return (True, False)
    if fact.kind == "choice":
        return tuple(option for option, _ in fact.options)
    found: dict[Json, None] = {}
    for word, *of in flat:
        if word == "at_least" and of[0] == fact.name:
            found |= {of[1]: None, _under(of[1], fact): None}
        if word == "within" and fact.name in of:
            other = of[1] if of[0] == fact.name else of[0]
            found |= {Like(other, 1.0): None, Like(other, 2.0): None, Like(other, 0.5): None}
        if word == "repaid" and fact.name == "requests_per_day":
            found |= {LEAST_REQUESTS: None, 0.0: None}
    return tuple(found)


def _under(threshold: float, fact: Fact) -> float:
    """A value that misses a threshold clearly."""
    return threshold / 2 if fact.most == 1 else float(int(threshold // 2))


TRIES = _tries()
