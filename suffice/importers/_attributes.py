"""Attributes of OpenTelemetry spans: tools that a request offered, by any of the conventions."""

from __future__ import annotations

from ..types import Json, Tool
from ._fields import Object, fields, items, nested, objects
from ._messages import tools

DECLARED = ("gen_ai.tool.definitions", "gen_ai.request.tools", "ai.prompt.tools", "llm.request.functions")


def tools_in(attributes: Object) -> tuple[Tool, ...]:
    """The tools in flat attributes."""
    for name in DECLARED:
        if found := tools(attributes.get(name)):
            return found
    wanted = fields(attributes.get("model_request_parameters"))
    if found := tools([*items(wanted.get("function_tools")), *items(wanted.get("output_tools"))]):
        return found
    return _numbered(attributes)


def _numbered(attributes: Object) -> tuple[Tool, ...]:
    """OpenInference's llm.tools.0.tool.json_schema …, and OpenLLMetry's llm.request.functions.0.name …"""
    named = {key: item for key, item in attributes.items() if key.startswith(("llm.tools.", "llm.request.functions."))}
    if not named:
        return ()
    llm = fields(nested(named).get("llm"))
    given: list[Json] = [fields(one.get("tool")).get("json_schema") for one in objects(llm.get("tools"))]
    return tools(given) or tools(fields(llm.get("request")).get("functions"))
