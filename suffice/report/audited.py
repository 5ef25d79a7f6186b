"""Render an audit as one HTML file that needs nothing else: no script, no request, every text from logs escaped."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..artifacts import write_whole
from ..errors import InputError
from .page import cleaned, pages, sealed

NEEDED = ("calls", "headline", "signs", "stages", "traffic", "prefix", "advice", "basis")


def render(body: Mapping[str, Any], path: Path) -> Path:
    """Write the page of an audit (the content of `audit.json`) to `path`, whole or not at all."""
    if missing := [name for name in NEEDED if name not in body]:
        raise InputError(f"not an audit of format 1: `{missing[0]}` is missing", hint="give what `suffice audit` wrote")
    clean = cleaned(body)
    page = pages().get_template("audit.html").render(a=clean, **sealed("style.css", "audit.css"), **_views(clean))
    write_whole(path, page.encode("utf-8"))
    return path


def _views(a: Mapping[str, Any]) -> Mapping[str, Any]:
    """The parts of an audit by the places where the page shows them."""
    seen = sorted((s for s in a["signs"] if s["n"]), key=lambda s: -(s["share"] or 0.0))
    return {
        "seen": seen,
        "widest": max((s["high"] or 0.0 for s in seen if s["count"]), default=0.0),
        "unseen": [s for s in a["signs"] if not s["n"]],
        "read": [s for s in seen if s["shown"]],
        "slowest": max((s["ms"]["p95"]["estimate"] for s in a["stages"] if s["ms"]), default=0.0),
        "timed": [s for s in a["stages"] if s["ms"]],
        "titles": {s["name"]: s["title"] for s in a["signs"]},
        "parts": sorted(a["anatomy"], key=lambda p: -p["share"]),
    }
