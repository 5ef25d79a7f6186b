"""Logged messages, in whichever vendor's or framework's shape, as `Message`s.

Text parts are joined by line ends. A part that is no text (an image, a file) stands as its kind in brackets, and
what a model thought to itself is left out; `Turns.whole` then says that the raw messages hold more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import get_args

from ..importer import RAW, Unfit
from ..types import Json, Message, Role, Tool, ToolCall
from ._fields import Object, fields, first, items, parsed, text, worded

ROLES: Mapping[str, Role] = {
    "system": "system",
    "developer": "system",
    "SystemMessage": "system",
    "user": "user",
    "human": "user",
    "HumanMessage": "user",
    "input": "user",
    "assistant": "assistant",
    "ai": "assistant",
    "model": "assistant",
    "AIMessage": "assistant",
    "bot": "assistant",
    "AIMessageChunk": "assistant",
    "HumanMessageChunk": "user",
    "SystemMessageChunk": "system",
    "tool": "tool",
    "function": "tool",
    "ToolMessage": "tool",
    "FunctionMessage": "tool",
    "ipython": "tool",
    "tool_response": "tool",
    "observation": "tool",
    "ToolMessageChunk": "tool",
    "environment": "tool",
}
SPEAKERS: Mapping[str, Role] = {role: role for role in get_args(Role) if role != "tool"}
PLAIN = frozenset({"role", "content"})
TOLD = PLAIN | {"tool_calls", "tool_call_id", "type", "parts", "function_call", "call_id", "toolCallId", "tool_use_id"}
KEPT = TOLD | {"finish_reason", "text", "id", "name", "status", "index"}
"""Fields whose loss leaves a message whole."""
CALLS = ("tool_use", "tool-call", "tool_call", "function_call", "toolCall", "function", "custom_tool_call")
RESULTS = ("tool_result", "tool-result", "tool_call_response", "function_call_output", "toolResult", "function_result")
TEXTS = ("text", "input_text", "output_text", "json", "refusal", "summary_text")
SILENT = ("reasoning", "thinking", "redacted_thinking", "step-start", "Microsoft.Extensions.AI.TextReasoningContent")
CALL_IDS = ("call_id", "tool_call_id", "toolCallId", "tool_use_id", "callId", "id", "toolUseId")


@dataclass
class Turns:
    """Messages as they are gathered."""

    messages: list[Message] = field(default_factory=list)
    tools: list[Tool] = field(default_factory=list)
    """Tools that are declared among the messages."""
    whole: bool = True
    """Whether the messages say everything that the raw ones did."""

    @property
    def reply(self) -> Message | None:
        """All that the assistant said, as one message; None where it said nothing."""
        said = [message for message in self.messages if message.role == "assistant"]
        if len(said) < 2:
            return said[0] if said else None
        words = "\n".join(message.content for message in said if message.content)
        return Message("assistant", words, tuple(call for message in said for call in message.tool_calls))

    def add(self, raw: Json, role: Role = "user") -> None:
        """One raw message, or an array of them; a bare string is `role`'s."""
        if isinstance(raw, dict):
            plain = SPEAKERS.get(raw["role"]) if type(raw.get("role")) is str else None
            if plain and type(raw.get("content")) is str and (len(raw) == 2 or _says_no_more(raw)):
                self.messages.append(Message(plain, raw["content"]))
            else:
                self._object(raw, role)
        elif isinstance(raw, list):
            for one in raw:
                self.add(one, role)
        elif isinstance(raw, str):
            self.messages.append(Message(role, raw))
        elif raw is not None:
            raise Unfit("a message is neither an object nor text")

    def _object(self, raw: Object, role: Role) -> None:
        """A message whose shape is not the plainest."""
        raw = _opened(raw)
        kind = raw.get("type")
        if "role" not in raw and isinstance(kind, str) and kind not in ROLES:
            return self._parts([raw], role, ())
        named = raw.get("role") or kind
        role = self._role(named) if named is not None else role
        more = fields(raw.get("additional_kwargs"))
        calls = tuple(called(call) for call in items(raw.get("tool_calls")) or items(more.get("tool_calls")))
        if isinstance(raw.get("function_call"), dict):
            calls = (*calls, called(raw["function_call"]))
        self.whole = self.whole and all(key in KEPT or value in (None, [], {}, "") for key, value in raw.items())
        content = first(raw, ("content", "parts", "text"))
        if role == "tool":
            if isinstance(content, dict) and content.get("type") == "function" and "function" in content:
                self.tools.extend(tools([content]))
                return None
            return self._result(raw, content)
        if isinstance(content, dict):
            content = [content] if "type" in content or "text" in content else worded(content)
        if isinstance(content, list):
            return self._parts(content, role, calls)
        self.messages.append(Message(role, worded(content), calls))
        return None

    def _role(self, named: Json) -> Role:
        """A message under the name of a tool that was called is the tool's."""
        if any(call.name == named for message in self.messages for call in message.tool_calls):
            return "tool"
        return role_of(named)

    def _result(self, raw: Object, content: Json) -> None:
        """A tool's result, or the several that the parts of one message hold."""
        parts = content if isinstance(content, list) else []
        if any(isinstance(part, dict) and _is_result(part) for part in parts):
            return self._parts(parts, "tool", ())
        name = text(first(raw, CALL_IDS)) or None
        said = self._joined(parts) if parts else worded(content)
        self.messages.append(Message("tool", said, tool_call_id=name))
        return None

    def _parts(self, parts: list[Json], role: Role, calls: tuple[ToolCall, ...]) -> None:
        """A message in parts: its text and calls are one message, each tool's result is one of its own."""
        results = [part for part in parts if isinstance(part, dict) and _is_result(part)]
        made = [called(part) for part in parts if isinstance(part, dict) and _is_call(part)]
        rest = [part for part in parts if not (isinstance(part, dict) and (_is_result(part) or _is_call(part)))]
        for part in results:
            self.messages.append(self._told(part))
        if made or calls:
            role = "assistant"
        words = self._joined(rest)
        thought = rest and all(isinstance(part, dict) and _is_silent(part) for part in rest)
        if made or calls or (rest and not thought) or not parts:
            self.messages.append(Message(role, words, (*calls, *made)))

    def _told(self, part: Object) -> Message:
        """The result of a call."""
        inner = fields(first(part, ("functionResponse", "function_response", "toolResult"))) or part
        said = first(inner, ("content", "output", "result", "response"))
        if isinstance(said, dict) and isinstance(said.get("type"), str) and "value" in said:
            said = said["value"]
        words = self._joined(said) if isinstance(said, list) and _all_parts(said) else worded(said)
        name = text(first(inner, CALL_IDS)) or text(inner.get("name")) or None
        return Message("tool", words, tool_call_id=name)

    def _joined(self, parts: list[Json]) -> str:
        return "\n".join(said for part in parts if (said := self._part(part)) is not None)

    def _part(self, part: Json) -> str | None:
        """What a part says; None for one that says nothing aloud."""
        if isinstance(part, str):
            return part
        if not isinstance(part, dict):
            return worded(part)
        kind = part.get("type")
        if _is_silent(part):
            self.whole = False
            return None
        if kind is None or kind in TEXTS:
            said = first(part, ("text", "content", "refusal", "json"))
            if said is not None:
                return worded(said)
        self.whole = False
        return f"[{text(kind) or next(iter(part), 'part')}]"[:60]


def turns(raw: Json, role: Role = "user") -> Turns:
    """The messages in a raw message, an array of them, or the JSON text of either; a bare text is `role`'s."""
    made = Turns()
    made.add(parsed(raw) if isinstance(raw, str) else raw, role)
    return made


def role_of(named: Json) -> Role:
    """One of the four roles, whatever a vendor calls it."""
    if isinstance(named, str) and (role := ROLES.get(named)) is not None:
        return role
    if isinstance(named, str) and (role := ROLES.get(named.lower())) is not None:
        return role
    raise Unfit("a message has a role that is not known")


def called(raw: Json) -> ToolCall:
    """A call of a tool; arguments that are no JSON object stand as text under `importer.RAW`."""
    raw = fields(raw)
    inner = fields(first(raw, ("function", "functionCall", "function_call", "toolUse", "tool_call"))) or raw
    given = first(inner, ("arguments", "args", "input", "parameters"))
    value = parsed(given) if isinstance(given, str) else given
    arguments = value if isinstance(value, dict) else {RAW: worded(given)} if given not in (None, "", []) else {}
    name = text(first(inner, ("name", "toolName", "tool_name"))) or text(raw.get("function"))
    return ToolCall(name, arguments, text(first(raw, CALL_IDS)) or text(first(inner, CALL_IDS)))


def tools(raw: Json) -> tuple[Tool, ...]:
    """The tools that a request offers, in any vendor's shape; hosted ones have their kind as their name."""
    found: list[Tool] = []
    for item in items(raw):
        given = fields(item)
        declared = first(given, ("functionDeclarations", "function_declarations"))
        for one in [fields(each) for each in items(declared)] if declared else [fields(given.get("function")) or given]:
            name = text(first(one, ("name", "type")))
            schema = first(one, ("parameters", "input_schema", "inputSchema", "parameters_json_schema", "schema"))
            if name:
                found.append(Tool(name, text(one.get("description")), fields(schema)))
    return tuple(found)


def schema_of(request: Object) -> Object | None:
    """What a request says its reply must satisfy; {} where any JSON would do, None where nothing is said."""
    form = fields(request.get("response_format")) or fields(fields(request.get("text")).get("format"))
    if form.get("type") == "json_object":
        return {}
    if form.get("type") != "json_schema":
        return None
    inner = fields(form.get("json_schema")) or form
    return fields(inner.get("schema"))


def _opened(raw: Object) -> Object:
    """A serialised LangChain message, or one wrapped as {"message": …}, as the message itself."""
    if raw.get("lc") == 1 and isinstance(raw.get("kwargs"), dict):
        kinds = items(raw.get("id"))
        return {"role": kinds[-1] if kinds else None, **raw["kwargs"], "type": None}
    if "role" not in raw and isinstance(raw.get("message"), dict):
        return _opened(raw["message"])
    return raw


def _says_no_more(raw: Object) -> bool:
    """Whether role and content are all that a message says."""
    return all(not value or key in PLAIN for key, value in raw.items())


def _is_call(part: Object) -> bool:
    return part.get("type") in CALLS or bool(part.keys() & {"functionCall", "toolUse"}) or _is_legacy(part)


def _is_legacy(part: Object) -> bool:
    return "type" not in part and isinstance(part.get("function_call"), dict)


def _is_result(part: Object) -> bool:
    return part.get("type") in RESULTS or bool(part.keys() & {"functionResponse", "function_response", "toolResult"})


def _is_silent(part: Object) -> bool:
    return part.get("type") in SILENT or part.get("thought") is True


def _all_parts(values: list[Json]) -> bool:
    return all(isinstance(value, dict) and ("type" in value or "text" in value) for value in values)
