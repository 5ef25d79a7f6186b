"""Rules: check every reply, ask again with the violation named, and escalate what still breaks a rule."""

from __future__ import annotations

import difflib
import json
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from ..layer import Cause, Duty, Layer
from ..strict import parse
from ..task import Task
from ..types import Answer, Ask, Json, Message, Request
from ..yamlfile import Place, YamlFile, read_yaml

Type = Literal["string", "integer", "number", "boolean", "date", "array", "object"]
REPLY = "reply"
"""The name of the whole text, where a rule names no field."""
TYPES = ("string", "integer", "number", "boolean", "date", "array", "object")
OPERATORS = {
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    ">": operator.gt,
}
LONGEST = 20_000
"""Characters of a value that a pattern is tried on; a longer one breaks the rule."""


@dataclass(frozen=True, slots=True)
class Check:
    """What must hold of one field. A field that is absent or null only breaks `required`."""

    field: str = REPLY
    required: bool = False
    type: Type | None = None
    min: float | None = None
    """Of a number; where `type` says string or array, of its length."""
    max: float | None = None
    one_of: tuple[Json, ...] | None = None
    equals: Json = None
    matches: str | None = None
    format: str | None = None
    """How a date is written, in `strptime` letters; ISO where nothing is said."""
    after: str | None = None
    """The earliest day allowed."""
    before: str | None = None
    """The latest day allowed."""


@dataclass(frozen=True, slots=True)
class Compare:
    """Two fields in relation: numbers, dates or texts."""

    left: str
    op: str
    right: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A check, a check that holds only when another one does, or a comparison of two fields."""

    check: Check | None = None
    when: Check | None = None
    compare: Compare | None = None


@dataclass(frozen=True)
class Rules(Layer):
    """Deterministic checks after generation. A reply passes, is asked for again, or escalates; it is never changed."""

    treats: ClassVar[tuple[Cause, ...]] = ("format", "consistency")

    rules: tuple[Mapping[str, Json], ...] = ()
    """As rules.yaml writes them."""
    retries: int = 1

    @classmethod
    def for_task(cls, task: Task) -> Self | None:
        """The task's rules.yaml; None without one."""
        return read_rules(task.rules, cls) if task.rules else None

    def __call__(self, request: Request, ask: Ask) -> Answer:
        answer = ask(request)
        broken = self.violations(answer)
        for _ in range(self.retries):
            if not broken:
                break
            answer = ask(_retry(request, answer, broken))
            broken = self.violations(answer)
        if not broken:
            return answer.noting(violations=[])
        return replace(answer, status="escalated").noting(violations=broken)

    def violations(self, answer: Answer) -> list[str]:
        """What is wrong with a reply, one line per broken rule, in the rules' order."""
        record = _record(answer)
        if record.keys() == {REPLY} and any(names - {REPLY} for names in map(_named, self._rules)):
            return ["the reply is not a JSON object"]
        return list(dict.fromkeys(said for rule in self._rules if (said := _broken(rule, record))))

    def duties(self, task: Task) -> Sequence[Duty]:
        """Escalated replies wait for a person, and rules are right only as long as the business is."""
        owner = task.profile.owner
        return (
            Duty(
                what="review the escalated replies",
                why="they broke a rule even when asked again",
                every_days=1,
                owner=owner,
                command="suffice data curate",
                kind="review",
            ),
            Duty(
                what="review rules.yaml",
                why="a rule that is out of date rejects right answers",
                every_days=90,
                owner=owner,
                command="suffice climb",
                kind="review",
            ),
        )

    @cached_property
    def _rules(self) -> tuple[Rule, ...]:
        file = YamlFile(Path("stack"), {"rules": list(self.rules)})
        return tuple(_rule(file, ("rules", at), rule) for at, rule in enumerate(self.rules))


def read_rules(path: Path, layer: type[Rules] = Rules) -> Any:
    """The layer that a rules.yaml describes; a mistake in it is an InputError with its line."""
    file = read_yaml(path, "rules file")
    body = _mapping(file, (), file.value, ("retries", "rules"))
    retries, rules = body.get("retries", 1), body.get("rules")
    if not isinstance(retries, int) or isinstance(retries, bool) or not 0 <= retries <= 5:
        raise file.wrong(("retries",), f"`retries` must be a whole number from 0 to 5, not {_shown(retries)}")
    if not isinstance(rules, list) or not rules:
        raise file.wrong(("rules",), "`rules` must be a list of at least one rule")
    for at, rule in enumerate(rules):
        _rule(file, ("rules", at), rule)
    return layer(tuple(rules), retries)


# Reading


def _rule(file: YamlFile, place: Place, body: Json) -> Rule:
    if isinstance(body, Mapping) and "compare" in body:
        _mapping(file, place, body, ("compare",))
        return Rule(compare=_compare(file, (*place, "compare"), body["compare"]))
    if isinstance(body, Mapping) and ("when" in body or "then" in body):
        _mapping(file, place, body, ("when", "then"))
        for part in ("when", "then"):
            if part not in body:
                raise file.wrong(place, f"a rule with `when` and `then` needs both; `{part}` is missing")
        when = _check(file, (*place, "when"), body["when"])
        return Rule(_check(file, (*place, "then"), body["then"]), when)
    return Rule(_check(file, place, body))


def _compare(file: YamlFile, place: Place, body: Json) -> Compare:
    given = _mapping(file, place, body, ("left", "op", "right"))
    for key in ("left", "op", "right"):
        if not isinstance(given.get(key), str):
            raise file.wrong((*place, key), f"`compare` needs `{key}`", "write {left: end, op: '>=', right: start}")
    if given["op"] not in OPERATORS:
        raise file.wrong((*place, "op"), f"`op` cannot be `{given['op']}`", f"known: {' '.join(OPERATORS)}")
    return Compare(**given)


def _check(file: YamlFile, place: Place, body: Json) -> Check:
    given = dict(_mapping(file, place, body, tuple(Check.__slots__)))
    if len(given) == ("field" in given):
        raise file.wrong(place, "the rule demands nothing", "add required, type, min, max, one_of, matches …")
    for key, value in given.items():
        if said := _unfit(key, value, given):
            raise file.wrong((*place, key), f"`{key}` {said}")
    if "one_of" in given:
        given["one_of"] = tuple(given["one_of"])
    return Check(**given)


def _unfit(key: str, value: Json, given: Mapping[str, Json]) -> str:
    """What is wrong with a key's value, or nothing."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    match key:
        case "field" | "matches" | "format" if not isinstance(value, str) or not value:
            return f"must be a text, not {_shown(value)}"
        case "required" if not isinstance(value, bool):
            return f"must be true or false, not {_shown(value)}"
        case "type" if value not in TYPES:
            return f"cannot be {_shown(value)}; known: {' '.join(TYPES)}"
        case "min" | "max" if not number:
            return f"must be a number, not {_shown(value)}"
        case "max" if isinstance(given.get("min"), int | float) and value < given["min"]:
            return f"{value} is below `min` {given['min']}"
        case "one_of" if not isinstance(value, list) or not value:
            return "must be a list of the allowed values"
        case "matches":
            return _unfit_pattern(value)
        case "format" if _day(date(2001, 2, 3).strftime(value), value) != date(2001, 2, 3):
            return f"{_shown(value)} does not write a day, like %Y-%m-%d does"
        case "after" | "before" if _day(value) is None:
            return f"must be a day like 2024-01-31, not {_shown(value)}"
        case _:
            return ""


def _mapping(file: YamlFile, place: Place, body: Json, known: Sequence[str]) -> Mapping[str, Json]:
    if not isinstance(body, Mapping):
        raise file.wrong(place, f"must be keys and values ({', '.join(known)}), not {_shown(body)}")
    for key in body:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, 1)
            guess = f"did you mean `{near[0]}`? " if near else ""
            raise file.wrong((*place, key), f"unknown key `{key}`", f"{guess}known: {', '.join(known)}")
    return body


# Checking


def _record(answer: Answer) -> Mapping[str, Json]:
    """The reply's fields; of a reply that is no record, the whole text as `reply`."""
    value = answer.value if answer.value is not None else _read(answer.text)
    return {REPLY: answer.text.strip(), **(value if isinstance(value, Mapping) else {})}


def _read(text: Json) -> Json:
    """The text's JSON value, or the text itself where it has none."""
    try:
        return parse(text) if isinstance(text, str) else text
    except ValueError:
        return text


def _named(rule: Rule) -> set[str]:
    """The fields a rule looks at."""
    checks = {check.field for check in (rule.check, rule.when) if check}
    return checks | ({rule.compare.left, rule.compare.right} if rule.compare else set())


def _broken(rule: Rule, record: Mapping[str, Json]) -> str:
    if rule.compare:
        return _unrelated(rule.compare, record)
    if rule.when is None or rule.check is None:
        return _failed(rule.check or Check(), record)
    applies = record.get(rule.when.field) is not None and not _failed(rule.when, record)
    said = _failed(rule.check, record) if applies else ""
    return f"{said} when {rule.when.field} is {_shown(record[rule.when.field])}" if said else ""


def _failed(check: Check, record: Mapping[str, Json]) -> str:
    value = record.get(check.field)
    if value is None or value == "":
        return f"{check.field} is missing" if check.required else ""
    if check.field == REPLY and check.type in ("integer", "number", "boolean"):
        value = _read(value)
    said = next((said for said in _faults(check, value) if said), "")
    return f"{check.field} {said}, not {_shown(value)}" if said else ""


def _faults(check: Check, value: Json) -> Sequence[str]:
    """What each part of the check says of the value; the first that says anything is told."""
    return (
        f"must be {_article(check.type)}" if check.type and not _is(check, value) else "",
        _out_of_range(check, value),
        f"must be one of {_shown(list(check.one_of))}" if check.one_of and value not in check.one_of else "",
        f"must be {_shown(check.equals)}" if check.equals is not None and value != check.equals else "",
        f"must match {check.matches}" if check.matches and not _matching(check.matches, value) else "",
        _out_of_days(check, value),
    )


def _is(check: Check, value: Json) -> bool:
    match check.type:
        case "date":
            return _day(value, check.format) is not None
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "string":
            return isinstance(value, str)
        case "array":
            return isinstance(value, list)
        case _:
            return isinstance(value, Mapping)


def _out_of_range(check: Check, value: Json) -> str:
    if check.min is None and check.max is None:
        return ""
    size = len(value) if check.type in ("string", "array") and isinstance(value, str | list) else value
    if not isinstance(size, int | float) or isinstance(size, bool):
        return "must be a number"
    unit = {"string": " characters", "array": " items"}.get(check.type or "", "")
    if check.min is not None and size < check.min:
        return f"must be at least {check.min:g}{unit}"
    return f"must be at most {check.max:g}{unit}" if check.max is not None and size > check.max else ""


def _out_of_days(check: Check, value: Json) -> str:
    if check.format is None and check.after is None and check.before is None:
        return ""
    day = _day(value, check.format)
    if day is None:
        return f"must be a day written as {check.format or '%Y-%m-%d'}"
    if check.after and day < date.fromisoformat(check.after):
        return f"must not be before {check.after}"
    return f"must not be after {check.before}" if check.before and day > date.fromisoformat(check.before) else ""


def _unrelated(compare: Compare, record: Mapping[str, Json]) -> str:
    left, right = _comparable(record.get(compare.left)), _comparable(record.get(compare.right))
    if left is None or right is None:
        return ""
    said = f"{compare.left} must be {compare.op} {compare.right}"
    if type(left) is not type(right) or not isinstance(left, float | date | str):
        return f"{said}, but they cannot be compared"
    if OPERATORS[compare.op](left, right):
        return ""
    return f"{said}, but {_shown(record[compare.left])} and {_shown(record[compare.right])} are not"


def _comparable(value: Json) -> Any:
    """Numbers as numbers, ISO days as days, everything else as it is."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    return _day(value) or value if isinstance(value, str) else value


def _day(value: Json, form: str | None = None) -> date | None:
    if not isinstance(value, str) or len(value) > 40:
        return None
    try:
        return datetime.strptime(value, form).date() if form else date.fromisoformat(value)
    except ValueError:
        return None


def _matching(pattern: str, value: Json) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST and bool(_pattern(pattern).is_valid(value))


def _unfit_pattern(pattern: str) -> str:
    try:
        _pattern(pattern)
    except ValueError:
        return f"{_shown(pattern)} is no regular expression (no look-around, no back-references)"
    return ""


@lru_cache(maxsize=256)
def _pattern(pattern: str) -> Any:
    """The schema engine's regular expressions: linear time whatever the pattern, so that no reply can hang a check."""
    import jsonschema_rs as engine

    try:
        return engine.validator_for({"type": "string", "pattern": pattern}, pattern_options=engine.RegexOptions())
    except engine.ValidationError as wrong:
        raise ValueError(str(wrong)) from wrong


# Asking again


def _retry(request: Request, answer: Answer, broken: Sequence[str]) -> Request:
    """The same question after the rejected reply, with the rules it broke as the last instruction."""
    said = f"Your last reply was rejected: {'; '.join(broken)}. Reply again and correct this."
    turns = (Message("user", request.input), Message("assistant", answer.text[:LONGEST]))
    return replace(request, instructions=(*request.instructions, said), history=(*request.history, *turns))


def _article(kind: str) -> str:
    return {"array": "an array", "object": "an object", "integer": "an integer"}.get(kind, f"a {kind}")


def _shown(value: Json) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:59]}…"
