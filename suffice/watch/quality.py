"""Quality on recent traffic: a random sample that people label, made worth more by the scores that the log holds.

Each draw is a look with its own share of the error, alpha / (k · (k + 1)) for the k-th, so that the intervals of all
looks, however many there will be, hold together at 1 - alpha. A look counts once every reply drawn has its label.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from ..audit.shown import mask
from ..errors import InputError
from ..exchange import Exchange
from ..labels import UNKNOWN, Labels
from ..stats.interval import mean_interval
from ..stats.ppi import powered_mean
from ..stats.sample import ENOUGH_GROUPS
from ..types import Json
from .days import LATEST, Calendar, Days
from .seen import ANCHOR, CANARY, identity, question

MOST = 20_000
"""Replies of the drawn days that are held, those of the smallest identities."""
RECENT = 28


@dataclass(frozen=True, slots=True)
class Draw:
    """One look: so many replies of these blocks, both ends included."""

    first: int
    last: int
    n: int
    seed: int


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply that can be drawn."""

    mark: int
    id: str
    input: str
    output: str
    score: float | None


@dataclass(frozen=True, slots=True)
class Quality:
    """What the mean score of recent replies is, by people."""

    estimate: float | None
    low: float
    high: float
    level: float
    look: int
    """Which draw this is: the k-th costs alpha / (k · (k + 1))."""
    labelled: int
    drawn: int
    scored: int
    """Replies that the log's scores speak for, beyond those labelled."""
    bias: float | None
    """How much higher the log's scores are than people's."""
    method: str
    reason: str = ""


def draws(days: Days) -> list[Draw]:
    """The looks so far."""
    return [Draw(**told) for told in days.settings.get("draws", [])]


def draw(days: Days, n: int, seed: int = 0) -> Draw:
    """A new look at the last closed blocks, 28 at most; it is remembered in the settings."""
    closed = [block for block in sorted(days.kept) if block <= days.closed][-RECENT:]
    if n < ENOUGH_GROUPS:
        raise InputError(f"{n} replies would tell nothing", hint=f"--draw {ENOUGH_GROUPS} or more")
    if not closed:
        raise InputError("no day is complete yet, so there is nothing to draw from", hint="give --logs")
    made = Draw(closed[0], closed[-1], n, seed)
    days.settings["draws"] = [*days.settings.get("draws", []), asdict(made)]
    return made


def drawable(exchanges: Iterable[Exchange], calendar: Calendar, chosen: Draw, stage: str = "") -> list[Reply]:
    """The replies of the drawn blocks in the order drawn, of which the first `n` are to be labelled."""
    held: dict[int, Reply] = {}
    for e in exchanges:
        if _counts(e, calendar, chosen, stage) and e.reply is not None:
            mark = identity(e)
            held[mark] = Reply(mark, f"{mark:012x}", question(e), e.reply.content, e.score)
            if len(held) > 2 * MOST:
                held = {key: held[key] for key in sorted(held)[:MOST]}
    kept = [held[key] for key in sorted(held)[:MOST]]
    return sorted(kept, key=lambda r: hashlib.sha256(f"{chosen.seed}:{chosen.last}:{r.mark}".encode()).digest())


def _counts(e: Exchange, calendar: Calendar, chosen: Draw, stage: str) -> bool:
    if e.kind != "model" or e.time is None or not 0 <= e.time < LATEST or not (e.reply and e.reply.content):
        return False
    if e.name.lower().startswith((CANARY, ANCHOR)) or (stage and e.name != stage):
        return False
    return chosen.first <= calendar.block(e.time) <= chosen.last


def to_label(replies: Sequence[Reply], chosen: Draw) -> list[dict[str, Json]]:
    """The rows for people to fill, what looks like a secret masked in what they read."""
    if len(replies) < chosen.n:
        raise InputError(f"the days hold {len(replies)} replies, {chosen.n} were asked for", hint="draw fewer")
    return [{"id": r.id, "input": mask(r.input), "output": mask(r.output), "score": None} for r in replies[: chosen.n]]


def quality(replies: Sequence[Reply], labels: Labels, chosen: Draw, look: int, alpha: float = 0.05) -> Quality:
    """The interval of a look: prediction-powered where the log scores two replies beyond those drawn."""
    spent = alpha / (look * (look + 1))
    drawn, rest = replies[: chosen.n], replies[chosen.n :]
    told = [_said_of(r, labels) for r in drawn]
    human = [score for score in told if score is not None]
    if len(drawn) < chosen.n:
        why = f"{len(drawn)} of the {chosen.n} replies drawn are in these logs: give those that were drawn from"
        return Quality(None, 0.0, 1.0, 1 - spent, look, len(human), chosen.n, 0, None, "none", why)
    if len(human) < len(drawn):
        why = f"{len(human)} of {len(drawn)} drawn replies are labelled; the look counts once all are"
        return Quality(None, 0.0, 1.0, 1 - spent, look, len(human), chosen.n, 0, None, "none", why)
    if len(rest) < 2 or all(r.score is None for r in replies):
        found = mean_interval(human, alpha=spent, seed=chosen.seed)
        return Quality(
            found.estimate, found.low, found.high, 1 - spent, look, len(human), chosen.n, 0, None, found.method
        )
    judge, others = ([UNKNOWN if r.score is None else r.score for r in part] for part in (drawn, rest))
    made = powered_mean(human, judge, others, alpha=spent)
    low, high = max(0.0, made.low), min(1.0, made.high)
    return Quality(
        made.estimate, low, high, made.level, look, len(human), chosen.n, made.judged, made.bias, made.method
    )


def _said_of(reply: Reply, labels: Labels) -> float | None:
    """What people said of a reply, of which they read no secret."""
    said = labels.of(reply.id, mask(reply.output))
    return labels.of(reply.id, reply.output) if said is None else said


def known(found: Quality | None) -> Mapping[str, Json] | None:
    """The quality as JSON."""
    return None if found is None else asdict(found)
