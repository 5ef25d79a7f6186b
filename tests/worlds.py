"""Worlds to climb in: small tasks and scripted models, each with one rung that helps. Also a plugin file of models."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from suffice.data import Dataset, Example, Output
from suffice.models.scripted import Scripted
from suffice.plugins import find
from suffice.task import Profile, Target, Task
from suffice.types import Json, Request

ADDRESS = str(Path(__file__))
GOAL = "Say the code word of the parcel."
WORDS = ("amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heron", "ivory", "jade", "koala", "lemon")
LABELS = ("refund", "shipping")
SCHEMA = {
    "type": "object",
    "properties": {"parcel": {"type": "integer"}, "code": {"type": "string"}},
    "required": ["parcel", "code"],
}


def point(*of: object) -> float:
    """A number in [0, 1) that looks drawn by chance and is always the same."""
    text = ":".join(map(str, of))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64


def code(number: int) -> str:
    """The truth about a parcel."""
    return f"{WORDS[int(point('a', number) * len(WORDS))]} {WORDS[int(point('b', number) * len(WORDS))]}"


def label(number: int) -> str:
    return LABELS[int(point("label", number) * 2)]


def fact(number: int) -> str:
    return f"The code word of parcel {number} is {code(number)}."


def example(number: int, kind: str = "text", **more: Any) -> Example:
    """One case about one parcel."""
    asked = f"What is the code word of parcel {number}?"
    if kind == "labels":
        told = {"refund": "please send my money back for order", "shipping": "where on its way is the parcel of order"}
        return Example(f"q{number}", f"{told[label(number)]} {number}", label(number), **more)
    expected: Json = {"parcel": number, "code": code(number)} if kind == "schema" else code(number)
    return Example(f"q{number}", asked, expected, **more)


def world(
    folder: Path,
    model: str = "right",
    *,
    n: int = 120,
    edge: int = 0,
    kind: str = "text",
    quality: float | None = 0.8,
    examples: tuple[Example, ...] | None = None,
    documents: int = 0,
    rules: bool = False,
    smallest_lift: float = 0.02,
    **more: Any,
) -> Task:
    """A task over `n` parcels; `documents` is the number of files that the facts are spread over."""
    outputs = {"text": Output(), "labels": Output("labels", labels=LABELS), "schema": Output("schema", schema=SCHEMA)}
    scorer = find("scorers", {"text": "exact", "labels": "label", "schema": "json"}[kind])()
    cases = examples or (
        *(example(i, kind) for i in range(n)),
        *(example(n + i, kind, partition="edge") for i in range(edge)),
    )
    target = more.pop("target", Target(quality=quality))
    return Task(
        name="parcels",
        goal=GOAL,
        dataset=Dataset(cases, outputs[kind], scorer, "parcels"),
        model=model if ":" in model else f"{ADDRESS}:{model}",
        output=outputs[kind],
        score={"text": "exact", "labels": "label", "schema": "json"}[kind],
        documents=written(folder / "documents", documents, len(cases)) if documents else None,
        rules=ruled(folder / "rules.yaml") if rules else None,
        target=target,
        profile=more.pop("profile", Profile(smallest_lift=smallest_lift)),
        folder=folder,
        **more,
    )


def written(folder: Path, files: int, n: int) -> Path:
    """The facts as files of several headings."""
    folder.mkdir(parents=True, exist_ok=True)
    for at in range(files):
        facts = "\n\n".join(f"# Parcel {i}\n\n{fact(i)}" for i in range(at, n, files))
        (folder / f"parcels-{at}.md").write_text(facts + "\n", encoding="utf-8")
    return folder


def ruled(path: Path) -> Path:
    """Code words are two words."""
    path.write_text("rules:\n  - {field: reply, matches: '^[a-z]+ [a-z]+$'}\n", encoding="utf-8")
    return path


# Models, each a factory: `worlds.py:few_shot` is right where shots are shown, and rarely elsewhere

HELPED, ELSE = 0.97, 0.1


def number_of(request: Request) -> int:
    return int((request.id or "q0").removeprefix("q"))


def truth(request: Request) -> str:
    """What would be right, in the form that the request's own words ask for."""
    number = number_of(request)
    if "order" in request.input:
        return label(number)
    return code(number)


def told(request: Request) -> str:
    return " ".join(request.instructions)


def where(helps: Callable[[Request], bool], *, right: Callable[[Request], str] = truth, **more: Any) -> Scripted:
    """A model that is mostly right where something helps, and mostly says `unknown` elsewhere."""

    def says(request: Request) -> str:
        rate = HELPED if helps(request) else ELSE
        return right(request) if point("luck", number_of(request)) < rate else "unknown"

    return Scripted(says, name=f"{helps.__qualname__}", usd=more.pop("usd", 0.001), **more)


def right() -> Scripted:
    return where(lambda _: True)


def wrong() -> Scripted:
    return where(lambda _: False)


def prompt() -> Scripted:
    return where(lambda request: "eply" in told(request) or "Answer in" in told(request))


def few_shot() -> Scripted:
    return where(lambda request: bool(request.shots))


def passages_hold(request: Request) -> bool:
    return any(fact(number_of(request)) in p.text for p in request.passages)


def retrieval() -> Scripted:
    return where(passages_hold)


def long_context() -> Scripted:
    return where(lambda request: len(request.passages) > 10)


def as_record(request: Request) -> str:
    return json.dumps({"parcel": number_of(request), "code": code(number_of(request))})


def structure() -> Scripted:
    return where(lambda request: request.schema is not None, right=as_record)


def rules() -> Scripted:
    """Right once it hears what rule it broke."""
    return where(lambda request: bool(request.history))


def coin() -> Scripted:
    """Right half the time, whatever it is shown, and differently for every wording."""
    return flipping("coin")


def flipping(seed: object, rate: float = 0.5) -> Scripted:
    """Right at a rate that nothing changes; every other wording, shot or passage is another flip."""

    def says(request: Request) -> str:
        shown = (told(request), request.input, request.shots, request.passages, request.schema, request.sampling)
        return truth(request) if point(seed, shown) < rate else "unknown"

    return Scripted(says, name=f"flip-{seed}", usd=0.001)


def digits(text: str) -> int:
    """The first number in a text."""
    found = re.search(r"\d+", text)
    return int(found[0]) if found else 0


def prompt_a_little() -> Scripted:
    """Lifted a little by a prompt: too little for so few items."""
    more = where(lambda _: True).replies

    def says(request: Request) -> str:
        known = point("little", number_of(request)) < 0.05
        return str(more(request)) if known else "unknown"  # type: ignore[operator]

    return Scripted(says, name="prompt-a-little")


def coin_by_one() -> Scripted:
    return Scripted(coin().replies, name="coin", usd=0.001, parallel=1)


def coin_by_eight() -> Scripted:
    return Scripted(coin().replies, name="coin", usd=0.001, parallel=8)


def slow() -> Scripted:
    return where(lambda _: True, latency_ms=15.0)


def unpriced() -> Scripted:
    from suffice.types import Answer

    return Scripted(lambda request: Answer(truth(request), cost=None), name="unpriced")


def few_shot_reckless() -> Scripted:
    """Right half the time, always with shots, which also make it answer what it should refuse."""

    def says(request: Request) -> str:
        if "attack" in request.input:
            return "at your service" if request.shots else "unknown"
        knows = request.shots or point("half", number_of(request)) < 0.5
        return truth(request) if knows else "unknown?"

    return Scripted(says, name="few-shot-reckless", usd=0.001)


def dead() -> Scripted:
    from suffice.errors import Unreachable

    def says(_: Request) -> BaseException:
        return Unreachable("nobody is there", fault="unreachable")

    return Scripted(says, name="dead")


def careful() -> Scripted:
    """Right everywhere, but for parcels from 900 on: those it knows only where a prompt tells it how."""
    return where(lambda request: number_of(request) < 900 or bool(told(request)))


def stale() -> Scripted:
    """Right about parcels up to 999; newer ones it does not know."""
    return where(lambda request: number_of(request) < 1000)


def judge_of_codes(request: Request, slips: float) -> str:
    """A grade of 1 where the reply holds the reference, the wrong grade for a share of the replies."""
    tagged = dict(re.findall(r"<(\w+) [0-9a-f]{16}>\n(.*?)\n</", request.input, re.S))
    right = tagged["reply"].strip() == tagged["reference"].strip()
    wrong = point("slip", tagged["request"], tagged["reply"]) < slips
    return json.dumps({"reason": "as it reads", "grade": int(right != wrong)})


def good_judge() -> Scripted:
    return Scripted(lambda request: judge_of_codes(request, 0.05), name="good-judge", usd=0.002)


def bad_judge() -> Scripted:
    """Likes everything."""
    return Scripted(lambda _: json.dumps({"reason": "lovely", "grade": 1}), name="bad-judge", usd=0.002)
