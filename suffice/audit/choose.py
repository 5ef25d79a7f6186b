"""Choose: which logged requests people should label first, some drawn blindly and some for a reason."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..data import likeness
from ..exchange import Exchange
from ..types import Json
from .clusters import failing, text_of
from .collect import Collector, Sample
from .words import apart, bag, grouped

Why = Literal["random", "failing", "uncertain", "diverse"]
BLIND = 0.6
"""The share that is drawn uniformly: it alone stands for the traffic, so it alone is `core`. Of a hundred, sixty give
50 test items and 10 for dev (`suffice.split`)."""
COMMON = 0.5
"""The share of a stage's calls that one system prompt needs to be the task's prompt."""
COMPARED = 2_000
"""Characters at either end by which long inputs are told apart."""
LONGEST = 40_000
"""Characters of an input that a person can be asked to read."""
_HEDGES = re.compile(
    r"\b(?:not (?:entirely |quite |completely )?(?:sure|certain)|might be|may be|possibly"
    r"|i (?:think|believe|assume|guess)|it (?:seems|appears)|unclear|ambiguous)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Picked:
    """A request to label, and why this one."""

    sample: Sample
    input: Json
    """Text, or messages, as an example's input has it."""
    why: Why
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Selection:
    """The requests to label, of which stage, and under which system prompt."""

    stage: str
    prompt: str
    """The stage's system prompt; "" where calls have none, or each its own, which then stands in the input."""
    picked: tuple[Picked, ...]
    candidates: int
    """Different requests that could have been chosen."""
    left_out: Mapping[str, int]
    """Sampled calls that could not, by reason."""
    calls: tuple[Sample, ...]
    """The stage's uniform sample, for what it says of the output."""


def stages(c: Collector) -> list[str]:
    """The stages whose requests could be labelled, the busiest first."""
    calls: Counter[str] = Counter()
    for stage in c.stages.values():
        if stage.kind == "model":
            calls[stage.name] += stage.calls
    return [name for name, _ in calls.most_common()]


def choose(c: Collector, stage: str, n: int = 100, *, seed: int = 0) -> Selection:
    """About n requests of a stage: three in five drawn uniformly, the rest by failure cluster, uncertain, and diverse.

    Uniform ones come from the log's uniform sample; a request that reads like one already chosen is passed over.
    """
    uniform = [s for s in c.sample.items if s.stage == stage]
    failed = [s for s, _ in failing(c.failing) if s.stage == stage]
    prompt = _prompt(uniform or failed)
    out: Counter[str] = Counter()
    known: set[str] = set()
    blind = _usable(uniform, prompt, known, out)
    others = _usable(failed, prompt, known, out)
    draw = np.random.default_rng(seed)
    order = [blind[int(at)] for at in draw.permutation(len(blind))]
    first = [Picked(s, given, "random") for s, given in order[: max(1, round(n * BLIND))]]
    rest = [*order[len(first) :], *others]
    picked = [*first, *_reasoned(rest, first, n - len(first), seed)]
    return Selection(stage, prompt, tuple(picked), len(blind) + len(others), dict(out), tuple(uniform))


Candidate = tuple[Sample, Json]


def _prompt(samples: Sequence[Sample]) -> str:
    prompts = Counter(system_of(s.exchange) for s in samples if s.whole)
    text, n = prompts.most_common(1)[0] if prompts else ("", 0)
    return text if n >= COMMON * prompts.total() else ""


def system_of(e: Exchange) -> str:
    """The system messages that a call begins with."""
    told = []
    for m in e.messages:
        if m.role != "system":
            break
        told.append(m.content)
    return "\n\n".join(told)


def _usable(samples: Iterable[Sample], prompt: str, known: set[str], out: Counter[str]) -> list[Candidate]:
    """Those whose request can be an example's input, one of each that read alike."""
    found = []
    for sample in samples:
        given = input_of(sample, prompt)
        if isinstance(given, _No):
            out[given.why] += 1
            continue
        text = given if isinstance(given, str) else "\n".join(m["content"] for m in given)
        key = likeness(text if len(text) <= 2 * COMPARED else f"{text[:COMPARED]} {text[-COMPARED:]}")
        if key in known:
            out["reads like another one"] += 1
            continue
        known.add(key)
        found.append((sample, given))
    return found


@dataclass(frozen=True, slots=True)
class _No:
    """Why a request cannot be an example."""

    why: str


def input_of(sample: Sample, prompt: str) -> Json | _No:
    """A call's request as an example's input: its one question as text, a conversation as messages."""
    e = sample.exchange
    if not e.messages:
        return _No("the log does not say what was asked")
    if not sample.whole or sample.chars > LONGEST:
        return _No(f"longer than {LONGEST:,} characters")
    if prompt and system_of(e) != prompt:
        return _No("another system prompt than most")
    turns = [m for m in e.messages if not (prompt and m.role == "system")]
    if any(m.role == "tool" or m.tool_calls for m in turns):
        return _No("its history holds calls of tools")
    if not turns or turns[-1].role != "user" or not turns[-1].content.strip():
        return _No("it does not end with a user's turn")
    if len(turns) == 1:
        return turns[0].content
    return [{"role": m.role, "content": m.content} for m in turns]


def _reasoned(rest: Sequence[Candidate], first: Sequence[Picked], n: int, seed: int) -> list[Picked]:
    """A third by failure cluster, a third uncertain, and what is left by distance from all others."""
    by_cluster = _by_cluster([x for x in rest if x[0].flag], max(0, n // 3), seed)
    taken = {id(p.sample) for p in by_cluster}
    unsure = sorted(
        ((doubt, x) for x in rest if id(x[0]) not in taken and (doubt := doubts(x[0]))),
        key=lambda pair: (-len(pair[0]), pair[1][0].exchange.id),
    )[: max(0, n // 3)]
    uncertain = [Picked(s, given, "uncertain", "; ".join(doubt)) for doubt, (s, given) in unsure]
    taken |= {id(p.sample) for p in uncertain}
    left = [x for x in rest if id(x[0]) not in taken]
    near = [p.sample for p in (*first, *by_cluster, *uncertain)]
    return [*by_cluster, *uncertain, *_diverse(left, near, n - len(by_cluster) - len(uncertain))]


def _by_cluster(candidates: Sequence[Candidate], n: int, seed: int) -> list[Picked]:
    """The middle of each cluster of failures first, then the next ones around each in turn."""
    if not candidates or not n:
        return []
    rows = bag([text_of(s) for s, _ in candidates]).rows
    groups = grouped(rows, seed=seed)
    near = rows @ groups.centres.T
    queues = [[int(at) for at in np.argsort(-near[:, g]) if groups.of[at] == g] for g in range(len(groups.centres))]
    turns = [(rank, g, at) for g, queue in enumerate(queues) for rank, at in enumerate(queue)]
    return [
        Picked(
            candidates[at][0], candidates[at][1], "failing", f"cluster {g + 1}: {candidates[at][0].kind or 'failed'}"
        )
        for _, g, at in sorted(turns)[:n]
    ]


def doubts(sample: Sample) -> list[str]:
    """What speaks for a reply being uncertain."""
    e, found = sample.exchange, []
    if sample.differs:
        found.append("the same request got different replies")
    if (sure := confidence(e.extra)) is not None and sure < 0.8:
        found.append(f"a token had {sure:.0%} on average")
    if e.score is not None and e.score < 1:
        found.append(f"scored {e.score:g}")
    if e.reply and _HEDGES.search(e.reply.content[:2_000]):
        found.append("the reply hedges")
    return found


def confidence(extra: Mapping[str, Json]) -> float | None:
    """The geometric mean of the tokens' probabilities, where the log holds log-probabilities."""
    given = extra.get("avg_logprob", extra.get("logprob", extra.get("logprobs")))
    if isinstance(given, Mapping):
        given = given.get("content") or given.get("token_logprobs")
    values = given if isinstance(given, list) else [given]
    logs = [v.get("logprob") if isinstance(v, Mapping) else v for v in values[:10_000]]
    known = [float(v) for v in logs if isinstance(v, int | float) and not isinstance(v, bool) and v <= 0]
    return float(np.exp(np.mean(known))) if known else None


def _diverse(left: Sequence[Candidate], near: Sequence[Sample], n: int) -> list[Picked]:
    """Those farthest from all that was chosen and from one another, by their words."""
    if n < 1 or not left:
        return []
    texts = [text_of(s) for s in near] + [text_of(s) for s, _ in left]
    rows = bag(texts).rows
    chosen = apart(rows[len(near) :], n, rows[: len(near)])
    return [Picked(left[at][0], left[at][1], "diverse", "unlike the others") for at in chosen]
