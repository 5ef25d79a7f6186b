"""A request to an OpenAI-compatible endpoint and its reply, as an exchange: chat, Responses, completions, embeddings.

Anthropic's Messages are read too, because gateways log them side by side.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ..exchange import Exchange, Kind
from ..importer import Row, Unfit
from ..types import Json, Message, Usage
from ._fields import NOTHING, Object, count, fields, first, items, others, parsed, seconds, text, worded
from ._messages import Turns, schema_of, tools, turns

REQUEST = frozenset({"messages", "model", "tools", "input", "prompt", "system", "instructions", "response_format"})
RESPONSE = frozenset({"id", "object", "created", "created_at", "model", "choices", "usage", "output", "error"})


class Said(NamedTuple):
    """A reply, what it took, and what of it has no place in an exchange."""

    reply: Message | None
    finish: str
    extra: dict[str, Json]


def exchange(row: Row, request: Object, response: Object, known: Mapping[str, Json] = NOTHING) -> Exchange:
    """The exchange of a request and a response; `known` are fields of it that the log says outside of both."""
    asked, said = sent(request), answered(response)
    if not (asked.messages or said.reply or request or response or known.get("error")):
        raise Unfit("neither a request nor a response")
    extra = dict(said.extra)
    for part, told in ((request, REQUEST), (response, RESPONSE)):
        if part and part is not row.value:
            extra.update(others(part, told))
    if not asked.whole:
        extra["messages"] = first(request, ("messages", "input", "prompt"))
    get = known.get
    return Exchange(
        id=get("id") or text(response.get("id")) or f"{row.file}:{row.line}",
        messages=tuple(asked.messages),
        reply=said.reply,
        kind=kind(response),
        model=get("model") or text(response.get("model")) or text(request.get("model")),
        name=get("name") or "",
        trace=get("trace") or "",
        time=get("time") or seconds(first(response, ("created", "created_at"))),
        ms=get("ms"),
        first_ms=get("first_ms"),
        usage=get("usage") or usage(response.get("usage")),
        cost=get("cost"),
        finish=said.finish,
        error=get("error") or error(response.get("error")),
        tools=tools(request["tools"]) if request.get("tools") else (),
        schema=schema_of(request),
        expected=get("expected"),
        score=get("score"),
        file=row.file,
        line=row.line,
        extra={**extra, **get("extra", NOTHING)},
    )


def sent(request: Object) -> Turns:
    """The messages of a request."""
    made = Turns()
    for name in ("system", "instructions"):
        if name in request:
            made.add(request[name], "system")
    said = first(request, ("messages", "input", "prompt"))
    made.add(parsed(said) if isinstance(said, str) and "messages" in request else said)
    return made


def answered(response: Object) -> Said:
    """The reply in a response of any of the endpoints."""
    if choices := items(response.get("choices")):
        return _choice(choices)
    if isinstance(response.get("output"), list):
        return _output(response)
    if response.get("role") == "assistant" or response.get("type") == "message":
        made = turns({"role": "assistant", "content": response.get("content")})
        extra = {} if made.whole else {"content": response.get("content")}
        return Said(made.reply, text(response.get("stop_reason")), extra)
    return Said(None, "", {})


def _choice(choices: list[Json]) -> Said:
    """The first choice of a completion; where there are more, all are kept as they were."""
    choice = fields(choices[0])
    made = Turns()
    message = choice.get("message")
    if message is None and isinstance(choice.get("text"), str):
        message = choice["text"]
    made.add(message, "assistant")
    rest = not made.whole or len(choices) > 1 or choice.get("logprobs")
    return Said(made.reply, text(choice.get("finish_reason")), {"choices": choices} if rest else {})


def _output(response: Object) -> Said:
    """The items of a Responses reply."""
    made = Turns()
    made.add(response["output"], "assistant")
    extra = {} if made.whole else {"output": response["output"]}
    cut = text(fields(response.get("incomplete_details")).get("reason"))
    finish = {"max_output_tokens": "length"}.get(cut, cut) or text(response.get("status"))
    return Said(made.reply, {"completed": "stop"}.get(finish, finish), extra)


def kind(response: Object) -> Kind:
    """Embeddings are told apart by what came back."""
    data = items(response["data"]) if "data" in response else ()
    return "embedding" if data and "embedding" in fields(data[0]) else "model"


def usage(value: Json) -> Usage | None:
    """Token counts in OpenAI's or Anthropic's words; None where there are none."""
    given = fields(value)
    if not given:
        return None
    detail = fields(first(given, ("prompt_tokens_details", "input_tokens_details")))
    cached = count(detail.get("cached_tokens") or given.get("cached_tokens"))
    entered = count(first(given, ("prompt_tokens", "input_tokens")))
    beside = count(given.get("cache_read_input_tokens"))
    written = count(given.get("cache_creation_input_tokens"))
    left = count(first(given, ("completion_tokens", "output_tokens")))
    return Usage(entered + beside + written, left, cached or beside)


def error(value: Json) -> str:
    """An error in words."""
    given = fields(value)
    if given:
        return text(first(given, ("message", "code", "type"))) or worded(value)
    return "" if value in (None, False, "", [], {}) else worded(value)
