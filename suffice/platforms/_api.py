"""One provider's address: JSON in, JSON out, every refusal classed; the key is read when a call is made."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

from ..errors import Fault, ModelError
from ..http import Endpoint, Reply
from ..secrets import masked
from ..strict import parse
from ..types import Json

SECONDS = 60.0
UPLOAD_SECONDS = 600.0
LARGEST_WEIGHTS = 20 * 2**30
CLASSES: Mapping[int, Fault] = {
    401: "unauthorized",
    403: "unauthorized",
    408: "timeout",
    425: "unavailable",
    429: "rate_limited",
    502: "unavailable",
    503: "unavailable",
    504: "unavailable",
}
SAID = 300
"""Characters of a provider's own words that are passed on."""
LOOKED_AT = 20_000
"""Characters of them that are looked at: a key cut in two here is cut off below."""


@dataclass(frozen=True)
class Api:
    """A base address, the host that the key is for, and the environment variable that holds it."""

    url: str
    home: str
    """The provider's own host; `SUFFICE_KEY_HOSTS` names others that the key may be sent to."""
    variable: str

    @cached_property
    def endpoint(self) -> Endpoint:
        """The address, checked, and its connections."""
        return Endpoint(self.url)

    def get(self, path: str) -> Mapping[str, Json]:
        """The JSON of a reply of status 200; anything else is a classed error."""
        return self.need(self.ask("GET", path))

    def post(self, path: str, body: Json) -> Mapping[str, Json]:
        """The same for JSON that is sent."""
        return self.need(self.ask("POST", path, body))

    def ask(self, method: str, path: str, body: Json | bytes = None, headers: Mapping[str, str] | None = None) -> Reply:
        """One attempt; the reply, whatever its status."""
        content = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        kind = {} if body is None else {"Content-Type": "application/json"}
        told = {"Accept-Encoding": "identity", **kind, **(headers or {}), **bearer(self)}
        seconds = UPLOAD_SECONDS if isinstance(body, bytes) else SECONDS
        return self.endpoint.send(method, path, content, told, timeout=seconds)

    def need(self, reply: Reply, *also: int) -> Mapping[str, Json]:
        """The JSON of a good reply; `also` are statuses that are good beside 200 and 201."""
        if reply.status in (200, 201, *also):
            return body_of(reply, self.url)
        raise refusal(reply, self.url)


def body_of(reply: Reply, where: str) -> Mapping[str, Json]:
    """A reply's JSON object, read strictly; an empty reply is an empty one."""
    try:
        body = parse(reply.body.decode("utf-8")) if reply.body.strip() else {}
    except ValueError as wrong:
        raise ModelError(f"{where}: the reply is no JSON: {wrong}", fault="malformed", retryable=True) from wrong
    if not isinstance(body, Mapping):
        raise ModelError(f"{where}: the reply is no JSON object", fault="malformed", retryable=True)
    return body


def refusal(reply: Reply, where: str) -> ModelError:
    """What a bad status means; only what may pass is worth trying again."""
    fault: Fault = CLASSES.get(reply.status, "server_error" if reply.status >= 500 else "rejected")
    passing = fault in ("rate_limited", "unavailable", "timeout", "server_error")
    return ModelError(
        f"{where}: {reply.status} {said(reply)}",
        fault=fault,
        retryable=passing,
        retry_after=reply.retry_after if passing else None,
        hint="check the key and what it may do" if fault == "unauthorized" else "",
    )


def said(reply: Reply) -> str:
    """The provider's own words, cleaned."""
    try:
        body = parse(reply.body.decode("utf-8", "replace"))
    except ValueError:
        body = reply.body.decode("utf-8", "replace")
    return clean(_words(body))


def clean(words: str) -> str:
    """A provider's words for an error, a record or a screen: on one line, without any key that stands in the
    environment or looks like one, and only then cut short, so that no part of a key is left.
    """
    told = " ".join(words[:LOOKED_AT].split())
    kept = [v for k, v in os.environ.items() if len(v) >= 8 and any(part in k for part in ("KEY", "TOKEN", "SECRET"))]
    for value in sorted(kept, key=len, reverse=True):
        told = told.replace(value, "…")
    return masked(told)[:SAID]


def _words(body: Json) -> str:
    match body:
        case {"error": {**inner}} if inner:
            code = inner.get("code") or inner.get("status") or ""
            return f"{code}: {inner.get('message', '')}" if code else str(inner.get("message", inner))
        case {"message": str(text)} | {"Message": str(text)} | {"error": str(text)} | {"detail": str(text)}:
            return text
        case _:
            return body if isinstance(body, str) else json.dumps(body)


def bearer(api: Api) -> dict[str, str]:
    """The key's header, for the provider's own host, this machine and the hosts that the user names."""
    key = os.environ.get(api.variable, "")
    if not key:
        if api.endpoint.loopback:
            return {}
        raise ModelError(f"{api.variable} is not set", fault="unauthorized", hint=f"export {api.variable}=…")
    check_trusted(api.endpoint, api.home, api.variable)
    return {"Authorization": f"Bearer {key}"}


def check_trusted(endpoint: Endpoint, home: str, variable: str) -> None:
    """A key travels encrypted and to its provider only: an address may come from somebody else's file."""
    named = [h.strip().lower() for h in os.environ.get("SUFFICE_KEY_HOSTS", "").split(",") if h.strip()]
    own = endpoint.host == home or endpoint.host.endswith(f".{home}") or endpoint.host in named
    if endpoint.loopback or f"{endpoint.parts.scheme}://{endpoint.host}" in named:
        return
    if not own or endpoint.parts.scheme != "https":
        raise ModelError(
            f"{endpoint.url}: {variable} is not sent there",
            fault="unauthorized",
            hint=f"it is for https://{home}; SUFFICE_KEY_HOSTS={endpoint.host} accepts another host",
        )


def put(url: str, content: bytes, headers: Mapping[str, str] | None = None, *, near: bool = False) -> None:
    """Send a file to an address that a provider signed; no key goes with it. `near`: the provider is here."""
    endpoint, path = split(url, near=near)
    told = {"Content-Type": "application/octet-stream", **(headers or {})}
    reply = endpoint.send("PUT", path, content, told, timeout=UPLOAD_SECONDS)
    if reply.status not in (200, 201, 204):
        raise refusal(reply, endpoint.url)


def save(url: str, to: Path, headers: Mapping[str, str] | None = None, *, near: bool = False) -> Path:
    """Fetch a file from a signed address, or from where that sends us on to; `headers` go to the first only."""
    for _ in range(4):
        endpoint, path = split(url, near=near)
        reply = endpoint.download(path, headers or {}, to, timeout=UPLOAD_SECONDS, largest=LARGEST_WEIGHTS)
        if reply.status == 200:
            return to
        if reply.status not in (301, 302, 303, 307, 308) or "location" not in reply.headers:
            raise refusal(reply, endpoint.url)
        url, headers = reply.headers["location"], None
    raise ModelError("sent on from address to address", fault="rejected")


def split(url: str, *, near: bool = False) -> tuple[Endpoint, str]:
    """An address with a query as the endpoint and what to ask it for.

    It is a provider's to choose, so it is encrypted and not on this machine, unless the provider is on it (`near`).
    """
    parts = urlsplit(url)
    endpoint = Endpoint(f"{parts.scheme}://{parts.netloc}")
    if endpoint.loopback != near or (parts.scheme != "https" and not near):
        raise ModelError("the provider names an address that is not encrypted, or not its own", fault="rejected")
    query = f"?{parts.query}" if parts.query else ""
    return endpoint, f"{parts.path or '/'}{query}"


def multipart(given: Mapping[str, str], name: str, content: bytes) -> tuple[bytes, dict[str, str]]:
    """A form with one file, and the header that goes with it."""
    edge = hashlib.sha256(content).hexdigest()
    parts = [
        f'--{edge}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
        for key, value in given.items()
    ]
    head = f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
    head += "Content-Type: application/jsonl\r\n\r\n"
    body = b"".join([*parts, head.encode(), content, f"\r\n--{edge}--\r\n".encode()])
    return body, {"Content-Type": f"multipart/form-data; boundary={edge}"}


def entries(body: Json, *names: str) -> Sequence[Mapping[str, Json]]:
    """The list of objects under the first of these names that there is, whatever else a provider sends."""
    found = next((body[name] for name in names if isinstance(body, Mapping) and name in body), body)
    return [x for x in found if isinstance(x, Mapping)] if isinstance(found, list) else []


def text(body: Json, name: str) -> str:
    """A text field of a reply; empty where it is missing or something else."""
    found = body.get(name) if isinstance(body, Mapping) else None
    return found if isinstance(found, str) else ""


def named(body: Json, name: str, where: str) -> str:
    """A text field that must be there."""
    found = text(body, name)
    if not found:
        raise ModelError(f"{where}: the reply has no `{name}`", fault="malformed", retryable=True)
    return found


def whole(value: Json) -> int | None:
    """A count, however it is written; None where it is none."""
    try:
        return None if value is None or isinstance(value, bool) else int(value)
    except (TypeError, ValueError, OverflowError):
        return None
