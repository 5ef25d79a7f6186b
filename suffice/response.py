"""Response: how fast the final stack answers, stage by stage, alone and at the peak, for the verdict."""

from __future__ import annotations

from collections.abc import Mapping

from .afterwards import Afterwards
from .bills import Prices
from .digest import plain
from .evidence import Line
from .forecast import Forecast, forecast
from .latency import Latency, Peak, Percentiles, Stage, Timing, latency, timed
from .measures import Held
from .pricebook import Figure
from .sizing import timed as lines_of
from .stats.quantile import Quantile
from .types import Json

HERE = "on the machine that ran the climb, with whatever else ran there"


def response(of: Afterwards, kept: Held | None) -> dict[str, Json]:
    """The verdict's `latency`, null where no stack was kept or timed; nothing where records are older than it."""
    line = next(of.reading.evidence.of("figures"), None)
    if line is None or not any(model.get("at_once") for model in line["models"]):
        return {}
    times = timed(lines_of(of.reading, kept.test)) if kept else ()
    if kept is None or not sum(t.ms for t in times) > 0:
        return {"latency": None}
    seed, slo = of.plan["seed"], of.task["target"]["p95_ms"]
    found = latency(times, slo_ms=slo, seed=seed)
    return {"latency": in_verdict(found, _measured(of, kept, found), _peak(of, kept, line, times))}


def in_verdict(found: Latency, measured: str, ahead: Forecast | None) -> dict[str, Json]:
    """What was measured, how, and what is predicted of the peak, as a verdict holds it."""
    return {**_told(found), "measured": measured, "peak": None if ahead is None else _foreseen(ahead)}


def _measured(of: Afterwards, kept: Held, found: Latency) -> str:
    """Which requests these are, and how they were asked."""
    alone = any(x.get("test") == kept.test and x.get("unloaded") for x in of.reading.evidence.lines)
    how = "one at a time, past the reply cache" if alone else "several at a time, waiting for a turn left out"
    return f"{found.n} test items, asked {how}, {HERE}"


def _told(found: Latency) -> dict[str, Json]:
    return {
        "n": found.n,
        "whole": _percentiles(found.whole),
        "stages": [_stage(stage) for stage in found.stages],
        "tail_n": found.tail_n,
        "breaking": found.breaking.name if found.breaking else None,
        "words": found.words,
    }


def _percentiles(found: Percentiles) -> dict[str, Json]:
    each = {"p50": found.p50, "p95": found.p95, "p99": found.p99}
    return {**{name: _quantile(q) for name, q in each.items()}, "slo_ms": found.slo_ms, "kept": found.kept}


def _quantile(q: Quantile) -> dict[str, Json]:
    return {"estimate": q.estimate, "low": q.low, "high": q.high}


def _stage(stage: Stage) -> dict[str, Json]:
    own = {name: _quantile(q) for name, q in (("p50", stage.own.p50), ("p95", stage.own.p95), ("p99", stage.own.p99))}
    names = ("share", "tail_share", "tail_low", "tail_high", "leads", "p95_without_ms")
    return {"name": stage.name, "n": stage.n, **own, **{name: getattr(stage, name) for name in names}}


def _peak(of: Afterwards, kept: Held, line: Line, times: tuple[Timing, ...]) -> Forecast | None:
    """What the profile's busiest minutes do to it; None where no volume is known, or not how many it serves at once."""
    prices, per_day = Prices.read(line), of.task["profile"]["requests_per_day"]
    at_once = prices.tariff(of.reading.runs[kept.test]["stack"]["model"]).at_once
    if not per_day or not at_once:
        return None
    ahead = _busiest(per_day, prices.book.figure("peak"))
    slo, seed = of.task["target"]["p95_ms"], of.plan["seed"]
    return forecast([t.ms for t in times], at_once, ahead, slo_ms=slo, seed=seed)


def _busiest(per_day: float, figure: Figure) -> Peak:
    factor = max(1.0, figure.estimate)
    how = f"{figure.what} ({figure.source}, {figure.dated or 'undated'})"
    return Peak(per_day / 86_400 * factor, per_day, factor, how)


def _foreseen(found: Forecast) -> dict[str, Json]:
    at: Mapping[str, Json] = plain(found.at_peak)
    ahead = {name: at[name] for name in ("servers", "utilization", "p50_ms", "p95_ms", "p99_ms", "low_ms", "high_ms")}
    return {
        **plain(found.peak),
        **ahead,
        "capacity_per_s": found.capacity_per_s,
        "highest_per_s": found.highest_per_s,
        "machines": found.machines,
        "instead": found.servers,
        "kept": found.kept,
        "assumes": list(found.assumes),
        "words": found.words,
    }
