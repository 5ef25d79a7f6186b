"""A decision on a verdict as a record in Markdown: context, options measured, the decision, what it rests on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING

from ..types import Json
from .duty import cost, when
from .markdown import escaped

if TYPE_CHECKING:
    from ..history import Decision, Remembered
    from ..steward import Due


def record(decision: Decision, verdict: Remembered, duties: Sequence[Due]) -> str:
    """The record; what stands in names is shown as it is, never as markup."""
    return "\n".join(_lines(decision, verdict, duties)) + "\n"


def _lines(decision: Decision, verdict: Remembered, duties: Sequence[Due]) -> Iterator[str]:
    body, day = verdict.body, decision.at.date()
    stop = verdict.stop_at or "no rung"
    yield f"# {escaped(verdict.task)}: {escaped(stop)} {decision.chosen}"
    yield ""
    yield f"- Status: {decision.chosen}, {day} (UTC), by {escaped(decision.by)}"
    yield f"- Verdict: `{verdict.digest}`, given on {verdict.at.date()}"
    yield ""
    yield from _section("Context", [_whole(str(body["task"].get("goal") or "")), "", _whole(str(body["headline"]))])
    yield from _section("Options measured", _options(body["steps"]))
    yield from _section("Decision", [f"{escaped(stop)}: **{decision.chosen}**. {_whole(decision.because)}"])
    yield from _section(
        "Evidence", [f"- {name.replace('_', ' ')}: `{value}`" for name, value in decision.evidence.items() if value]
    )
    yield from _section("Duties that come with it", _duties(duties, decision))
    changes = [f"- {escaped(str(x))}" for x in body.get("what_would_change_this") or ["nothing that was measured"]]
    yield from _section("What would change it", changes)
    yield f"Hash of this decision and all before it: `{decision.hash}`"


def _whole(text: str) -> str:
    """A text of any length, as it is."""
    return "\n".join(escaped(line) for line in wrap(text, 250))


def _section(title: str, lines: Sequence[str]) -> Iterator[str]:
    yield f"## {title}"
    yield ""
    yield from lines
    yield ""


def _options(steps: Sequence[Mapping[str, Json]]) -> list[str]:
    rows = ["| Rung | Outcome | Quality | Lift | P95 (ms) | USD per 1,000 | Why |", "|---|---|---|---|--:|--:|---|"]
    for step in steps:
        found, quality = step.get("comparison"), step.get("quality")
        lift = f"{found['lift']:+.3f} ({found['low']:+.3f} to {found['high']:+.3f}), n {found['n']}" if found else ""
        held = f"{quality['estimate']:.3f} ({quality['low']:.3f} to {quality['high']:.3f})" if quality else ""
        cells = (escaped(str(step["rung"])), escaped(str(step["status"])), held, lift, _number(step.get("p95_ms")))
        rows.append(f"| {' | '.join((*cells, _number(step.get('usd_per_1k')), escaped(str(step['reason']))))} |")
    return rows


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _duties(duties: Sequence[Due], decision: Decision) -> list[str]:
    if not duties:
        return ["none"]
    rows = ["| Due | Duty | Owner | Cost (USD) |", "|---|---|---|--:|"]
    for due in duties:
        owner = escaped(due.owner or "nobody")
        rows.append(f"| {when(due, decision.at.date())} | {escaped(due.duty.what)} | {owner} | {cost(due.cost_usd)} |")
    return rows
