"""Unseen plants: written when the diagnosis was done with, and put to it before anybody had looked at what it says of
them (docs/LOG.md, 2026-11-28). From then on they are plants like the others."""

from __future__ import annotations

import json
import random
import re
from dataclasses import dataclass, replace

from _planters import (
    EVERY,
    LABELLED,
    RECORDS,
    SEARCHED,
    Ids,
    Plant,
    Planted,
    Shotless,
    changed,
    contradicts,
    copied,
    gold_of,
    layer,
)
from _spoilers import Spoil
from _worlds import World, tool_line

from suffice.data import worded
from suffice.layer import Layer
from suffice.types import Answer, Ask, Request, Shot


@dataclass(frozen=True)
class Respelled(Planted):
    """Spoils the form of the reply in a way that no other plant does."""

    how: str = ""

    def meddled(self, request: Request, ask: Ask) -> Answer:
        answer = ask(request)
        return replace(answer, text=FORMS[self.how](answer.text), value=None)


@dataclass(frozen=True)
class Misranked(Planted):
    """Ranks another passage above what was found, and shows that one alone."""

    text: str = ""

    def meddled(self, request: Request, ask: Ask) -> Answer:
        first = request.passages[:1]
        return ask(replace(request, passages=tuple(replace(p, id="other#1", text=self.text) for p in first)))


@dataclass(frozen=True)
class Typeless(Planted):
    """Keeps what the tools do, and leaves out what they take."""

    def meddled(self, request: Request, ask: Ask) -> Answer:
        lines = [re.sub(r" Arguments: \{.*\}$", "", tool_line(tool)) for tool in request.fields["tools"]]
        kept = tuple(x for x in request.instructions if "Arguments: {" not in x)
        return ask(replace(request, instructions=(*kept, "The tools:\n" + "\n".join(lines))))


def _yaml(text: str) -> str:
    try:
        record = json.loads(text)
    except ValueError:
        return text
    lines = [f"{key}: {json.dumps(value)}" for key, value in record.items()] if isinstance(record, dict) else [text]
    return "\n".join(lines)


FORMS: dict[str, Spoil] = {
    "reasoned": lambda text: f"The message is short, so one reading is enough.\nFinal answer: `{text}`",
    "spaced": lambda text: text.replace("_", " ").upper(),
    "wrapped": lambda text: f'{{"result": {text}, "ok": true}}',
    "yaml": _yaml,
    "cut short": lambda text: f"Here you are: {text[:-1]}",
}
NOISE: dict[str, Spoil] = {
    "quoted printable": lambda text: "".join(f"={b:02X}" for b in text.encode()),
    "marks above": lambda text: re.sub(r"(\w)", "\\1\u0336", text),
    "escapes": lambda text: "".join(f"\\u{ord(c):04x}" for c in text),
}


def _outdated(world: World, ids: Ids, seed: int) -> World:
    """The documents lost the sentence that answers."""
    told = {}
    for example in (e for e in world.items if e.id in ids):
        (context,) = example.context
        answers = [a["sentence"] if isinstance(a, dict) else str(a) for a in example.accepted]
        sentences = re.split(r"(?<=[.!?])\s+", context.text or "")
        left = [s for s in sentences if not any(a in s or s in a for a in answers)]
        told[str(context.document)] = " ".join(left) or "Nothing is known."
    return copied(world, f"outdated-{seed}", gold_of(world, ids), told)


def _misranked(world: World, ids: tuple[str, ...], seed: int) -> Layer:
    texts = [c.text or "" for e in world.pool for c in e.context]
    return Misranked(ids, random.Random(seed).choice(texts))


def _farthest(world: World, ids: tuple[str, ...], seed: int) -> Layer:
    one = random.Random(seed).choice(list(world.pool))
    return Shotless(ids, (Shot(one.text, worded(one.expected)),))


UNSEEN: tuple[Plant, ...] = (
    Plant("document outdated", "coverage", SEARCHED, _outdated, True),
    Plant("wrong passage on top", "context", SEARCHED, layer(_misranked), True),
    Plant("say nothing", "instruction", EVERY, contradicts("Never reply with what was asked for; say good day."), True),
    Plant("one example", "behaviour", ("coded", "open"), layer(_farthest), True),
    Plant("arguments undescribed", "tool use", ("tools",), layer(lambda _, ids, __: Typeless(ids)), True),
    *(
        Plant(f"reply: {how}", "format", LABELLED if how in ("reasoned", "spaced") else RECORDS, layer(made), True)
        for how, made in ((h, lambda _, ids, __, h=h: Respelled(ids, h)) for h in FORMS)  # type: ignore[misc]
    ),
    *(Plant(f"input: {how}", "input", EVERY, changed(NOISE[how]), True) for how in NOISE),
)
