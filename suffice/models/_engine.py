"""The llama.cpp engine inside this process: one for each model file and size, opened on first use, closed at exit.

An engine is a few lanes, each a llama.cpp server of its own with one request at a time, because that is what a
processor serves best: batching requests gains nothing there, and threads that share one request wait for each other
without sleeping, so that one busy core stalls them all. It also keeps replies the same however many are asked at once.
The lanes read the same mapped file; each keeps its own prefix cache, and serves one adapter or none.
"""

from __future__ import annotations

import atexit
import math
import os
import secrets
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..artifacts import write_whole
from ..errors import Damaged, Fault, InputError, ModelError
from ..types import Json
from ..weights import cache_dir
from ._streamed import streamed

PREFIXES_MIB = 256
"""Memory in which a lane keeps the prefixes it was asked before the present one."""

SPARE = 2
"""Lanes that may be open beyond two for each that works: the one idle for longest closes when there are more."""

_ENGINES: dict[tuple[str, int, int], Engine] = {}
_LOCK = threading.Lock()


class Engine:
    """A model file and the lanes opened on it so far, each for the model as it is or for one adapter over it.

    No lane changes its adapter: llama.cpp's prefix cache knows prompts by their tokens alone, and would hand a prefix
    read under one adapter to a request under another. So requests that alternate also keep their prefixes.
    """

    def __init__(self, path: Path, lanes: int, context: int) -> None:
        self.path, self.lanes, self.context = path, lanes, context
        self.opened: Counter[Path | None] = Counter()
        """Lanes that are open now, by their adapter."""
        self._idle: list[tuple[Path | None, Any]] = []
        """Lanes waiting for work, the one freed last at the end."""
        self._working = 0
        self._changed = threading.Condition()

    def chat(self, payload: Json, adapter: Path | None = None, enough: Callable[[bytes], bool] | None = None) -> Json:
        """One chat completion; raises ModelError with the engine's own words when it declines.

        With `enough` it ends as soon as that holds of what was said, whose log-probabilities are asked for.
        """
        lane = self._lane(adapter)
        try:
            reply = streamed(lane, payload, enough) if enough else lane.handle_chat_completions(payload)
        except (RuntimeError, ValueError) as wrong:
            fault: Fault = "rejected" if "schema" in str(wrong) else "server_error"
            raise ModelError(f"the embedded engine cannot serve the request: {wrong}", fault=fault) from wrong
        finally:
            self._free(adapter, lane)
        if "choices" not in reply:
            raise _declined(reply.get("error", reply))
        return reply

    def _lane(self, adapter: Path | None) -> Any:
        """The adapter's lane freed last, whose prefix is likeliest to fit; a new one where none is idle."""
        with self._changed:
            self._changed.wait_for(lambda: self._working < self.lanes)
            self._working += 1
            for at in reversed(range(len(self._idle))):
                if self._idle[at][0] == adapter:
                    return self._idle.pop(at)[1]
            tired = self._tired()
            self.opened[adapter] += 1
        del tired  # a server closes here, where nobody waits for it
        try:
            return open_server(self.path, context=self.context, threads=threads(self.lanes), adapter=adapter)
        except BaseException:
            self._free(adapter, None)
            raise

    def _free(self, adapter: Path | None, lane: Any) -> None:
        with self._changed:
            self._working -= 1
            if lane is None:
                self.opened[adapter] -= 1
            else:
                self._idle.append((adapter, lane))
            self._changed.notify()

    def _tired(self) -> Any:
        """The lane idle for longest, where another would be one too many."""
        if self.opened.total() < 2 * self.lanes + SPARE or not self._idle:
            return None
        adapter, lane = self._idle.pop(0)
        self.opened[adapter] -= 1
        return lane


def engine(path: Path, digest: str, *, lanes: int, context: int) -> Engine:
    """The engine for this model file; `context` is how many tokens a prompt and its reply may have together."""
    with _LOCK:
        return _ENGINES.setdefault((digest, lanes, context), Engine(path, lanes, context))


def open_server(
    path: Path, *, context: int, threads: int, slots: int = 1, key: str | None = None, adapter: Path | None = None
) -> Any:
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
    if adapter is not None:
        params.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(str(adapter), 1.0)]
    try:
        return xllamacpp.Server(params)
    except RuntimeError as wrong:
        raise Damaged(
            "llama.cpp cannot load this model file",
            file=str(adapter or path),
            hint="it may be cut short, or not a chat model",
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


def try_out(path: Path, digest: str, adapter: Path | None = None) -> None:
    """Load a model file that nobody vouches for, or an adapter over one, in a child process, once; let it answer.

    A file that makes llama.cpp abort, or its template run forever, then ends the child instead of a climb. After that
    it is loaded in this process, for speed: this guards against damage, it does not make a stranger's file trustworthy.
    """
    tried, what = (adapter, "adapter") if adapter else (path, "model file")
    with tried.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise InputError("this is not a GGUF model file", file=str(path), hint="give a chat model's .gguf file")
    passed = cache_dir() / "checked" / f"tried-{f'{adapter.stem}-' if adapter else ''}{digest}-{version()}"
    if passed.exists():
        return
    patience = 120 + path.stat().st_size / 20e6
    if reason := _failed(["-m", "suffice.models._engine", str(path), *([str(adapter)] if adapter else [])], patience):
        hint = "its numbers are out of bounds: train it again" if adapter else "it is damaged, or no chat model"
        raise Damaged(f"a trial run of this {what} failed: {reason}", file=str(tried), hint=hint)
    write_whole(passed, b"")


def _failed(arguments: list[str], patience: float) -> str:
    """Why a child Python with these arguments did not end well within so many seconds; "" where it did."""
    here = os.pathsep.join(filter(None, (str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH"))))
    try:
        done = subprocess.run(  # noqa: S603 - our own module
            [sys.executable, "-P", *arguments],
            env={**os.environ, "PYTHONPATH": here, "GGML_NO_BACKTRACE": "1"},
            capture_output=True,
            timeout=patience,
        )
    except subprocess.TimeoutExpired:
        return f"it gave no reply in {patience:.0f} s"
    return f"it ended with code {done.returncode}" if done.returncode else ""


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


def _trial(path: Path, adapter: Path | None = None) -> None:
    """Greet the model; the probabilities of its reply are numbers."""
    hello: Json = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 2, "temperature": 0}
    reply = Engine(path, lanes=1, context=512).chat({**hello, "logprobs": True, "top_logprobs": 1}, adapter)
    told = [token["logprob"] for token in reply["choices"][0]["logprobs"]["content"]]
    sys.exit(0 if told and all(isinstance(p, int | float) and math.isfinite(p) for p in told) else 3)


if __name__ == "__main__":
    _trial(*map(Path, sys.argv[1:]))
