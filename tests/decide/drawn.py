"""Cases drawn for the tests of decide: any at all, and such as are a fact or two away from being tuned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from suffice.decide import FACTS, SIGNALS, Case, case_of
from suffice.decide.facts import Fact

NUMBERS = (0, 1, 3, 40, 60, 250, 600, 1500, 6000, 20_000, 60_000, 500_000)
SHARES = (0, 0.004, 0.02, 0.15, 0.6, 0.9)
READY: Mapping[str, Any] = {
    "defined": True,
    "output": "text",
    "plain": "short",
    "failing": 0.15,
    "accepted": 0.02,
    "test_items": 300,
    "prompts_tried": 3,
    "examples_tried": True,
    "structure_tried": True,
    "format_failing": 0.03,
    "checks_tried": True,
    "sources": "documents",
    "situation": "prompt",
    "knowledge_changes": "yearly",
    "must_cite": False,
    "latency_ms": 3000,
    "recall": 0.6,
    "rerank_tried": True,
    "question_pairs": 3000,
    "prompt_tokens": 6000,
    "prompt_stable": True,
    "caching": True,
    "smaller_tried": True,
    "usd_per_month": 20_000,
    "requests_per_day": 50_000,
    "teacher": True,
    "stable_months": 18,
    "owner": True,
    "metric": True,
    "clean_pairs": 2_000,
    "reviewed": True,
    "teaches_facts": False,
}
"""A case whose every gate holds."""


def value_of(fact: Fact) -> st.SearchStrategy[Any]:
    """Any value that a fact may have."""
    if fact.kind == "flag":
        return st.booleans()
    if fact.kind == "choice":
        return st.sampled_from([option for option, _ in fact.options])
    return st.sampled_from(SHARES if fact.most == 1 else NUMBERS)


NAMES = tuple(name for name in FACTS if name != "signals")
MAY_BE = {name: value_of(FACTS[name]) for name in NAMES}
ANY = st.fixed_dictionaries({name: st.none() | value for name, value in MAY_BE.items()})
CHANGED = st.lists(st.sampled_from(NAMES), max_size=4, unique=True).flatmap(
    lambda names: st.fixed_dictionaries({name: st.none() | MAY_BE[name] for name in names})
)
TUNABLE = (
    *("broken_format", "wrong_tone", "misused_tools", "slow_prompt", "high_cost", "wrong_documents"),
    *("small_model_short", "rules_slip", "vocabulary", "tacit_judgement"),
)
SOME = st.lists(st.sampled_from([*SIGNALS]), max_size=3, unique=True)
LIKELY = st.lists(st.sampled_from(TUNABLE), min_size=1, max_size=2, unique=True)


@st.composite
def facts(draw: st.DrawFn) -> dict[str, Any]:
    """Any facts; or, three times in four, those of a ready case with up to four of them otherwise or unknown."""
    if draw(st.integers(0, 3)):
        return {**READY, **draw(CHANGED), "signals": draw(LIKELY)}
    return {**draw(ANY), "signals": draw(SOME)}


def cases() -> st.SearchStrategy[Case]:
    return facts().map(case_of)


def other(case: Case, **given: Any) -> Case:
    """The same case with some facts otherwise."""
    return case_of({**case.facts, **given})
