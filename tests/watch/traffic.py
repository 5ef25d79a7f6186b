"""Logs of a small service as text: weeks with a rhythm, canaries and anchors, and a drift from a day on."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

from suffice.exchange import Exchange
from suffice.importer import Row
from suffice.plugins import find

MONDAY = 20_321 * 86_400  # a Monday in August 2025, UTC
TOPICS = {
    "refund": "money back refund charged twice card bank payment amount",
    "delivery": "parcel late courier address tracking where arrive box",
    "account": "password login email account locked code sign change",
}
NEW = "quantum tax invoice vat receipt company number export"
WORDS = "please help me with my order i need the it is not today again thanks hello"
FILL = WORDS.split()


def rows(days: int, drift: str = "", at: int = 10**6, *, calls: int = 80, seed: int = 0) -> Iterator[dict[str, Any]]:
    """The rows of a log in order of time; what is named `drift` holds from day `at` on."""
    for day in range(days):
        draw = random.Random(f"{seed}:{day}")
        now = drift if day >= at else ""
        many = calls if day % 7 < 5 else calls // 2
        made = [_call(draw, day, now, n) for n in range(many)]
        made += [_canary(draw, day, now, n) for n in range(10)] + [_anchor(draw, day, now, n) for n in range(10)]
        yield from sorted(made, key=lambda row: row["created_at"])


def exchanges(days: int, drift: str = "", at: int = 10**6, *, calls: int = 80, seed: int = 0) -> list[Exchange]:
    """The same as calls."""
    told = (Row("traffic.jsonl", n, row) for n, row in enumerate(rows(days, drift, at, calls=calls, seed=seed), 1))
    return [e for e in find("importers", "openai_chat")().exchanges(told) if isinstance(e, Exchange)]


def text(days: int, drift: str = "", at: int = 10**6, *, calls: int = 80, seed: int = 0) -> str:
    """The same as a file."""
    return "".join(json.dumps(row) + "\n" for row in rows(days, drift, at, calls=calls, seed=seed))


def _time(draw: random.Random, day: int) -> float:
    hour = min(23.99, max(0.0, draw.gauss(13, 5)))
    return MONDAY + day * 86_400 + hour * 3_600


def _call(draw: random.Random, day: int, now: str, n: int) -> dict[str, Any]:
    weights = [3, 2 + (day % 7 == 0), 1 + (day % 7 >= 5)]
    label = draw.choices(list(TOPICS), weights)[0]
    words = TOPICS[label].split()
    if now == "input" and draw.random() < 0.25:
        words = NEW.split()
    asked = " ".join(draw.sample(words, 4) + draw.choices(FILL, k=draw.randint(3, 9)))
    said = label if draw.random() < 0.95 else draw.choice(list(TOPICS))
    if now == "label" and label == "refund":
        said = "delivery"
    top = draw.gauss(0.8, 0.05) - (0.08 if now == "retrieval" else 0)
    shift = 7 if now == "retrieval" else 0
    found = [{"document": f"{label}-{draw.randint(0, 5) + shift}.md", "score": top - 0.02 * k} for k in range(3)]
    judged = draw.gauss(0.8, 0.08) - (0.12 if now == "judge" else 0)
    return _row(draw, day, asked, said, now, passages=found, score=min(1.0, max(0.0, judged)), id=f"c{day}-{n}")


def _canary(draw: random.Random, day: int, now: str, n: int) -> dict[str, Any]:
    said = list(TOPICS)[(n + (now == "model" and n < 4)) % 3]
    return _row(draw, day, f"canary request number {n}", said, now, name="canary", id=f"k{day}-{n}")


def _anchor(draw: random.Random, day: int, now: str, n: int) -> dict[str, Any]:
    score = 0.4 + 0.05 * n + draw.gauss(0, 0.02) - (0.12 if now == "judge" else 0)
    return _row(draw, day, f"anchor {n}", "a fixed reply", now, name="anchor", id=f"a{day}-{n}", score=score)


def _row(draw: random.Random, day: int, asked: str, said: str, now: str, **more: Any) -> dict[str, Any]:
    tokens = round(len(said) / 4 + draw.gauss(20, 3)) + (10 if now == "model" else 0)
    return {
        "created_at": _time(draw, day),
        "request": {"model": "small", "messages": [{"role": "user", "content": asked}]},
        "response": {
            "model": "small",
            "system_fingerprint": "fp_2" if now == "model" else "fp_1",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": said}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": len(asked) // 4, "completion_tokens": max(1, tokens)},
        },
        "latency_ms": draw.lognormvariate(6, 0.3),
        **more,
    }
