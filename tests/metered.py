"""A metered endpoint on this machine: an OpenAI-compatible server that counts tokens, caches prefixes and sends a bill.

Its meter is integers of its own and knows nothing of Suffice: what is predicted is held against it.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

READ, CACHED, WRITTEN = 2_500, 1_250, 10_000
"""Billionths of a US dollar a token: GPT-4o's list price."""
SMALLEST = 1_024
"""Tokens of a prefix that is worth caching."""


@dataclass
class Meter:
    """What was used, and what it costs."""

    calls: int = 0
    read: int = 0
    cached: int = 0
    written: int = 0
    _seen: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, messages: list[dict[str, Any]], reply: str) -> tuple[int, int, int]:
        """One call: tokens read, those of them that were cached, tokens written. A token is four characters."""
        sizes = [-(-len(m["content"]) // 4) + 4 for m in messages]
        prefix = sum(sizes[:-1])
        key = hashlib.sha256(json.dumps(messages[:-1]).encode()).hexdigest()
        with self._lock:
            held = prefix if prefix >= SMALLEST and key in self._seen else 0
            self._seen.add(key)
            written = -(-len(reply) // 4)
            self.calls, self.read = self.calls + 1, self.read + sum(sizes)
            self.cached, self.written = self.cached + held, self.written + written
        return sum(sizes), held, written

    @property
    def usd(self) -> float:
        """The bill."""
        return ((self.read - self.cached) * READ + self.cached * CACHED + self.written * WRITTEN) / 1e9

    def reset(self) -> None:
        """Begin a new bill; prefixes stay where they are cached."""
        self.calls = self.read = self.cached = self.written = 0


def said(messages: list[dict[str, Any]]) -> str:
    """A reply of 20 to 40 words by the question; one in twenty breaks the rule and lacks its full stop at first.

    One to five in a hundred is what docs/framework.md §3 tells of replies that still break.
    """
    asked = hashlib.sha256(messages[-1]["content"].encode()).digest()
    words = " ".join(["word"] * (20 + asked[0] % 21))
    corrected = any(m["role"] == "assistant" and m["content"].startswith("word") for m in messages)
    return words if asked[1] < 13 and not corrected else f"{words}."


@contextmanager
def metered() -> Iterator[tuple[str, Meter]]:
    """The base address and the meter of a server that lives as long as the block."""
    meter = Meter()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            reply = said(asked["messages"])
            read, held, written = meter.take(asked["messages"], reply)
            usage = {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}
            usage = {**usage, "prompt_tokens_details": {"cached_tokens": held}}
            choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": reply}}
            told = {
                "id": "x",
                "object": "chat.completion",
                "model": asked["model"],
                "choices": [choice],
                "usage": usage,
            }
            body = json.dumps(told).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1", meter
    finally:
        server.shutdown()
        server.server_close()
