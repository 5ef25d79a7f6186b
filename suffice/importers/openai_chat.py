"""openai_chat: requests and replies as gateways log them, chat completions, streamed chunks, training conversations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import ClassVar

from ..exchange import Exchange
from ..importer import Row, Unfit, Unusable, each
from ..types import Json
from ._fields import NOTHING, Object, amount, between, fields, first, items, parsed, seconds, share, text
from ._openai import REQUEST, RESPONSE, error, exchange, usage

ASKED = ("request", "request_body", "requestBody", "req", "body")
CAME = ("response", "response_body", "responseBody", "resp", "completion")
IDS = ("id", "request_id", "requestId", "call_id")
TIMES = (
    "created_at",
    "createdAt",
    "timestamp",
    "time",
    "ts",
    "start_time",
    "startTime",
    "request_time",
    "requested_at",
)
ENDS = ("end_time", "endTime", "finished_at", "completed_at")
TOOK = ("latency_ms", "duration_ms", "response_time_ms", "elapsed_ms", "total_ms", "ms")
TOOK_S = ("latency_s", "duration_s", "elapsed_s", "latency_seconds", "duration_seconds")
FIRST = ("first_ms", "ttft_ms", "time_to_first_token_ms", "first_token_ms")
FIRSTS = ("completionStartTime", "completion_start_time", "first_token_time")
COSTS = ("cost", "cost_usd", "costUSD", "response_cost", "spend", "total_cost", "usd")
NAMES = ("name", "prompt_name", "route", "deployment", "function_name", "stage", "task")
TRACES = ("trace_id", "traceId", "trace", "episode_id")
RIGHT = ("expected", "expected_output", "ideal", "reference", "ground_truth")
ERRORS = ("error", "exception", "error_message")
SCORES = ("score", "rating", "feedback")
TOLD = frozenset((*ASKED, *CAME, *IDS, *TIMES, *ENDS, *TOOK, *TOOK_S, *FIRST, *FIRSTS, *COSTS, *NAMES, *TRACES)) | {
    *(*RIGHT, *ERRORS),
    *REQUEST,
    *RESPONSE,
}
PLACES: Mapping[str, tuple[str, ...]] = {
    "id": IDS,
    "start": TIMES,
    "end": ENDS,
    "begun": FIRSTS,
    "ms": TOOK,
    "slow": TOOK_S,
    "first_ms": FIRST,
    "cost": COSTS,
    "name": NAMES,
    "trace": TRACES,
    "expected": RIGHT,
    "error": ERRORS,
    "score": SCORES,
}
READ: Mapping[str, Callable[[Json], Json]] = {
    "id": text,
    "name": text,
    "trace": text,
    "ms": amount,
    "first_ms": amount,
    "cost": amount,
    "score": share,
    "expected": lambda value: value,
}
"""Things that are read on their own."""
CHUNK = "chat.completion.chunk"
OPEN_AT_MOST = 256
"""Streams that are assembled at the same time; the one that was silent longest is closed when there are more."""
STREAM_AT_MOST = 16 * 1024 * 1024
"""Characters of one assembled reply."""


@dataclass(frozen=True)
class OpenaiChat:
    """One line a call: a request and its response in any of the usual envelopes, or either alone."""

    splits: ClassVar[tuple[str, ...]] = ("requests", "logs", "data")

    def recognises(self, value: dict[str, Json]) -> float:
        """Sure of `choices` and of `messages` beside a reply; nearly, of a request beside a response."""
        came = not value.keys().isdisjoint(CAME)
        if "choices" in value or "messages" in value:
            return 0.8 if came or "choices" in value else 0.5
        if came:
            return 0.6 if not value.keys().isdisjoint((*ASKED, "input", "prompt", "model")) else 0.2
        if {"type", "role", "content"} <= value.keys() or {"object", "output"} <= value.keys():
            return 0.6
        return 0.0

    def exchanges(self, rows: Iterable[Row]) -> Iterator[Exchange | Unusable]:
        """The exchanges of rows; the chunks of a stream are one, told where the stream ends."""
        streams: dict[str, _Stream] = {}

        def told(row: Row) -> Iterable[Exchange]:
            return _gathered(row, streams) if row.value.get("object") == CHUNK else (_told(row),)

        yield from each(rows, told)
        for stream in streams.values():
            yield stream.told


def _told(row: Row) -> Exchange:
    value = row.value
    request, response = _asked(value), _came(value)
    if value.keys().isdisjoint(ASKED) and "choices" not in value and request is value:
        request, response = _taught(value, response)
    if not request and not response:
        raise Unfit("neither messages nor a reply")
    return exchange(row, request, response, _known(value, response))


def _asked(value: Object) -> Object:
    """The request, which is the row itself where the messages stand there."""
    if "messages" in value or "prompt" in value:
        return value
    for name in ASKED:
        if name in value and (found := _opened(value[name])):
            return found
    return value if "input" in value else NOTHING


def _came(value: Object) -> Object:
    """The response, which is the row itself where the choices stand there."""
    if "choices" in value or isinstance(value.get("output"), list):
        return value
    for name in CAME:
        found = value.get(name)
        if isinstance(found, str) and not isinstance(found := parsed(found), dict):
            return {"choices": [{"message": {"role": "assistant", "content": found}}]}
        if isinstance(found, dict):
            bare = "role" in found and found.get("type") != "message"
            return {"choices": [{"message": found}]} if bare else _opened(found)
        if isinstance(found, list) and found:
            return {"choices": [{"message": found}]}
    return value if value.get("role") == "assistant" else NOTHING


def _opened(value: Json) -> Object:
    """What an HTTP envelope holds, {"status", "body"}, or the thing itself."""
    found = fields(value)
    body = fields(found.get("body")) if "choices" not in found and "messages" not in found else NOTHING
    return body or found


def _taught(value: Object, response: Object) -> tuple[Object, Object]:
    """A conversation with the reply as its last message, where no other reply is logged."""
    said = items(value.get("messages"))
    if response or not said or fields(said[-1]).get("role") not in ("assistant", "ai", "model"):
        return value, response
    asked = {name: value[name] for name in REQUEST & value.keys()}
    return {**asked, "messages": said[:-1]}, {"choices": [{"message": said[-1]}]}


def _known(value: Object, response: Object) -> dict[str, Json]:
    """What the row says around its request and response."""
    places, rest = _plan(tuple(value))
    said = {place: found for place, names in places if (found := first(value, names)) is not None}
    outside = value is not response
    known: dict[str, Json] = {"extra": {name: value[name] for name in rest if value[name] is not None}}
    if not response.get("model"):
        known["model"] = text(value.get("model"))
    if outside and "usage" in value:
        known["usage"] = usage(value["usage"])
    if failed := error(said.get("error")) or _failure(value):
        known["error"] = failed
    start, end = seconds(said.get("start")), seconds(said.get("end"))
    known["time"] = start if start is not None or "created" not in value else seconds(value["created"])
    known["ms"] = between(start, end)
    for place, read in READ.items():
        if place in said and (place != "id" or outside):
            known[place] = read(said[place])
    if "slow" in said and known["ms"] is None and (slow := amount(said["slow"])) is not None:
        known["ms"] = slow * 1000
    if "begun" in said:
        known["first_ms"] = between(start, seconds(said["begun"]))
    return known


@lru_cache(1024)
def _plan(keys: tuple[str, ...]) -> tuple[tuple[tuple[str, tuple[str, ...]], ...], tuple[str, ...]]:
    """For rows with these keys: where each thing may stand, and the keys that say nothing known."""
    there = set(keys)
    found = ((place, tuple(name for name in names if name in there)) for place, names in PLACES.items())
    return tuple((place, names) for place, names in found if names), tuple(key for key in keys if key not in TOLD)


def _failure(value: Object) -> str:
    """A status that says that the call failed; of a response beside the request, too."""
    for holder in (value, *(value[name] for name in CAME if name in value)):
        if isinstance(holder, dict) and ("status" in holder or "status_code" in holder):
            status = amount(first(holder, ("status_code", "status")))
            if status is not None and 400 <= status < 600:
                return f"status {int(status)}"
    return ""


@dataclass
class _Stream:
    """A reply that is being put together from its chunks."""

    row: Row
    """The latest row."""
    line: int
    words: list[str] = field(default_factory=list)
    calls: dict[int, dict[str, str]] = field(default_factory=dict)
    finish: str = ""
    usage: Json = None
    length: int = 0

    def add(self, row: Row) -> None:
        """One more chunk."""
        self.row = row
        self.usage = row.value.get("usage") or self.usage
        for choice in items(row.value.get("choices"))[:1]:
            self.finish = text(choice.get("finish_reason")) or self.finish
            delta = fields(choice.get("delta"))
            self._say(text(delta.get("content")) or text(delta.get("refusal")))
            for call in items(delta.get("tool_calls")):
                self._call(fields(call))

    def _say(self, said: str) -> None:
        self.length += len(said)
        if self.length > STREAM_AT_MOST:
            raise Unfit("a streamed reply is longer than 16 MB")
        if said:
            self.words.append(said)

    def _call(self, call: Object) -> None:
        index = call.get("index")
        made = self.calls.setdefault(index if isinstance(index, int) else 0, {"id": "", "name": "", "arguments": ""})
        inner = fields(call.get("function"))
        made["id"] = text(call.get("id")) or made["id"]
        made["name"] += text(inner.get("name"))
        self.length += len(text(inner.get("arguments")))
        self._say("")
        made["arguments"] += text(inner.get("arguments"))

    @property
    def told(self) -> Exchange:
        """What the chunks say together."""
        message = {"role": "assistant", "content": "".join(self.words), "tool_calls": list(self.calls.values())}
        value = {name: item for name, item in self.row.value.items() if name not in ("choices", "usage", "object")}
        choice = {"message": message, "finish_reason": self.finish}
        made = Row(self.row.file, self.line, {**value, "choices": [choice], "usage": self.usage})
        return exchange(made, NOTHING, made.value, _known(made.value, made.value))


def _gathered(row: Row, streams: dict[str, _Stream]) -> Iterator[Exchange]:
    """Adds a chunk to its stream; tells the streams that are then complete."""
    name = text(row.value.get("id"))
    stream = streams.pop(name, None) or _Stream(row, row.line)
    try:
        stream.add(row)
    except Unfit:
        stream.words.clear()
        raise
    if stream.finish and stream.usage:
        yield stream.told
        return
    streams[name] = stream
    if len(streams) > OPEN_AT_MOST:
        yield streams.pop(next(iter(streams))).told
