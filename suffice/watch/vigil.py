"""The vigil: every monitor's bets, day after day behind the baseline, until together they raise an alarm."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ..stats.detector import Bets, Side, apart, bets, memory, rank, soonest, spreads, threshold
from .days import WEEK, Calendar, Days
from .monitors import BY_NAME, FEWEST, MONITORS, Columns, Floats, Monitor, Value, columns, usual, values

ALPHA = 0.05
BASELINE = 42
"""Blocks that are taken as usual, where nobody says how many: six weeks."""
STEADY_BASELINE = 24
LEARNING = 3
"""One part in so many of the baseline is learned from, in whole rounds of kinds."""
EARLIER = 3
"""Earlier values of the same kind that a value needs to be ranked."""
COMPLETE = 0.5
"""A day in which fewer than this share of its weekday's usual hours were active is not compared: an outage, say."""
PRESENT = 0.7
"""A monitor takes part where so large a share of the baseline's blocks has a value."""

Series = Mapping[str, Sequence[Value]]
"""Each monitor's values, a block each."""


@dataclass(frozen=True, slots=True)
class Effect:
    """How large a difference is: what was usual for the same weekdays, and what was seen since."""

    before: float | None
    after: float | None
    size: float
    """After minus before; of a mixture the root of the mean squared distance beyond that of quiet days, in spreads."""


@dataclass(frozen=True, slots=True)
class Watched:
    """One monitor until a block: how strong its evidence is, since when, and how large the difference."""

    monitor: Monitor
    evidence: float
    """The log of its best bet's wealth since it began."""
    since: int
    effect: Effect

    @property
    def matters(self) -> bool:
        """Whether the difference is as large as one must be to count."""
        return abs(self.effect.size) >= self.monitor.floor


@dataclass(frozen=True)
class Vigil:
    """All that was watched."""

    calendar: Calendar
    blocks: tuple[int, ...]
    """The blocks that could be compared, in order; the first `baseline` of them are taken as usual."""
    baseline: int
    kinds: tuple[int, ...]
    series: Series
    bets: Mapping[str, Bets]
    """By monitor, over the places in `blocks`."""
    sums: Floats
    """The average sum after each block."""
    alpha: float
    alarm: int | None
    """The place in `blocks` at which the alarm was raised."""
    steps: Mapping[str, int]
    """By monitor, how far apart the blocks are that are bet on: 1 where neighbours are no more alike than others."""
    left_out: tuple[int, ...] = ()
    """Blocks with too few calls, or of which too many hours are missing."""

    @property
    def limit(self) -> float:
        """What the average sum must reach."""
        return threshold(self.alpha, self.calendar.horizon)

    @property
    def soonest(self) -> int | None:
        """Blocks that even the largest change would need, for a monitor with weekdays; None without monitors."""
        if not self.bets:
            return None
        rounds = self.baseline // self.calendar.kinds
        return soonest(self.alpha, self.calendar.horizon, len(self.bets), max(EARLIER, rounds))

    def watched(self, until: int) -> dict[str, Watched]:
        """Every monitor's evidence up to a place."""
        return {name: self._watched(name, until) for name in self.bets}

    def _watched(self, name: str, until: int) -> Watched:
        since, evidence = self.bets[name].began(until)
        return Watched(BY_NAME[name], evidence, since, self.effect(name, since, until))

    def effect(self, name: str, since: int, until: int) -> Effect:
        """How large the difference since a place is, against earlier blocks of the same kinds."""
        told = self.series[name]
        kinds = self.kinds if BY_NAME[name].weekly else (0,) * len(self.kinds)
        after = [at for at in range(since, until + 1) if told[at] is not None]
        before = [at for at in range(since) if told[at] is not None and at >= self._first(name)]
        here = {kinds[at] for at in after}
        usually = {k: _mean([told[at] for at in before if kinds[at] == k]) for k in here}
        known = [at for at in after if usually[kinds[at]] is not None]
        if not known:
            return Effect(None, None, 0.0)
        rest = np.array([np.subtract(told[at], usually[kinds[at]]) for at in known])  # type: ignore[arg-type]
        if BY_NAME[name].unit == "mixture":
            return _mixture_effect(rest, [told[at] for at in before], [kinds[at] for at in before], BY_NAME[name])
        base = float(np.mean([usually[kinds[at]] for at in known]))
        return Effect(base, base + float(rest.mean()), float(rest.mean()))

    def _first(self, name: str) -> int:
        return learning(self.baseline, self.calendar) if BY_NAME[name].learned else 0


def _mean(told: Sequence[Value]) -> Value:
    """The mean of numbers or of rows of numbers; None of nothing."""
    return np.array(told, np.float64).mean(axis=0) if told else None


def _mixture_effect(rest: Floats, before: Sequence[Value], kinds: Sequence[int], monitor: Monitor) -> Effect:
    """The largest difference of any column, on average since then, in its own spreads."""
    scale = spreads(np.array(before), kinds, monitor.smallest)
    return Effect(None, None, float(np.abs(rest.mean(axis=0) / scale).max()))


def learning(baseline: int, calendar: Calendar) -> int:
    """The blocks that are learned from: a third of the baseline, in whole weeks."""
    return max(1, baseline // LEARNING // calendar.kinds) * calendar.kinds


def least(calendar: Calendar) -> int:
    """The blocks that a baseline must have: what is learned from, and enough to be ranked among."""
    return (EARLIER + 2) * calendar.kinds if calendar.kinds > 1 else STEADY_BASELINE


def vigil(days: Days, *, baseline: int, since: int = 0, alpha: float = ALPHA, seed: int = 0) -> Vigil | None:
    """Watch the closed days from a block on; None where there are not more of them than the baseline takes."""
    usable, left_out = complete(days, since, baseline)
    if len(usable) < baseline:
        return None
    held = [columns(days.kept[block]) for block in usable]
    return over(usable, series(held, baseline, days.calendar), baseline, days.calendar, alpha, seed, left_out)


def series(held: Sequence[Columns], baseline: int, calendar: Calendar = WEEK) -> Series:
    """Every monitor's values, by what the first third of the baseline taught."""
    known = usual(held[: learning(baseline, calendar)])
    rows = [values(day, known) for day in held]
    return {m.name: [row[m.name] for row in rows] for m in MONITORS}


def over(
    blocks: Sequence[int],
    told: Series,
    baseline: int,
    calendar: Calendar = WEEK,
    alpha: float = ALPHA,
    seed: int = 0,
    left_out: Sequence[int] = (),
) -> Vigil:
    """Watch values that are there already, a place each in `blocks`."""
    kinds = tuple(calendar.kind(block) for block in blocks)
    start = learning(baseline, calendar)
    made: dict[str, Bets] = {}
    steps: dict[str, int] = {}
    for name, found in told.items():
        one = _One(BY_NAME[name], found, blocks, kinds, start if BY_NAME[name].learned else 0, baseline)
        if one.speaks:
            made[name], steps[name] = one.bets(seed), one.step
    sums = np.array([sum(b.at(at) for b in made.values()) / max(1, len(made)) for at in range(len(blocks))])
    quiet = Vigil(calendar, tuple(blocks), baseline, kinds, told, made, sums, alpha, None, steps, tuple(left_out))
    alarm = next((int(at) for at in np.flatnonzero(sums >= quiet.limit) if _matters(quiet, int(at))), None)
    return replace(quiet, alarm=alarm)


def _matters(found: Vigil, at: int) -> bool:
    """Whether the monitor with the most evidence differs by as much as counts."""
    watched = found.watched(at)
    return max(watched.values(), key=lambda w: found.bets[w.monitor.name].at(at)).matters


@dataclass(frozen=True)
class _One:
    """One monitor's values and what they are ranked among."""

    monitor: Monitor
    told: Sequence[Value]
    blocks: Sequence[int]
    kinds: Sequence[int]
    first: int
    baseline: int

    @cached_property
    def step(self) -> int:
        """One block in so many is bet on: more than 1 where neighbouring blocks resemble one another."""
        known = [at for at in range(self.first, self.baseline) if self.told[at] is not None]
        return memory(np.array([self.told[at] for at in known]), [self.kinds[at] for at in known])

    @property
    def speaks(self) -> bool:
        """Whether the baseline has values enough, as far apart as they must be."""
        told = [at for at in range(self.first, self.baseline) if self.told[at] is not None]
        if len(told) < PRESENT * (self.baseline - self.first):
            return False
        return (self.monitor.weekly and max(self.kinds) > 0) or len(told) // self.step > EARLIER

    def bets(self, seed: int) -> Bets:
        """The bets on every block behind the baseline that has a value and says something new."""
        ps, counts, places = [], [], []
        for at in range(self.baseline, len(self.blocks), self.step):
            same = self._same(at)
            if self.told[at] is None or len(same) <= EARLIER:
                continue
            scores = self._scores(same, at)
            ps.append(rank(scores[-1], scores[:-1], _chance(seed, self.monitor.name, self.blocks[at])))
            counts.append(len(same) - 1)
            places.append(at)
        side: Side = "high" if self.monitor.unit in ("mixture", "share") else "both"
        return bets(ps, counts, places, side=side)

    def _same(self, at: int) -> list[int]:
        """The blocks that one is ranked among, itself last: of its weekday, or of any day but so many apart."""
        known = [i for i in range(self.first, at + 1) if self.told[i] is not None]
        if self.monitor.weekly and max(self.kinds) > 0:
            return [i for i in known if self.kinds[i] == self.kinds[at]]
        return [i for i in known if (at - i) % self.step == 0]

    def _scores(self, same: Sequence[int], at: int) -> Floats:
        """What is ranked: numbers as they are, of mixtures how far each is from the others of its kind."""
        if self.monitor.unit != "mixture":
            return np.array([self.told[i] for i in same], np.float64)
        known = [i for i in range(self.first, at + 1) if self.told[i] is not None]
        rows, kinds = np.array([self.told[i] for i in known]), [self.kinds[i] for i in known]
        return apart(np.array([self.told[i] for i in same]), spreads(rows, kinds, self.monitor.smallest))


def _chance(seed: int, name: str, block: int) -> float:
    """What breaks a tie: by the seed, the monitor and the block alone, so that no reading changes it."""
    made = hashlib.sha256(f"{seed}:{name}:{block}".encode()).digest()
    return int.from_bytes(made[:6], "big") / (1 << 48)


def complete(days: Days, since: int, baseline: int) -> tuple[list[int], list[int]]:
    """The closed blocks that hold enough to be compared, and those that do not."""
    closed = sorted(b for b in days.kept if since <= b <= days.closed and not days.excused(b))
    if days.calendar.kinds == 1:
        return _parted(closed, lambda block: len(days.kept[block].calls.held) >= FEWEST)
    hours = {b: days.kept[b].hours.bit_count() for b in closed}
    by_kind: dict[int, list[int]] = {}
    for b in closed[:baseline]:
        by_kind.setdefault(days.calendar.kind(b), []).append(hours[b])
    usually = {kind: sorted(n)[len(n) // 2] for kind, n in by_kind.items()}

    def enough(block: int) -> bool:
        wanted = usually.get(days.calendar.kind(block), 0)
        return len(days.kept[block].calls.held) >= FEWEST and hours[block] >= COMPLETE * wanted

    return _parted(closed, enough)


def _parted(blocks: Sequence[int], holds: Callable[[int], bool]) -> tuple[list[int], list[int]]:
    kept = [b for b in blocks if holds(b)]
    return kept, [b for b in blocks if b not in set(kept)]
