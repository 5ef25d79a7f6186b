"""Render the questions of `decide` as one HTML file that answers by itself: no request, works offline."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from ..artifacts import write_whole
from ..decide.table import table
from .page import TEMPLATES, cleaned, pages, sealed

if TYPE_CHECKING:
    from ..decide import Case
    from ..decide.money import Spans

SCRIPTS = ("decide.js", "decided.js")


def render(case: Case, path: Path, spans: Spans | None = None) -> Path:
    """Write the page, with what is known of a case filled in, whole or not at all."""
    known = {name: value for name, value in case.facts.items() if value is not None}
    page = (
        pages()
        .get_template("decide.html")
        .render(
            data=_data({"table": table(spans), "known": cleaned(known)}),
            **_script(),
            **sealed("style.css", "decide.css"),
        )
    )
    write_whole(path, page.encode("utf-8"))
    return path


def _script() -> Mapping[str, str]:
    """Our own script, and the hash by which the page's policy lets that one run and no other."""
    script = Markup("".join((TEMPLATES / name).read_text("utf-8") for name in SCRIPTS))  # noqa: S704  # our own files
    return {"script": script, "signed": base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}


def _data(body: Mapping[str, Any]) -> Markup:
    """JSON that cannot leave its element: no `<`, `>` or `&` stands in it."""
    text = json.dumps(body, ensure_ascii=True, allow_nan=False)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)  # noqa: S704  # no markup is left in it
