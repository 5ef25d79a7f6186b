"""The sliders of the money section: one script, made from the formulas that Python reckons with, let in by its hash."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup

from ..cost import ABSENT, FORMULAS
from ..formula import JAVASCRIPT, script

GLUE = Path(__file__).parent / "templates" / "money.js"


def arithmetic() -> str:
    """The formulas as JavaScript, and what an input is that a stack has none of."""
    return "\n".join((JAVASCRIPT, f"const absent = {json.dumps(dict(ABSENT))};", script(FORMULAS, "cost")))


def sliding(body: Mapping[str, Any]) -> Mapping[str, str | None]:
    """The script for a page that shows costs, and its hash for the page's policy; None where there is nothing to slide.

    The script is the same for every verdict: what a verdict says stands in attributes, as text.
    """
    if not any(stack["inputs"] for stack in body["economics"].get("stacks", ())):
        return {"script": None, "script_seal": None}
    text = f"\n{arithmetic()}\n{GLUE.read_text('utf-8')}"
    seal = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return {"script": Markup(text), "script_seal": seal}  # noqa: S704  # our own formulas and file


def attribute(value: Any) -> str:
    """A value as JSON, for an attribute that the page escapes."""
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"))
