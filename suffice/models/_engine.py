"""The llama.cpp engine inside this process: one for each model file and size, opened on first use, closed at exit."""

from __future__ import annotations

import atexit
import os
import secrets
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import Damaged, ModelError
from ..types import Json

_ENGINES: dict[tuple[str, int, int], Engine] = {}
_LOCK = threading.Lock()


@dataclass
class Engine:
    """A loaded model that serves several requests at once (continuous batching), each slot with a prefix cache."""

    server: Any = field(repr=False)
    key: str = field(repr=False)
    """What callers of the engine's loopback port must present: a random word, so that nobody else here can."""

    @property
    def url(self) -> str:
        """The engine's OpenAI-compatible address on this machine."""
        return f"{self.server.listening_address}/v1"

    def chat(self, payload: Json) -> Json:
        """One chat completion; raises ModelError with the engine's own words when it declines."""
        try:
            reply = self.server.handle_chat_completions(payload)
        except (RuntimeError, ValueError) as wrong:
            raise ModelError(f"the embedded engine failed: {wrong}", fault="server_error", retryable=True) from wrong
        if "choices" not in reply:
            raise _declined(reply.get("error", reply))
        return reply


def engine(path: Path, digest: str, *, slots: int, context: int) -> Engine:
    """The engine for this model file, loaded on first use; `context` is the number of tokens each slot holds."""
    key = (digest, slots, context)
    with _LOCK:
        if key not in _ENGINES:
            _ENGINES[key] = _load(path, slots, context)
        return _ENGINES[key]


def threads() -> int:
    """One less than the cores this process may use: llama.cpp's threads wait for each other without sleeping, so
    that one core taken by anything else stalls them all."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores - 1)


def version() -> str:
    """The engine's version: replies may differ from one to the next."""
    from importlib.metadata import version as installed

    return installed("xllamacpp")


@atexit.register
def close() -> None:
    """Close every engine."""
    with _LOCK:
        _ENGINES.clear()


def _load(path: Path, slots: int, context: int) -> Engine:
    import xllamacpp

    key = secrets.token_urlsafe(24)
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.n_ctx = slots * context
    params.n_parallel = slots
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads()
    params.api_keys = [key]
    params.cache_ram_mib = 0
    params.verbosity = -1
    params.warmup = False
    try:
        return Engine(xllamacpp.Server(params), key)
    except RuntimeError as wrong:
        raise Damaged(
            "llama.cpp cannot load this model file",
            file=str(path),
            hint="it may be cut short, or not a GGUF chat model",
        ) from wrong


def _declined(error: Json) -> ModelError:
    """What the engine would not do, classed."""
    message = str(error.get("message", error)) if isinstance(error, dict) else str(error)
    code = error.get("code", 500) if isinstance(error, dict) else 500
    if isinstance(error, dict) and error.get("type") == "exceed_context_size_error":
        needed, room = error.get("n_prompt_tokens"), error.get("n_ctx")
        return ModelError(
            f"the prompt has {needed} tokens and the embedded model's context holds {room}",
            fault="rejected",
            hint="shorten the prompt: fewer examples or passages",
        )
    if code < 500:
        return ModelError(f"the embedded engine rejects the request: {message}", fault="rejected")
    return ModelError(f"the embedded engine failed: {message}", fault="server_error", retryable=True)
