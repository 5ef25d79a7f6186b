"""The picture of times: a row a stage and for the whole, P50 within P95 within P99, and the limit as a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

FAR = 3.0
"""A limit so many times beyond the longest bar has no line: bars would shrink to nothing beside it."""
WIDTH = 97.0
"""Percent of the picture that the longest reaches."""


def rows(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each stage, the whole as it was measured, and the whole at the peak as it is predicted, on one scale."""
    whole, peak = found["whole"], found["peak"]
    told = [_row(s["name"], s) | {"share": (s["tail_share"], s["tail_low"], s["tail_high"])} for s in found["stages"]]
    told.append(_row("End to end", whole) | {"limit": whole["slo_ms"], "kind": "whole"})
    if peak is not None:
        ends = {"low": peak["low_ms"], "high": peak["high_ms"]}
        ahead = {p: {"estimate": peak[f"{p}_ms"], **(ends if p == "p95" else {})} for p in ("p50", "p95", "p99")}
        told.append(_row("At the peak, predicted", ahead) | {"limit": whole["slo_ms"], "kind": "whole ahead"})
    scale = _scale(told, whole["slo_ms"])
    return [{**row, "scale": scale} for row in told]


def time_bar(row: Mapping[str, Any]) -> Markup:
    """One row: three bars inside each other, the limits of P95 as a thin line, and what P95 may be."""
    bar = Markup('<rect class="{name}" x="0" y="4" height="14" width="{width}"/>')
    drawn = [bar.format(name=p, width=_at(row[p], row)) for p in ("p99", "p95", "p50") if row[p] is not None]
    if row["low"] is not None and row["high"] is not None:
        ends = _at(row["low"], row), _at(row["high"], row)
        drawn.append(Markup('<line class="interval" x1="{}" x2="{}" y1="11" y2="11"/>').format(*ends))
    if row["limit"] is not None and row["limit"] <= row["scale"]:
        drawn.append(Markup('<line class="slo" x1="{0}" x2="{0}" y1="0" y2="22"/>').format(_at(row["limit"], row)))
    shape = Markup('<svg class="stage {}" width="100%" height="22" aria-hidden="true">{}</svg>')
    return shape.format(row["kind"], Markup("").join(drawn))


def limit_far(found: Mapping[str, Any]) -> str:
    """That the limit lies beyond the picture, where it does."""
    told = rows(found)
    return "" if found["whole"]["slo_ms"] <= told[-1]["scale"] else " (far beyond this picture)"


def _row(name: str, of: Mapping[str, Any]) -> dict[str, Any]:
    found = {p: of[p]["estimate"] for p in ("p50", "p95", "p99")}
    ends = {end: of["p95"].get(end) for end in ("low", "high")}
    return {"name": name, **found, **ends, "limit": None, "kind": "", "share": None}


def _scale(told: Sequence[Mapping[str, Any]], limit: float | None) -> float:
    """The longest bar, or the limit where it is not far beyond."""
    longest = max((row[p] for row in told for p in ("p95", "p99", "high") if row[p] is not None), default=0.0)
    near = limit is not None and limit <= FAR * longest
    return max(longest, limit or 0.0) if near else longest


def _at(value: float, row: Mapping[str, Any]) -> str:
    return f"{WIDTH * min(1.0, value / (row['scale'] or 1.0)):.2f}%"
