"""What a trace says went into a step and came out of it, in whichever framework's shape, as messages and a reply.

Traces keep whatever a framework handed over: messages, a whole response, a bare text, JSON inside text, Python's own
writing of an object. A reply that happens to be JSON stays text: only what is plainly an envelope is opened.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field

from ..exchange import Kind
from ..importer import Unfit
from ..types import Json, Message, Role, Tool, Usage
from ._fields import Object, count, fields, first, items, objects, parsed, text, worded
from ._messages import ROLES, Turns, role_of, tools, turns
from ._openai import answered, usage

TRANSCRIPT = re.compile(r"^(system|developer|user|assistant|tool): ?", re.MULTILINE)
TEXT = r"""('(?>[^'\\]*(?:\\.[^'\\]*)*)'|"(?>[^"\\]*(?:\\.[^"\\]*)*)"|None)"""
WRITTEN = re.compile(rf"role='(\w+)' content={TEXT} ")
"""A message as Python writes a pydantic model."""
WRITTEN_ID = re.compile(rf" tool_call_id={TEXT} ")
WRITTEN_CALLS = re.compile(r" tool_calls=(\[\{.*?\}\]) audio=")
ITEMS = ("function_call", "function_call_output", "reasoning")
"""Items of a Responses call that are no messages."""
QUESTIONS = ("new_message", "prompt", "prompts", "question", "query", "input", "inputs", "text", "user_input")


@dataclass(frozen=True)
class Answered:
    """What came out of a step."""

    reply: Message | None = None
    before: tuple[Message, ...] = ()
    """The messages that were told together with the reply, ahead of it."""
    finish: str = ""
    usage: Usage | None = None
    model: str = ""
    whole: bool = True
    tools: tuple[Tool, ...] = field(default=())


def asked(value: Json) -> Turns:
    """The messages in what went into a call of a model."""
    value = parsed(value) if isinstance(value, str) else value
    if isinstance(value, str):
        return _transcript(value)
    if isinstance(value, list):
        return _asked_list(value)
    if isinstance(value, dict):
        return _asked_object(value)
    return Turns([Message("user", worded(value))] if value is not None else [])


def replied(value: Json) -> Answered:
    """What a model gave back."""
    opened = parsed(value) if isinstance(value, str) else value
    found = _envelope(opened)
    if found is not None:
        return found
    if opened is None:
        return Answered()
    return Answered(Message("assistant", worded(value)))


def told(kind: Kind, given: Json, came: Json) -> tuple[Turns, Answered]:
    """What went into a step and what came out of it; of a search or a tool both are taken as they stand."""
    if kind in ("model", "other"):
        try:
            nothing = came == "None" and isinstance(given, str) and TRANSCRIPT.match(given)
            return asked(given), Answered() if nothing else replied(came)
        except Unfit:
            if kind == "model":
                raise
    entered, left = _handed(given, "user"), _handed(came, "tool")
    return Turns([entered] if entered else []), Answered(left)


def _handed(value: Json, role: Role) -> Message | None:
    """A value as one message; a message's own text where it is one."""
    if value in (None, ""):
        return None
    opened = parsed(value) if isinstance(value, str) else value
    if isinstance(opened, dict) and opened.get("lc") == 1 and _is_message(opened):
        return turns(opened).messages[-1]
    return Message(role, worded(value))


def _asked_list(value: list[Json]) -> Turns:
    if len(value) == 1 and isinstance(value[0], list):
        return _asked_list(value[0])
    written = [one for one in value if isinstance(one, str) and one.startswith("role='") and WRITTEN.match(one)]
    if written and len(written) == len(value):
        return _written(written)
    if all(isinstance(one, str) or _is_message(one, any_role=True) for one in value):
        made = Turns()
        made.add(value)
        return made
    return Turns([Message("user", worded(value))])


def _asked_object(value: Object) -> Turns:
    if "messages" in value or "contents" in value:
        made = Turns()
        system = first(value, ("system", "system_instruction", "systemInstruction", "instructions"))
        config = fields(value.get("config"))
        system = system or first(config, ("system_instruction", "systemInstruction"))
        if system:
            made.add(fields(system).get("parts") or system, "system")
        told = _asked_list(given) if (given := items(value.get("messages"))) else Turns()
        told.add(value.get("contents"))
        made.messages += told.messages
        made.whole = made.whole and told.whole
        offered = first(value, ("tools", "functions")) or config.get("tools") or first(value, ("invocation_params",))
        made.tools += [*told.tools, *tools(offered)]
        return made
    if _is_message(value) or value.keys() == {"content"}:
        return turns(value)
    if len(given := items(value.get("args"))) == 1 and isinstance(given[0], str):
        return asked(given[0])
    for name in QUESTIONS:
        found = value.get(name)
        if isinstance(found, str) or _is_message(found) or (isinstance(found, list) and found and _all(found)):
            return asked(found)
    return Turns([Message("user", worded(value))])


def _transcript(value: str) -> Turns:
    """A text, or the messages in one that begins `system: …` or `user: …` and goes on with other roles."""
    marks = list(TRANSCRIPT.finditer(value))
    if not marks or marks[0].start() or marks[-1].group(1) == "assistant":
        return Turns([Message("user", value)])
    ends = [*(mark.start() for mark in marks[1:]), len(value)]
    made = Turns()
    for mark, end in zip(marks, ends, strict=True):
        said = value[mark.end() : end].removesuffix("\n")
        made.messages.append(Message(role_of(mark.group(1)), "" if said == "None" else said))
    return made


def _written(values: list[str]) -> Turns:
    """Messages that Python wrote as `role='user' content='…' name=None tool_call_id=None tool_calls=[…] …`."""
    made = Turns(whole=False)
    for value in values:
        if found := WRITTEN.match(value):
            rest = value[found.end() - 1 :]
            name, calls = WRITTEN_ID.match(rest[rest.find(" tool_call_id=") :]), WRITTEN_CALLS.search(rest)
            called = {"tool_calls": _literal(calls[1])} if calls else {}
            told = {"role": found[1], "content": _literal(found[2]), "tool_call_id": name and _literal(name[1])}
            made.add({**told, **called})
    return made


def _literal(value: str) -> Json:
    """A value in Python's writing; None where it is something else."""
    try:
        return ast.literal_eval(value)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


def _envelope(value: Json) -> Answered | None:
    """The reply in a response, a message or a list of them; None where the value is a reply itself."""
    if isinstance(value, list):
        return _listed(value)
    if not isinstance(value, dict):
        return None
    if objects(value.get("choices")):
        return _completion(value)
    if value.get("object") == "response" and isinstance(value.get("output"), list):
        return _completion(value)
    if candidates := objects(value.get("candidates")):
        return _gemini(candidates[0], value)
    if isinstance(value.get("content"), dict) and "parts" in value["content"]:
        return _gemini(value, value)
    if generations := items(value.get("generations")):
        return _generation(generations, value)
    if _is_message(value) or _is_message(value.get("message")):
        return _turns(turns(value, "assistant"), value)
    for name in ("messages", "output", "tool_calls"):
        if (found := items(value.get(name))) and isinstance(value[name], list) and _all(found):
            return _listed(found)
    return None


def _listed(value: list[Json]) -> Answered | None:
    """Messages, or bare calls of tools."""
    while len(value) == 1 and isinstance(value[0], list):
        value = value[0]
    if value and all(isinstance(one, dict) and "toolName" in one for one in value):
        return _turns(turns({"role": "assistant", "content": None, "tool_calls": value}), {})
    return _turns(turns(value, "assistant"), fields(value[-1])) if value and _all(value) else None


def _turns(made: Turns, last: Object) -> Answered:
    """The reply is everything where only the assistant speaks, and otherwise the last message, unless a person's."""
    finish = text(first(last, ("finish_reason", "stop_reason", "finishReason")))
    told = usage(first(last, ("usage", "usage_metadata")))
    if made.messages and all(message.role == "assistant" for message in made.messages):
        return Answered(made.reply, (), finish, told, whole=made.whole)
    last_said = made.messages[-1] if made.messages and made.messages[-1].role in ("assistant", "tool") else None
    before = made.messages[:-1] if last_said else made.messages
    return Answered(last_said, tuple(before), finish, told, whole=made.whole)


def _completion(value: Object) -> Answered:
    said = answered(value)
    told, offered = usage(value.get("usage")), tools(value.get("tools"))
    return Answered(said.reply, (), said.finish, told, text(value.get("model")), not said.extra, offered)


def _gemini(candidate: Object, response: Object) -> Answered:
    made = turns({"role": "model", **fields(candidate.get("content"))})
    finish = text(first(candidate, ("finish_reason", "finishReason"))).lower()
    finish = {"1": "stop", "2": "max_tokens", "3": "safety"}.get(finish, finish)
    taken = fields(first(response, ("usage_metadata", "usageMetadata")))
    told = Usage(
        count(first(taken, ("prompt_token_count", "promptTokenCount"))),
        count(first(taken, ("candidates_token_count", "candidatesTokenCount")))
        + count(first(taken, ("thoughts_token_count", "thoughtsTokenCount"))),
        count(first(taken, ("cached_content_token_count", "cachedContentTokenCount"))),
    )
    model = text(first(response, ("model_version", "modelVersion")))
    return Answered(made.reply, (), finish, told if taken else None, model, made.whole)


def _generation(generations: list[Json], value: Object) -> Answered:
    """LangChain's: a list, or a list of lists, of {"text", "message"}."""
    while isinstance(generations[0], list) and generations[0]:
        generations = generations[0]
    found = fields(generations[0])
    made = turns(found["message"] if found.get("message") else text(found.get("text")), "assistant")
    info = fields(found.get("generation_info"))
    output = fields(value.get("llm_output"))
    told = usage(first(output, ("token_usage", "usage")))
    return Answered(made.reply, (), text(info.get("finish_reason")), told, text(output.get("model_name")), made.whole)


def _all(values: list[Json]) -> bool:
    return all(_is_message(value) for value in values)


def _is_message(value: Json, *, any_role: bool = False) -> bool:
    """Whether a value is plainly a message, an item of a Responses call, or LangChain's own writing of a message."""
    if not isinstance(value, dict):
        return False
    if isinstance(role := value.get("role"), str) and (any_role or role.lower() in ROLES):
        return not value.keys().isdisjoint(("content", "parts", "text", "tool_calls", "function_call"))
    if value.get("lc") == 1 and isinstance(value.get("kwargs"), dict):
        return "content" in value["kwargs"]
    kind = value.get("type")
    if isinstance(kind, str) and ((kind in ROLES and "content" in value) or kind in ITEMS):
        return True
    return "event.name" in value and "message" in value
