"""openai: a model behind any OpenAI-compatible address. One attempt per call; `calls` does the rest."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property

from ..digest import digest_of, plain
from ..errors import Fault, ModelError, Unreachable
from ..http import Endpoint, Reply
from ..types import UNCOUNTED, Answer, Json, Message, Request, Status, Step, Tool, ToolCall, Usage, wording

HOME = "https://api.openai.com/v1"
REASONING = re.compile(r"(o\d|gpt-5)")
"""Names of models that take `max_completion_tokens` and no temperature."""
OWN_KEYS = {
    "api.together.xyz": "TOGETHER_API_KEY",
    "api.together.ai": "TOGETHER_API_KEY",
    "api.fireworks.ai": "FIREWORKS_API_KEY",
    "-aiplatform.googleapis.com": "GOOGLE_ACCESS_TOKEN",
}
"""Hosts, or their ends, that have a key of their own: each is sent there and nowhere else."""
ENDS: Mapping[str, Status] = {"length": "truncated", "content_filter": "refused"}


@dataclass(frozen=True)
class Openai:
    """The key comes from `OPENAI_API_KEY` when a call is made; it is no field, and in no error, record or log.

    It is sent to the host of `OPENAI_BASE_URL` (or api.openai.com), to this machine, and to the hosts named in
    `SUFFICE_KEY_HOSTS`; to nobody else, because an address may come from somebody else's task file.
    """

    name: str
    base_url: str | None = None
    """None takes `OPENAI_BASE_URL`, or else OpenAI's own."""
    parallel: int = 64
    timeout_s: float = 120.0
    """Seconds from sending a request to having its whole reply."""
    priced_as: str | None = None
    """The model whose list price applies; None is this name, and no price for a server on this machine."""

    def __post_init__(self) -> None:
        given = self.base_url or os.environ.get("OPENAI_BASE_URL") or HOME
        object.__setattr__(self, "base_url", given.rstrip("/"))
        self._endpoint  # noqa: B018  # checks the address now, not at the first call

    @cached_property
    def _endpoint(self) -> Endpoint:
        return Endpoint(str(self.base_url))

    @cached_property
    def digest(self) -> str:
        return digest_of({"endpoint": self.base_url, "model": self.name})

    @property
    def price_name(self) -> str | None:
        """The name to look the list price up by; None where none is known."""
        return self.priced_as or (None if self._endpoint.loopback else self.name)

    @property
    def spec(self) -> Mapping[str, Json]:
        own = {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}
        return {"use": "openai", **own}

    def payload(self, request: Request) -> Json:
        """The body of the request. Stable parts come first, so that prefix caches hit."""
        drawn = request.sampling
        reasons = bool(REASONING.match(self.name))
        body: dict[str, Json] = {
            "model": request.model or self.name,
            "messages": [_worded(m) for m in wording(request)],
            "max_completion_tokens" if reasons else "max_tokens": drawn.max_tokens,
            "seed": drawn.seed + drawn.sample,
        }
        if not reasons:
            body["temperature"] = drawn.temperature
            if drawn.top_p != 1.0:
                body["top_p"] = drawn.top_p
        if drawn.stop:
            body["stop"] = list(drawn.stop)
        if drawn.logprobs:
            body["logprobs"] = True
        if request.tools:
            body["tools"] = [_tool(tool) for tool in request.tools]
        if request.schema is not None:
            body["response_format"] = _format(request.schema)
        return body

    def __call__(self, request: Request) -> Answer:
        """One attempt; raises a `ModelError` whose fault says what happened."""
        body = json.dumps(self.payload(request), default=plain).encode()
        start = time.perf_counter()
        reply = self._endpoint.post("/chat/completions", body, self._headers(), timeout=self.timeout_s)
        ms = (time.perf_counter() - start) * 1000
        if reply.status != 200:
            raise self._refusal(reply)
        return self._answer(self._completion(reply), request, ms)

    def shutdown_dates(self) -> Mapping[str, str]:
        """Until when models answer, by name, as far as the server's list of models says (YYYY-MM-DD)."""
        reply = self._endpoint.send("GET", "/models", None, self._headers(), timeout=self.timeout_s)
        if reply.status != 200:
            raise self._refusal(reply)
        listed = self._completion(reply).get("data")
        rows = [row for row in listed if isinstance(row, Mapping)] if isinstance(listed, list) else []
        return {str(row["id"]): str(row["shutdown_date"]) for row in rows if row.get("id") and row.get("shutdown_date")}

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        if (key := self._key) and self._trusted():
            headers["Authorization"] = f"Bearer {key}"
        return headers

    @property
    def _own(self) -> str:
        """The variable that holds this host's own key, where it has one and that is set."""
        host = self._endpoint.host
        found = next((v for end, v in OWN_KEYS.items() if host == end or (end[0] == "-" and host.endswith(end))), "")
        return found if found and os.environ.get(found, "").strip() else ""

    @property
    def _key(self) -> str:
        return os.environ.get(self._own or "OPENAI_API_KEY", "").strip()

    def _trusted(self) -> bool:
        """Whether the key may go to this address; over plain http only to this machine or where the user says so."""
        endpoint = self._endpoint
        if self._own:
            return endpoint.parts.scheme == "https"
        named = [h.strip().lower() for h in os.environ.get("SUFFICE_KEY_HOSTS", "").split(",") if h.strip()]
        if endpoint.loopback or f"{endpoint.parts.scheme}://{endpoint.host}" in named:
            return True
        home = Endpoint(os.environ.get("OPENAI_BASE_URL") or HOME)
        if endpoint.host not in (home.host, *named):
            return False
        if endpoint.parts.scheme == "https":
            return True
        raise ModelError(
            f"{self.base_url}: the key would travel unencrypted",
            fault="unauthorized",
            hint=f"use https, unset OPENAI_API_KEY, or accept it: SUFFICE_KEY_HOSTS=http://{endpoint.host}",
        )

    def _completion(self, reply: Reply) -> Mapping[str, Json]:
        if not reply.body.strip():
            raise self._broken("empty", "the reply is empty")
        try:
            body = json.loads(self._without_key(reply.body))
        except (ValueError, RecursionError) as wrong:
            raise self._broken("malformed", "the reply is not JSON") from wrong
        if isinstance(body, dict) and body.get("error") and not body.get("choices"):
            raise self._fault("server_error", f"the server says: {self._said(reply)}", retryable=True)
        return body if isinstance(body, dict) else {}

    def _answer(self, body: Mapping[str, Json], request: Request, ms: float) -> Answer:
        try:
            choice = body["choices"][0]
            message, end = choice["message"], choice.get("finish_reason", "stop")
            if end is None:
                raise self._broken("truncated", "the reply has no end")
            text, usage = _text(message), _usage(body.get("usage") or {})
            return Answer(
                text=_unwrapped(text, request.schema),
                tool_calls=tuple(_called(c) for c in message.get("tool_calls") or ()),
                usage=usage or Usage(),
                cost=None,
                status="refused" if message.get("refusal") else ENDS.get(end, "ok"),
                logprobs=tuple(float(t["logprob"]) for t in (choice.get("logprobs") or {}).get("content") or ()),
                trace=(Step("model", ms, 0, {} if usage else UNCOUNTED),),
            )
        except (KeyError, IndexError, TypeError, AttributeError, ValueError) as wrong:
            raise self._broken("malformed", "the reply is no chat completion") from wrong

    def _refusal(self, reply: Reply) -> ModelError:
        """The error that a status other than 200 stands for."""
        said, status = f"status {reply.status}: {self._said(reply)}", reply.status
        if status == 429:
            spent = "insufficient_quota" in said or "insufficient_quota" in reply.body[:4096].decode("latin-1")
            if spent:
                return self._fault("unauthorized", said, hint="the account's quota is used up")
            return self._fault("rate_limited", said, retryable=True, retry_after=reply.retry_after)
        if status in (401, 403):
            return self._fault("unauthorized", said, hint=self._key_hint())
        if status == 404:
            hint = "check the address and the model's name"
            return Unreachable(f"{self.base_url}: {said}", fault="unreachable", hint=hint)
        if status in (408, 409, 425) or status >= 500:
            fault: Fault = (
                "timeout" if status == 408 else "server_error" if status in (500, 502, 504) else "unavailable"
            )
            return self._fault(fault, said, retryable=True, retry_after=reply.retry_after)
        if 300 <= status < 400:
            return self._fault("rejected", f"{said}; redirects are not followed", hint="give the final address")
        return self._fault("rejected", said)

    def _key_hint(self) -> str:
        if not self._key:
            return "set OPENAI_API_KEY"
        if self._own:
            return f"check {self._own}"
        if not self._trusted():
            host = self._endpoint.host
            return f"OPENAI_API_KEY is not sent to {host} unless OPENAI_BASE_URL or SUFFICE_KEY_HOSTS names it"
        return "check OPENAI_API_KEY"

    def _without_key(self, body: bytes) -> bytes:
        """A server that sends the key back gets it into no record; a stand-in for a key is shorter than any key."""
        key = self._key.encode()
        return body.replace(key, b"***") if len(key) >= 16 else body

    def _said(self, reply: Reply) -> str:
        """The server's message, short, on one line, without anything that looks like a key."""
        text = reply.body[:4096].decode("utf-8", "replace")
        try:
            error = json.loads(reply.body)["error"]
            text = error["message"] if isinstance(error, dict) else str(error)
        except (ValueError, KeyError, TypeError, RecursionError):
            pass
        if key := self._key:
            text = str(text).replace(key, "***")
        return re.sub(r"\s+", " ", re.sub(r"\b(sk|pk|key)-[\w*.-]{4,}", "***", str(text)))[:300].strip()

    def _broken(self, fault: Fault, said: str) -> ModelError:
        return self._fault(fault, said, retryable=True, billed=True)

    def _fault(
        self,
        fault: Fault,
        said: str,
        *,
        retryable: bool = False,
        billed: bool = False,
        retry_after: float | None = None,
        hint: str = "",
    ) -> ModelError:
        return ModelError(
            f"{self.base_url}: {said}",
            fault=fault,
            retryable=retryable,
            billed=billed,
            retry_after=retry_after,
            hint=hint,
        )


def _worded(message: Message) -> Json:
    body: dict[str, Json] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        body["tool_calls"] = [
            {"id": c.id, "type": "function", "function": {"name": c.name, "arguments": json.dumps(plain(c.arguments))}}
            for c in message.tool_calls
        ]
    if message.tool_call_id is not None:
        body["tool_call_id"] = message.tool_call_id
    return body


def _tool(tool: Tool) -> Json:
    parameters = plain(tool.parameters) or {"type": "object", "properties": {}}
    return {
        "type": "function",
        "function": {"name": tool.name, "description": tool.description, "parameters": parameters},
    }


def _labels(schema: Mapping[str, Json] | None) -> bool:
    """Whether the schema asks for one of some strings as bare text."""
    return schema is not None and "enum" in schema and not set(schema) - {"enum", "type"}


def _format(schema: Mapping[str, Json]) -> Json:
    """Providers want an object at the top: a bare choice travels as its `answer`."""
    shape = plain(schema)
    if _labels(schema):
        choice = {"type": "string", "enum": list(schema["enum"])}
        shape = {"type": "object", "properties": {"answer": choice}, "required": ["answer"]}
        shape["additionalProperties"] = False
    return {"type": "json_schema", "json_schema": {"name": "answer", "strict": _strict(shape), "schema": shape}}


def _strict(shape: Json) -> bool:
    """Whether a provider's strict mode takes the schema: every object closed, every property required."""
    if isinstance(shape, list):
        return all(_strict(item) for item in shape)
    if not isinstance(shape, dict):
        return True
    if shape.get("type") == "object" or "properties" in shape:
        required = set(shape.get("required", ()))
        if shape.get("additionalProperties") is not False or required != set(shape.get("properties", {})):
            return False
    return all(_strict(item) for item in shape.values())


def _unwrapped(text: str, schema: Mapping[str, Json] | None) -> str:
    if not _labels(schema) or not text.lstrip().startswith("{"):
        return text
    try:
        answer = json.loads(text)["answer"]
    except (ValueError, KeyError, TypeError):
        return text
    return answer if isinstance(answer, str) else text


def _text(message: Mapping[str, Json]) -> str:
    """The message's text; some servers send it in parts, and a refusal apart."""
    content = message.get("content") or message.get("refusal") or ""
    return _sound(content if isinstance(content, str) else "".join(part.get("text", "") for part in content))


def _sound(text: str) -> str:
    """Text that can be stored and sent: half of a surrogate pair becomes a replacement character."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _called(call: Mapping[str, Json]) -> ToolCall:
    asked = call["function"]
    try:
        arguments = json.loads(asked.get("arguments") or "{}")
    except ValueError:
        arguments = None
    found = arguments if isinstance(arguments, dict) else {"_unreadable": asked["arguments"]}
    return ToolCall(asked["name"], found, call.get("id") or "")


def _usage(usage: Mapping[str, Json]) -> Usage | None:
    """The tokens counted; None where a count is missing: null, left out, or no tokens read at all."""
    read, written = usage.get("prompt_tokens"), usage.get("completion_tokens")
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens")
    counted = Usage(*map(_count, (read, written, cached)))
    return counted if read and written is not None else None


def _count(given: Json) -> int:
    """A number of tokens; some servers write null, and none may be negative or endless."""
    if given is None:
        return 0
    if not 0 <= given < 2**40:
        raise ValueError("no number of tokens")
    return int(given)
