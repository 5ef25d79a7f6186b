"""What a serious prompt has: its parts, and which of them a given prompt is missing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .data import Output
from .types import Json

SOURCE = "docs/framework.md §3"
SHORT = 40
"""Words below which a prompt is one or two sentences, whatever they mention."""


@dataclass(frozen=True, slots=True)
class Part:
    """One thing a serious prompt says."""

    name: str
    why: str
    advice: str
    """How to write it."""


ROLE = Part("role", "says who answers, for whom, and how to behave", "open with “You are …” and what it must never do")
CONTRACT = Part(
    "output format", "replies that vary in form cannot be used", "name the labels or fields, the length and the tone"
)
EXAMPLES = Part(
    "examples", "show what words cannot say", "add three to ten solved examples: the few_shot layer does it"
)
EDGES = Part(
    "edge cases", "unusual input is where a prompt fails", "say what to do when nothing fits or something is missing"
)
REFUSALS = Part(
    "refusals", "without them a model invents or obeys its input", "say what not to answer, and with which words"
)
REASONING = Part("reasoning", "some answers need steps in between", "say which steps to take before the answer")
GROUNDING = Part(
    "grounding", "answers must come from the documents", "say: use the passages only; say so if they lack it"
)


@dataclass(frozen=True, slots=True)
class Anatomy:
    """A prompt held against the parts that its task needs."""

    words: int
    present: tuple[Part, ...]
    missing: tuple[Part, ...]

    @property
    def score(self) -> float:
        """The share of the needed parts that are there, in [0, 1]."""
        return len(self.present) / len(self.present + self.missing)

    @property
    def serious(self) -> bool:
        """Whether nothing that matters is missing: role, output format and edge cases, in more than a line or two."""
        return self.words >= SHORT and not {ROLE, CONTRACT, EDGES} & set(self.missing)

    @property
    def advice(self) -> str:
        """What is missing and how to write it, one line a part."""
        return "\n".join(f"{part.name}: {part.advice} ({part.why})" for part in self.missing)


def anatomy(prompt: str, output: Output = Output(), *, grounded: bool = False, shown: int = 0) -> Anatomy:
    """Which needed parts the prompt has. `shown` counts the solved examples that a layer adds to it.

    It looks for the words such parts are written with, in English; it cannot tell whether they are good ones.
    """
    needed = needs(output, grounded=grounded)
    has = {part: _has(part, prompt, output) for part in needed} | ({EXAMPLES: True} if shown else {})
    present = tuple(part for part in needed if has[part])
    return Anatomy(len(prompt.split()), present, tuple(part for part in needed if not has[part]))


def needs(output: Output, *, grounded: bool = False) -> tuple[Part, ...]:
    """The parts a prompt for this contract should have; a label or a record needs no written-out reasoning."""
    free = (REASONING,) if output.kind == "text" else ()
    return (ROLE, CONTRACT, EXAMPLES, EDGES, REFUSALS, *free, *((GROUNDING,) if grounded else ()))


def properties(schema: Mapping[str, Json] | None) -> Sequence[str]:
    """The names of a record's top-level fields."""
    inside = (schema or {}).get("properties")
    return list(inside) if isinstance(inside, Mapping) else []


_CUES: Mapping[str, str] = {
    "role": r"\byou are\b|\byour (job|task|role)\b|\bact as\b|\bas an? \w+ (assistant|expert|agent|analyst|clerk)\b",
    "output format": r"\b(reply|respond|answer|return|output|write)\b[^.]{0,60}\b(only|just|exactly|with|in|as|one)\b"
    r"|\bjson\b|\bformat\b|\bat most\b|\bno more than\b|\bsentences?\b|\bwords\b",
    "examples": r"\bexamples?\b|\be\.g\.|\bfor instance\b|\binput:.{0,500}\boutput:|\bq:.{0,500}\ba:",
    "edge cases": r"\b(if|when|where|unless)\b[^.]{0,80}\b(no|not|none|nothing|missing|unclear|unsure|several|both|more"
    r"|empty|cannot|ambiguous|neither|fits?|garbled)\b",
    "refusals": r"\b(do not|don't|never|must not|refuse|decline|say that you|say you|ignore (any )?instructions?)\b",
    "reasoning": r"\bstep\b|\bsteps\b|\bfirst\b[^.]{0,80}\bthen\b|\bthink\b|\breason\b|\bbefore (you )?answer",
    "grounding": r"\b(passages?|documents?|handbook|context|sources?|manual|text below)\b",
}


def _has(part: Part, prompt: str, output: Output) -> bool:
    if part is CONTRACT and output.kind in ("labels", "schema"):
        names = output.labels if output.kind == "labels" else properties(output.schema)
        named = sum(str(name).casefold() in prompt.casefold() for name in names)
        return bool(names) and named >= 0.8 * len(names)
    return bool(re.search(_CUES[part.name], prompt[:100_000], re.IGNORECASE | re.DOTALL))
