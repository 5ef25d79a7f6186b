"""The levers from light to heavy: what each does, when it shows a result, what it obliges to, and whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .facts import SECTION


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence with its source."""

    text: str
    source: str


@dataclass(frozen=True, slots=True)
class Lever:
    """One way to change what a model does."""

    name: str
    title: str
    weight: int
    """Its place on the ladder; three things that build nothing weigh 0."""
    does: str
    result: str
    """Time until a first result (docs/framework.md §6)."""
    upkeep: str
    owner: str
    """Who has to own it."""
    notes: tuple[Note, ...] = ()
    build: tuple[str, ...] = ()
    """What it costs once, by names of figures in the price book."""
    month: tuple[str, ...] = ()
    """What it costs in a month, likewise."""
    trained: bool = False
    source: str = f"{SECTION}3"


def _note(text: str, section: str) -> Note:
    return Note(text, f"{SECTION}{section}")


NOBODY = "whoever owns the feature"
AFTERWARDS = _note(
    "Afterwards every change of the prompt has to be evaluated against the tuned model: minutes become a pipeline", "10"
)
LORA = _note(
    "Use LoRA: it changes a small share of the weights, which is enough wherever tuning is justified at all", "10"
)
FROZEN = _note(
    "A tuned model is frozen against its base: a better base is another training project, not another model name", "6"
)
OPEN = _note(
    "An open model with LoRA does one narrow task at about a twentieth of a closed model's cost; weights do not move "
    "between providers, so keep the training data in a neutral form",
    "9",
)
NO_FACTS = _note("Train manner, never facts: those belong where they can be looked up and corrected", "3")
EDGE = _note(
    "Set unusual input aside before training and report it on its own; what the base did right has to stay right", "5"
)
CLOSED = _note("For prompts and retrieval a closed model is the better start; open ones pay with one narrow tune", "9")
QUICK = _note("A prompt is fast and nearly free to change, and a string that can be undone", "10")
INTO_CONTEXT = _note(
    "Documents are added to the prompt when a question comes; the model's weights stay as they are", "1"
)

LEVERS: Mapping[str, Lever] = {
    lever.name: lever
    for lever in (
        Lever(
            "define", "define the case", 0, "says what a right answer is", "days", "none", NOBODY, source=f"{SECTION}10"
        ),
        Lever("stop", "leave it as it is", 0, "adds nothing, because nothing is missing", "now", "none", NOBODY),
        Lever("measure", "measure first", 0, "finds out which wall was hit", "hours to days", "none", NOBODY),
        Lever(
            "no_model",
            "no model at all",
            1,
            "answers by a rule, a lookup or counted words",
            "hours",
            "the rules change when the task does",
            NOBODY,
        ),
        Lever(
            "prompt",
            "a serious prompt",
            2,
            "says clearly what is wanted: role, output format, edge cases",
            "hours to days",
            "next to none",
            NOBODY,
            (QUICK, CLOSED),
        ),
        Lever(
            "caching",
            "prompt caching",
            3,
            "reads a prefix that never changes at about a tenth of the input price",
            "hours",
            "stable parts stay first in the prompt",
            NOBODY,
        ),
        Lever(
            "smaller_model",
            "a smaller model, same prompt",
            4,
            "buys the same replies from a cheaper tier",
            "hours to days",
            "an evaluation run at each change",
            NOBODY,
        ),
        Lever(
            "examples",
            "examples in the prompt",
            5,
            "shows three to ten solved cases",
            "hours to days",
            "examples are replaced as the task moves",
            NOBODY,
            (
                _note("Five good examples often draw level with a tuned model on structured tasks", "3"),
                QUICK,
            ),
        ),
        Lever(
            "long_context",
            "long context",
            6,
            "puts all documents into the prompt",
            "hours to days",
            "the documents are kept current",
            "whoever owns the documents",
            (_note("Cache the documents' part of the prompt", "3"),),
        ),
        Lever(
            "live_query",
            "a live query",
            7,
            "looks values up in a database at the moment of the question",
            "days to weeks",
            "the schema and the questions that it allows",
            "whoever owns the database",
        ),
        Lever(
            "retrieval",
            "retrieval",
            8,
            "adds the passages that hold the answer to the prompt, with their sources",
            "days to weeks",
            "an ordinary data pipeline: re-index, watch recall",
            "whoever owns the documents and their index",
            (
                INTO_CONTEXT,
                _note("Nine in ten of its quality problems lie in search or in the evaluation: look there first", "3"),
                CLOSED,
            ),
            month=("managed_vector_store", "managed_embedding", "managed_retrieval_model"),
        ),
        Lever(
            "reranking",
            "reranking",
            9,
            "puts the best of the passages that were found first",
            "days",
            "one more stage to time: it is the usual suspect for a slow P95",
            "whoever owns the index",
            (_note("It adds 200 to 400 ms at P50", "7"),),
            month=("managed_reranking",),
        ),
        Lever(
            "structure",
            "structured output",
            10,
            "holds replies to a schema or a list of labels while they are written",
            "hours",
            "the schema changes with what reads it",
            NOBODY,
            (_note("1 to 5 % of replies may still break under hostile input", "3"),),
        ),
        Lever(
            "rules",
            "rules after generation",
            11,
            "checks fields, dates, ranges and allowed values, asks again, then hands over to a person",
            "hours",
            "the rules change when the contract does",
            NOBODY,
        ),
        Lever(
            "embedder",
            "a tuned embedder",
            12,
            "teaches search the field's vocabulary: 15 to 30 points of recall",
            "weeks to months",
            "re-embed and re-tune as vocabulary and documents move",
            "a named person who re-trains and re-embeds",
            (_note("Often the best return of all tuning: every question profits", "3"), EDGE),
            build=("embedder_project",),
            trained=True,
        ),
        Lever(
            "fine_tuning",
            "fine-tuning (LoRA)",
            13,
            "changes how the model behaves on every call",
            "weeks to months",
            "one to two engineer-weeks each time behaviour, data or base changes",
            "a named person who re-trains it, with the metric that pays for that",
            (LORA, AFTERWARDS, NO_FACTS, EDGE, FROZEN, OPEN),
            build=("lora_project",),
            trained=True,
        ),
        Lever(
            "distillation",
            "distillation",
            14,
            "has a large model label data and a small one take this task over",
            "weeks to months",
            "one to two engineer-weeks each time teacher, task or base changes",
            "a named person who re-trains the student, with the metric that pays for that",
            (
                _note(
                    "The student costs a tenth to a twentieth of the teacher; at scale that pays in 1 to 3 months", "3"
                ),
                _note("Without a rigorous evaluation it is a small model that is wrong with conviction", "3"),
                LORA,
                AFTERWARDS,
                EDGE,
                FROZEN,
            ),
            build=("student_project",),
            trained=True,
        ),
    )
}
"""Every lever by its name, the lightest first."""
