"""Effect: what suspect labels and leaked items do to a verdict: its numbers again without them. It decides nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from .compare import Comparison, clusters, pairs
from .data import Example
from .evidence import Reading, answer_of
from .looks import Values
from .measures import Measures
from .opinions import joined
from .plugins import build
from .score import Scorer
from .stats.interval import mean_interval
from .suspects import DECIDABLE, Suspect
from .types import Json

NOTE = (
    "Post hoc and descriptive: suspects were found with the verdict known, each row is one test of all items that were "
    "asked, whatever the looks were, and leaving out items that stacks get wrong raises quality by itself. Have people "
    "adjudicate the suspects, blind, before anything is concluded."
)


@dataclass(frozen=True, slots=True)
class Level:
    """What a claim is held against, and at which error, one-sided for the target and two-sided for the lift."""

    alpha_target: float
    alpha_claim: float
    quality: float | None
    tolerance: float
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Sides:
    """Scores by example id of the stack that is kept, and of the one that its lift is over."""

    kept: Values
    against: Values


@dataclass(frozen=True, slots=True)
class Row:
    """The numbers of a verdict over some of its items, or with some of its labels changed."""

    name: str
    items: int
    """Left out, or labelled otherwise."""
    n: int
    quality: float
    low: float
    high: float
    meets: bool | None
    """Whether the target is proven met, proven not met, or neither."""
    comparison: Comparison
    changed: tuple[str, ...] = ()
    """Which decisions would be others: `target`, `lift`."""
    words: str = ""


@dataclass(frozen=True, slots=True)
class Effect:
    """The numbers as they are, and what they would be."""

    as_labelled: Row
    rows: tuple[Row, ...]
    note: str = NOTE


def effect(
    sides: Sides,
    examples: Sequence[Example],
    level: Level,
    *,
    suspects: Collection[str] = (),
    rescored: Sides | None = None,
    leaked: Collection[str] = (),
) -> Effect:
    """A kept stack's quality and lift once more: without the suspects, with them as proposed, without leaked items.

    `rescored` holds the scores of the suspects under the proposed answers. Pure: values in, values out. A row is left
    out where it would change no item.
    """
    asked = [e for e in examples if e.id in sides.kept]
    base = _row("as labelled", 0, sides, asked, level)
    found = []
    ids = {e.id for e in asked}
    if doubted := ids & set(suspects):
        rest = [e for e in asked if e.id not in doubted]
        found.append(_row("without the suspects", len(doubted), sides, rest, level))
        if rescored is not None:
            changed = Sides({**sides.kept, **rescored.kept}, {**sides.against, **rescored.against})
            found.append(_row("with the suspects as proposed", len(doubted), changed, asked, level))
    if shared := ids & set(leaked):
        rest = [e for e in asked if e.id not in shared]
        found.append(_row("without leaked items", len(shared), sides, rest, level))
    return Effect(base, tuple(_against(base, row) for row in found))


def effect_of(reading: Reading, kept: str, against: str, suspects: Sequence[Suspect]) -> Effect:
    """The effect on a verdict, from its evidence: of the run of the kept stack, and of the one its lift is over."""
    measures = Measures(reading)
    target, plan = measures.task["target"], measures.plan
    level = Level(plan["alpha_target"], plan["alpha_claim"], target["quality"], target["tolerance"], plan["seed"])
    examples, sides = measures.examples("test"), Sides(reading.values(kept), reading.values(against))
    doubted = {s.id: s.proposed for s in suspects if s.part == "test"}
    one, other = (_rescored(reading, run, doubted) for run in (kept, against))
    again = Sides(one, other) if one is not None and other is not None else None
    return effect(sides, examples, level, suspects=doubted, rescored=again, leaked=leaked_items(plan, examples))


def leaked_items(plan: Mapping[str, Json], examples: Sequence[Example]) -> list[str]:
    """Items that a document quotes, and of items that read the same all but the first: what `leakage` warned of."""
    alike = [(a, b) for a, b in plan.get("alike", ())]
    heap = joined({id_: id_ for pair in alike for id_ in pair}, alike)
    seen: set[str] = set()
    repeated = []
    for e in examples:
        if e.id in heap:
            repeated += [e.id] if heap[e.id] in seen else []
            seen.add(heap[e.id])
    quoted = {id_ for id_, _ in plan.get("quoted", ())}
    return [e.id for e in examples if e.id in quoted or e.id in repeated]


def _rescored(reading: Reading, run: str, proposed: Mapping[str, Json]) -> dict[str, float | None] | None:
    """The scores of the suspects under other answers; None where the scorer is no plain one of right or wrong."""
    spec = reading.evidence.one("task")["scorer"]
    if not spec or spec["use"] not in DECIDABLE:
        return None
    scorer, found = cast(Scorer, build("scorers", spec)), {}
    for id_, answer in proposed.items():
        if (line := reading.records[run].get(id_)) is not None:
            said = answer_of(line)
            example = replace(reading.examples[id_], expected=answer)
            found[id_] = 0.0 if said is None else scorer(example, said).value
    return found


def _row(name: str, items: int, sides: Sides, examples: Sequence[Example], level: Level) -> Row:
    """Limits hold however what could not be judged would have been judged."""
    both = [e for e in examples if e.id in sides.against]
    comparison = pairs(sides.against, sides.kept, both, alpha=level.alpha_claim, seed=level.seed)
    judged = [v for e in examples if (v := sides.kept[e.id]) is not None]
    if not judged:
        return Row(name, items, 0, 0.0, 0.0, 1.0, None, comparison)
    ends = [_ends(sides.kept, examples, level, otherwise) for otherwise in (0.0, 1.0)]
    low, high = ends[0][0], ends[1][1]
    return Row(name, items, len(judged), sum(judged) / len(judged), low, high, _meets(low, high, level), comparison)


def _ends(values: Values, examples: Sequence[Example], level: Level, otherwise: float) -> tuple[float, float]:
    scores = [otherwise if (v := values[e.id]) is None else v for e in examples]
    found = mean_interval(scores, clusters(examples), alpha=2 * level.alpha_target, seed=level.seed)
    return found.low, found.high


def _meets(low: float, high: float, level: Level) -> bool | None:
    if level.quality is None:
        return None
    above, below = low > level.quality - level.tolerance, high < level.quality
    return None if above == below else above


def _against(base: Row, row: Row) -> Row:
    """What would be decided otherwise, in words."""
    changed = ["target"] if row.meets != base.meets else []
    changed += ["lift"] if row.comparison.decision != base.comparison.decision else []
    did = "labelled otherwise" if "proposed" in row.name else "left out"
    said = [f"{row.items} {'item' if row.items == 1 else 'items'} {did}: quality {_moved(base.quality, row.quality)}"]
    said.append(f"lift {_moved(base.comparison.lift, row.comparison.lift, '+')}")
    if not changed:
        said.append("no decision would be another")
    if "target" in changed:
        said.append(f"the target would be {TARGET[row.meets]}, not {TARGET[base.meets]}")
    if "lift" in changed:
        said.append(f"the lift would be {LIFT[row.comparison.decision]}, not {LIFT[base.comparison.decision]}")
    return replace(row, changed=tuple(changed), words=f"{row.name}: " + "; ".join(said))


TARGET = {True: "proven met", False: "proven not met", None: "undecided"}
LIFT = {"better": "proven", "worse": "proven a loss", "undecided": "undecided"}


def _moved(before: float, after: float, sign: str = "") -> str:
    return f"{after:{sign}.3f} (was {before:{sign}.3f})"
