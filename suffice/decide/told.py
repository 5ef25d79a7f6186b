"""An answer told in full: every text, number and source that it rests on, for people and as one JSON document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..layer import Gate
from ..types import Json
from .advice import Answer, Change, Step
from .avoid import AVOID
from .case import Case
from .condition import facts_of
from .doors import CONDITIONS, DOORS
from .facts import FACTS, SIGNALS, Fact
from .levers import LEVERS
from .money import Money
from .topics import CASE, START, TOPICS

SHARED = ("no contradictions", "no frozen facts")
"""Gates of which readiness has several, told apart, where a case has one fact."""
ROWS = {row.name: row for topic in (CASE, START, *TOPICS) for row in topic.rows}


def told(answer: Answer, case: Case, measured: Sequence[Gate] = ()) -> dict[str, Json]:
    """The whole answer. `measured` are gates that a task folder was held to; they stand for ours of the same name."""
    return {
        "lever": answer.lever,
        "title": LEVERS[answer.lever].title,
        "steps": [_step(step) for step in answer.steps],
        "then": _then(answer),
        "measure_first": [_asked(FACTS[name]) for name in answer.measure],
        "avoid": [_avoided(name) for name in answer.avoid],
        "approach": answer.approach,
        "gates": _gates(answer, case, measured),
        "combined": answer.combined,
        "money": [_money(one) for one in answer.money],
        "what_would_change_this": [_changed(change) for change in answer.changes],
        "signals": [{"name": n, "row": SIGNALS[n].row, "says": SIGNALS[n].says} for n in case.signals],
        "facts": {name: value for name, value in case.facts.items() if value not in (None, [])},
        "sources": sources(answer),
    }


def _step(step: Step) -> dict[str, Json]:
    row, lever = ROWS[step.row], LEVERS[step.lever]
    return {
        "rule": row.name,
        "topic": step.topic,
        "lever": step.lever,
        "title": lever.title,
        "does": lever.does,
        "next": row.next,
        "why": row.why,
        "source": row.source,
        "first_result": lever.result,
        "upkeep": lever.upkeep,
        "owner": lever.owner,
        "heads_to": step.heads_to,
        "notes": [{"text": note.text, "source": note.source} for note in lever.notes],
    }


def _then(answer: Answer) -> dict[str, Json] | None:
    """The heaviest lever that this may lead to later, and is not taken now."""
    heaviest = max((step.heads_to for step in answer.steps), key=lambda name: LEVERS[name].weight)
    if LEVERS[heaviest].weight <= max(LEVERS[name].weight for name in answer.levers):
        return None
    lever = LEVERS[heaviest]
    return {
        "lever": heaviest,
        "title": lever.title,
        "first_result": lever.result,
        "upkeep": lever.upkeep,
        "owner": lever.owner,
        "notes": [{"text": n.text, "source": n.source} for n in lever.notes],
    }


def _asked(fact: Fact) -> dict[str, Json]:
    return {"fact": fact.name, "ask": fact.ask, "how": fact.measure, "source": fact.source}


def _avoided(name: str) -> dict[str, Json]:
    wrong = next(w for w in AVOID if w.name == name)
    return {"rule": f"not: {name}", "lever": wrong.lever, "why": wrong.why, "source": wrong.source}


def _gates(answer: Answer, case: Case, measured: Sequence[Gate]) -> list[dict[str, Json]]:
    """Our gates; of those that readiness measured, its own words, and those that only it knows after ours."""
    theirs = {gate.name: gate for gate in measured}
    made = []
    for door, checked in zip(DOORS[answer.approach], answer.gates, strict=True):
        known = theirs.pop(door.name, None)
        said = {n: shown(FACTS[n], case.facts[n]) for n in facts_of(door.when, CONDITIONS)}
        each = said.values() if len(said) == 1 else [f"{n}: {v}" for n, v in said.items()]
        words = known.measured if known else ", ".join(each)
        needed = known.needed if known else door.needed
        held = known.passed if known and door.name in SHARED else checked.held
        made.append({"name": door.name, "held": held, "measured": words, "needed": needed, "source": door.source})
    return made + [
        {"name": g.name, "held": g.passed, "measured": g.measured, "needed": g.needed, "source": g.source}
        for g in theirs.values()
    ]


def _money(one: Money) -> dict[str, Json]:
    return {
        "lever": one.lever,
        "title": LEVERS[one.lever].title,
        "build_usd": one.build,
        "usd_per_month": one.month,
        "payback_months": one.payback_months,
        "pays_from_requests_per_day": one.pays_from,
    }


def _changed(change: Change) -> dict[str, Json]:
    fact, titles = FACTS[change.fact], " and ".join(LEVERS[name].title for name in change.levers)
    return {
        "fact": change.fact,
        "ask": fact.ask,
        "value": change.value,
        "levers": change.levers,
        "words": f"{change.fact} {shown(fact, change.value)}: {titles}",
    }


def shown(fact: Fact, value: Json) -> str:
    """A fact's value as people read it."""
    if value is None:
        return "not known"
    if fact.kind == "flag":
        return "yes" if value else "no"
    if fact.kind == "number":
        return f"{value * 100:.3g} %" if fact.most == 1 else f"{value:,.10g}"
    return str(value)


def sources(answer: Answer) -> list[str]:
    """The sections of the framework that the answer rests on, in order."""
    named = [ROWS[step.row].source for step in answer.steps] + [_avoided(name)["source"] for name in answer.avoid]
    named += [door.source for door in DOORS[answer.approach]] + [FACTS[name].source for name in answer.measure]
    return sorted(set(named), key=lambda source: int(source.rsplit("§", 1)[1]))


def facts_listed() -> Mapping[str, Json]:
    """Every fact and signal there is, with what may be said of it."""
    return {
        "facts": [
            {"fact": f.name, "kind": f.kind, "ask": f.ask, "values": _values(f), "source": f.source}
            for f in FACTS.values()
        ],
        "signals": [{"signal": s.name, "row": s.row, "says": s.says, "source": s.source} for s in SIGNALS.values()],
    }


def _values(fact: Fact) -> str:
    match fact.kind:
        case "flag":
            return "yes, no"
        case "choice":
            return ", ".join(option for option, _ in fact.options)
        case "signals":
            return "names from the list of signals"
    return fact.unit or "a number"
