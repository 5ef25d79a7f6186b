"""Parts: what prompts are made of, measured on a sample: instructions, examples, history, passages, tools, the rest."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ..exchange import Exchange
from ..types import Tool
from .collect import Sample, length_of
from .found import Broken, Part
from .shown import mask

HOW: Mapping[str, str] = {
    "system": "messages with the role system",
    "instructions": "lines of the user's turn that most calls of the stage have",
    "examples": "earlier turns that many calls of the stage share word for word",
    "history": "earlier turns of the conversation",
    "passages": "text between tags such as <passage>, <document> or <context>",
    "tool results": "messages with the role tool",
    "tools": "definitions of tools",
    "user": "the rest of the last turn",
}
TAGS = ("passage", "passages", "document", "documents", "doc", "context", "source", "sources", "chunk", "excerpt")
_OPEN = re.compile(rf"<({'|'.join(TAGS)})(?:\s[^<>]{{0,200}})?>", re.IGNORECASE)
LOOKED_AT = 200_000
"""Characters of a message that are looked through."""
LINE = 12
"""A shorter line says nothing about where it comes from."""
SHARED = 0.5
"""A line, or an earlier turn, that this share of a stage's calls has, was not written for one of them."""
FEWEST = 10
PAIRED = 200
"""System prompts of a stage that are held against one another."""
SHORT, APART = 400, 0.2
"""Characters from which a prompt is worth caching, and how much less than what is the same its beginning may be."""


def parts(samples: Sequence[Sample], tokens: float | None) -> tuple[Part, ...]:
    """Each part's share of all characters, with 95 % limits of a ratio; `tokens` is the mean of a prompt."""
    found = [made for calls in _by_stage(samples).values() for made in _measured(calls)]
    total = [sum(one.values()) for one in found]
    if not found or not sum(total):
        return ()
    return tuple(
        part for name in HOW if (part := _part(name, [one.get(name, 0) for one in found], total, tokens)).share > 0
    )


def _part(name: str, sizes: Sequence[int], total: Sequence[int], tokens: float | None) -> Part:
    """The ratio of two sums, its error by linearization (Cochran 1977, Sampling Techniques, §6.4)."""
    n, whole = len(sizes), sum(total)
    share = sum(sizes) / whole
    square = sum((size - share * all_) ** 2 for size, all_ in zip(sizes, total, strict=True))
    error = 1.96 * (square * n / max(1, n - 1)) ** 0.5 / whole
    worth = None if tokens is None else share * tokens
    return Part(name, share, max(0.0, share - error), min(1.0, share + error), worth, HOW[name])


def _by_stage(samples: Iterable[Sample]) -> Mapping[str, list[Sample]]:
    found: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        if sample.whole and sample.exchange.messages:
            found[sample.stage].append(sample)
    return found


@dataclass(frozen=True, slots=True)
class _Common:
    """What most calls of a stage have."""

    lines: frozenset[str]
    turns: frozenset[tuple[str, str]]


def _common(calls: Sequence[Sample]) -> _Common:
    lines: Counter[str] = Counter()
    turns: Counter[tuple[str, str]] = Counter()
    for call in calls:
        *earlier, last = call.exchange.messages
        lines.update({line for line in last.content[:LOOKED_AT].splitlines() if len(line) >= LINE})
        turns.update({(m.role, m.content) for m in earlier if m.role in ("user", "assistant")})
    least = max(FEWEST, SHARED * len(calls))
    return _Common(
        frozenset(line for line, n in lines.items() if n >= least),
        frozenset(turn for turn, n in turns.items() if n >= max(FEWEST, 0.2 * len(calls))),
    )


def _measured(calls: Sequence[Sample]) -> list[dict[str, int]]:
    """Characters of each part, a call each."""
    common = _common(calls)
    return [_of(call.exchange, common) for call in calls]


def _of(e: Exchange, common: _Common) -> dict[str, int]:
    sizes: Counter[str] = Counter()
    if e.tools:
        sizes["tools"] = sum(map(_size, e.tools))
    last = len(e.messages) - 1
    for at, m in enumerate(e.messages):
        passages = passages_in(m.content) if m.role != "tool" else 0
        sizes["passages"] += passages
        rest = len(m.content) - passages
        if m.role == "tool":
            sizes["tool results"] += rest
        elif m.role == "system":
            sizes["system"] += rest
        elif at < last:
            sizes["examples" if (m.role, m.content) in common.turns else "history"] += rest
        else:
            shared = sum(len(line) for line in m.content[:LOOKED_AT].splitlines() if line in common.lines)
            sizes["instructions"] += min(shared, rest)
            sizes["user"] += rest - min(shared, rest)
    return dict(sizes)


def _size(tool: Tool) -> int:
    return len(tool.name) + len(tool.description) + length_of(dict(tool.parameters))


def passages_in(text: str) -> int:
    """Characters between tags that hold passages; a tag that is never closed holds none."""
    size, at, text = 0, 0, text[:LOOKED_AT]
    closed: dict[str, bool] = {}
    while opened := _OPEN.search(text, at):
        at = opened.end()
        name = opened[1]
        if closed.get(name) is False:
            continue
        end = text.find(f"</{name}", at)
        closed[name] = end >= 0
        if end >= 0:
            size, at = size + end - at, end
    return size


def unstable(samples: Sequence[Sample]) -> tuple[Broken, ...]:
    """Stages whose system prompts share most of their lines, and yet little of their beginning."""
    found = []
    for stage, calls in _by_stage(samples).items():
        prompts = [m.content for call in calls if (m := call.exchange.messages[0]).role == "system"]
        if len(prompts) >= 2 * FEWEST and (broken := _broken(stage, prompts)):
            found.append(broken)
    return tuple(sorted(found, key=lambda one: one.prefix - one.same))


def _broken(stage: str, prompts: Sequence[str]) -> Broken | None:
    """Held against its neighbour in the sample, how far each prompt is the same from its beginning on."""
    some = prompts[:PAIRED]
    begins = [_beginning(one, other) for one, other in pairwise(some)]
    size = sum(map(len, prompts)) / len(prompts)
    prefix = sum(begins) / len(begins)
    often = Counter(line for prompt in prompts for line in set(prompt.splitlines()))
    common = {line for line, n in often.items() if n >= 0.9 * len(prompts)}
    same = sum(len(line) for p in prompts for line in p.splitlines() if line in common) / len(prompts)
    if size < SHORT or (same - prefix) / size < APART:
        return None
    at = begins.index(min(begins))
    one, other = (mask(text) for text in some[at : at + 2])  # before cutting: half a secret is not recognised
    parted = _beginning(one, other)
    where, there = (text[max(0, parted - 40) : parted + 80] for text in (one, other))
    return Broken(stage, min(1.0, same / size), min(1.0, prefix / size), where, there)


def _beginning(one: str, other: str) -> int:
    """How many characters two texts have in common from their beginning on."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[:middle] == other[:middle] else (low, middle - 1)
    return low
