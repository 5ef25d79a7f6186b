"""Rules: rows of a condition and the lever it calls for, gathered by the kind of failure they answer."""

from __future__ import annotations

from dataclasses import dataclass

from ..minimum import Approach
from .condition import Condition, at_least, every, gates, no, some, within, yes
from .facts import SECTION

ALWAYS: Condition = ("every",)
NEVER: Condition = no(ALWAYS)
ENOUGH = within("failing", "accepted")
POOR = no(ENOUGH)
"""More is wrong than the use accepts: tuning for quality asks that this be known."""
TRIED_PROMPT = at_least("prompts_tried", 1)
TRIED_EXAMPLES = every(TRIED_PROMPT, yes("examples_tried"))
CACHED = some(yes("caching"), no(yes("prompt_stable")))
"""The prefix is read from cache, or there is none that stays the same."""


@dataclass(frozen=True, slots=True)
class Row:
    """One rule: when it holds, this lever is next."""

    name: str
    when: Condition
    lever: str
    next: str
    why: str
    source: str
    approach: Approach | None = None
    """Whose gates it asks for, where these are not its topic's."""


@dataclass(frozen=True, slots=True)
class Topic:
    """One kind of failure, when it is there, and where its way leads at the most."""

    name: str
    when: Condition
    rows: tuple[Row, ...]
    heads_to: str
    """The heaviest lever that this failure may ask for."""
    approach: Approach | None = None
    """The gates of that lever, where it is trained."""
    unless: Condition = NEVER
    """Under which it is passed over although it is there; while that is open, it counts."""


def row(
    name: str, when: Condition, lever: str, next_: str, why: str, section: str, approach: Approach | None = None
) -> Row:
    return Row(name, when, lever, next_, why, f"{SECTION}{section}", approach)


def ladder(key: str, what: str, section: str, rest: str) -> tuple[Row, ...]:
    """From a prompt over examples to tuning, for behaviour that has no lever of its own."""
    return (
        row(
            f"{key}.tune",
            every(gates("lora"), POOR),
            "fine_tuning",
            f"Tune a LoRA on {what}, and keep it only if it beats the best prompt on held-out items",
            "Prompt and examples were measured and fall short, the task is stable and frequent, and somebody owns it",
            section,
        ),
        row(
            f"{key}.rest",
            TRIED_EXAMPLES,
            "examples",
            f"Keep the best prompt with its examples; {rest}",
            "Prompting is exhausted, but a gate before tuning is shut or open",
            section,
        ),
        row(
            f"{key}.examples",
            TRIED_PROMPT,
            "examples",
            f"Show three to ten good examples of {what} in the prompt",
            "A serious prompt was measured; a few examples often draw level with a tuned model",
            "3",
        ),
    )
