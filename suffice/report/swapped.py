"""Render a swap as one HTML file that needs nothing else: no script, no request, every text from data escaped."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..artifacts import write_whole
from .page import check, cleaned, pages, sealed

MARGINS = 2.5
"""How many times the tolerated loss the picture reaches at least."""


def render(body: Mapping[str, Any], path: Path) -> Path:
    """Write the page of a swap (the content of `swap.json`) to `path`, whole or not at all."""
    clean = cleaned(body)
    check(clean, "swap", "swap")
    page = pages().get_template("swap.html").render(s=clean, **sealed("style.css"), **_views(clean))
    write_whole(path, page.encode("utf-8"))
    return path


def _views(s: Mapping[str, Any]) -> Mapping[str, Any]:
    """The form that the verdict speaks of, and how far the picture of lifts reaches: every lift lies in it."""
    forms = s["forms"]
    seen = [form for form in forms if form["n"]]
    close = next((f for f in seen if f["stack_digest"] == s["to"]["stack_digest"]), None)
    widest = max((abs(form["lift"]) for form in seen), default=0.0)
    return {"close": close, "wide": min(1.0, max(MARGINS * s["test"]["margin"], 1.3 * widest))}
