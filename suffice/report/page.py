"""Render a verdict as one HTML file that needs nothing else: no request, every text from data escaped.

No script runs in it but the sliders' (see sliders.py), which the page can do without.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ..artifacts import write_whole
from ..errors import InputError
from . import chart, numbers, picture, sliders, times

TEMPLATES = Path(__file__).parent / "templates"
SCHEMAS = Path(__file__).parent.parent / "schemas"

_UNSHOWABLE = "\ufffd"
_BIDI = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def render(body: Mapping[str, Any], path: Path) -> Path:
    """Write the page of a verdict (the content of `verdict.json`) to `path`, whole or not at all."""
    clean = cleaned(body)
    check(clean, "verdict", "climb")
    page = (
        pages()
        .get_template("report.html")
        .render(v=clean, **sealed("style.css"), **sliders.sliding(clean), **_views(clean))
    )
    write_whole(path, page.encode("utf-8"))
    return path


def sealed(*names: str) -> Mapping[str, str]:
    """Our own style sheets as one, and the hash by which the page's policy lets that one in and no other."""
    style = Markup("".join((TEMPLATES / name).read_text("utf-8") for name in names))  # noqa: S704  # our own files
    return {"style": style, "seal": base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}


def check(body: Mapping[str, Any], kind: str, command: str) -> None:
    """Raise where a body does not meet the schema of its kind, which a command writes."""
    import jsonschema_rs

    schema = json.loads((SCHEMAS / f"{kind}.schema.json").read_text("utf-8"))
    for wrong in jsonschema_rs.validator_for(schema).iter_errors(body):
        place = ".".join(str(part) for part in wrong.instance_path) or f"the {kind}"
        message = f"not a {kind} of format 1: {place}: {wrong.message[:300]}"
        raise InputError(message, hint=f"give a {kind}.json that `suffice {command}` wrote")


def _views(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The parts of a verdict by the places where the page shows them."""
    final = next((s for s in body["steps"] if s["rung"] == body["stop_at"]), None)
    return {
        "final": final,
        "failures": _grouped(body["failures"]),
        "reasons": _reasons(body["steps"]),
        "measured": [s for s in body["steps"] if s["p50_ms"] is not None or s["calls"]],
        "edges": [s for s in body["steps"] if s["edge"]],
        "longest": _longest(final["stages"] if final else ()),
    }


def _reasons(steps: Sequence[Mapping[str, Any]]) -> list[list[tuple[int, Mapping[str, Any]]]]:
    """Numbered steps, neighbours together that were left alone for the same reason."""
    found: list[list[tuple[int, Mapping[str, Any]]]] = []
    for number, step in enumerate(steps, 1):
        last = found[-1][-1][1] if found else None
        idle = not (step["gates"] or step["ceiling"] or step["variants"] or step["quality"])
        if last and idle and (last["status"], last["reason"], last["gates"]) == (step["status"], step["reason"], []):
            found[-1].append((number, step))
        else:
            found.append([(number, step)])
    return found


HEADINGS = {"dev": "On dev", "test": "On test", "edge": "On unusual input"}


def _grouped(failures: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, list[Mapping[str, Any]]]]:
    """Failures by where they come from and why they fail: those whose cause is known first."""
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for failure in failures:
        found[(failure.get("part", "test"), failure["cause"] or "")].append(failure)
    ranked = sorted(found.items(), key=lambda group: (not group[0][1], group[0][0]))
    return [(part, HEADINGS[part] + (f": {cause}" if cause else ""), items) for (part, cause), items in ranked]


def _longest(stages: Sequence[Mapping[str, Any]]) -> float:
    return max((stage["p95_ms"] or 0.0 for stage in stages), default=0.0)


@cache
def pages() -> Environment:
    """The templates, everything in them escaped, with the filters that write numbers and the pictures."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda value: numbers.ABSENT if value is None else value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    written = (numbers.share, numbers.signed, numbers.percent, numbers.fine, numbers.small, numbers.count)
    timed = (numbers.milliseconds, numbers.seconds, numbers.dollars, numbers.signed_dollars, numbers.rate, numbers.when)
    made.filters.update({f.__name__: f for f in (*written, *timed, numbers.figure, _text)})
    drawn = (picture.track, picture.axis, picture.goal_label, picture.lift, picture.cause_bar, picture.stage_bar)
    curves = (picture.curve_of, picture.deferral_of, picture.loss, picture.loss_axis)
    charts = (chart.bars, chart.stack, chart.range_bar, times.time_bar, times.limit_far)
    made.globals.update({f.__name__: f for f in (*drawn, *curves, *charts, sliders.attribute)}, time_rows=times.rows)
    return made


def _text(value: Any) -> str:
    """A value from data as people read it: text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)


def cleaned(value: Any) -> Any:
    """The same data with characters that no page can show, or that turn the reading order, made visible."""
    if isinstance(value, str):
        return "".join(map(_visible, value))
    if isinstance(value, Mapping):
        return {cleaned(str(key)): cleaned(item) for key, item in value.items()}
    return [cleaned(item) for item in value] if isinstance(value, list | tuple) else value


def _visible(character: str) -> str:
    if character in _BIDI:
        return f"[U+{ord(character):04X}]"
    hidden = (ord(character) < 32 and character not in "\t\n") or 0x7F <= ord(character) < 0xA0
    return _UNSHOWABLE if hidden or 0xD800 <= ord(character) < 0xE000 else character
