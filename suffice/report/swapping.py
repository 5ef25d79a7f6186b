"""A swap as a record in Markdown: the verdict, every form, money, duties and the dated steps. Nothing is computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..types import Json
from .junit import clean
from .markdown import escaped


def swapping(body: Mapping[str, Json]) -> str:
    """A swap as a record that people read: the verdict, every form, money, duties and the dated steps."""
    found = [f"# Another base for {escaped(body['task']['name'])}", "", escaped(body["headline"]), ""]
    found += [f"> {escaped(w)}" for w in body["warnings"]] + ([""] if body["warnings"] else [])
    found += ["| Form on the new base | Verdict | Lift | Items |", "|---|---|---|---|"]
    for one in body["forms"]:
        lift = "–" if one["lift"] is None else f"{one['lift']:+.3f} [{one['low']:+.3f}, {one['high']:+.3f}]"
        found.append(f"| {escaped(one['title'])} | {one['status']} | {lift} | {one['n']} |")
    found += ["", *_money(body.get("economics"))]
    for title, key in (("Duties that end", "duties_ended"), ("Duties that are new", "duties_new")):
        found += _listed(title, [f"{escaped(d['what'])} ({escaped(d.get('when') or '')})" for d in body[key]])
    if ends := body["ends"]:
        source = f" ({escaped(ends['source'])})" if ends["source"] else ""
        found += [f"The old base, {escaped(body['from']['model'])}, ends on {ends['on']}{source}.", ""]
    found += _listed("Steps, as commands in the task's folder", [_said(step) for step in body["migration"]])
    return "\n".join(found).rstrip() + "\n"


def _money(told: Mapping[str, Json] | None) -> list[str]:
    if not told or not told["break_even"]:
        return []
    return [escaped(told["break_even"]["words"]) + ".", ""]


def _said(step: Mapping[str, Json]) -> str:
    late = ", which is past" if step["late"] else ""
    return f"by {step['by']}{late}: {escaped(step['what'])} (`{_code(step['command'])}`)"


def _code(text: str) -> str:
    """A command within backticks, on one line: nothing in it ends them."""
    return " ".join(clean(text).replace("`", "'").split())


def _listed(title: str, lines: Sequence[str]) -> list[str]:
    return [f"## {title}", "", *(f"- {line}" for line in lines), ""] if lines else []
