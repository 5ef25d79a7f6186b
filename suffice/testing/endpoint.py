"""A real OpenAI-compatible HTTP endpoint on this machine: llama.cpp's own server on the embedded model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..models._engine import open_server
from ..weights import fetch


@contextmanager
def llama_endpoint(*, gguf: Path | None = None, slots: int = 2, key: str = "") -> Iterator[str]:
    """The base address, `http://127.0.0.1:PORT/v1`, of a server that lives as long as the block.

    It batches `slots` requests on one thread, takes any model name, and asks for `key` where one is given.
    """
    server = open_server(gguf or fetch("smollm2"), context=4096, threads=1, slots=slots, key=key)
    yield f"{server.listening_address}/v1"
    del server
