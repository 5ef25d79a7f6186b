"""The llama.cpp engine inside this process: one for each model file and size, opened on first use, closed at exit.

An engine is a few lanes, each a llama.cpp server of its own with one request at a time, because that is what a
processor serves best: batching requests gains nothing there, and threads that share one request wait for each other
without sleeping, so that one busy core stalls them all. It also keeps replies the same however many are asked at once.
The lanes read the same mapped file; each keeps its own prefix cache.
"""

from __future__ import annotations

import atexit
import os
import secrets
import subprocess
import sys
import threading
from pathlib import Path
from queue import Empty, LifoQueue
from typing import Any

from ..artifacts import write_whole
from ..errors import Damaged, Fault, InputError, ModelError
from ..types import Json
from ..weights import cache_dir

PREFIXES_MIB = 256
"""Memory in which a lane keeps the prefixes it was asked before the present one."""

_ENGINES: dict[tuple[str, int, int], Engine] = {}
_LOCK = threading.Lock()


class Engine:
    """A model file and the lanes opened on it so far."""

    def __init__(self, path: Path, lanes: int, context: int) -> None:
        self.path, self.lanes, self.context = path, lanes, context
        self._opened = 0
        self._free: LifoQueue[Any] = LifoQueue()
        self._lock = threading.Lock()

    def chat(self, payload: Json) -> Json:
        """One chat completion; raises ModelError with the engine's own words when it declines."""
        lane = self._lane()
        try:
            reply = lane.handle_chat_completions(payload)
        except (RuntimeError, ValueError) as wrong:
            fault: Fault = "rejected" if "schema" in str(wrong) else "server_error"
            raise ModelError(f"the embedded engine cannot serve the request: {wrong}", fault=fault) from wrong
        finally:
            self._free.put(lane)
        if "choices" not in reply:
            raise _declined(reply.get("error", reply))
        return reply

    def _lane(self) -> Any:
        """The lane freed last, whose prefix is likeliest to fit; a new one while there are fewer than allowed."""
        try:
            return self._free.get_nowait()
        except Empty:
            pass
        with self._lock:
            if self._opened < self.lanes:
                lane = open_server(self.path, context=self.context, threads=threads(self.lanes))
                self._opened += 1
                return lane
        return self._free.get()


def engine(path: Path, digest: str, *, lanes: int, context: int) -> Engine:
    """The engine for this model file; `context` is how many tokens a prompt and its reply may have together."""
    with _LOCK:
        return _ENGINES.setdefault((digest, lanes, context), Engine(path, lanes, context))


def open_server(path: Path, *, context: int, threads: int, slots: int = 1, key: str | None = None) -> Any:
    """A llama.cpp server; its port on this machine answers to `key` alone (None makes one up, "" lets anybody in)."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.n_ctx, params.n_parallel = slots * context, slots
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.api_keys = [key or secrets.token_urlsafe(24)] if key != "" else []
    params.cache_ram_mib = PREFIXES_MIB
    params.cache_idle_slots = False
    params.warmup = False
    params.verbosity = -1
    try:
        return xllamacpp.Server(params)
    except RuntimeError as wrong:
        raise Damaged(
            "llama.cpp cannot load this model file", file=str(path), hint="it may be cut short, or not a chat model"
        ) from wrong


def cores() -> int:
    """The processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads(lanes: int) -> int:
    """Threads of a lane: one, or a share of all cores but one where there are many."""
    return max(1, (cores() - 1) // lanes)


def version() -> str:
    """The engine's version: replies may differ from one to the next."""
    from importlib.metadata import version as installed

    return installed("xllamacpp")


def try_out(path: Path, digest: str) -> None:
    """Load a model file that nobody vouches for in a child process, once, and let it answer.

    A file that makes llama.cpp abort, or its template run forever, then ends the child instead of a climb. After that
    it is loaded in this process, for speed: this guards against damage, it does not make a stranger's file trustworthy.
    """
    with path.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise InputError("this is not a GGUF model file", file=str(path), hint="give a chat model's .gguf file")
    passed = cache_dir() / "checked" / f"tried-{digest}-{version()}"
    if passed.exists():
        return
    here = os.pathsep.join(filter(None, (str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH"))))
    command = [sys.executable, "-P", "-m", "suffice.models._engine", str(path)]
    patience = 120 + path.stat().st_size / 20e6
    try:
        done = subprocess.run(  # noqa: S603 - our own module
            command,
            env={**os.environ, "PYTHONPATH": here, "GGML_NO_BACKTRACE": "1"},
            capture_output=True,
            timeout=patience,
        )
        reason = f"it ended with code {done.returncode}" if done.returncode else ""
    except subprocess.TimeoutExpired:
        reason = f"it gave no reply in {patience:.0f} s"
    if reason:
        raise Damaged(
            f"a trial run of this model file failed: {reason}", file=str(path), hint="it is damaged, or no chat model"
        )
    write_whole(passed, b"")


@atexit.register
def close() -> None:
    """Close every engine."""
    with _LOCK:
        _ENGINES.clear()


def _declined(error: Json) -> ModelError:
    """What the engine would not do, and never will: the same request fails the same way."""
    told: dict[str, Json] = error if isinstance(error, dict) else {"message": str(error)}
    if told.get("type") == "exceed_context_size_error":
        return ModelError(
            f"the prompt has {told.get('n_prompt_tokens')} tokens, the model's context holds {told.get('n_ctx')}",
            fault="rejected",
            hint="shorten the prompt: fewer examples or passages",
        )
    return ModelError(f"the embedded engine rejects the request: {told.get('message', told)}", fault="rejected")


if __name__ == "__main__":
    hello = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 2, "temperature": 0}
    Engine(Path(sys.argv[1]), lanes=1, context=512).chat(hello)
