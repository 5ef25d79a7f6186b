"""The charts of an audit, as SVG in percent: bars over time or size, a bar of parts, a share with its limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from .numbers import percent

SHADES = 8


def bars(counts: Sequence[float], name: str, told: str) -> Markup:
    """One upright bar a count, the largest as tall as the picture; `told` says in words what it shows."""
    most, width = max(counts, default=0) or 1, 100 / max(1, len(counts))
    bar = Markup('<rect class="bar" x="{:.2f}%" y="{:.2f}%" width="{:.2f}%" height="{:.2f}%"/>')
    drawn = Markup("").join(
        bar.format(at * width, 100 * (1 - n / most), width * 0.86, 100 * n / most) for at, n in enumerate(counts) if n
    )
    frame = Markup(
        '<svg class="bars" width="100%" height="72" role="img" aria-labelledby="{name}-d">'
        '<desc id="{name}-d">{told}</desc>{drawn}</svg>'
    )
    return frame.format(name=name, told=told, drawn=drawn)


def stack(parts: Sequence[Mapping[str, Any]]) -> Markup:
    """Shares of a whole side by side, each in its own shade."""
    drawn, at = Markup(""), 0.0
    rect = Markup('<rect class="shade-{}" x="{:.2f}%" y="0" width="{:.2f}%" height="100%"/>')
    for number, part in enumerate(parts):
        drawn += rect.format(number % SHADES, 100 * at, 100 * part["share"])
        at += part["share"]
    told = ", ".join(f"{part['name']} {percent(part['share'])}" for part in parts)
    frame = Markup('<svg class="parts" width="100%" height="28" role="img" aria-label="{}">{}</svg>')
    return frame.format(told, drawn)


def range_bar(share: float | None, low: float | None, high: float | None, longest: float) -> Markup:
    """A share as a bar with its limits, on the scale of the largest limit shown."""
    if share is None:
        return Markup("")
    scale = longest or 1.0
    bar = Markup('<rect class="bar" x="0" y="5" height="8" width="{:.2f}%"/>').format(100 * min(1.0, share / scale))
    line = Markup("")
    if low is not None and high is not None:
        ends = 100 * min(1.0, low / scale), 100 * min(1.0, high / scale)
        line = Markup('<line class="interval" x1="{:.2f}%" x2="{:.2f}%" y1="9" y2="9"/>').format(*ends)
    return Markup('<svg class="range" width="100%" height="18" aria-hidden="true">{}{}</svg>').format(bar, line)
