"""The pictures: the ladder's tracks, the bars of causes and stages, as SVG in percent, so that any width fits."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from markupsafe import Markup

from .numbers import count, percent, share, signed

TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)


def track(step: Mapping[str, Any], target: Mapping[str, Any], number: int) -> Markup:
    """One rung's row: target line and tolerance band, the estimate made beforehand, the quality with its interval."""
    marks = Markup("").join((_grid(), _goal(target), _ceiling(step["ceiling"]), _quality(step["quality"])))
    return _svg("track", f"track-{number}", f"Quality at {step['title']}", _told(step, target), marks)


def axis() -> Markup:
    """The scale under the ladder, from 0 to 1."""
    texts = Markup("").join(
        Markup('<text x="{}" y="14" class="{}">{}</text>').format(_at(tick), _anchor(tick), f"{tick:g}")
        for tick in TICKS
    )
    return Markup('<svg class="axis" width="100%" height="20" aria-hidden="true">{}</svg>').format(texts)


def goal_label(target: Mapping[str, Any]) -> Markup:
    """The words above the target line."""
    quality = target["quality"]
    if quality is None:
        return Markup("")
    label = Markup('<text x="{}" y="13" class="goal {}">target {}</text>')
    text = label.format(_at(quality), _anchor(quality), share(quality))
    return Markup('<svg class="axis" width="100%" height="20" aria-hidden="true">{}</svg>').format(text)


def lift(comparison: Mapping[str, Any], smallest: float | None, number: int) -> Markup:
    """A comparison's lift with its interval around zero, and the smallest lift worth having."""
    low, high, value = comparison["low"], comparison["high"], comparison["lift"]
    told = f"Lift {signed(value)}, between {signed(low)} and {signed(high)}."
    zero = Markup(
        '<text x="8" y="20">worse</text><text x="100%" dx="-8" y="20" class="end">better</text>'
        '<line class="zero" x1="50%" x2="50%" y1="0" y2="100%"/>'
    )
    wanted = Markup("")
    if smallest is not None:
        wanted = Markup('<line class="wanted" x1="{0}" x2="{0}" y1="0" y2="100%"/>').format(_around(smallest))
    line = Markup("")
    if low is not None and high is not None:
        line = Markup('<line class="interval" x1="{}" x2="{}" y1="50%" y2="50%"/>').format(_around(low), _around(high))
    dot = Markup("")
    if value is not None:
        dot = Markup('<circle class="dot" cx="{}" cy="50%" r="5"/>').format(_around(value))
    return _svg("lift", f"lift-{number}", "Lift", told, zero + wanted + line + dot)


def loss(form: Mapping[str, Any], margin: float, wide: float, number: int) -> Markup:
    """A form's lift with its interval on a scale from -`wide` to `wide`; the loss that is tolerated is shaded."""
    low, high, value = form["low"], form["high"], form["lift"]
    ends = _around(-margin / wide), _at(margin / wide / 2)
    marks = Markup('<rect class="band" x="{}" width="{}" y="0" height="100%"/>').format(*ends)
    marks += Markup('<line class="grid" x1="50%" x2="50%" y1="0" y2="100%"/>')
    marks += Markup('<line class="target" x1="{0}" x2="{0}" y1="0" y2="100%"/>').format(ends[0])
    told = "Not asked."
    if value is not None:
        told = f"{signed(value)}, between {signed(low)} and {signed(high)}; tolerated: {signed(-margin)}."
        if low is not None and high is not None:
            ends = _around(low / wide), _around(high / wide)
            marks += Markup('<line class="interval" x1="{}" x2="{}" y1="50%" y2="50%"/>').format(*ends)
        marks += Markup('<circle class="dot" cx="{}" cy="50%" r="6"/>').format(_around(value / wide))
    return _svg("track", f"loss-{number}", f"Lift of {form['title']}", told, marks)


def loss_axis(margin: float, wide: float) -> Markup:
    """The scale under the forms: both ends, no difference, and the tolerated loss where it has room."""
    places = [-wide, 0.0, wide] + ([-margin] if 0.16 < margin / wide < 0.84 else [])
    text = Markup('<text x="{}" y="14" class="{}">{}</text>')
    words = [text.format(_around(at / wide), _anchor(0.5 + at / wide / 2), signed(at) if at else "0") for at in places]
    drawn = Markup("").join(words)
    return Markup('<svg class="axis" width="100%" height="20" aria-hidden="true">{}</svg>').format(drawn)


def cause_bar(finding: Mapping[str, Any], number: int) -> Markup:
    """A cause's share of the failures with its interval, and below it how often the placebo fixed the same failures."""
    told = f"{finding['cause']}: {percent(finding['share'])} of the failures."
    bar = Markup('<rect class="bar" x="0" y="4" height="14" width="{}"/>').format(_at(finding["share"] or 0.0))
    line = Markup("")
    if finding["low"] is not None and finding["high"] is not None:
        ends = _at(finding["low"]), _at(finding["high"])
        line = Markup('<line class="interval" x1="{}" x2="{}" y1="11" y2="11"/>').format(*ends)
    sham = finding["sham_fixed"] / finding["failures"] if finding["failures"] else 0.0
    placebo = Markup('<rect class="sham" x="0" y="21" height="5" width="{}"/>').format(_at(sham))
    return _svg("cause", f"cause-{number}", f"Failures by cause: {finding['cause']}", told, bar + line + placebo)


def curve_of(found: Mapping[str, Any], target: float | None) -> Markup:
    """A learning curve: the score over the rows on a scale that doubles, what is predicted dashed."""
    measured, predicted = found["measured"], found["predicted"]
    points = [*((at, "") for at in measured), *((at, "foreseen") for at in predicted)]
    least, most = (math.log(points[end][0]["rows"]) for end in (0, -1))
    lowest = _lowest([at["low"] for at, _ in points])
    marks = _levels(lowest, target)
    for at, kind in points:
        x = _along((math.log(at["rows"]) - least) / (most - least or 1.0))
        marks += _point(at, x, lowest, kind)
        marks += Markup('<text x="{}" y="99%" class="middle">{}</text>').format(x, count(at["rows"]))
    told = "; ".join(f"{at['rows']} rows: {share(at['estimate'])}" for at, _ in points)
    return _svg("curve", "learning-curve", "Score over rows learned from", told, marks)


def _point(at: Mapping[str, Any], x: str, lowest: float, kind: str) -> Markup:
    ends = [_up(at[end], lowest) for end in ("low", "high")]
    line = Markup('<line class="interval {}" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(kind, x, x, *ends)
    return line + Markup('<circle class="dot {}" cx="{}" cy="{}" r="5"/>').format(kind, x, _up(at["estimate"], lowest))


def deferral_of(found: Mapping[str, Any]) -> Markup:
    """The score of student and teacher together over the share that the student answers itself."""
    steps = found["steps"]
    lowest = _lowest([step["quality"] for step in steps])
    places = [(_along(step["answered"]), _up(step["quality"], lowest)) for step in steps]
    marks = _levels(lowest, None)
    for (x, y), (then, there) in pairwise(places):
        marks += Markup('<line class="path" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(x, then, y, there)
    kept = [place for step, place in zip(steps, places, strict=True) if step["threshold"] == found["threshold"]]
    marks += Markup("").join(Markup('<circle class="dot" cx="{}" cy="{}" r="5"/>').format(*place) for place in kept)
    scale = (_along(tick) for tick in TICKS)
    label = Markup('<text x="{}" y="99%" class="middle" aria-hidden="true">{}</text>')
    marks += Markup("").join(label.format(x, percent(tick)) for x, tick in zip(scale, TICKS, strict=True))
    told = "; ".join(f"{percent(s['answered'])} answered: {share(s['quality'])}" for s in steps[::5])
    return _svg("curve", "deferral-curve", "Score over the share the student answers", told, marks)


def _lowest(values: Sequence[float]) -> float:
    """Where the scale begins: at the tenth below the lowest value, and below nine tenths."""
    return max(0.0, min(0.8, math.floor(min(values) * 10) / 10))


def _levels(lowest: float, target: float | None) -> Markup:
    """Level lines of a curve down from 1, and the target's; a level that lies at the target has no label of its own."""
    line = Markup('<line class="{}" x1="0" x2="100%" y1="{y}" y2="{y}"/>')
    label = Markup('<text x="2" y="{}" dy="-3" class="{}" aria-hidden="true">{}</text>')
    wide = 1 - lowest
    step = 0.05 if wide < 0.25 else 0.1 if wide < 0.55 else 0.2
    levels = [1 - step * n for n in range(math.floor(wide / step + 1e-9) + 1)]
    apart = [level for level in levels if target is None or abs(level - target) > wide / 12]
    drawn = Markup("").join(line.format("grid", y=_up(level, lowest)) for level in levels)
    drawn += Markup("").join(label.format(_up(level, lowest), "", share(level)) for level in apart)
    if target is None:
        return drawn
    y = _up(target, lowest)
    return drawn + line.format("target", y=y) + label.format(y, "goal", "target")


def stage_bar(stage: Mapping[str, Any], longest: float) -> Markup:
    """One stage's median inside its 95th percentile, on the scale of the longest stage."""
    wide, near = ((stage[key] or 0.0) / (longest or 1.0) for key in ("p95_ms", "p50_ms"))
    bars = Markup('<rect class="p95" y="4" height="10" width="{}"/><rect class="p50" y="4" height="10" width="{}"/>')
    shape = Markup('<svg class="stage" width="100%" height="18" aria-hidden="true">{}</svg>')
    return shape.format(bars.format(_at(wide), _at(near)))


def _svg(kind: str, name: str, title: str, told: str, marks: Markup) -> Markup:
    frame = Markup(
        '<svg class="{kind}" width="100%" role="img" aria-labelledby="{name}-t {name}-d">'
        '<title id="{name}-t">{title}</title><desc id="{name}-d">{told}</desc>{marks}</svg>'
    )
    return frame.format(kind=kind, name=name, title=title, told=told, marks=marks)


def _grid() -> Markup:
    line = Markup('<line class="grid" x1="{0}" x2="{0}" y1="0" y2="100%"/>')
    return Markup("").join(line.format(_at(tick)) for tick in TICKS)


def _goal(target: Mapping[str, Any]) -> Markup:
    if target["quality"] is None:
        return Markup("")
    enough = max(0.0, target["quality"] - target["tolerance"])
    band = Markup('<rect class="band" x="{}" width="{}" y="0" height="100%"/>')
    line = Markup('<line class="target" x1="{0}" x2="{0}" y1="0" y2="100%"/>')
    return band.format(_at(enough), _at(target["quality"] - enough)) + line.format(_at(target["quality"]))


def _ceiling(ceiling: Mapping[str, Any] | None) -> Markup:
    if ceiling is None or ceiling["estimate"] is None:
        return Markup("")
    line = Markup("")
    if ceiling["low"] is not None and ceiling["high"] is not None:
        ends = _at(ceiling["low"]), _at(ceiling["high"])
        line = Markup('<line class="guess" x1="{}" x2="{}" y1="75%" y2="75%"/>').format(*ends)
    mark = Markup('<svg x="{}" y="75%" class="at"><path class="guessed" d="M0-4.5 4.5 0 0 4.5-4.5 0z"/></svg>')
    return line + mark.format(_at(ceiling["estimate"]))


def _quality(quality: Mapping[str, Any] | None) -> Markup:
    if quality is None or quality["estimate"] is None:
        return Markup("")
    line = Markup("")
    if quality["low"] is not None and quality["high"] is not None:
        low, high = _at(quality["low"]), _at(quality["high"])
        line = Markup('<line class="interval" x1="{}" x2="{}" y1="40%" y2="40%"/>').format(low, high)
    return line + Markup('<circle class="dot" cx="{}" cy="40%" r="6"/>').format(_at(quality["estimate"]))


def _told(step: Mapping[str, Any], target: Mapping[str, Any]) -> str:
    quality, ceiling = step["quality"], step["ceiling"]
    said = ["Not measured."]
    if quality:
        said = [f"{share(quality['estimate'])}, between {share(quality['low'])} and {share(quality['high'])}."]
    if ceiling:
        said.append(f"Estimated beforehand: {share(ceiling['estimate'])}.")
    if target["quality"] is not None:
        said.append(f"Target: {share(target['quality'])}.")
    return " ".join(said)


def _at(value: float) -> str:
    return f"{min(1.0, max(0.0, value)) * 100:.2f}%"


def _along(value: float) -> str:
    """A place across a curve, right of the labels of its levels."""
    return f"{14 + 80 * value:.2f}%"


def _up(value: float, lowest: float) -> str:
    """A height in a curve: 1 is near the top, the lowest leaves room for the scale below."""
    within = (min(1.0, max(lowest, value)) - lowest) / (1 - lowest)
    return f"{8 + (1 - within) * 76:.2f}%"


def _around(value: float) -> str:
    return _at(0.5 + value / 2)


def _anchor(value: float) -> str:
    return "start" if value < 0.1 else "end" if value > 0.9 else "middle"
