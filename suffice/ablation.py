"""An ablation: what each layer of a stack is worth, computed from stored scores alone, and said in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from .compare import clusters
from .data import Example
from .errors import InputError
from .stats.factorial import MOST, Effect, Pair, factorial, leave_one_out, subsets

Layers = frozenset[str]
Values = Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Cell:
    """A stack with some of the layers: its mean score over the items that could be judged, and how many could not."""

    layers: tuple[str, ...]
    quality: float | None
    unjudged: int


@dataclass(frozen=True, slots=True)
class Ablation:
    """What the layers of a stack are worth; all limits hold at once with chance 1 − alpha."""

    layers: tuple[str, ...]
    """Outermost first."""
    full: bool
    """Whether every combination of layers was run, or each left out alone."""
    n: int
    groups: int | None
    alpha: float
    unused: bool
    """Whether nobody had looked at the examples when the stack was chosen: otherwise the effects describe."""
    cells: tuple[Cell, ...]
    """The stacks that were run: of a full ablation the one without layers first, otherwise the whole one."""
    removals: tuple[Effect, ...]
    """What each layer adds to the others: the whole stack minus the stack without it."""
    effects: tuple[Effect, ...] = ()
    """Main effects and interactions, averaged over the other layers present and absent; empty unless full."""
    pairs: tuple[Pair, ...] = ()
    gain: Effect | None = None
    """The whole stack minus the bare model."""
    shapley: tuple[Effect, ...] = ()
    """Each layer's part of the gain."""
    sentences: tuple[str, ...] = ()
    note: str = ""
    calls: int = 0
    """Calls bought for it; what the ledger held cost nothing."""

    @property
    def quality(self) -> float | None:
        """The whole stack's mean score."""
        return next(cell.quality for cell in self.cells if cell.layers == self.layers)

    @property
    def shares(self) -> tuple[float | None, ...]:
        """Each layer's share of the gain by Shapley values, in their order; None where no gain is proven."""
        gained = self.gain is not None and self.gain.sign > 0
        return tuple(e.estimate / self.gain.estimate if self.gain and gained else None for e in self.shapley)


def ablation_of(
    values: Mapping[Layers, Values],
    examples: Sequence[Example],
    *,
    layers: Sequence[str] | None = None,
    unused: bool = False,
    alpha: float = 0.05,
    seed: int = 0,
) -> Ablation:
    """The ablation that stored scores show, by the layers of each stack and then by example id.

    Full where every combination is there; otherwise the whole stack and the stacks without one layer each are needed.
    Raises `InputError` where a stack or a score is missing, or under two examples.
    """
    names = tuple(sorted(frozenset[str]().union(*values)) if layers is None else layers)
    whole = frozenset(names)
    full = len(names) <= MOST and set(values) == set(subsets(names)) and len(names) > 1
    wanted = list(subsets(names)) if full else [whole, *(whole - {name} for name in names)]
    scores = {kept: _scores(values, kept, names, examples) for kept in wanted}
    groups = clusters(examples)
    bare = Ablation(
        layers=names,
        full=full,
        n=len(examples),
        groups=len(set(groups)) if groups else None,
        alpha=alpha,
        unused=unused,
        cells=tuple(_cell(kept, names, told) for kept, told in scores.items()),
        removals=(),
        note=UNUSED if unused else DESCRIPTIVE,
    )
    try:
        found = _measured(bare, scores, groups, seed)
    except ValueError as wrong:
        raise InputError(f"no ablation can be made of these scores: {wrong}") from wrong
    return replace(found, sentences=sentences(found))


DESCRIPTIVE = "descriptive: the stack was chosen with these examples in sight; fresh examples would make it a proof"
UNUSED = "on examples that nobody had looked at when the stack was chosen"


def _measured(
    bare: Ablation, scores: Mapping[Layers, list[float | None]], groups: list[str] | None, seed: int
) -> Ablation:
    if bare.full:
        of = factorial(scores, groups, factors=bare.layers, alpha=bare.alpha, seed=seed)
        return replace(bare, removals=of.removals, effects=of.effects, pairs=of.pairs, gain=of.gain, shapley=of.shapley)
    whole = frozenset(bare.layers)
    without = {name: scores[whole - {name}] for name in bare.layers}
    return replace(bare, removals=leave_one_out(scores[whole], without, groups, alpha=bare.alpha, seed=seed))


# In words


def sentences(found: Ablation) -> tuple[str, ...]:
    """What the limits say, in plain words: each layer, then what layers do to one another where that is proven."""
    return (
        *(_removal(effect) for effect in found.removals),
        *(words for pair in found.pairs if (words := _related(pair))),
        *(_higher(effect) for effect in found.effects if len(effect.factors) > 2 and effect.sign),
        *_hint(found),
    )


def _removal(effect: Effect) -> str:
    (name,) = effect.factors
    if effect.reason:
        return f"{name}: {effect.reason}"
    word = {1: "helps", -1: "hurts", 0: "shows no effect"}[effect.sign]
    return f"{name} {word}: {limits(effect)} beside the others"


def _related(pair: Pair) -> str:
    a, b = pair.first, pair.second
    one, other = (b, a) if pair.dependent == b else (a, b)
    alone, joined = (
        (pair.second_alone, pair.second_with) if pair.dependent == b else (pair.first_alone, pair.first_with)
    )
    match pair.relation:
        case "only together":
            return (
                f"{a} and {b} help only together: {limits(pair.together)} with both; "
                f"{a} alone {limits(pair.first_alone)}, {b} alone {limits(pair.second_alone)}"
            )
        case "needs":
            return f"{one} helps only together with {other}: {limits(joined)} with it, {limits(alone)} without"
        case "help each other":
            return f"{a} and {b} help each other: {limits(pair.interaction)} more than the two apart"
        case "redundant":
            return f"{one} is redundant given {other}: {limits(joined)} with it, {limits(alone)} without"
        case "either will do":
            return (
                f"either of {a} and {b} will do: {limits(pair.first_alone)} and {limits(pair.second_alone)} alone, "
                f"{limits(pair.first_with)} and {limits(pair.second_with)} where the other is"
            )
        case "overlap":
            return f"{a} and {b} do some of the same work: {limits(pair.interaction)} against the two apart"
        case "hurt":
            return f"{a} and {b} hurt each other: {limits(pair.interaction)} against the two apart"
        case _:
            return ""


def _higher(effect: Effect) -> str:
    *rest, last = effect.factors
    return f"what {' and '.join(rest)} do to each other depends on {last} (interaction {limits(effect)})"


def _hint(found: Ablation) -> list[str]:
    """Layers that show nothing when left out alone may do each other's work."""
    idle = [effect.factors[0] for effect in found.removals if not (effect.sign or effect.reason)]
    if found.full or len(idle) < 2:
        return []
    return [f"{' and '.join(idle)} may do each other's work: only a full ablation tells"]


def limits(effect: Effect) -> str:
    """An effect with its limits."""
    return f"{effect.estimate:+.3f} [{effect.low:+.3f}, {effect.high:+.3f}]"


def _scores(
    values: Mapping[Layers, Values], kept: Layers, names: Sequence[str], examples: Sequence[Example]
) -> list[float | None]:
    shown = [name for name in names if name in kept]
    if kept not in values:
        raise InputError(f"the scores of the stack with {shown or 'no layer'} are missing")
    if missing := [e.id for e in examples if e.id not in values[kept]]:
        what = f"has no score for {len(missing)} examples, such as `{missing[0]}`"
        raise InputError(f"the stack with {shown or 'no layer'} {what}")
    return [values[kept][e.id] for e in examples]


def _cell(kept: Layers, names: Sequence[str], told: Sequence[float | None]) -> Cell:
    judged = [value for value in told if value is not None]
    quality = sum(judged) / len(judged) if judged else None
    return Cell(tuple(name for name in names if name in kept), quality, len(told) - len(judged))
