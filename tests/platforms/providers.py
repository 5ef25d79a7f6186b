"""Servers on this machine that follow providers' documented wire formats, and fail in chosen ways."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Json = Any


@dataclass
class Heard:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Json:
        return json.loads(self.body or b"null")

    @property
    def form(self) -> dict[str, bytes]:
        """The parts of a multipart form; the file's name stands under `filename`."""
        head = f"Content-Type: {self.headers['content-type']}\r\n\r\n".encode()
        found: dict[str, bytes] = {}
        for part in message_from_bytes(head + self.body).get_payload():  # type: ignore[union-attr]
            name = part.get_param("name", header="content-disposition")  # type: ignore[union-attr]
            found[str(name)] = part.get_payload(decode=True)  # type: ignore[union-attr,assignment]
            if filename := part.get_filename():  # type: ignore[union-attr]
                found["filename"] = filename.encode()
        return found


@dataclass
class Fault:
    """What goes wrong with the next request that fits, once."""

    where: str
    """`METHOD /path` as a regular expression."""
    kind: str
    """lost (handled, but the reply is lost) · dropped (never handled) · a status · html"""
    headers: tuple[tuple[str, str], ...] = ()


Answer = tuple[int, Json]


@dataclass
class Provider:
    """State, and what was heard."""

    url: str = ""
    heard: list[Heard] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    files: dict[str, dict[str, Json]] = field(default_factory=dict)
    jobs: dict[str, dict[str, Json]] = field(default_factory=dict)
    script: list[str] = field(default_factory=list)
    """The states that polls see, one after another; the last one stays."""

    def answer(self, heard: Heard) -> Answer:
        raise NotImplementedError

    def count(self, where: str) -> int:
        """How many requests of this form were made."""
        return sum(bool(re.fullmatch(where, f"{h.method} {h.path}")) for h in self.heard)

    def state(self, job: dict[str, Json]) -> str:
        """The state that this poll sees."""
        seen = job.setdefault("_seen", 0)
        job["_seen"] += 1
        return self.script[min(seen, len(self.script) - 1)]


class Together(Provider):
    """api.together.xyz/v1: files, fine-tunes, finetune/download."""

    allowed = True

    def answer(self, heard: Heard) -> Answer:
        match heard.method, heard.path.removeprefix("/v1").split("/")[1:]:
            case "GET", ["fine-tunes", "models", "supported"]:
                return 200, {"models": [{"model_name": "Qwen/Qwen3-8B"}]}
            case "GET", ["files"]:
                return 200, {"data": list(self.files.values())}
            case "POST", ["files", "upload"]:
                form = heard.form
                id_ = f"file-{len(self.files) + 1}"
                named = form["file_name"].decode()
                self.files[id_] = {"id": id_, "filename": named, "purpose": form["purpose"].decode(), "bytes": 1}
                self.files[id_]["_content"] = form["file"].decode()
                return 200, self.files[id_]
            case "POST", ["fine-tunes", "estimate-price"]:
                limit = 100.0 if self.allowed else 0.01
                told = {"estimated_total_price": 0.02, "user_limit": limit, "allowed_to_proceed": self.allowed}
                return 200, {**told, "estimation_available": True, "estimated_train_token_count": 1}
            case "POST", ["fine-tunes"]:
                id_, body = f"ft-{len(self.jobs) + 1}", heard.json
                self.jobs[id_] = {**body, "id": id_, "status": "pending", "events": []}
                return 200, self.jobs[id_]
            case "GET", ["fine-tunes"]:
                return 200, {"data": list(self.jobs.values())}
            case "GET", ["fine-tunes", id_] if id_ in self.jobs:
                job = self.jobs[id_]
                job["status"] = self.state(job)
                if job["status"] == "completed":
                    job["model_output_name"] = f"me/{job['model'].split('/')[-1]}-{job['suffix']}-1a2b3c4d"
                return 200, job
            case "POST", ["fine-tunes", id_, "cancel"] if id_ in self.jobs:
                self.script = ["cancelled"]
                return 200, self.jobs[id_]
            case "GET", ["finetune", "download"] if heard.query.get("checkpoint") == "adapter":
                return 302, f"{self.url}/weights/{heard.query['ft_id']}?signature=abc"
            case "GET", ["weights", _]:
                return 200, b"the packed adapter"
            case _:
                return 404, {"error": {"message": f"no route {heard.method} {heard.path}", "code": "not_found"}}


@contextmanager
def serving(provider: Provider) -> Iterator[Provider]:
    """The provider, on a free port of this machine; `url` has no path."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            return

        def do_GET(self) -> None:
            _talk(self, provider)

        do_POST = do_PUT = do_HEAD = do_GET  # noqa: N815

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    provider.url = f"http://127.0.0.1:{server.server_port}"
    running = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    running.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        running.join()


def _talk(to: BaseHTTPRequestHandler, provider: Provider) -> None:
    parts = urlsplit(to.path)
    body = to.rfile.read(int(to.headers.get("Content-Length") or 0))
    query = {k: v[0] for k, v in parse_qs(parts.query, keep_blank_values=True).items()}
    lower = {k.lower(): v for k, v in to.headers.items()}
    heard = Heard(to.command, parts.path, query, lower, body)
    provider.heard.append(heard)
    fault = next((f for f in provider.faults if re.fullmatch(f.where, f"{to.command} {parts.path}")), None)
    if fault is not None:
        provider.faults.remove(fault)
    if fault is not None and fault.kind == "dropped":
        return _hang_up(to)
    if fault is not None and fault.kind.isdigit():
        return _send(to, int(fault.kind), {"error": {"message": "not now"}}, fault.headers)
    if fault is not None and fault.kind == "html":
        return _send(to, 200, b"<html>a gateway speaks</html>", ())
    status, answer = provider.answer(heard)
    if fault is not None:
        return _hang_up(to)
    headers = (("Location", answer),) if 300 <= status < 400 else ()
    return _send(to, status, {} if headers else answer, headers)


def _hang_up(to: BaseHTTPRequestHandler) -> None:
    to.close_connection = True
    to.connection.shutdown(socket.SHUT_RDWR)


def _send(to: BaseHTTPRequestHandler, status: int, body: Json, headers: tuple[tuple[str, str], ...]) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    to.send_response(status)
    for name, value in headers:
        to.send_header(name, value)
    to.send_header("Content-Length", str(len(content)))
    to.end_headers()
    if to.command != "HEAD":
        to.wfile.write(content)
