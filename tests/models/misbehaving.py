"""A server on this machine that speaks OpenAI's protocol well, or badly in a chosen way."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

Misbehaviour = Callable[[socket.socket, "Heard"], None]


@dataclass(frozen=True)
class Heard:
    """One request as it arrived."""

    path: str
    headers: Mapping[str, str]
    body: Any


@dataclass
class Server:
    """Answers its script in order, then well."""

    url: str
    script: list[Misbehaviour] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)
    connections: int = 0


def completion(content: str | None = "fine", end: str | None = "stop", **message: Any) -> bytes:
    """The body of a good reply."""
    usage = {"prompt_tokens": 11, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 8}}
    said = {"role": "assistant", "content": content, **message}
    return json.dumps({"choices": [{"message": said, "finish_reason": end}], "usage": usage}).encode()


def reply(body: bytes = b"", status: int = 200, *headers: str, length: int | None = None) -> Misbehaviour:
    """A whole reply, or one whose length is not what it says."""
    told = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body) if length is None else length}", *headers]

    def send(to: socket.socket, heard: Heard) -> None:
        to.sendall("\r\n".join([*told, "", ""]).encode() + body)
        if length is not None or "Connection: close" in headers:
            to.shutdown(socket.SHUT_RDWR)

    return send


def raw(content: bytes) -> Misbehaviour:
    """These bytes, then the end."""

    def send(to: socket.socket, heard: Heard) -> None:
        to.sendall(content)
        to.shutdown(socket.SHUT_RDWR)

    return send


def silence(seconds: float) -> Misbehaviour:
    """Nothing, for so long."""

    def wait(to: socket.socket, heard: Heard) -> None:
        time.sleep(seconds)

    return wait


def drip(seconds: float) -> Misbehaviour:
    """A reply that never ends, a byte at a time."""

    def send(to: socket.socket, heard: Heard) -> None:
        to.sendall(b"HTTP/1.1 200 X\r\nContent-Length: 9999\r\n\r\n")
        for _ in range(int(seconds / 0.02)):
            to.sendall(b"x")
            time.sleep(0.02)

    return send


def error(status: int, message: str = "no", *headers: str, code: str = "") -> Misbehaviour:
    """An error in OpenAI's envelope."""
    return reply(json.dumps({"error": {"message": message, "code": code}}).encode(), status, *headers)


@contextmanager
def serving(*script: Misbehaviour) -> Iterator[Server]:
    """The server, on a free port of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = Server(f"http://127.0.0.1:{listening.getsockname()[1]}/v1", list(script))
        accepting = threading.Thread(target=_accept, args=(listening, server), daemon=True)
        accepting.start()
        yield server
        listening.shutdown(socket.SHUT_RDWR)
        accepting.join()


def _accept(listening: socket.socket, server: Server) -> None:
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        server.connections += 1
        threading.Thread(target=_talk, args=(connection, server), daemon=True).start()


def _talk(connection: socket.socket, server: Server) -> None:
    with connection, connection.makefile("rb") as lines:
        try:
            while heard := _heard(lines):
                server.heard.append(heard)
                (server.script.pop(0) if server.script else reply(completion()))(connection, heard)
        except OSError:
            return


def _heard(lines: Any) -> Heard | None:
    first = lines.readline().decode().split(" ")
    if len(first) < 2:
        return None
    headers = {}
    while line := lines.readline().decode().strip():
        name, _, value = line.partition(": ")
        headers[name.lower()] = value
    return Heard(first[1], headers, json.loads(lines.read(int(headers["content-length"]))))
