"""Break-even: from which volume and month a heavier stack pays against a lighter one, and what would turn that."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, zip_longest
from typing import Literal

from .consumption import Draws
from .cost import DAYS, FORMULAS, INPUTS, LEVEL, REDRAWN, Bill, Quantity
from .formula import HAIR, Number, evaluate
from .pricebook import bounds

Answer = Literal["always", "never", "from", "up to", "between"]
LOOKED_UP_TO = 1e9
"""Requests a day: what pays only beyond is said to pay never."""
MONTHS = 120.0
"""The same, in months."""
STEPS = 2_000
"""Whole machines that are looked at one by one."""
SHOWN = 5
"""Crossings that a sentence names."""
GIVEN = ("requests_per_day", "months", "price_factor")
"""Inputs without a range, moved to half and twice of what they are, as is a figure that is assumed as one number: what
the task says, and all token prices."""
SURE = 0.975
"""The share of draws from which on they are said to agree."""
CENT = 0.01
"""What moves less than this a month, in US dollars, is not told."""
REACH = 100.0
"""How far beyond its range an input is followed to find where the ranking turns, as a multiple."""


@dataclass(frozen=True, slots=True)
class Line:
    """A month's cost by requests a day: a line, and whole machines on top of it."""

    fixed: float
    slope: float
    machine: float = 0.0
    """US dollars a month for one."""
    each: float = 0.0
    """Machines that one request a day needs."""

    def __call__(self, volume: float) -> float:
        """US dollars a month at so many requests a day."""
        return self.fixed + self.slope * volume + self.machine * max(0, math.ceil(volume * self.each - HAIR))


@dataclass(frozen=True, slots=True)
class Even:
    """Where one stack is cheaper than another: `answer` for small volumes first, and every crossing."""

    answer: Answer
    """`from`: beyond the only crossing; `up to`: before it; `between`: several times, as the steps of machines go."""
    at: tuple[float, ...]
    """The crossings, ascending."""
    starts_cheaper: bool
    """Whether it is the cheaper one just above nothing."""
    cut: bool = False
    """Whether there are more steps of whole machines than were looked at."""


@dataclass(frozen=True, slots=True)
class Breakeven:
    """The answer with every input in its middle, its interval, and how the draws answered."""

    even: Even
    low: float | None
    high: float | None
    """Limits of the first crossing among the draws that have one; None where under a twentieth have."""
    shares: Mapping[str, float]
    """The share of draws that gave each answer."""

    @property
    def words(self) -> str:
        """The answer alone, for a table."""
        even = self.even
        if even.answer in ("always", "never"):
            return even.answer
        ends = [f"{x:,.0f}" for x in even.at[:SHOWN]]
        spans = [f"up to {ends.pop(0)}"] if even.starts_cheaper else []
        spans += [f"from {a}{f' to {b}' if b else ''}" for a, b in zip_longest(ends[::2], ends[1::2])]
        more = f" and {len(even.at) - SHOWN} more turns" if len(even.at) > SHOWN else ""
        return f"{', '.join(spans)}{more}"


@dataclass(frozen=True, slots=True)
class Swing:
    """One input moved alone from one end of its range to the other."""

    input: str
    what: str
    stack: str
    """Whose input it is; empty where both stacks have the same figure."""
    low: float
    high: float
    at_low: float
    at_high: float
    """What the heavier stack costs more than the lighter one a month, in US dollars, at either end."""
    flips: bool
    """Whether the cheaper stack is another one at either end than in the middle."""
    turns_at: float | None
    """The nearest value at which both cost the same, within a hundredth to a hundredfold and what the input can be at
    all; None where there is none."""

    @property
    def swing(self) -> float:
        """How much it moves the difference, in US dollars a month."""
        return abs(self.at_high - self.at_low)


def doubt(answer: str, shares: Mapping[str, float], limits: str = "") -> str:
    """How many draws agree, behind the limits of those that cross; the limits alone where nearly all agree."""
    sure = shares.get(answer, 0.0) if shares else 1.0
    if sure >= SURE:
        return limits
    others = [other for other in ("never", "always") if other != answer and shares.get(other, 0.0) > 1 - SURE]
    told = ", ".join([f"in {sure:.0%} of draws", *(f"{other} in {shares[other]:.0%}" for other in others)])
    held = f" where it {'turns' if 'always' in others else 'pays'} at all:" if others else ";"
    return f"{limits}{held} {told}" if limits else told


def line_of(values: Mapping[str, float]) -> Line:
    """The cost of a month by volume, from the same formulas as everything else."""
    return _lines(_by_volume(values), 1)[0]


def _by_volume(values: Mapping[str, Number]) -> tuple[Number, ...]:
    """A line's four numbers, or arrays of them, one a draw."""
    at = {**values, "requests_per_day": 0.0}
    nothing, one = evaluate(FORMULAS, at), evaluate(FORMULAS, {**at, "requests_per_day": 1.0})
    requests = one["requests_month"] - nothing["requests_month"]
    return nothing["month"], requests, values["machine_hour"] * 24 * DAYS, one["needed"]


def _by_month(values: Mapping[str, Number]) -> tuple[Number, ...]:
    return values["build"], evaluate(FORMULAS, values)["running_month"], 0.0, 0.0


def _lines(numbers: Sequence[Number], count: int) -> list[Line]:
    columns = [[float(v)] * count if isinstance(v, int | float) else v.tolist() for v in numbers]
    return [Line(*row) for row in zip(*columns, strict=True)]


def even(heavy: Line, light: Line, upto: float = LOOKED_UP_TO) -> Even:
    """Where the heavier line is below the lighter one, for volumes above 0. Equal everywhere counts as never."""
    pieces, cut = _pieces(heavy, light, upto)
    crossings: list[float] = []
    start = now = 0
    for piece in pieces:
        for sign, at in _inside(heavy, light, *piece):
            start = start or sign
            if now and sign != now:
                crossings.append(at)
            now = sign
    return _answered(crossings, start < 0, cut)


def _answered(crossings: Sequence[float], start: bool, cut: bool) -> Even:
    answer: Answer = "between"
    if not crossings:
        answer = "always" if start else "never"
    elif len(crossings) == 1:
        answer = "up to" if start else "from"
    return Even(answer, tuple(crossings), start, cut)


def _pieces(heavy: Line, light: Line, upto: float) -> tuple[list[tuple[float, float, bool]], bool]:
    """The volumes from 0 on in pieces, with whether the number of machines is one and the same in a piece.

    Machines cost between what they do on average and one machine more; where the averages are further apart than that,
    no step can turn the ranking, and one look is enough.
    """
    slope, apart = _drift(heavy) - _drift(light), heavy.fixed - light.fixed
    first, last = 0.0, upto
    if slope:
        ends = sorted((-(apart + heavy.machine) / slope, (light.machine - apart) / slope))
        first, last = max(0.0, ends[0]), min(upto, ends[1])
    if last <= 0 or first >= upto:
        return [(0.0, upto, False)], False
    steps, cut = _steps(heavy, light, first, last)
    edges = [first, *(v for v in steps if first < v < last), last]
    found = [(left, right, True) for left, right in pairwise(edges)]
    found = [piece for piece in found if piece[0] < piece[1]]
    if cut and found:
        found[-1] = (*found[-1][:2], False)
    before = [(0.0, first, False)] if first > 0 else []
    return [*before, *found, *([(last, upto, False)] if last < upto else [])], cut


def _steps(heavy: Line, light: Line, first: float, last: float) -> tuple[list[float], bool]:
    """The volumes at which either needs one machine more: `STEPS` of each at most."""
    found: set[float] = set()
    cut = False
    ends = last
    for line in (heavy, light):
        if line.machine > 0 and line.each > 0:
            start = math.floor(first * line.each)
            many = math.ceil(last * line.each) - start
            found |= {n / line.each for n in range(max(1, start), start + min(many, STEPS) + 1)}
            if many > STEPS:
                cut, ends = True, min(ends, (start + STEPS) / line.each)
    return sorted(v for v in found if v <= ends), cut


def _drift(line: Line) -> float:
    return line.slope + line.machine * line.each


def _inside(heavy: Line, light: Line, left: float, right: float, one_piece: bool) -> list[tuple[int, float]]:
    """Which is the dearer one (1: heavy, −1: light), and from where on: within a piece, lines cross once at most.

    Where both cost the same over the whole piece, nothing is said, and what was so before goes on.
    """
    middle = (left + right) / 2
    if not one_piece:
        sign = _sign(_apart(heavy, light, middle, middle), heavy(middle))
        return [(sign, left)] if sign else []
    near, far = (_apart(heavy, light, end, middle) for end in (left, right))
    one, other = (_sign(d, heavy(end)) for d, end in ((near, left), (far, right)))
    if one * other >= 0:
        return [(one or other, left)] if one or other else []
    return [(one, left), (other, left + (right - left) * near / (near - far))]


def _apart(heavy: Line, light: Line, volume: float, middle: float) -> float:
    """How much dearer heavy is at a volume, with the machines that the middle of the piece needs."""
    sides = [line.fixed + line.slope * volume + line.machine * _machines(line, middle) for line in (heavy, light)]
    return sides[0] - sides[1]


def _machines(line: Line, volume: float) -> int:
    return max(1, math.ceil(volume * line.each - HAIR)) if line.each > 0 else 0


def _sign(apart: float, of: float) -> int:
    return 0 if abs(apart) <= 1e-12 * (1 + abs(of)) else 1 if apart > 0 else -1


def by_volume(heavy: Bill, light: Bill, draws: Draws | None = None) -> Breakeven:
    """Requests a day at which the heavier stack costs less a month, building spread over its months."""
    return _redrawn(_by_volume, LOOKED_UP_TO, (heavy, light), draws)


def by_month(heavy: Bill, light: Bill, draws: Draws | None = None) -> Breakeven:
    """Months after which the heavier stack has cost less in all, at its volume: building, then every month's cost."""
    return _redrawn(_by_month, MONTHS, (heavy, light), draws)


def _redrawn(
    numbers: Callable[[Mapping[str, Number]], tuple[Number, ...]],
    upto: float,
    sides: tuple[Bill, Bill],
    draws: Draws | None,
) -> Breakeven:
    drawn = replace(draws or Draws(), n=REDRAWN)
    lines = [_lines(numbers(bill.drawn(drawn)), REDRAWN) for bill in sides]
    found = [even(one, other, upto) for one, other in zip(*lines, strict=True)]
    heavy, light = (_lines(numbers(bill.central), 1)[0] for bill in sides)
    middle = even(heavy, light, upto)
    told = [e.answer for e in found]
    answers: dict[str, float] = {answer: told.count(answer) / len(told) for answer in dict.fromkeys(told)}
    firsts = sorted([e.at[0] for e in found if e.at])
    known = len(firsts) >= 0.05 * len(found)
    low, high = (_quantile(firsts, q) if known else None for q in ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    if middle.at and low is not None and high is not None:
        low, high = min(low, middle.at[0]), max(high, middle.at[0])
    return Breakeven(middle, low, high, answers)


def _quantile(values: Sequence[float], q: float) -> float:
    return values[min(len(values) - 1, max(0, math.ceil(q * len(values)) - 1))]


# What turns the ranking


def tornado(heavy: Bill, light: Bill) -> tuple[Swing, ...]:
    """Each uncertain or assumed input alone, and volume, months and token prices: what it does to a month's difference.

    The largest swing comes first.
    """
    found = [_swing(heavy, light, *moved) for moved in _movable(heavy, light)]
    return tuple(sorted((s for s in found if s.swing >= CENT), key=lambda s: (-s.swing, s.input, s.stack)))


Move = tuple[str, str, Quantity, bool, bool]
"""An input, whose it is, its range, and which of the two stacks it moves."""


def _movable(heavy: Bill, light: Bill) -> list[Move]:
    moves: list[Move] = []
    for n in INPUTS:
        one, other = heavy.quantities.get(n), light.quantities.get(n)
        if one is not None and other is not None and _shared(n, one, other):
            moves.append((n, "", one, True, True))
            continue
        sides = ((heavy.title, one, True), (light.title, other, False))
        moves += [(n, title, q, mine, not mine) for title, q, mine in sides if q is not None]
    uncertain = [m for m in moves if m[2].low < m[2].high or m[0] in GIVEN or m[2].assumed]
    return [m for m in uncertain if m[2].estimate > 0 or m[2].high > 0]


def _shared(input_: str, one: Quantity, other: Quantity) -> bool:
    """Whether both stacks have it from the same figure, or it is the task's own."""
    return one.figure == other.figure and (bool(one.figure) or input_ in GIVEN)


def _swing(heavy: Bill, light: Bill, input_: str, stack: str, q: Quantity, in_heavy: bool, in_light: bool) -> Swing:
    one, two, given = heavy.central, light.central, q.low == q.high

    still = {title: evaluate(FORMULAS, values)["month"] for title, values in (("one", one), ("two", two))}

    def apart(value: Number, share: float | None = None) -> Number:
        """The monthly difference where this input has that value; a figure that both hold moves alike in both."""
        theirs = light.quantities[input_] if in_light else None
        other = value
        if theirs is not None and theirs != q and given:
            other = theirs.estimate * value / q.estimate
        elif theirs is not None and share is not None:
            other = theirs.low + share * (theirs.high - theirs.low)
        mine = evaluate(FORMULAS, {**one, input_: value})["month"] if in_heavy else still["one"]
        return mine - (evaluate(FORMULAS, {**two, input_: other})["month"] if in_light else still["two"])

    low, high = _ends(input_, q)
    middle = still["one"] - still["two"]
    at_low, at_high = (apart(v, None if given else share) for v, share in ((low, 0.0), (high, 1.0)))
    flips = any((end < 0) != (middle < 0) for end in (at_low, at_high))
    turns = _turn(apart, q.estimate or q.high, _reach(input_, one if in_heavy else two))
    return Swing(input_, INPUTS[input_][1], stack, low, high, at_low, at_high, flips, turns)


def _ends(input_: str, q: Quantity) -> tuple[float, float]:
    """Its range; half and twice of what has none, as far as that makes sense."""
    if q.low < q.high:
        return q.low, q.high
    least, most = bounds(input_)
    return max(least, q.low / 2), min(most, q.high * 2)


def _reach(input_: str, of: Mapping[str, float]) -> tuple[float, float]:
    """Between which ends an input makes sense beside the others: tokens from a cache are some of those read."""
    least, most = bounds(input_)
    if input_ == "tokens_cached":
        return least, min(most, of["tokens_in"])
    return (max(least, of["tokens_cached"]) if input_ == "tokens_in" else least), most


def _turn(apart: Callable[[Number], Number], around: float, within: tuple[float, float]) -> float | None:
    """The value nearest to the middle at which the difference changes its sign, of those that the input can have."""
    import numpy as np
    import numpy.typing as npt

    steps = 80
    values: npt.NDArray[np.float64] = around * REACH ** (2 * np.arange(steps + 1) / steps - 1)
    dearer = np.broadcast_to(apart(values), values.shape) >= 0
    turns = [(float(values[i]), float(values[i + 1])) for i in np.flatnonzero(dearer[:-1] != dearer[1:]).tolist()]
    turns.sort(key=lambda ends: abs(math.log(ends[0] * ends[1] / around**2)))
    found = (_root(apart, *ends) for ends in turns)
    return next((at for at in found if within[0] <= at <= within[1]), None)


def _root(apart: Callable[[Number], Number], low: float, high: float) -> float:
    """Where the difference changes its sign between two values, by bisection."""
    at_low = apart(low) >= 0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if (apart(middle) >= 0) == at_low else (low, middle)
    return (low + high) / 2
