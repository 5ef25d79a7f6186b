"""Conditions on a case as plain data: true, false, or None where a fact that matters is not known.

A condition is a tuple whose first word says what is asked; as JSON it is the same list, which the page reads too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..types import Json

Condition = tuple[Any, ...]
Facts = Mapping[str, Json]
"""Facts by name; what is missing or None is not known. `signals` is a list of what was seen."""
Doors = Mapping[str, Condition]
"""What `gates(approach)` stands for, by approach."""

DAYS = 30


def every(*of: Condition) -> Condition:
    """All hold."""
    return ("every", *of)


def some(*of: Condition) -> Condition:
    """At least one holds."""
    return ("some", *of)


def no(of: Condition) -> Condition:
    """Does not hold."""
    return ("not", of)


def among(fact: str, *values: Json) -> Condition:
    """The fact is one of these values."""
    return ("in", fact, *values)


def yes(fact: str) -> Condition:
    return among(fact, True)


def at_least(fact: str, number: float) -> Condition:
    return ("at_least", fact, number)


def below(fact: str, number: float) -> Condition:
    return no(at_least(fact, number))


def within(fact: str, other: str) -> Condition:
    """One fact is no more than another."""
    return ("within", fact, other)


def seen(*signals: str) -> Condition:
    """One of these signals was seen. What nobody names was not: this is never unknown."""
    return ("seen", *signals)


def known(fact: str) -> Condition:
    """Whether the fact is known: never unknown itself."""
    return ("known", fact)


def repaid(usd: float, usd_a_request: float) -> Condition:
    """The volume over the stable months repays so much, at so much a request."""
    return ("repaid", usd, usd_a_request)


def gates(approach: str) -> Condition:
    """All gates of an approach hold."""
    return ("gates", approach)


def holds(condition: Condition, facts: Facts, doors: Doors) -> bool | None:
    """Kleene's three values: None only where the unknown facts could turn the answer either way."""
    word, *of = condition
    match word:
        case "every":
            return _every(holds(c, facts, doors) for c in of)
        case "some":
            denied = _every(_not(holds(c, facts, doors)) for c in of)
            return _not(denied)
        case "not":
            return _not(holds(of[0], facts, doors))
        case "gates":
            return holds(doors[of[0]], facts, doors)
        case "seen":
            return any(s in facts.get("signals", ()) for s in of)
        case "known":
            return facts.get(of[0]) is not None
        case _:
            needed = [facts.get(name) for name in _named(condition)]
            return None if any(value is None for value in needed) else _compared(word, of, needed)


def _compared(word: str, of: list[Json], values: list[Any]) -> bool:
    """A comparison whose facts are all known."""
    match word:
        case "in":
            return values[0] in of[1:]
        case "at_least":
            return bool(values[0] >= of[1])
        case "within":
            return bool(values[0] <= values[1])
        case "repaid":
            return bool(values[0] * DAYS * max(1.0, values[1]) * of[1] >= of[0])
    raise ValueError(f"no such condition: {word}")


def _named(condition: Condition) -> tuple[str, ...]:
    """The facts that a comparison reads."""
    match condition[0]:
        case "within":
            return condition[1], condition[2]
        case "repaid":
            return "requests_per_day", "stable_months"
    return (condition[1],)


def _every(of: Iterator[bool | None]) -> bool | None:
    found: bool | None = True
    for one in of:
        if one is False:
            return False
        found = None if one is None else found
    return found


def _not(value: bool | None) -> bool | None:
    return None if value is None else not value


def open_facts(condition: Condition, facts: Facts, doors: Doors) -> tuple[str, ...]:
    """The unknown facts that keep a condition open, in the order they stand; empty where it is settled."""
    if holds(condition, facts, doors) is not None:
        return ()
    word, *of = condition
    if word == "gates":
        return open_facts(doors[of[0]], facts, doors)
    if word in ("every", "some", "not"):
        return tuple(dict.fromkeys(name for c in of for name in open_facts(c, facts, doors)))
    return tuple(name for name in _named(condition) if facts.get(name) is None)


def facts_of(condition: Condition, doors: Doors) -> tuple[str, ...]:
    """Every fact that a condition reads, signals apart."""
    word, *of = condition
    if word == "gates":
        return facts_of(doors[of[0]], doors)
    if word in ("every", "some", "not"):
        return tuple(dict.fromkeys(name for c in of for name in facts_of(c, doors)))
    return () if word == "seen" else _named(condition)
