"""What settles a case whatever fails, and where to begin when no failure is named."""

from __future__ import annotations

from .condition import among, below, every, known, no, seen
from .rule import ALWAYS, ENOUGH, Topic, row

CASE = Topic(
    "case",
    ALWAYS,
    (
        row(
            "case.vague",
            among("defined", False),
            "define",
            "Write down what a right answer is, until two colleagues agree on twenty inputs",
            "Nothing makes a vague use case good: training does not, nor do documents or a larger model",
            "10",
        ),
        row(
            "case.plain",
            every(among("output", "labels", "fields"), among("plain", "enough")),
            "no_model",
            "Ship the rule, lookup or classifier, and hold any model to beating it",
            "Labels and fields that words decide need no model",
            "3",
        ),
        row(
            "case.enough",
            every(ENOUGH, no(seen("slow_prompt", "high_cost", "dear_prompt", "context_pressure", "small_model_short"))),
            "stop",
            "Leave it, and look again when the input or the model changes",
            "What is wrong is within what the use accepts: once the wall is gone, the climb ends",
            "1",
        ),
    ),
    "define",
)
"""What settles a case whatever fails: where one of these holds, nothing else is looked at."""

START = Topic(
    "start",
    ALWAYS,
    (
        row(
            "start.measured",
            every(among("situation", "nothing"), among("plain", "short")),
            "prompt",
            "Take a small hosted model, two to three weeks of serious prompting and a golden set of 50 to 100 examples",
            "What a rule or counted words reach is known, and is too little: a prompt has to beat it",
            "9",
        ),
        row(
            "start.plain",
            every(among("situation", "nothing"), among("output", "labels", "fields")),
            "no_model",
            "Measure a rule, a lookup or counted words on 50 examples before any model is asked",
            "Classification, extraction and routing were often replaced by rules; a sceptic asks for this first",
            "3",
        ),
        row(
            "start.scratch",
            among("situation", "nothing"),
            "prompt",
            "Take a small hosted model, two to three weeks of serious prompting and a golden set of 50 to 100 examples",
            "Nothing is measured yet; retrieval follows if knowledge is missing, tuning only after a measured gap",
            "9",
        ),
        row(
            "start.search",
            among("situation", "retrieval"),
            "measure",
            "Tell failures to find from failures to answer by handing it the right passages; mend the finding first",
            "Nine in ten of its quality problems lie in search or in the evaluation, not in the model",
            "9",
        ),
        row(
            "start.tuned",
            among("situation", "tuned"),
            "measure",
            "Put the last weeks' production requests to the tuned model and to an untuned strong one",
            "A tuned model falls behind unseen: whether it still earns its upkeep is a measurement",
            "9",
        ),
        row(
            "start.rest",
            every(known("failing"), no(known("accepted"))),
            "measure",
            "Ask first whether the rest may stay wrong, and whether tuning would measurably beat what there is",
            "A share that is right says nothing until somebody says which share is enough",
            "10",
        ),
        row(
            "start.short",
            below("prompts_tried", 1),
            "prompt",
            "Write one serious prompt (role, output format, examples, edge cases) and measure it",
            "No prompt was tried in earnest: is prompting exhausted, and which failures are left?",
            "10",
        ),
        row(
            "start.unknown",
            ALWAYS,
            "measure",
            "Read fifty failures and sort them by wall: instruction, knowledge or behaviour",
            "A failure that fits no wall has not been understood yet: the remedy is measurement, never a guess",
            "1",
        ),
    ),
    "measure",
)
"""Where to begin when no failure is named."""
