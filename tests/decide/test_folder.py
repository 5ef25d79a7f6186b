"""A task folder as a case: what a verdict measured comes before what nobody knows, and a symptom is no cause."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from suffice.decide import decide
from suffice.decide.folder import stated
from suffice.load import load

TRIAGE = Path(__file__).parents[2] / "examples" / "triage"


def verdict(*causes: str, reached: float = 0.5) -> dict[str, Any]:
    """A verdict whose final stack answers wrongly in good form, for these causes."""
    row = {"row": "M3", "fired": True, "value": 0.11, "threshold": "proven above 2% of replies"}
    tried = {"status": "dropped", "gates": []}
    return {
        "steps": [{"rung": rung, **tried} for rung in ("classifier", "prompt", "few_shot")],
        "stop_at": "classifier",
        "target_met": None,
        "quality": {"estimate": reached},
        "economics": {"usd_per_month": 12.0},
        "signals": [{"final": True, "rows": [row]}],
        "diagnosis": [{"cause": cause, "share": 0.6} for cause in causes],
    }


@pytest.mark.parametrize(
    ("causes", "sign"),
    [
        ((), "unexplained"),
        (("behaviour",), "unexplained"),
        (("knowledge",), "wrong_in_domain"),
        (("behaviour", "coverage"), "wrong_in_domain"),
    ],
)
def test_wrong_answers_are_knowledge_only_where_that_was_proven(causes: tuple[str, ...], sign: str) -> None:
    assert list(stated(load(TRIAGE), verdict(*causes)).case.facts["signals"]) == [sign]


def test_retrieval_is_not_advised_for_labels_that_are_wrong_for_no_known_cause() -> None:
    task = load(TRIAGE)
    assert decide(stated(task, verdict()).case).lever != "retrieval"
    assert decide(stated(task, verdict("knowledge")).case).lever == "retrieval"


def test_a_verdict_says_what_was_tried_and_reached() -> None:
    facts = stated(load(TRIAGE), verdict(reached=0.89)).case.facts
    assert (facts["plain"], facts["examples_tried"], facts["structure_tried"]) == ("short", True, False)
    assert facts["failing"] == pytest.approx(0.11) and facts["usd_per_month"] == 12.0
