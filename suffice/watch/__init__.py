"""Watch: whether traffic is still what it was, what kind of drift it is where it is not, and what to do about it.

Per day (the unit, because calls of one day resemble one another) every monitor has a value, which is ranked among
earlier days of the same weekday. The bets on these ranks (`stats/detector.py`) raise an alarm together.

What is guaranteed: while, within each weekday, days are exchangeable and independent of other days, one monitor raises
a false alarm in the first 28 days behind the baseline with chance alpha at most, and one in 28 / alpha days on average.
For all monitors together the same follows where each one's bets are fair given the past of all; that is not proven for
monitors that depend on one another in any way, and is measured instead (docs/watch.md). Daily and weekly rhythm,
overdispersion between days and skewed values do not matter. Days that carry over into the next are not covered; where
the baseline shows that they do, only days so far apart are bet on that they no longer do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from ..errors import InputError
from ..exchange import Exchange
from ..pricebook import Book, book
from ..types import Json
from . import advice
from .days import Calendar, Days
from .monitors import MONITORS
from .naming import UNKNOWN, Fact, Named, facts, named
from .vigil import ALPHA, BASELINE, STEADY_BASELINE, Vigil, complete, learning, least, vigil

Standing = Literal["waiting", "quiet", "alarm"]


@dataclass(frozen=True)
class Watch:
    """What is known of the traffic so far."""

    standing: Standing
    """waiting: the baseline is not complete; quiet: no alarm; alarm: one stands, and nothing more is tested."""
    headline: str
    days: Days
    baseline: int
    alpha: float
    vigil: Vigil | None
    name: Named | None
    facts: tuple[Fact, ...]
    proposals: tuple[advice.Proposal, ...]

    @property
    def alarmed_on(self) -> str | None:
        """The day of the alarm."""
        found = self.vigil
        return None if found is None or found.alarm is None else self.days.calendar.when(found.blocks[found.alarm])

    @property
    def since(self) -> str | None:
        """The day at which the change is dated, about."""
        if self.vigil is None or self.name is None:
            return None
        return self.days.calendar.when(self.vigil.blocks[self.name.since])


def watch(
    days: Days,
    exchanges: Iterable[Exchange] = (),
    *,
    since: str | None = None,
    baseline: int | None = None,
    alpha: float | None = None,
    without: Sequence[tuple[str, str]] = (),
    layers: Sequence[str] = (),
    figures: Book | None = None,
    seed: int = 0,
) -> Watch:
    """Take what is new into `days`, and say how things stand.

    `since` (an ISO date, UTC) begins a new baseline there: what was changed on purpose, or accepted, is then usual.
    `without` leaves days out, both ends included: a drift that was put right, after which the old baseline still holds.
    What is said of it, of the baseline and of alpha holds until something else is said. Reading logs that overlap, or
    part by part, comes to the same as reading them once. The seed, which breaks ties, is that of the first look.
    """
    before, seen = dict(days.settings), days.closed
    days.take(exchanges)
    if without:
        spans = [[_block(days.calendar, day, "--without") for day in span] for span in without]
        days.settings["without"] = [*days.settings.get("without", []), *spans]
    first = _settled(days, since, baseline, alpha)
    length, level = int(days.settings["baseline"]), float(days.settings["alpha"])
    found = vigil(days, baseline=length, since=first, alpha=level, seed=days.settings.setdefault("seed", seed))
    _revised(days, before, seen, found)
    told = facts(found, days.kept) if found is not None else ()
    name = named(found, told) if found is not None else None
    proposed = advice.proposals(name.kinds, layers, figures or book()) if name is not None else ()
    made = Watch("quiet", "", days, length, level, found, name, told, proposed)
    standing, headline = _standing(made, first)
    return replace(made, standing=standing, headline=headline)


def _settled(days: Days, since: str | None, baseline: int | None, alpha: float | None) -> int:
    """What was said, now or before, written into the settings; the first block that counts."""
    calendar, kept = days.calendar, days.settings
    usual = BASELINE if calendar.kinds > 1 else STEADY_BASELINE
    kept["since"] = since if since is not None else kept.get("since")
    kept["baseline"] = baseline if baseline is not None else kept.get("baseline", usual)
    kept["alpha"] = alpha if alpha is not None else kept.get("alpha", ALPHA)
    if not 0 < kept["alpha"] <= 0.5:
        raise InputError(f"a rate of false alarms of {kept['alpha']:g} says nothing", hint="--alpha 0.05")
    if kept["baseline"] < least(calendar):
        hint = f"at least {least(calendar)}: what is usual is learned from a third, and the rest is compared with"
        raise InputError(f"a baseline of {kept['baseline']} blocks is too short", hint=hint)
    if kept["since"] is None:
        return min(days.kept, default=0) + (1 if calendar.kinds > 1 else 0)  # the first day may have begun before
    return _block(calendar, kept["since"], "--since")


def _revised(days: Days, before: Mapping[str, Json], seen: int, found: Vigil | None) -> None:
    """Count the times that other settings were chosen for days that had been looked at: no rate holds for those."""
    kept = days.settings
    changed = [k for k in ("since", "baseline", "alpha") if "alpha" in before and before.get(k) != kept.get(k)]
    if changed and found is not None and any(block <= seen for block in found.blocks[found.baseline :]):
        kept["revised"] = before.get("revised", 0) + 1
    elif "since" in changed:
        kept["revised"] = 0  # a new baseline, and not a day behind it was known when it was chosen


def _block(calendar: Calendar, day: str, option: str) -> int:
    """The block of a date, UTC."""
    try:
        at = datetime.fromisoformat(day)
    except ValueError as wrong:
        raise InputError(f"`{day[:40]}` is no date", hint=f"{option} takes dates such as 2026-11-01") from wrong
    return calendar.block(at.replace(tzinfo=at.tzinfo or UTC).timestamp())


def _standing(made: Watch, first: int) -> tuple[Standing, str]:
    """How things stand, in a word and in a sentence."""
    unit, found = made.days.calendar.unit, made.vigil
    if found is None:
        n = len(complete(made.days, first, made.baseline)[0])
        return "waiting", f"cannot tell yet: {n} of {made.baseline} {unit}s of the baseline are there"
    if not found.bets:
        return "waiting", "cannot tell: no monitor has values enough in the baseline"
    if made.name is None:
        behind = len(found.blocks) - found.baseline
        return "quiet", f"no drift: {len(found.bets)} monitors over {behind} {unit}s behind the baseline"
    kinds = " and ".join("of a kind that nothing tells" if k == UNKNOWN else k for k in made.name.kinds)
    still = "" if made.name.settled else " (the name is still open)"
    return "alarm", f"drift: {kinds}{still}, since about {made.since}"


def due_on(made: Watch) -> datetime | None:
    """When somebody must have looked: two weeks after the alarm."""
    if made.alarmed_on is None:
        return None
    return datetime.fromisoformat(made.alarmed_on) + timedelta(days=advice.NOTICE)


def body_of(made: Watch) -> dict[str, Json]:
    """Everything as JSON."""
    found, calendar = made.vigil, made.days.calendar
    return {
        "standing": made.standing,
        "headline": made.headline,
        "blocks": _blocks(made),
        "rate": _rate(made),
        "monitors": [] if found is None else _monitors(found, made.name, calendar),
        "not_watched": [] if found is None else [m.name for m in MONITORS if m.name not in found.bets],
        "alarm": None if found is None or made.name is None else _alarm(made, found, made.name),
        "facts": [{**asdict(f), "block": calendar.when(f.block)} for f in made.facts],
        "proposals": [asdict(p) for p in made.proposals],
        "settings": _settings(made.days),
    }


def _settings(days: Days) -> dict[str, Json]:
    """What holds until something else is said."""
    spans = [[days.calendar.when(block) for block in span] for span in days.settings.get("without", [])]
    return {**{name: days.settings.get(name) for name in ("since", "baseline", "alpha", "seed")}, "without": spans}


def _blocks(made: Watch) -> dict[str, Json]:
    found, days = made.vigil, made.days
    kept = sorted(days.kept)
    return {
        "unit": days.calendar.unit,
        "first": days.calendar.when(kept[0]) if kept else None,
        "last_closed": days.calendar.when(days.closed) if kept and days.closed >= kept[0] else None,
        "calls": sum(day.calls.estimate for day in days.kept.values()),
        "baseline": made.baseline,
        "learned_from": learning(made.baseline, days.calendar),
        "watched": 0 if found is None else len(found.blocks) - found.baseline,
        "left_out": [] if found is None else [days.calendar.when(b) for b in found.left_out],
        "late_calls": days.late,
        "calls_without_time": days.timeless,
    }


def _rate(made: Watch) -> dict[str, Json]:
    horizon, unit, found = made.days.calendar.horizon, made.days.calendar.unit, made.vigil
    revised = int(made.days.settings.get("revised", 0))
    times = "once" if revised == 1 else f"{revised} times"
    chosen = (
        f"; but settings were chosen anew {times} after a look, and it holds for those named before" if revised else ""
    )
    return {
        "alpha": made.alpha,
        "horizon": horizon,
        "words": (
            f"all monitors together: chance {made.alpha:.0%} at most of a false alarm in {horizon} quiet "
            f"{unit}s, and {horizon / made.alpha:,.0f} {unit}s before one on average{chosen}"
        ),
        "revised": revised,
        "assumes": (
            "within each weekday, days are exchangeable and independent of other days"
            if made.days.calendar.kinds > 1
            else "blocks are exchangeable, as far apart as each monitor's baseline shows that they must be: no rhythm"
        )
        + "; over several monitors, that each bets fairly given the past of all",
        "evidence": None if found is None or not len(found.sums) else float(found.sums[_until(found)]),
        "limit": None if found is None else found.limit,
        "soonest": None if found is None else found.soonest,
    }


def _until(found: Vigil) -> int:
    return len(found.blocks) - 1 if found.alarm is None else found.alarm


def _monitors(found: Vigil, name: Named | None, calendar: Calendar) -> list[dict[str, Json]]:
    at = name.at if name is not None else len(found.blocks) - 1
    moved: Mapping[str, object] = name.moved if name is not None else {}
    rows = []
    for key, w in found.watched(at).items():
        shown = name.moved[key] if name is not None and key in moved else w
        rows.append(
            {
                "name": key,
                "kind": w.monitor.kind,
                "what": w.monitor.what,
                "unit": w.monitor.unit,
                "every": found.steps[key],
                "log_evidence": shown.evidence,
                "moved": key in moved,
                "since": calendar.when(found.blocks[shown.since]),
                "before": shown.effect.before,
                "after": shown.effect.after,
                "size": shown.effect.size,
                "floor": w.monitor.floor,
            }
        )
    return rows


def _alarm(made: Watch, found: Vigil, name: Named) -> dict[str, Json]:
    return {
        "on": made.alarmed_on,
        "since": made.since,
        "named_on": made.days.calendar.when(found.blocks[name.at]),
        "settled": name.settled,
        "kinds": list(name.kinds),
        "names": [asdict(one) for one in name.names],
        "still": list(name.still),
    }
