"""OpenTelemetry spans as exchanges, by the conventions in use.

gen_ai.input.messages …         OpenTelemetry since 2025, as attributes or on an event
gen_ai.user.message, .choice    OpenTelemetry before that, one event a message
gen_ai.prompt.0.content …       OpenLLMetry
llm.input_messages.0.message …  OpenInference
ai.prompt.messages …            Vercel AI SDK
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..exchange import Exchange, Kind
from ..importer import Row
from ..types import Json, Message, Usage
from ._attributes import tools_in
from ._fields import (
    NOTHING,
    Object,
    amount,
    between,
    count,
    fields,
    first,
    items,
    nested,
    objects,
    seconds,
    share,
    text,
)
from ._messages import Turns, turns
from ._said import Answered, replied, told

KINDS: Mapping[str, Kind] = {
    "chat": "model",
    "text_completion": "model",
    "generate_content": "model",
    "completion": "model",
    "llm": "model",
    "embeddings": "embedding",
    "embedding": "embedding",
    "execute_tool": "tool",
    "tool": "tool",
    "retriever": "retrieval",
    "retrieval": "retrieval",
    "reranker": "retrieval",
    "rerank": "retrieval",
    "ai.generatetext.dogenerate": "model",
    "ai.streamtext.dostream": "model",
    "ai.toolcall": "tool",
    "ai.generateobject.dogenerate": "model",
    "ai.streamobject.dostream": "model",
    "ai.embed.doembed": "embedding",
}
"""What the conventions call a step, in small letters; everything else is `other`."""
NAMED = (
    "gen_ai.operation.name",
    "openinference.span.kind",
    "ai.operationId",
    "llm.request.type",
    "traceloop.span.kind",
)
PLAINLY = ("gen_ai.request.model", "gen_ai.response.model", "llm.model_name", "llm.request.model", "gen_ai.prompt")
"""Attributes of a model's call, where nothing names the step."""
MODEL = (
    *("gen_ai.response.model", "gen_ai.request.model", "llm.model_name", "llm.request.model"),
    *("ai.response.model", "ai.model.id"),
)
ENTERED = (
    *("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt", "llm.usage.prompt_tokens"),
    *("ai.usage.inputTokens", "ai.usage.promptTokens"),
)
LEFT = (
    *("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.token_count.completion"),
    *("llm.usage.completion_tokens", "ai.usage.outputTokens", "ai.usage.completionTokens"),
)
CACHED = (
    *("gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens"),
    *("llm.token_count.prompt_details.cache_read", "ai.usage.cachedInputTokens"),
)
COST = ("gen_ai.usage.cost", "gen_ai.usage.total_cost", "llm.cost.total", "operation.cost")
FINISH = ("gen_ai.response.finish_reasons", "ai.response.finishReason", "gen_ai.completion.0.finish_reason")
FIRST_S = ("gen_ai.server.time_to_first_token", "gen_ai.response.time_to_first_chunk")
SPOKEN = (".input.messages", ".output.messages", ".system_instructions")
ROOTS = ("gen_ai.", "llm.", "openinference.", "ai.", "traceloop.", "input.", "output.", "retrieval.", "embedding.")


@dataclass(frozen=True)
class Span:
    """A span, whatever wrote it; attributes are flat, with dotted keys."""

    id: str
    name: str = ""
    trace: str = ""
    parent: str = ""
    start: float | None = None
    end: float | None = None
    attributes: Object = field(default_factory=dict)
    events: tuple[tuple[str, float | None, Object], ...] = ()
    """Name, time in seconds, attributes."""
    error: str = ""
    extra: Mapping[str, Json] = field(default_factory=dict)


def flat(value: Json) -> dict[str, Json]:
    """Attributes as dotted keys and plain values: OTLP's list of key and value, nested objects, or flat already."""
    if isinstance(value, list):
        value = _pairs(value)
    made: dict[str, Json] = {}
    for path, item in _leaves(fields(value), ""):
        made[path] = item
    return made


def _leaves(value: Object, path: str) -> Iterator[tuple[str, Json]]:
    for key, item in value.items():
        if isinstance(item, dict) and item:
            yield from _leaves(item, f"{path}{key}.")
        elif item is not None:
            yield f"{path}{key}", item


def _plain(value: Json) -> Json:
    """OTLP's {"stringValue": …} and its kin as the value itself."""
    for kind, item in fields(value).items():
        if kind in ("intValue", "int_value"):
            return int(item)
        if kind in ("arrayValue", "array_value"):
            return [_plain(one) for one in items(fields(item).get("values"))]
        if kind in ("kvlistValue", "kvlist_value"):
            return {
                text(fields(p).get("key")): _plain(fields(p).get("value")) for p in items(fields(item).get("values"))
            }
        return item
    return None


def _pairs(value: Json) -> dict[str, Json]:
    return {text(pair.get("key")): _plain(pair.get("value")) for pair in objects(value)}


def exchange_of(row: Row, span: Span) -> Exchange:
    """The exchange that a span tells of; spans around calls are of the kind `other`."""
    seen = span.attributes
    kind = kind_of(seen)
    asked, came = _conversation(kind, span)
    whole = asked.whole and came.whole
    return Exchange(
        id=span.id or f"{row.file}:{row.line}",
        messages=tuple(asked.messages) or came.before,
        reply=came.reply,
        kind=kind,
        model=text(first(seen, MODEL)) or text(seen.get("embedding.model_name")) or came.model,
        name=span.name,
        trace=span.trace,
        parent=span.parent,
        time=span.start,
        ms=between(span.start, span.end),
        first_ms=_first_ms(span),
        usage=_usage(seen) or (came.usage if kind == "model" else None),
        cost=amount(first(seen, COST)),
        finish=_finish(seen) or came.finish,
        error=span.error,
        tools=(*asked.tools, *came.tools) or tools_in(seen),
        score=_score(span),
        file=row.file,
        line=row.line,
        extra={**span.extra, "attributes": {key: i for key, i in seen.items() if not whole or not _is_told(key)}},
    )


def kind_of(seen: Object) -> Kind:
    """What did the work, by any convention's word for it."""
    words = [text(seen.get(name)).lower() for name in NAMED]
    for word in words:
        if word in KINDS:
            return KINDS[word]
    if any(words):
        return "other"
    return (
        "model" if any(name in seen for name in (*MODEL[:3], "gen_ai.prompt", "gen_ai.prompt.0.content")) else "other"
    )


def _conversation(kind: Kind, span: Span) -> tuple[Turns, Answered]:
    """What was said: the first convention that says something wins, for what went in and what came out apart."""
    seen = {**_from_events(span), **span.attributes}
    given, came = _input(seen, span), _output(seen, span)
    if isinstance(given, Turns):
        return given, came if isinstance(came, Answered) else replied(came)
    if isinstance(came, Answered):
        return told(kind, given, None)[0], came
    return told(kind, given, came)


def _from_events(span: Span) -> dict[str, Json]:
    """Attributes that stand on events instead of the span."""
    made: dict[str, Json] = {}
    for _, _, attributes in span.events:
        made.update({key: item for key, item in attributes.items() if key.endswith(SPOKEN) or key in CONTENT})
    return made


CONTENT = ("gen_ai.prompt", "gen_ai.completion")


def _input(seen: Object, span: Span) -> Turns | Json:
    made = Turns()
    if "gen_ai.system_instructions" in seen:
        parts = seen["gen_ai.system_instructions"]
        made.add({"role": "system", "content": items(parts) or parts})
    if (raw := seen.get("gen_ai.input.messages")) is not None:
        made.add((turns(raw).messages and items(raw)) or raw)
        return made
    told_one_by_one = _event_messages(span, seen)
    if told_one_by_one:
        made.add(told_one_by_one)
        return made
    if found := _numbered(seen, "gen_ai.prompt") or _openinference(seen, "llm.input_messages"):
        made.add(found)
        return made
    names = ("ai.prompt.messages", "gen_ai.prompt", "ai.prompt", "input.value", "ai.toolCall.args")
    return first(seen, (*names, "gen_ai.tool.call.arguments", "traceloop.entity.input"))


def _output(seen: Object, span: Span) -> Answered | Json:
    if (raw := seen.get("gen_ai.output.messages")) is not None:
        return replied(raw)
    choices = [event for event in _events(span, seen) if event.get("event.name") == "gen_ai.choice"]
    if choices:
        message = fields(choices[0].get("message")) or choices[0]
        return _reply({"role": "assistant", **message}, text(choices[0].get("finish_reason")))
    if found := _numbered(seen, "gen_ai.completion") or _openinference(seen, "llm.output_messages"):
        made = turns(found, "assistant")
        return Answered(made.reply, finish=text(fields(found[0]).get("finish_reason")), whole=made.whole)
    if calls := items(seen.get("ai.response.toolCalls")):
        message = {"role": "assistant", "content": text(seen.get("ai.response.text")), "tool_calls": calls}
        return _reply(message, text(seen.get("ai.response.finishReason")))
    if documents := objects(_under(seen, "retrieval.documents")):
        said = [text(fields(one.get("document")).get("content")) for one in documents]
        return Answered(Message("tool", "\n\n".join(said)))
    names = ("ai.response.text", "ai.response.object", "gen_ai.completion", "output.value", "ai.toolCall.result")
    return first(seen, (*names, "gen_ai.tool.call.result", "traceloop.entity.output"))


def _reply(message: Object, finish: str) -> Answered:
    made = turns(message, "assistant")
    return Answered(made.reply, finish=finish, whole=made.whole)


def _event_messages(span: Span, seen: Object) -> list[Json]:
    """The messages that stand on one event each; a tool's call that an assistant made stands on its message."""
    made: list[Json] = []
    for event in _events(span, seen):
        name = text(event.get("event.name"))
        if name.startswith("gen_ai.") and name.endswith(".message"):
            role = text(event.get("role")) or name.removeprefix("gen_ai.").removesuffix(".message")
            made.append({"content": "", **{key: event[key] for key in CARRIED if key in event}, "role": role})
    return made


CARRIED = ("content", "tool_calls", "id", "name")


def _events(span: Span, seen: Object) -> list[dict[str, Any]]:
    """The events of a span, and those that Pydantic AI writes into an attribute."""
    own = [{"event.name": name, **attributes} for name, _, attributes in span.events]
    return [*own, *(dict(event) for event in objects(seen.get("events")))]


def _numbered(seen: Object, prefix: str) -> list[Json]:
    """OpenLLMetry's `gen_ai.prompt.0.role`, `.content`, `.tool_calls.0.name`."""
    found = [one for one in objects(_under(seen, prefix)) if "role" in one or "content" in one or "tool_calls" in one]
    role = "assistant" if prefix.endswith("completion") else "user"
    return [{"content": "", "role": role, **one} for one in found]


def _openinference(seen: Object, prefix: str) -> list[Json]:
    made: list[Json] = []
    for one in objects(_under(seen, prefix)):
        inner = fields(one.get("message")) or {key.removeprefix("message."): item for key, item in one.items()}
        made.append(_openinference_message(inner))
    return made


def _openinference_message(inner: Object) -> Json:
    parts = [fields(part.get("message_content")) or part for part in objects(inner.get("contents"))]
    calls = [fields(call.get("tool_call")) or nested(_undotted(call)) for call in objects(inner.get("tool_calls"))]
    message = {"role": inner.get("role", "user"), "content": inner.get("content") or parts, "tool_calls": calls}
    return {**message, "tool_call_id": inner.get("tool_call_id")}


def _undotted(call: Object) -> Object:
    return {key.removeprefix("tool_call."): item for key, item in call.items()}


def _under(seen: Object, prefix: str) -> Json:
    """The array under a prefix, written whole, as JSON text, or one key an entry."""
    if prefix in seen and items(seen[prefix]):
        return items(seen[prefix])
    found = {key.removeprefix(f"{prefix}."): item for key, item in seen.items() if key.startswith(f"{prefix}.")}
    numbered = {key: item for key, item in found.items() if key.partition(".")[0].isdecimal()}
    return nested({f"list.{key}": item for key, item in numbered.items()}).get("list")


def _usage(seen: Object) -> Usage | None:
    entered, left = first(seen, ENTERED), first(seen, LEFT)
    if entered is None and left is None:
        return None
    return Usage(count(entered), count(left), count(first(seen, CACHED)))


def _finish(seen: Object) -> str:
    found = first(seen, FINISH)
    listed = items(found)
    return text(listed[0]) if listed else text(found)


def _first_ms(span: Span) -> float | None:
    if (slow := amount(first(span.attributes, FIRST_S))) is not None:
        return slow * 1000
    if (told_ms := amount(span.attributes.get("ai.response.msToFirstChunk"))) is not None:
        return told_ms
    names = ("First Token Stream Event", "llm.content.completion.chunk", "ai.stream.firstChunk")
    return next((between(span.start, at) for name, at, _ in span.events if name in names), None)


def _score(span: Span) -> float | None:
    values = (share(seen.get("gen_ai.evaluation.score.value")) for _, _, seen in span.events)
    return next((value for value in values if value is not None), None)


def _is_told(key: str) -> bool:
    """Whether an attribute has a place in the exchange already."""
    return key in ALL_TOLD or key.startswith(("gen_ai.prompt.", "gen_ai.completion.", "llm.output_messages.", *INPUTS))


INPUTS = ("llm.input_messages.",)
ALL_TOLD = {*MODEL, *ENTERED, *LEFT, *CACHED, *COST, *FINISH, *CONTENT, *(f"gen_ai{end}" for end in SPOKEN)}


def otlp_spans(document: Object) -> Iterator[Span]:
    """The spans of an OTLP JSON document."""
    for resource in objects(first(document, ("resourceSpans", "resource_spans"))):
        around = flat(fields(resource.get("resource")).get("attributes"))
        scopes = first(resource, ("scopeSpans", "scope_spans", "instrumentationLibrarySpans"))
        for scope in objects(scopes):
            for span in objects(scope.get("spans")):
                yield span_of(span, {"resource": around} if around else NOTHING)


def span_of(value: Object, extra: Object = NOTHING) -> Span:
    """A span from OTLP JSON or from a row that holds one, in camels or in snakes."""
    context = fields(value.get("context"))
    status = fields(value.get("status"))
    attributes = flat(value.get("attributes"))
    attributes |= {key.removeprefix("attributes."): i for key, i in value.items() if key.startswith("attributes.")}
    kind = text(value.get("span_kind")) or text(value.get("spanKind"))
    if kind and "openinference.span.kind" not in attributes:
        attributes["openinference.span.kind"] = kind
    return Span(
        id=text(first(value, ("spanId", "span_id", "id"))) or _context(value, context, "span_id"),
        name=text(value.get("name")),
        trace=text(first(value, ("traceId", "trace_id"))) or _context(value, context, "trace_id"),
        parent=text(first(value, ("parentSpanId", "parent_span_id", "parent_id"))),
        start=seconds(first(value, ("startTimeUnixNano", "start_time_unix_nano", "start_time", "startTime"))),
        end=seconds(first(value, ("endTimeUnixNano", "end_time_unix_nano", "end_time", "endTime"))),
        attributes=attributes,
        events=tuple(_event(event) for event in objects(value.get("events"))),
        error=_error(status or {"code": value.get("status_code"), "message": value.get("status_message")}, attributes),
        extra=extra,
    )


def _context(value: Object, context: Object, name: str) -> str:
    return text(context.get(name)) or text(value.get(f"context.{name}"))


def _event(event: Object) -> tuple[str, float | None, Object]:
    attributes = flat(event.get("attributes"))
    at = seconds(first(event, ("timeUnixNano", "time_unix_nano", "timestamp", "time")))
    attributes.update(fields(attributes.get("gen_ai.event.content")))
    whole = {key.removeprefix("message."): item for key, item in attributes.items() if key.startswith("message.")}
    return text(event.get("name")), at, {**attributes, "message": whole} if whole else attributes


def _error(status: Object, attributes: Object) -> str:
    """The message of a span that failed."""
    code = status.get("code")
    if code in (2, "2", "STATUS_CODE_ERROR", "ERROR", "Error"):
        return text(status.get("message")) or text(first(attributes, ("error.message", "error.type"))) or "error"
    return text(attributes.get("error.type"))
