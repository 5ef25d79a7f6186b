"""Regressions: what a trained stack breaks that worked before: on core by slices, on edge, and on a general set.

Once everything is decided: it describes, and the edge partition has its own condition among those of docs/proof.md.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from .asking import Asking
from .compare import clusters
from .data import Dataset, Example, worded
from .digest import plain
from .evidence import Reading
from .looks import Values, scores_of
from .plugins import find, name_of
from .rows import read
from .stack import Stack
from .stats import rung
from .stats.multiple import holm, sign_p
from .stats.paired import paired
from .stats.regress import Regression, regression
from .types import Json, Sampling

GENERAL = Path(__file__).parent / "general.jsonl"
"""130 small questions of nine kinds that have nothing to do with any task: capitals, opposites, sums, plurals …"""
TRAINED = ("adapter", "student")
SMALLEST = 4
"""Items under which a slice is counted among the others."""
MOST = 40
"""Slices that are told apart, the largest ones."""
SURPRISE = 0.05


@cache
def general() -> Dataset:
    """The general set, scored by whether an accepted answer stands in the reply."""
    from .data import Output

    return Dataset(read(GENERAL, Output()), Output(), find("scorers", "contains")(), "general")


def forgetting(asking: Asking, stack: Stack) -> None:
    """Ask the general set of the model as it is and as it was trained, with nothing around either."""
    layer = next((x for x in stack.layers if name_of(type(x)) in TRAINED), None)
    if layer is None or not asking.begins({"general": stack.digest}, 2 * len(general())):
        return
    bare = Stack(stack.model, (), Sampling(max_tokens=24, seed=asking.task.seed))
    tuned = bare.push(find("layers", "adapter")(adapter=getattr(layer, "adapter", ""), folder=asking.task.folder))
    runs = [
        asking.run(s, general(), "general", f"what {who} knows in general")
        for s, who in ((bare, "the model"), (tuned, "the trained model"))
    ]
    asking.evidence.add("general", before=runs[0].id, after=runs[1].id, stack=stack.digest)


def regressions(
    reading: Reading,
    before: str,
    after: str,
    examples: Sequence[Example],
    *,
    tolerance: float,
    seed: int,
    asked: rung.Asked | None = None,
) -> dict[str, Json]:
    """A trained stack's run on test against the one before, on the items that both were asked.

    `asked` is given where not all were: they were stopped at a look at their scores, so that only a test that holds at
    every look may decide.
    """
    old, new = reading.values(before), reading.values(after)
    both = [e for e in examples if old.get(e.id) is not None and new.get(e.id) is not None]
    told: dict[str, Json] = {"items": len(both), "tolerance": tolerance, "core": None, "slices": [], "lost": []}
    if both:
        told["core"] = _whole(both, old, new, tolerance, seed)
        if asked is not None:
            told["core"]["decision"] = _looked(
                asked, [e for e in examples if e.id in old and e.id in new], old, new, tolerance
            )
        told["slices"] = _slices(both, old, new, seed)
        told["lost"] = [e.id for e in both if (old[e.id] or 0.0) > (new[e.id] or 0.0)][:MOST]
    return {**told, "general": _general(reading, after, tolerance, seed)}


def _general(reading: Reading, judged: str, tolerance: float, seed: int) -> dict[str, Json] | None:
    """The general set, where it was asked of the same trained part that was judged."""
    line = next(reading.evidence.of("general"), None)
    if line is None or not _learned(reading, line["after"]) <= _learned(reading, judged):
        return None
    old, new = reading.values(line["before"]), reading.values(line["after"])
    both = [e for e in general() if e.id in old and e.id in new]
    kinds = _named({e.id: e.id.partition("-")[0] for e in both}, both, old, new, seed)
    return {**_whole(both, old, new, tolerance, seed), "slices": kinds}


def _learned(reading: Reading, run: str) -> set[str]:
    layers = reading.runs[run]["stack"]["layers"]
    return {layer["adapter"] for layer in layers if layer["use"] in TRAINED and layer.get("adapter")}


def _looked(asked: rung.Asked, items: Sequence[Example], old: Values, new: Values, tolerance: float) -> str:
    """What betting says, which holds wherever one stopped; at the level of the climb's claims."""
    was, now = scores_of(old, items), scores_of(new, items)
    if rung.not_worse(asked, now, was, -tolerance) == "not worse":
        return "proven to regress"
    return "ruled out" if rung.not_worse(asked, was, now, tolerance) == "not worse" else "cannot tell"


def _whole(
    items: Sequence[Example],
    old: Mapping[str, float | None],
    new: Mapping[str, float | None],
    tolerance: float,
    seed: int,
) -> dict[str, Json]:
    """Both means, and whether a loss beyond the tolerance is proven, likely, ruled out, or none of these."""
    was, now = _values(items, old, new)
    found = regression(was, now, clusters(items), tolerance=tolerance, seed=seed)
    kept = {k: v for k, v in plain(found).items() if k in ("n", "lift", "losses", "hidden_loss")}
    return {**kept, "before": _mean(was), "after": _mean(now), "decision": _word(found)}


def _word(found: Regression) -> str:
    if found.proven:
        return "proven to regress"
    if found.likely:
        return "likely to regress"
    return "ruled out" if found.ruled_out else "cannot tell"


def _slices(
    items: Sequence[Example], old: Mapping[str, float | None], new: Mapping[str, float | None], seed: int
) -> list[dict[str, Json]]:
    """By expected answer where these repeat; otherwise by how long the input is."""
    answers = {e.id: worded(e.accepted[0])[:80] if e.accepted else "" for e in items}
    often = Counter(answers.values())
    if sum(n >= SMALLEST for n in often.values()) < 2:
        lengths = sorted(len(e.text) for e in items)
        cuts = [lengths[len(lengths) // 3], lengths[2 * len(lengths) // 3]]
        words = ("short inputs", "inputs of middling length", "long inputs")
        answers = {e.id: words[sum(len(e.text) > cut for cut in cuts)] for e in items}
    return _named(answers, items, old, new, seed)


def _named(
    names: Mapping[str, str],
    items: Sequence[Example],
    old: Mapping[str, float | None],
    new: Mapping[str, float | None],
    seed: int,
) -> list[dict[str, Json]]:
    """Each slice's means, its lift with limits, its wins and losses, and whether losses outweigh wins.

    Limits of all slices hold together at 95 % (Bonferroni), and so does what is said to have regressed (Holm).
    """
    members: dict[str, list[Example]] = defaultdict(list)
    for e in items:
        members[names[e.id]].append(e)
    large = sorted((n for n in members if len(members[n]) >= SMALLEST), key=lambda n: (-len(members[n]), n))[:MOST]
    rest = [e for name, part in members.items() if name not in large for e in part]
    groups = [(name, members[name]) for name in large] + ([("all others", rest)] if rest else [])
    counted = [_slice(name, part, old, new, SURPRISE / len(groups), seed) for name, part in groups]
    ps = holm([sign_p(*_turned(part, old, new)) for _, part in groups]) if groups else ()
    told = [{**c, "p": p, "regressed": p <= SURPRISE} for c, p in zip(counted, ps, strict=True)]
    return sorted(told, key=lambda c: (c["after"] - c["before"], c["name"]))


def _slice(
    name: str,
    items: Sequence[Example],
    old: Mapping[str, float | None],
    new: Mapping[str, float | None],
    alpha: float,
    seed: int,
) -> dict[str, Json]:
    was, now = _values(items, old, new)
    found = paired(was, now, clusters(items), alpha=alpha, seed=seed)
    means = {"before": _mean(was), "after": _mean(now), "low": found.low, "high": found.high}
    return {"name": name, "n": found.n, **means, "wins": found.wins, "losses": found.losses}


def _turned(
    items: Sequence[Example], old: Mapping[str, float | None], new: Mapping[str, float | None]
) -> tuple[int, int]:
    """Items, or whole groups where there are any, that got worse and that got better."""
    change: dict[str, float] = defaultdict(float)
    for e, was, now in zip(items, *_values(items, old, new), strict=True):
        change[e.cluster] += now - was
    return sum(c < 0 for c in change.values()), sum(c > 0 for c in change.values())


def _values(
    items: Sequence[Example], old: Mapping[str, float | None], new: Mapping[str, float | None]
) -> tuple[list[float], list[float]]:
    return [old[e.id] or 0.0 for e in items], [new[e.id] or 0.0 for e in items]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / max(1, len(values))
