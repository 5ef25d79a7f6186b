"""The wall of behaviour: form, certainty, tone, tools, rules and judgement."""

from __future__ import annotations

from ..signals import HANDFUL, SCHEMA_FAILURES
from .condition import at_least, every, gates, seen, yes
from .rule import ALWAYS, ENOUGH, POOR, Topic, ladder, row

LEFT = SCHEMA_FAILURES[0]
"""The share of replies that must still break with structured output on before tuning is looked at."""

FORMAT = Topic(
    "format",
    seen("broken_format"),
    (
        row(
            "M2.tune",
            every(gates("narrow"), yes("structure_tried"), at_least("format_failing", LEFT), POOR),
            "fine_tuning",
            "Tune a LoRA on clean pairs, keep structured output on, and count what still breaks",
            "With structured output on more than 0.5 to 1 % still breaks, at a volume that pays",
            "3",
        ),
        row(
            "M2.rules",
            yes("structure_tried"),
            "rules",
            "Check each reply, ask again naming the violation, then hand over to a person",
            "Structured output is on; what is left is caught by rules while tuning is not open or not worth it",
            "3",
        ),
        row(
            "M2.structure",
            ALWAYS,
            "structure",
            "Turn on structured output and count what still breaks",
            "Constrained output is the first attempt at any problem of format",
            "3",
        ),
    ),
    "fine_tuning",
    "narrow",
    unless=ENOUGH,
)

CERTAINTY = Topic(
    "certainty",
    seen("must_be_right"),
    (
        row(
            "R1.rules",
            ALWAYS,
            "rules",
            "Write required fields, dates, ranges and allowed values as checks; ask again, then hand over",
            "What must be right is not left to likelihood, neither the prompt's nor the weights'",
            "3",
        ),
    ),
    "rules",
)

TONE = Topic(
    "tone",
    seen("wrong_tone"),
    (
        *ladder("M4", "the wanted style", "4", "have people look at what still slips"),
        row(
            "M4.prompt",
            ALWAYS,
            "prompt",
            "Say which tone is wanted, when it changes, and what never to write",
            "A tone that wavers between formal and casual is an instruction that was not given",
            "10",
        ),
    ),
    "fine_tuning",
    "lora",
    unless=ENOUGH,
)

TOOLS = Topic(
    "tools",
    seen("misused_tools"),
    (
        *ladder("M5", "correct calls (demonstrations)", "4", "check calls against the tools' schemas before they run"),
        row(
            "M5.prompt",
            ALWAYS,
            "prompt",
            "Describe every tool, its arguments and when not to call it",
            "Calls go wrong first where tools are told of in a line",
            "3",
        ),
    ),
    "fine_tuning",
    "lora",
    unless=ENOUGH,
)

RULES = Topic(
    "rules",
    seen("rules_slip"),
    (
        row(
            "P2.tune",
            every(gates("lora"), POOR, yes("checks_tried")),
            "fine_tuning",
            "Tune a LoRA on replies that keep all rules, and go on checking them",
            f"With more than {HANDFUL} rules a prompt cannot make the model keep them, and checks alone ask too often",
            "3",
        ),
        row(
            "P2.rules",
            ALWAYS,
            "rules",
            "Take the rules that a program can check out of the prompt, and check them after generation",
            "A rule that is checked is kept; one more line in the prompt makes the others weaker",
            "3",
        ),
    ),
    "fine_tuning",
    "lora",
    unless=ENOUGH,
)

JUDGEMENT = Topic(
    "judgement",
    seen("tacit_judgement", "missing_skill"),
    (
        *ladder("F7", "judgements by your experts", "3", "have an expert decide where it is unsure"),
        row(
            "F7.prompt",
            ALWAYS,
            "prompt",
            "Write down as much of the judgement as can be, with room to reason before the answer",
            "There is nothing to look up, so retrieval cannot help; whether words can has to be measured",
            "10",
        ),
    ),
    "fine_tuning",
    "lora",
    unless=ENOUGH,
)
