"""The decision matrix: the failure signals of docs/framework.md §4, what removes each, and what does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MATRIX = "docs/framework.md §4"
LIMITS = "docs/framework.md §3"


@dataclass(frozen=True, slots=True)
class Row:
    """What the framework says of a signal, and the rungs that act on it."""

    row: str
    name: str
    lever: str
    not_lever: str
    rungs: tuple[str, ...]
    source: str = MATRIX


ROWS = (
    Row(
        "M1", "does not know recent events or internal data", "retrieval", "fine-tuning", ("retrieval", "long_context")
    ),
    Row(
        "M2",
        "inconsistent output format, schema breaks",
        "structured output, then fine-tuning",
        "retrieval",
        ("structure", "rules", "fine_tuning"),
    ),
    Row("M3", "answers wrongly on my domain", "retrieval", "fine-tuning", ("retrieval", "long_context")),
    Row(
        "M4",
        "wrong tone or style despite instructions",
        "better prompting with examples, then fine-tuning",
        "retrieval",
        ("few_shot", "fine_tuning"),
    ),
    Row("M5", "misuses tools or function calls", "fine-tuning on tool demonstrations", "retrieval", ("fine_tuning",)),
    Row("M6", "high latency from a large prompt", "prompt caching, then fine-tuning", "retrieval", ("fine_tuning",)),
    Row(
        "M7",
        "very high cost at scale",
        "a smaller model, distilled",
        "fine-tuning a larger model",
        ("distillation",),
    ),
    Row(
        "M8",
        "retrieval returns wrong documents",
        "tuned embeddings and reranking",
        "fine-tuning the generator",
        (),
    ),
    Row(
        "P1",
        "context pressure",
        "fewer passages or examples, then fine-tuning",
        "a larger prompt",
        ("fine_tuning", "distillation"),
        LIMITS,
    ),
    Row(
        "P2",
        "rules are kept less as they grow in number",
        "checks after generation, then fine-tuning",
        "more rules in the prompt",
        ("rules", "fine_tuning"),
        LIMITS,
    ),
)

LEVERS: Mapping[str, str] = {
    "format": "structured output",
    "instruction": "better prompting",
    "behaviour": "better prompting with examples",
    "tool use": "fine-tuning on tool demonstrations",
    "knowledge": "retrieval",
    "coverage": "documents that hold the answers, then retrieval",
    "retrieval": "tuned embeddings and reranking",
    "context": "fewer and better passages",
    "reasoning": "reasoning before the answer",
    "capability": "a stronger model",
    "input": "cleaning the input",
    "label suspect": "people who look at the labels",
    "consistency": "a lower temperature, or several draws",
}
"""What removes each cause, for the rows that only name a symptom."""
