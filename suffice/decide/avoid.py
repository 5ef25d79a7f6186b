"""What not to do, each with the condition under which it is wrong and why."""

from __future__ import annotations

from dataclasses import dataclass

from ..minimum import MINIMA, MONTHS, MOVING
from ..readiness import TESTED
from .condition import Condition, among, at_least, below, every, seen, some, yes
from .facts import SECTION
from .walls import PIPELINE_MS, RERANK_MS


@dataclass(frozen=True, slots=True)
class Wrong:
    """One lever that would not help, or would do harm."""

    name: str
    when: Condition
    lever: str
    """What is meant, in words."""
    why: str
    source: str


def _wrong(name: str, when: Condition, lever: str, why: str, section: str) -> Wrong:
    return Wrong(name, when, lever, why, f"{SECTION}{section}")


TUNING, RETRIEVAL = "fine-tuning", "retrieval"

AVOID = (
    _wrong("vague", among("defined", False), TUNING, "it cannot make a vague use case good", "10"),
    _wrong(
        "facts",
        seen("unknown_facts", "wrong_in_domain"),
        TUNING,
        "trained on facts a model sounds surer without being right, and is out of date with the next document",
        "4",
    ),
    _wrong("cite", yes("must_cite"), TUNING, "weights name no source", "3"),
    _wrong("frozen", yes("teaches_facts"), TUNING, "what it would learn can be looked up, and corrected there", "3"),
    _wrong(
        "moving task",
        below("stable_months", MONTHS),
        TUNING,
        f"the task changes within {MONTHS} months: it would be trained again without end, while a prompt is edited",
        "10",
    ),
    _wrong(
        "moving facts",
        among("knowledge_changes", *MOVING),
        TUNING,
        "the knowledge changes weekly or faster, and weights keep what was true",
        "3",
    ),
    _wrong(
        "unowned",
        among("owner", False),
        TUNING,
        "nobody owns re-training: eighteen months on it tends to be worse than the current base with a good prompt",
        "2",
    ),
    _wrong("poor data", among("reviewed", False), TUNING, "training amplifies what is wrong in the data", "10"),
    _wrong(
        "few pairs",
        below("clean_pairs", MINIMA["narrow"].rows),
        TUNING,
        f"under {MINIMA['narrow'].rows} clean pairs the task is not understood well enough to be trained",
        "3",
    ),
    _wrong(
        "unprompted",
        below("prompts_tried", 1),
        TUNING,
        "no serious prompt was measured, so nobody knows what would be bought",
        "10",
    ),
    _wrong("form", seen("broken_format"), RETRIEVAL, "passages teach no form", "4"),
    _wrong("style", seen("wrong_tone"), RETRIEVAL, "passages teach no manner", "4"),
    _wrong("calls", seen("misused_tools"), RETRIEVAL, "documents do not teach how a tool is used", "4"),
    _wrong(
        "longer",
        seen("slow_prompt", "dear_prompt", "context_pressure"),
        RETRIEVAL,
        "it makes the prompt longer, not shorter",
        "4",
    ),
    _wrong(
        "still longer",
        seen("context_pressure"),
        "a larger prompt",
        "what is lost in it stays lost, and is paid for",
        "3",
    ),
    _wrong("larger", seen("high_cost"), "fine-tuning a larger model", "it costs more on every call", "4"),
    _wrong(
        "generator",
        seen("wrong_documents"),
        "fine-tuning the generator",
        "it would learn to live with wrong passages",
        "4",
    ),
    _wrong("more rules", seen("rules_slip"), "more rules in the prompt", "each one weakens the others", "3"),
    _wrong(
        "heavier", seen("misunderstood"), "anything heavier than a prompt", "the instruction is what is missing", "1"
    ),
    _wrong(
        "nothing to find",
        some(among("sources", "none"), seen("tacit_judgement", "missing_skill")),
        RETRIEVAL,
        "there is nothing to look up",
        "3",
    ),
    _wrong(
        "volatile",
        among("knowledge_changes", "hourly"),
        "an index of documents",
        "it is out of date before it is built: query the source",
        "3",
    ),
    _wrong("no time", below("latency_ms", PIPELINE_MS), RETRIEVAL, "the pipeline adds 300 to 1,200 ms at P50", "3"),
    _wrong(
        "no time to rerank",
        below("latency_ms", RERANK_MS),
        "reranking",
        "it adds 200 to 400 ms to retrieval's 800",
        "7",
    ),
    _wrong(
        "all weights",
        below("clean_pairs", MINIMA["full"].rows),
        "tuning all weights",
        f"under {MINIMA['full'].rows:,} examples it overfits and unusual input suffers; LoRA asks for less",
        "5",
    ),
    _wrong(
        "blind student",
        every(seen("high_cost", "small_model_short"), below("test_items", TESTED)),
        "distillation",
        "without a rigorous evaluation the student is wrong with conviction",
        "3",
    ),
    _wrong(
        "unmeasured layers",
        every(among("each_layer_measured", False), at_least("prompts_tried", 1)),
        "several new layers at once",
        "a combination is justified only where each layer's own part is measured",
        "3",
    ),
)
"""In the order in which they are told."""
